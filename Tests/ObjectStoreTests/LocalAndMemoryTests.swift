import ObjectStore
import Support
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

@Suite struct LocalAndMemoryTests {
    @Test func memoryBehaves() async throws {
        try await ObjectStoreBehaviour.check(MemoryObjectStore())
    }

    @Test func memoryBehavesInSmallPages() async throws {
        try await ObjectStoreBehaviour.check(MemoryObjectStore(pageSize: 3))
    }

    @Test func localBehaves() async throws {
        let directory = try TemporaryDirectory()
        try await ObjectStoreBehaviour.check(LocalObjectStore(root: directory.path + "/made/on/demand/"), .init(allKeys: false))
    }

    @Test func faultlessDecoratorBehaves() async throws {
        try await ObjectStoreBehaviour.check(FaultInjectingObjectStore(MemoryObjectStore(), faults: .init(), seed: 1))
    }

    @Test func localKeysStayBelowTheRoot() async throws {
        let directory = try TemporaryDirectory()
        let store = LocalObjectStore(root: directory.path + "/root")
        for key in ["", "/", "/etc/passwd", "../x", "a/../../x", "a/..", "a//b", "a/", "./a", "a/.", "nul\0x", ".millrace-x.tmp",
            String(repeating: "x", count: 256)]
        {
            let code = await ObjectStoreBehaviour.code { try await store.put(key, [1]) }
            #expect(code == .invalidKey, "\(key)")
            #expect(await ObjectStoreBehaviour.code { _ = try await store.get(key) } == .invalidKey)
            #expect(await ObjectStoreBehaviour.code { try await store.delete(key) } == .invalidKey)
        }
        try await LocalObjectStore(root: directory.path).put("secret", [1])
        #expect(try await store.listAll(prefix: "../").isEmpty)
        #expect(try await store.listAll(prefix: "../secret").isEmpty)
    }

    @Test func localKeyBesideItsOwnPrefixIsAConflict() async throws {
        let directory = try TemporaryDirectory()
        let store = LocalObjectStore(root: directory.path)
        try await store.put("a", [1])
        #expect(await ObjectStoreBehaviour.code { try await store.put("a/b", [1]) } == .conflict)
        try await store.put("d/e", [1])
        #expect(await ObjectStoreBehaviour.code { try await store.put("d", [1]) } == .conflict)
        #expect(await ObjectStoreBehaviour.code { _ = try await store.put("d", [1], condition: .ifAbsent) } == .conflict)
        try await store.delete("d/e")
        try await store.put("d", [2])
        #expect(try await store.get("d").bytes == [2])
    }

