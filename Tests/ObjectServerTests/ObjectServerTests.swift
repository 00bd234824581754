import AWSProtocol
import FoundationEssentials
import NIOCore
import ObjectServer
import ServiceKit
import StateStore
import Support
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#endif

@Suite struct ObjectServerTests {
    @Test func whatACrashLeavesIsRemovedAtTheNextStart() async throws {
        let first = try await S3Harness()
        defer { first.remove() }
        _ = try await first.send("PUT", "/bkt")
        let data = pattern(30_000)
        _ = try await first.send("PUT", "/bkt/kept", body: data)
        await first.server.executor.run {}
        let published = try #require(first.files().first { $0.hasPrefix("data/") })
        let id = String(published.suffix(32))
        let root = first.directory
        let files = FileManager.default
        // Crashed while writing; after publishing, before the commit; after the commit, before the end.
        let half = "00" + String(repeating: "a", count: 30)
        let orphan = "01" + String(repeating: "b", count: 30)
        for path in ["staging/\(half)", "staging/\(orphan)", "data/01/\(orphan)"] {
            #expect(files.createFile(atPath: "\(root)/\(path)", contents: Data([1])))
        }
        try files.linkItem(atPath: "\(root)/\(published)", toPath: "\(root)/staging/\(id)")
        let second = try await S3Harness(directory: root)
        #expect(try second.files() == [published])
        #expect(try await second.send("GET", "/bkt/kept").body == data)
    }

    @Test func replacedDataGoesWhenNobodyReadsIt() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let old = pattern(600_000, seed: 1)
            _ = try await s3.send("PUT", "/bkt/k", body: old)
            let read = Mutex<ObjectRead?>(try await s3.server.read(ObjectKey("k"), in: "bkt"))
            _ = try await s3.send("PUT", "/bkt/k", body: pattern(600_000, seed: 2))
            async let collected = s3.server.collectGarbage()
            var bytes: [UInt8] = []
            if let value = read.withLock({ $0 }) {
                try await value.forEachChunk(in: 0..<600_000) { bytes.append(contentsOf: $0.readableBytesView) }
            }
            #expect(bytes == old)
            read.withLock { $0 = nil }
            #expect(try await collected == 1)
            await s3.server.executor.run {}
            #expect(try s3.files().filter { $0.hasPrefix("data/") }.count == 1)
        }
    }

    @Test func aBackupKeepsFilesUntilItEnds() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            _ = try await s3.send("PUT", "/bkt/k", body: pattern(600_000, seed: 1))
            let lock = open(s3.directory + "/backup.lock", O_CREAT | O_RDWR, 0o600)
            #expect(flock(lock, LOCK_SH) == 0)
            _ = try await s3.send("DELETE", "/bkt/k")
            #expect(try await s3.server.collectGarbage() == 0)
            #expect(try s3.files().filter { $0.hasPrefix("data/") }.count == 1)
            close(lock)
            #expect(try await s3.server.collectGarbage() == 1)
            #expect(try s3.files().filter { $0.hasPrefix("data/") }.isEmpty)
        }
    }
}
