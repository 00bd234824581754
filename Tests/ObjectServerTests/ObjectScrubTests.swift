import AWSProtocol
import FoundationEssentials
import ObjectServer
import StateStore
import Support
import Testing

@Suite struct ObjectScrubTests {
    private func scrub(_ s3: S3Harness) throws -> (report: ObjectScrub.Report, damaged: [String]) {
        var damaged: [String] = []
        let report = try ObjectScrub(directory: s3.directory).run(progress: { _ in }) { damaged.append($0.key.description) }
        return (report, damaged)
    }

    @Test func whatHasChangedOnTheDiskIsFound() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            for (index, key) in ["flipped", "short", "gone", "whole"].enumerated() {
                _ = try await s3.send("PUT", "/bkt/\(key)", body: pattern(40_000 + index, seed: UInt64(index)))
            }
            _ = try await s3.send("PUT", "/bkt/inline", ["x-amz-checksum-crc32": "AAAAAA=="], body: [])
            _ = try await s3.send("PUT", "/bkt/small", body: [1, 2, 3])
            await s3.server.executor.run {}
            let whole = try scrub(s3)
            #expect((whole.report.objects, whole.report.damaged, whole.report.strayFiles) == (6, 0, 0))

            func path(_ key: String) async throws -> String {
                let record = try await s3.server.read(ObjectKey(key), in: "bkt").record
                let id = try #require(record.content.files.first).text
                return "\(s3.directory)/data/\(id.prefix(2))/\(id)"
            }
            let flipped = try await path("flipped")
            var bytes = try Data(contentsOf: URL(filePath: flipped))
            bytes[20_000] ^= 1
            try bytes.write(to: URL(filePath: flipped))
            let short = try await path("short")
            try Data(try Data(contentsOf: URL(filePath: short)).dropLast()).write(to: URL(filePath: short))
            try FileManager.default.removeItem(atPath: try await path("gone"))
            try await s3.index.execute("UPDATE object SET data = x'010204' WHERE key = x'736d616c6c'")
            let stray = "\(s3.directory)/data/00/00" + String(repeating: "a", count: 30)
            try Data([1]).write(to: URL(filePath: stray))
            // Reading notices, too.
            #expect(try await s3.send("GET", "/bkt/flipped").code == "InternalError")
            #expect(try await s3.send("GET", "/bkt/small").code == "InternalError")
            #expect(try await s3.send("GET", "/bkt/whole").body == pattern(40_003, seed: 3))
            let found = try scrub(s3)
            #expect(Set(found.damaged) == ["flipped", "short", "gone", "small"])
            #expect((found.report.strayFiles, found.report.strayBytes) == (1, 1))
        }
    }
}
