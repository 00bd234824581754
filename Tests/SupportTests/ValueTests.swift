import Glibc
import Synchronization
import Support
import Testing

@Suite struct ARNTests {
    @Test func keepsColonsOfTheResource() throws {
        let text = "arn:aws-cn:states:cn-north-1:123456789012:execution:machine:name"
        let arn = try #require(ARN(text))
        #expect(arn.resource == "execution:machine:name")
        #expect(arn.description == text)
    }

    @Test(arguments: ["", "arn:aws:states", "urn:aws:states:us-east-1:1:x"])
    func refusesOtherTexts(text: String) {
        #expect(ARN(text) == nil)
    }

    @Test(arguments: [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-isob-east-1", "aws-iso-b")])
    func partitionFollowsTheRegion(region: String, partition: String) {
        #expect(ARN(service: "s", region: region, account: "1", resource: "r").partition == partition)
    }
}

@Suite struct HexTests {
    @Test func writesAndReads() {
        #expect(hexText([0x00, 0xAB, 0xFF]) == "00abff")
        #expect(bytes(fromHex: "00ABff") == [0x00, 0xAB, 0xFF])
        #expect(bytes(fromHex: "0") == nil)
        #expect(bytes(fromHex: "0g") == nil)
        #expect(hexText(0x1F, digits: 4) == "001f")
    }

    @Test func uuidsHaveTheirVersionAndVariant() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<100 {
            let text = Array(uuidText(using: &random))
            #expect(text.count == 36 && text[14] == "4" && "89ab".contains(text[19]))
        }
    }
}

@Suite struct BlockingExecutorTests {
    @Test func oneThreadRunsJobsInOrder() async {
        let executor = BlockingExecutor(name: "test", threads: 1)
        final class Log: @unchecked Sendable { var entries: [Int] = [] }  // Touched by the one thread only.
        let log = Log()
        for index in 0..<2000 { executor.submit { log.entries.append(index) } }
        let entries = await executor.run { log.entries }
        #expect(entries == Array(0..<2000))
    }

    /// Each job waits for the others: all of them end only if as many threads run as were asked for.
    @Test func asManyJobsRunAtOnceAsThereAreThreads() async {
        let executor = BlockingExecutor(name: "test", threads: 5)
        final class Count: Sendable { let value = Atomic<Int>(0) }
        let arrived = Count()
        for round in 1...3 {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<5 {
                    group.addTask {
                        await executor.run {
                            arrived.value.add(1, ordering: .relaxed)
                            while arrived.value.load(ordering: .relaxed) < round * 5 { sched_yield() }
                        }
                    }
                }
            }
        }
        #expect(arrived.value.load(ordering: .relaxed) == 15)
        executor.stop()
    }

    @Test func passesErrorsOn() async {
        struct Failure: Error, Equatable {}
        let executor = BlockingExecutor(name: "test", threads: 2)
        await #expect(throws: Failure.self) { try await executor.run { throw Failure() } }
    }
}
