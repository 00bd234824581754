import AWSProtocol
import FoundationEssentials
import ObjectServer
import StateStore
import Support
import Testing

/// Bytes on the disk that are not those that were written. A data file ends in the checksums of its blocks of 16 KiB and
/// a footer of 24 bytes.
@Suite struct DataDamageTests {
    private static let block = 16_384
    private static let footer = 24

    /// Paths of the object's data files, in the order of its bytes.
    private func paths(_ s3: S3Harness, _ key: String) async throws -> [String] {
        try await s3.server.read(ObjectKey(key), in: "bkt").record.content.files.map {
            "\(s3.directory)/data/\($0.text.prefix(2))/\($0.text)"
        }
    }

    /// Runs `body` while the file is as `change` makes it.
    private func changed(_ path: String, _ change: (inout Data) -> Void, _ body: () async throws -> Void) async throws {
        let whole = try Data(contentsOf: URL(filePath: path))
        var bytes = whole
        change(&bytes)
        try bytes.write(to: URL(filePath: path))
        try await body()
        try whole.write(to: URL(filePath: path))
    }

    /// The bytes `range` as a get of them answers; nil when it fails as damaged bytes must.
    private func get(_ s3: S3Harness, _ key: String, _ range: Range<Int>) async throws -> [UInt8]? {
        let answer = try await s3.send("GET", "/bkt/\(key)", ["range": "bytes=\(range.lowerBound)-\(range.upperBound - 1)"])
        if answer.status == 206 { return answer.body }
        #expect((answer.status, answer.code) == (500, "InternalError"))
        return nil
    }

    private func findings(_ s3: S3Harness) throws -> [String] {
        var findings: [String] = []
        _ = try ObjectScrub(directory: s3.directory).run(progress: { _ in }) { findings.append($0.finding) }
        return findings
    }

