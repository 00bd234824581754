import ObjectStore
import Testing

/// What every adapter of the port does alike. Each adapter's tests run all of it on an empty store.
enum ObjectStoreBehaviour {
    /// Adapters for which some keys cannot exist say so.
    struct Traits {
        var allKeys = true
        /// Conditions that the store behind the adapter does not honour, so that the adapter refuses them by name.
        var refused: Set<Condition> = []
    }

    enum Condition: String, CaseIterable {
        case putIfAbsent, putIfMatch, completionIfAbsent, completionIfMatch
    }

    static func check(_ store: any ObjectStore, _ traits: Traits = Traits()) async throws {
        try await putAndGet(store)
        try await ranges(store)
        try await conditions(store, traits)
        if !traits.refused.contains(.putIfAbsent) { try await oneWinner(store) }
        try await uploads(store)
        try await downloads(store)
        try await interruptedDownloads(store)
        try await copies(store, traits)
        try await parallelDownloads(store)
        try await deletions(store)
        try await listing(store)
        try await pagination(store)
        if traits.allKeys { try await strangeKeys(store) }
    }

    static func code(_ body: () async throws -> Void) async -> ObjectStoreError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? ObjectStoreError)?.code ?? .other("\(error)")
        }
    }

    private static func putAndGet(_ store: any ObjectStore) async throws {
        #expect(await code { _ = try await store.get("none") } == .notFound)
        #expect(await code { _ = try await store.head("none") } == .notFound)
        #expect(await code { _ = try await store.head("none/below") } == .notFound)
        let first = try await store.put("a/one.txt", Array("hello".utf8))
        #expect(first.size == 5)
        #expect(first.key == "a/one.txt")
        let read = try await store.get("a/one.txt")
        #expect(read.bytes == Array("hello".utf8))
        #expect(read.metadata.etag == first.etag)
        let second = try await store.put("a/one.txt", Array("hello again".utf8))
        #expect(second.etag != first.etag)
        #expect(try await store.head("a/one.txt").size == 11)
        #expect(try await store.get("a/one.txt", range: nil, ifMatch: second.etag).bytes.count == 11)
        #expect(
            await code { _ = try await store.get("a/one.txt", range: nil, ifMatch: first.etag) }
                == .preconditionFailed)
        let empty = try await store.put("empty", [])
        #expect(empty.size == 0)
        #expect(try await store.get("empty").bytes == [])
        #expect(await code { _ = try await store.get("a") } == .notFound)
        for key in ["Ünï/cödé key+&%20?.txt", "k=v/x y.parquet", "a:b", "quote'\"<>", "tilde~", "a%2Fb"] {
            try await store.put(key, Array(key.utf8))
            #expect(try await store.get(key).bytes == Array(key.utf8), "\(key)")
            #expect(try await store.listAll(prefix: key).map(\.key) == [key])
        }
    }

    private static func ranges(_ store: any ObjectStore) async throws {
        let bytes = (0..<1000).map { UInt8($0 % 251) }
        try await store.put("ranges", bytes)
        for (low, high) in [(0, 1), (0, 1000), (10, 20), (999, 1000), (500, 5000)] as [(Int64, Int64)] {
            let read = try await store.get("ranges", range: low..<high)
            #expect(read.bytes == Array(bytes[Int(low)..<min(1000, Int(high))]))
            #expect(read.metadata.size == 1000)
        }
        #expect(try await store.get("ranges", range: 7..<7).bytes == [])
        #expect(await code { _ = try await store.get("ranges", range: 1000..<1001) } == .invalidRange)
        try await store.put("void", [])
        #expect(await code { _ = try await store.get("void", range: 0..<1) } == .invalidRange)
    }

    /// Each condition is honoured whole, or refused by name with nothing written.
    static func conditions(_ store: any ObjectStore, _ traits: Traits) async throws {
        let supports = try await store.supportsConditionalWrites(near: "cond/x")
        #expect(supports == !traits.refused.contains(.putIfAbsent))
        for condition in Condition.allCases {
            let isLarge = condition == .completionIfAbsent || condition == .completionIfMatch
            func put(_ key: String, _ byte: UInt8, _ condition: PutCondition) async throws -> ObjectMetadata {
                guard isLarge else { return try await store.put(key, [byte], condition: condition) }
                // Larger than any adapter's parts.
                let upload = try await store.upload(key)
                try await upload.write([UInt8](repeating: byte, count: 9 << 20))
                return try await upload.complete(condition: condition)
            }
            func first(_ key: String) async throws -> UInt8? { try await store.get(key, range: 0..<1).bytes.first }
            let (key, missing) = ("cond/\(condition)", "cond/\(condition)-missing")
            if traits.refused.contains(condition) {
                let present = try await store.put(key, [1])
                let wanted: PutCondition = condition == .putIfAbsent || condition == .completionIfAbsent ? .ifAbsent : .ifMatch(present.etag)
                let unsupported = ObjectStoreError.Code.other("ConditionalWritesUnsupported")
                for key in [key, missing] {
                    let found = await code { _ = try await put(key, 2, wanted) }
                    #expect(found == unsupported, "\(condition)")
                }
                #expect(try await first(key) == 1)
            } else if condition == .putIfAbsent || condition == .completionIfAbsent {
                _ = try await put(key, 1, .ifAbsent)
                #expect(await code { _ = try await put(key, 2, .ifAbsent) } == .preconditionFailed, "\(condition)")
                #expect(try await first(key) == 1)
            } else {
                let one = try await put(key, 1, .none)
                let two = try await put(key, 2, .ifMatch(one.etag))
                #expect(await code { _ = try await put(key, 3, .ifMatch(one.etag)) } == .preconditionFailed, "\(condition)")
                #expect(try await first(key) == 2)
                #expect(try await store.head(key).etag == two.etag)
                #expect(await code { _ = try await put(missing, 4, .ifMatch(one.etag)) } == .preconditionFailed, "\(condition)")
            }
            #expect(await code { _ = try await store.head(missing) } == .notFound, "\(condition)")
        }
        #expect(try await store.listAll(prefix: "cond/").count == Condition.allCases.count, "Trials leave nothing behind.")
    }

    private static func oneWinner(_ store: any ObjectStore) async throws {
        let winners = try await withThrowingTaskGroup(of: UInt8?.self) { group in
            for writer in 0..<16 as Range<UInt8> {
                group.addTask {
                    do {
                        _ = try await store.put("race/1.json", [writer], condition: .ifAbsent)
                        return writer
                    } catch let error as ObjectStoreError where error.code == .preconditionFailed || error.code == .conflict {
                        return nil
                    }
                }
            }
            var winners: [UInt8] = []
            for try await case let winner? in group { winners.append(winner) }
            return winners
        }
        #expect(winners.count == 1)
        #expect(try await store.get("race/1.json").bytes == winners)
    }

    private static func uploads(_ store: any ObjectStore) async throws {
        let upload = try await store.upload("up/big")
        var expected: [UInt8] = []
        for piece in 0..<13 {
            let bytes = [UInt8](repeating: UInt8(piece), count: 1 << 20)
            try await upload.write(bytes)
            expected += bytes
        }
        #expect(await code { _ = try await store.head("up/big") } == .notFound)
        #expect(try await upload.complete().size == 13 << 20)
        #expect(try await store.get("up/big").bytes == expected)

        let small = try await store.upload("up/small")
        try await small.write([1, 2, 3])
        _ = try await small.complete(condition: .ifAbsent)
        #expect(try await store.get("up/small").bytes == [1, 2, 3])

        let empty = try await store.upload("up/empty")
        #expect(try await empty.complete().size == 0)

        let late = try await store.upload("up/small")
        try await late.write([9])
        #expect(await code { _ = try await late.complete(condition: .ifAbsent) } == .preconditionFailed)
        #expect(try await store.get("up/small").bytes == [1, 2, 3])

        let given = try await store.upload("up/given-up")
        try await given.write([UInt8](repeating: 1, count: 6 << 20))
        await given.abort()
        #expect(try await store.listAll(prefix: "up/").map(\.key) == ["up/big", "up/empty", "up/small"])
    }

    static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 10) } }

    static func readAll(_ download: any ObjectDownload) async throws -> [UInt8] {
        var all: [UInt8] = []
        while let piece = try await download.read() {
            #expect((1...(2 << 20)).contains(piece.count))
            all += piece
        }
        #expect(try await download.read() == nil)
        return all
    }

    private static func downloads(_ store: any ObjectStore) async throws {
        let bytes = Self.bytes(5 << 20 + 17)
        let size = Int64(bytes.count)
        let put = try await store.put("down/big", bytes)
        let whole = try await store.download("down/big", range: nil, ifMatch: put.etag)
        #expect(whole.metadata.etag == put.etag)
        #expect(whole.metadata.size == size)
        #expect(try await readAll(whole) == bytes)
        for range in [0..<1, 1_048_575..<3_145_733, size - 1..<size + 100, 7..<7, 0..<size] as [Range<Int64>] {
            let part = try await store.download("down/big", range: range, ifMatch: nil)
            #expect(part.metadata.size == size)
            #expect(try await readAll(part) == Array(bytes[Int(range.lowerBound)..<Int(min(size, range.upperBound))]))
        }
        try await store.put("down/empty", [])
        #expect(try await readAll(store.download("down/empty")) == [])
        #expect(await code { _ = try await store.download("down/none") } == .notFound)
        #expect(await code { _ = try await store.download("down/big", range: size..<size + 1, ifMatch: nil) } == .invalidRange)
        #expect(await code { _ = try await store.download("down/empty", range: 0..<1, ifMatch: nil) } == .invalidRange)
        #expect(await code { _ = try await store.download("down/big", range: nil, ifMatch: "no") } == .preconditionFailed)
        #expect(await code { _ = try await store.download("down/big", range: 1..<1, ifMatch: "no") } == .preconditionFailed)
    }

    private static func interruptedDownloads(_ store: any ObjectStore) async throws {
        let old = bytes(6 << 20)
        try await store.put("down/x", old)
        // A reader that has other things to do between two pieces.
        let slow = try await store.download("down/x")
        var read = try #require(try await slow.read())
        for index in 0..<20 { try await store.put("down/other", [UInt8(index)]) }
        #expect(try await store.get("down/other").bytes == [19])
        while let piece = try await slow.read() { read += piece }
        #expect(read == old)
        // Readers that give up, more of them than there are connections.
        for _ in 0..<80 {
            let abandoned = try await store.download("down/x")
            #expect(try await abandoned.read()?.isEmpty == false)
        }
        // A reader of what is being replaced has the old bytes to their end, or an error: never some of both.
        let overtaken = try await store.download("down/x")
        var got = try #require(try await overtaken.read())
        try await store.put("down/x", [UInt8](repeating: 0xFF, count: 6 << 20))
        let code = await Self.code { while let piece = try await overtaken.read() { got += piece } }
        #expect(code == nil || code == .preconditionFailed)
        #expect(got.elementsEqual(old.prefix(got.count)))
        #expect(code != nil || got.count == old.count)
        let orphaned = try await store.download("down/x")
        got = try #require(try await orphaned.read())
        try await store.delete("down/x")
        let end = await Self.code { while let piece = try await orphaned.read() { got += piece } }
        #expect(end == nil || end == .notFound || end == .preconditionFailed)
        #expect(got.allSatisfy { $0 == 0xFF } && (end != nil || got.count == 6 << 20))
    }

    private static func copies(_ store: any ObjectStore, _ traits: Traits) async throws {
        let bytes = Self.bytes(6 << 20 + 5)
        let source = try await store.put("copy/source ü+&", bytes)
        let copy = try await store.copy("copy/source ü+&", to: "copy/target", ifMatch: source.etag, condition: .none)
        #expect(copy.key == "copy/target")
        #expect(copy.size == Int64(bytes.count))
        #expect(try await store.get("copy/target").bytes == bytes)
        #expect(try await store.head("copy/target").etag == copy.etag)
        #expect(try await store.head("copy/source ü+&").etag == source.etag)
        #expect(await code { try await store.copy("copy/none", to: "copy/target") } == .notFound)
        #expect(
            await code { _ = try await store.copy("copy/source ü+&", to: "copy/x", ifMatch: "no", condition: .none) }
                == .preconditionFailed)
        #expect(await code { _ = try await store.head("copy/x") } == .notFound)
        try await store.copy("copy/target", to: "copy/target")
        #expect(try await store.get("copy/target").bytes == bytes)
        guard traits.refused.isEmpty else { return }
        try await store.put("copy/small", [7])
        #expect(
            await code { _ = try await store.copy("copy/small", to: "copy/target", ifMatch: nil, condition: .ifAbsent) }
                == .preconditionFailed)
        _ = try await store.copy("copy/small", to: "copy/fresh", ifMatch: nil, condition: .ifAbsent)
        #expect(try await store.get("copy/fresh").bytes == [7])
        let present = try await store.head("copy/target").etag
        _ = try await store.copy("copy/small", to: "copy/target", ifMatch: nil, condition: .ifMatch(present))
        #expect(try await store.get("copy/target").bytes == [7])
    }

    private static func parallelDownloads(_ store: any ObjectStore) async throws {
        let bytes = Self.bytes(5 << 20 + 17)
        let size = Int64(bytes.count)
        let put = try await store.put("down/parallel", bytes)
        for range in [nil, 3..<size - 1, 1_000_000..<size + 5, 7..<9, 7..<7] as [Range<Int64>?] {
            let part = try await store.downloadInParallel("down/parallel", range: range, ifMatch: put.etag, rangeBytes: 700_001)
            #expect(part.metadata.size == size)
            let wanted = (range ?? 0..<size).clamped(to: 0..<size)
            #expect(try await readAll(part) == Array(bytes[Int(wanted.lowerBound)..<Int(wanted.upperBound)]))
        }
        try await store.put("down/nothing", [])
        #expect(try await readAll(store.downloadInParallel("down/nothing")) == [])
        #expect(await code { _ = try await store.downloadInParallel("down/none") } == .notFound)
        #expect(await code { _ = try await store.downloadInParallel("down/parallel", ifMatch: "no") } == .preconditionFailed)
        #expect(await code { _ = try await store.downloadInParallel("down/parallel", range: size..<size + 9 << 20) } == .invalidRange)
        // All of one version, or an error.
        let overtaken = try await store.downloadInParallel("down/parallel", rangeBytes: 1 << 20, rangesInFlightMax: 1)
        var got = try #require(try await overtaken.read())
        try await store.put("down/parallel", [UInt8](repeating: 0xFF, count: bytes.count))
        let end = await code { while let piece = try await overtaken.read() { got += piece } }
        #expect(end == nil || end == .preconditionFailed)
        #expect(got.elementsEqual(bytes.prefix(got.count)))
        #expect(end != nil || got.count == bytes.count)
    }

    private static func deletions(_ store: any ObjectStore) async throws {
        try await store.put("del/a", [1])
        try await store.delete("del/a")
        try await store.delete("del/a")
        #expect(await code { _ = try await store.head("del/a") } == .notFound)
        #expect(try await store.listAll(prefix: "del/").isEmpty)
        for index in 0..<5 { try await store.put("del/\(index)&<x>", [1]) }
        try await store.delete((0..<4).map { "del/\($0)&<x>" } + ["del/never"])
        #expect(try await store.listAll(prefix: "del/").map(\.key) == ["del/4&<x>"])
        try await store.delete([])
    }

    private static func listing(_ store: any ObjectStore) async throws {
        // In the order of bytes, which is not that of directories walked one by one, nor of Unicode.
        let keys = [
            "list/a", "list/a.b", "list/ab/x", "list/ab/y/z", "list/ab0", "list/b/1", "list/z", "list/\u{E9}",
            "list/\u{FF5E}", "list/\u{1F600}",
        ]
        for key in keys.shuffled() { try await store.put(key, Array(key.utf8)) }
        #expect(try await store.listAll(prefix: "list/").map(\.key) == keys)
        #expect(try await store.listAll(prefix: "list/a").map(\.key) == Array(keys[0..<5]))
        #expect(try await store.listAll(prefix: "list/ab/").map(\.key) == ["list/ab/x", "list/ab/y/z"])
        #expect(try await store.listAll(prefix: "list/ab/y/z").map(\.key) == ["list/ab/y/z"])
        #expect(try await store.listAll(prefix: "list/nothing").isEmpty)
        #expect(try await store.listAll(prefix: "nothing/at/all").isEmpty)
        for (index, key) in keys.enumerated() {
            let rest = try await store.listAll(prefix: "list/", startAfter: key)
            #expect(rest.map(\.key) == Array(keys[(index + 1)...]), "after \(key)")
        }
        #expect(try await store.listAll(prefix: "list/", startAfter: "list/ab/xx").first?.key == "list/ab/y/z")
        #expect(try await store.listAll(prefix: "list/", startAfter: "list/ab").first?.key == "list/ab/x")
        let grouped = try await collect(store.list(prefix: "list/", startAfter: nil, delimiter: "/"))
        #expect(grouped.prefixes == ["list/ab/", "list/b/"])
        #expect(grouped.objects.map(\.key) == keys.filter { $0.split(separator: "/").count == 2 })
        let partial = try await collect(store.list(prefix: "list/ab", startAfter: nil, delimiter: "/"))
        #expect(partial.prefixes == ["list/ab/"])
        #expect(partial.objects.map(\.key) == ["list/ab0"])
        let entry = try #require(try await store.listAll(prefix: "list/a.b").first)
        let head = try await store.head("list/a.b")
        #expect(entry.size == head.size)
        #expect(entry.etag == head.etag)
    }

    private static func pagination(_ store: any ObjectStore) async throws {
        let keys = (0..<1300).map { "page/\(10_000 + $0)" + ($0 % 3 == 0 ? "/x" : "") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in stride(from: 0, to: keys.count, by: 100) {
                group.addTask { for key in keys[start..<min(start + 100, keys.count)] { try await store.put(key, []) } }
            }
            try await group.waitForAll()
        }
        #expect(try await store.listAll(prefix: "page/").map(\.key) == keys)
        let grouped = try await collect(store.list(prefix: "page/", startAfter: nil, delimiter: "/"))
        #expect(grouped.prefixes.count == 434)
        #expect(grouped.objects.count == 866)
        try await store.delete(keys)
        #expect(try await store.listAll(prefix: "page/").isEmpty)
    }

    private static func strangeKeys(_ store: any ObjectStore) async throws {
        for key in ["s/x", "s/x/y", "s//double", "s/./dot", "s/end/", "s/\u{65}\u{301}", "s/\u{E9}"] {
            try await store.put(key, Array(key.utf8))
        }
        for key in ["s/x", "s/x/y", "s//double", "s/./dot", "s/end/", "s/\u{65}\u{301}", "s/\u{E9}"] {
            #expect(try await store.get(key).bytes == Array(key.utf8))
        }
    }

    static func collect(_ pages: ObjectPages) async throws -> ObjectPage {
        var all = ObjectPage()
        for try await page in pages {
            all.objects += page.objects
            all.prefixes += page.prefixes
        }
        return all
    }
}