    @Test func localLeavesNoTemporaryFiles() async throws {
        let directory = try TemporaryDirectory()
        let store = LocalObjectStore(root: directory.path)
        _ = try await store.put("x", [1], condition: .ifAbsent)
        _ = await ObjectStoreBehaviour.code { _ = try await store.put("x", [1], condition: .ifAbsent) }
        _ = await ObjectStoreBehaviour.code { _ = try await store.put("x", [1], condition: .ifMatch("no")) }
        do {
            let upload = try await store.upload("y")
            try await upload.write([1])
        }
        var names: [String] = []
        let open = try #require(opendir(directory.path))
        while let entry = readdir(open) {
            names.append(withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        closedir(open)
        #expect(names.sorted() == [".", "..", "x"])
    }

    @Test func blockingFacesAgree() async throws {
        // A thread of its own: those of the cooperative pool may not be blocked.
        try await BlockingExecutor(name: "test", threads: 1).run { try Self.checkBlockingFaces() }
    }

    private static func checkBlockingFaces() throws {
        let directory = try TemporaryDirectory()
        let stores: [any ObjectStore] = [
            MemoryObjectStore(), LocalObjectStore(root: directory.path),
            FaultInjectingObjectStore(MemoryObjectStore(), faults: .init(), seed: 1),
        ]
        for any in stores {
            let store = BlockingObjectStore(any)
            try store.put("a/b", [1, 2, 3])
            #expect(try store.get("a/b", range: 1..<9).bytes == [2, 3])
            #expect(try store.head("a/b").size == 3)
            let download = try store.download("a/b", range: 1..<3)
            #expect(download.metadata.size == 3)
            #expect(try download.read() == [2, 3])
            #expect(try download.read() == nil)
            let upload = try store.upload("a/c")
            try upload.write([4])
            _ = try upload.complete()
            #expect(try store.listAll(prefix: "a/").map(\.key) == ["a/b", "a/c"])
            #expect(try store.list(prefix: "", delimiter: "/").prefixes == ["a/"])
            #expect(throws: ObjectStoreError.self) { _ = try store.put("a/c", [], condition: .ifAbsent) }
            try store.delete(["a/b", "a/c"])
            #expect(try store.listAll(prefix: "").isEmpty)
        }
    }

    @Test func faultsRepeatWithTheSeed() async throws {
        func run(_ seed: UInt64) async -> [ObjectStoreError.Code?] {
            let memory = MemoryObjectStore()
            let store = FaultInjectingObjectStore(
                memory, faults: .init(throttled: 0.2, lostResponses: 0.2), seed: seed)
            var codes: [ObjectStoreError.Code?] = []
            for index in 0..<50 {
                codes.append(
                    await ObjectStoreBehaviour.code { _ = try await store.put("\(index)", [1], condition: .ifAbsent) })
            }
            return codes
        }
        let first = await run(7)
        #expect(await run(7) == first)
        #expect(first.contains(.ambiguous))
        #expect(first.contains(.unavailable))
        #expect(first.contains(nil))
        let stopped = FaultInjectingObjectStore(MemoryObjectStore(), faults: .init(effectsMax: 2), seed: 1)
        try await stopped.put("a", [])
        try await stopped.put("b", [])
        #expect(await ObjectStoreBehaviour.code { try await stopped.put("c", []) } == .unavailable)
        #expect(await ObjectStoreBehaviour.code { _ = try await stopped.head("a") } == .unavailable)
    }

    @Test func downloadsFailBetweenPieces() async throws {
        let memory = MemoryObjectStore()
        try await memory.put("k", [UInt8](repeating: 7, count: 20 << 20))
        let store = FaultInjectingObjectStore(memory, faults: .init(throttled: 0.2), seed: 3)
        var lengths: Set<Int> = []
        for _ in 0..<40 {
            guard let download = try? await store.download("k") else { continue }
            var count = 0
            let code = await ObjectStoreBehaviour.code { while let piece = try await download.read() { count += piece.count } }
            #expect(code == nil ? count == 20 << 20 : code == .unavailable)
            lengths.insert(count)
        }
        #expect(lengths.count > 3)
    }

    @Test func fileThatIsCutWhileReadIsAnError() async throws {
        let directory = try TemporaryDirectory()
        let store = LocalObjectStore(root: directory.path)
        try await store.put("k", [UInt8](repeating: 7, count: 3 << 20))
        let download = try await store.download("k")
        _ = try await download.read()
        #expect(truncate(directory.path + "/k", 2 << 20) == 0)
        #expect(try await download.read()?.count == 1 << 20)
        #expect(await ObjectStoreBehaviour.code { _ = try await download.read() } == .other("ShortRead"))
    }

    @Test func registryFindsStores() async throws {
        let directory = try TemporaryDirectory()
        let stores = ObjectStores(currentDirectory: directory.path)
        let memory = MemoryObjectStore()
        stores.bind(bucket: "lake", to: memory)
        let (lake, key) = try stores.store(for: "s3a://lake/t/a%20b")
        #expect(key == "t/a%20b")
        try await lake.put(key, [1])
        #expect(try await memory.head("t/a%20b").size == 1)
        #expect(try stores.store(for: "s3://lake").key == "")
        let (local, relative) = try stores.store(for: "x/../y/./z.txt")
        try await local.put(relative, [1, 2])
        for uri in ["file://\(directory.path)/y/z.txt", "file:\(directory.path)/y/z.txt", "\(directory.path)//y/z.txt"] {
            let (store, key) = try stores.store(for: uri)
            #expect(try await store.get(key).bytes == [1, 2], "\(uri)")
        }
        #expect(try stores.store(for: "/tmp/").key == "tmp/")
        for uri in ["", "gs://b/k", "hdfs://h/p", "file:relative", "s3://"] {
            #expect(throws: ObjectStoreError.self, "\(uri)") { try stores.store(for: uri) }
        }
        #expect(throws: ObjectStoreError.self) { try stores.store(for: "s3://other/x") }
    }
}