    /// Whatever checksum the client wants, each block has its own.
    @Test(arguments: [ChecksumAlgorithm.crc64nvme, .sha256])
    func aDamagedBlockIsNotHandedOver(algorithm: ChecksumAlgorithm) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let data = pattern(100_000)
            let checksum = Base64.encode(algorithm.checksum(of: data))
            #expect(try await s3.send("PUT", "/bkt/k", [algorithm.fieldName: checksum], body: data).status == 200)
            let path = try await paths(s3, "k")[0]
            #expect(try Data(contentsOf: URL(filePath: path)).count == data.count + 7 * 4 + Self.footer)
            let copy: HTTPFields = ["x-amz-copy-source": "bkt/k", "x-amz-checksum-algorithm": "CRC32"]
            for position in [0, 50_000, 98_304, data.count - 1] {
                try await changed(path, { $0[position] ^= 1 }) { () async throws -> Void in
                    let first = position / Self.block * Self.block
                    let end = min(first + Self.block, data.count)
                    let whole = try await s3.send("GET", "/bkt/k")
                    #expect((whole.status, whole.code) == (500, "InternalError"))
                    #expect(try await get(s3, "k", first..<first + 1) == nil)
                    #expect(try await get(s3, "k", end - 1..<end) == nil)
                    if first > 0 {
                        #expect(try await get(s3, "k", 0..<first) == Array(data[..<first]))
                        #expect(try await get(s3, "k", first - 5..<first + 5) == nil)
                    }
                    if end < data.count {
                        #expect(try await get(s3, "k", end..<data.count) == Array(data[end...]))
                    }
                    #expect(try await s3.send("PUT", "/bkt/copy", copy).code == "InternalError")
                    #expect(try findings(s3).allSatisfy { $0.contains("from byte \(first) to \(end - 1) ") })
                    #expect(try findings(s3).count == 1)
                }
            }
            #expect(try await s3.send("GET", "/bkt/k").body == data)
        }
    }

    @Test func damagedChecksumsAreNotTrusted() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let data = pattern(40_000)
            _ = try await s3.send("PUT", "/bkt/k", body: data)
            let path = try await paths(s3, "k")[0]
            // The value of the second block speaks of that block only.
            try await changed(path, { $0[40_000 + 5] ^= 1 }) { () async throws -> Void in
                #expect(try await get(s3, "k", Self.block..<Self.block + 1) == nil)
                #expect(try await get(s3, "k", 0..<Self.block) == Array(data[..<Self.block]))
                #expect(try findings(s3).count == 1)
            }
            for position in 40_000 + 12..<40_000 + 12 + Self.footer {
                try await changed(path, { $0[position] ^= 1 }) { () async throws -> Void in #expect(try await get(s3, "k", 0..<1) == nil, "\(position)") }
            }
            for size in [0, 1, 39_999, 40_001, 40_000 + 11, 40_000 + 12 + Self.footer - 1] {
                try await changed(path, { $0 = $0.prefix(size) + Data() }) { () async throws -> Void in
                    #expect(try await get(s3, "k", 0..<1) == nil, "\(size)")
                    #expect(try findings(s3).count == 1)
                }
            }
            try await changed(path, { $0.append(0) }) { () async throws -> Void in #expect(try await get(s3, "k", 0..<1) == nil) }
            #expect(try await get(s3, "k", 39_990..<40_000) == Array(data[39_990...]))
            #expect(try findings(s3).isEmpty)
        }
    }

    /// Files of earlier releases end with their data. Their digests are compared by a scrub only.
    @Test func filesWithoutChecksumsAreRead() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let data = pattern(300_000)
            _ = try await s3.send("PUT", "/bkt/k", body: data)
            let path = try await paths(s3, "k")[0]
            try await changed(path, { $0 = $0.prefix(data.count) + Data() }) { () async throws -> Void in
                #expect(try await s3.send("GET", "/bkt/k").body == data)
                #expect(try await get(s3, "k", 16_000..<17_000) == Array(data[16_000..<17_000]))
                #expect(try findings(s3).isEmpty)
                try await changed(path, { $0[16_500] ^= 1 }) { () async throws -> Void in
                    #expect(try await get(s3, "k", 16_000..<17_000) != nil)
                    #expect(try findings(s3).count == 1)
                }
            }
        }
    }

    @Test func damageInOnePartLeavesTheOthers() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let five = [UInt8](repeating: 97, count: 5 << 20)
            let id = try await s3.send("POST", "/bkt/mp", query: "uploads", ["x-amz-checksum-algorithm": "SHA256"]).xml["UploadId"]?.text ?? ""
            var items = ""
            for (number, body) in [five, five, Array("tail".utf8)].enumerated() {
                let part = try await s3.send("PUT", "/bkt/mp", query: "partNumber=\(number + 1)&uploadId=\(id)", body: body)
                items += "<Part><PartNumber>\(number + 1)</PartNumber><ETag>\(part.etag)</ETag></Part>"
            }
            let xml = Array("<CompleteMultipartUpload>\(items)</CompleteMultipartUpload>".utf8)
            #expect(try await s3.send("POST", "/bkt/mp", query: "uploadId=\(id)", body: xml).status == 200)
            let files = try await paths(s3, "mp")
            try await changed(files[1], { $0[1 << 20] ^= 1 }) { () async throws -> Void in
                #expect(try await s3.send("GET", "/bkt/mp", query: "partNumber=1").body == five)
                #expect(try await s3.send("GET", "/bkt/mp", query: "partNumber=3").text == "tail")
                #expect(try await get(s3, "mp", 6 << 20..<6 << 20 + 1) == nil)
                #expect(try await get(s3, "mp", 5 << 20 - 10..<5 << 20 + 10) == [UInt8](repeating: 97, count: 20))
                // These answers have begun when the damaged block is read: they do not end.
                await #expect(throws: ObjectServerError.self) { _ = try await s3.send("GET", "/bkt/mp", query: "partNumber=2") }
                await #expect(throws: ObjectServerError.self) { _ = try await s3.send("GET", "/bkt/mp") }
            }
            try await changed(files[2], { $0[3] ^= 1 }) { () async throws -> Void in
                #expect(try await s3.send("GET", "/bkt/mp", query: "partNumber=3").code == "InternalError")
            }
            #expect(try await s3.send("GET", "/bkt/mp").body == five + five + Array("tail".utf8))
        }
    }

    /// So large that not all of its checksums are held at once.
    @Test func largeFiles() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            var data = [UInt8](repeating: 7, count: 65 << 20 + 3)
            for start in stride(from: 0, to: data.count, by: Self.block) { data[start] = UInt8(truncatingIfNeeded: start >> 14) }
            _ = try await s3.send("PUT", "/bkt/k", body: data, pieces: 1 << 20)
            let path = try await paths(s3, "k")[0]
            for position in [0, 2 << 20, 64 << 20, data.count - 1] {
                let range = position..<min(position + 40_000, data.count)
                #expect(try await get(s3, "k", range) == Array(data[range]))
                try await changed(path, { $0[position] ^= 1 }) { () async throws -> Void in #expect(try await get(s3, "k", range) == nil) }
            }
        }
    }

    /// These are compared with the checksum of the whole, or else with the MD5 that is their ETag.
    @Test(arguments: [ChecksumAlgorithm.sha256, .sha1, .crc32, nil])
    func bytesInTheIndex(algorithm: ChecksumAlgorithm?) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let data: [UInt8] = [1, 2, 3]
            let fields: HTTPFields = algorithm.map { [$0.fieldName: Base64.encode($0.checksum(of: data))] } ?? [:]
            _ = try await s3.send("PUT", "/bkt/k", fields, body: data)
            if algorithm == nil { try await s3.index.execute("UPDATE object SET attributes = NULL") }
            #expect(try await s3.send("GET", "/bkt/k").body == data)
            try await s3.index.execute("UPDATE object SET data = x'010204'")
            #expect(try await s3.send("GET", "/bkt/k").code == "InternalError")
            #expect(try await s3.send("GET", "/bkt/k", ["range": "bytes=0-0"]).code == "InternalError")
            try await s3.index.execute("UPDATE object SET data = x''")
            #expect(try await s3.send("GET", "/bkt/k", ["range": "bytes=2-2"]).code == "InternalError")
        }
    }
}
