import StateStore
import Support
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// The feed of what has been stored: a follower that remembers the last number it has seen meets everything once.
@Suite struct ObjectFeedTests {
    private static func withIndex(_ body: (_ open: () throws -> SQLiteStateStore) async throws -> Void) async throws {
        let path = "/tmp/millrace-feed-\(randomUUIDText()).sqlite"
        defer { for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) } }
        try await body { try SQLiteStateStore(path: path, migrations: StateStoreSchema.objects) }
    }

    private static func record(_ key: String, at time: Int64 = 0, version: ObjectVersion = .null) -> ObjectRecord {
        ObjectRecord(
            bucket: "bkt", key: ObjectKey(key), size: 1, etag: "e", modifiedAt: Timestamp(millisecondsSince1970: time),
            attributes: ObjectAttributes(), content: .inline([1]), version: version)
    }

    private static func makeBucket(_ index: SQLiteStateStore) async throws {
        _ = try await index.createBucket(
            BucketRecord(name: "bkt", account: "123456789012", region: "us-east-1", createdAt: Timestamp(millisecondsSince1970: 0)))
    }

    /// Everything after `sequence`, page by page.
    private static func follow(_ index: SQLiteStateStore, _ sequence: inout Int64) async throws -> [String] {
        var keys: [String] = []
        while true {
            let page = try await index.newObjects(after: sequence, limit: 3)
            guard let last = page.last else { return keys }
            #expect(zip(page, page.dropFirst()).allSatisfy { $0.sequence < $1.sequence })
            #expect(page.allSatisfy { $0.sequence > sequence })
            sequence = last.sequence
            keys += page.map(\.object.key.description)
        }
    }

    /// The number of what is gone is not given again, whatever the clock says and however the server ended.
    @Test(arguments: [false, true]) func removingTheNewestHidesNothing(versioned: Bool) async throws {
        try await Self.withIndex { open in
            var index = try open()
            try await Self.makeBucket(index)
            if versioned { _ = try await index.changeBucket("bkt", .versioning(.enabled)) }
            var sequence: Int64 = 0
            for (round, restarts) in [false, true, false, true].enumerated() {
                let version = versioned ? ObjectVersion.random() : .null
                _ = try await index.putObject(Self.record("a", at: 9000 - Int64(round), version: version), condition: .none)
                #expect(try await Self.follow(index, &sequence) == ["a"])
                _ = try await index.removeObjects(
                    [ObjectRemoval(key: ObjectKey("a"), version: version)], from: "bkt", at: Timestamp(millisecondsSince1970: 0))
                if restarts {
                    try await index.close()
                    index = try open()
                }
                _ = try await index.putObject(
                    Self.record("b\(round)", at: 1000, version: versioned ? .random() : .null), condition: .none)
                #expect(try await Self.follow(index, &sequence) == ["b\(round)"])
            }
            try await index.close()
        }
    }

    /// A delete marker is no object; what it hides was stored all the same, and is met by those that come later.
    @Test func deleteMarkersAreNotFed() async throws {
        try await Self.withIndex { open in
            let index = try open()
            try await Self.makeBucket(index)
            _ = try await index.changeBucket("bkt", .versioning(.enabled))
            var removal = ObjectRemoval(key: ObjectKey("a"))
            removal.marker = .random()
            var sequence: Int64 = 0
            _ = try await index.putObject(Self.record("a", version: .random()), condition: .none)
            #expect(try await Self.follow(index, &sequence) == ["a"])
            let before = sequence
            _ = try await index.removeObjects([removal], from: "bkt", at: Timestamp(millisecondsSince1970: 0))
            #expect(try await Self.follow(index, &sequence) == [])
            _ = try await index.putObject(Self.record("b", version: .random()), condition: .none)
            #expect(try await Self.follow(index, &sequence) == ["b"])
            // The object is back in its place, and not new.
            _ = try await index.removeObjects(
                [ObjectRemoval(key: ObjectKey("a"), version: removal.marker)], from: "bkt", at: Timestamp(millisecondsSince1970: 0))
            #expect(try await index.object(ObjectKey("a"), version: nil, in: "bkt") != nil)
            #expect(try await Self.follow(index, &sequence) == [])
            var late: Int64 = before - 1
            #expect(try await Self.follow(index, &late) == ["a", "b"])
            try await index.close()
        }
    }

    private final class Count: Sendable {
        let value = Mutex(0)
    }

    /// Eight writers, whose clocks differ, and a follower at the same time: each object once, in the order of the commits.
    @Test func aFollowerMeetsEverythingOnceWhileOthersWrite() async throws {
        try await Self.withIndex { open in
            let index = try open()
            try await Self.makeBucket(index)
            let (writers, puts) = (8, 60)
            var met: [String] = []
            let ended = Count()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<writers {
                    group.addTask {
                        defer { ended.value.withLock { $0 += 1 } }
                        for put in 0..<puts {
                            let key = "\(writer)/\(put)"
                            #expect(try await index.putObject(Self.record(key, at: Int64.random(in: 0...9)), condition: .none) == .done)
                            // What nobody has met yet may go again, and must not make room for a number that was met.
                            _ = try await index.putObject(Self.record("gone\(writer)"), condition: .none)
                            _ = try await index.removeObjects(
                                [ObjectRemoval(key: ObjectKey("gone\(writer)"))], from: "bkt", at: Timestamp(millisecondsSince1970: 0))
                        }
                    }
                }
                var sequence: Int64 = 0
                while ended.value.withLock({ $0 }) < writers {
                    met += try await Self.follow(index, &sequence).filter { !$0.hasPrefix("gone") }
                }
                try await group.waitForAll()
                met += try await Self.follow(index, &sequence).filter { !$0.hasPrefix("gone") }
            }
            #expect(met.count == writers * puts)
            #expect(Set(met).count == met.count)
            for writer in 0..<writers {
                #expect(met.filter { $0.hasPrefix("\(writer)/") } == (0..<puts).map { "\(writer)/\($0)" })
            }
            try await index.close()
        }
    }
}
