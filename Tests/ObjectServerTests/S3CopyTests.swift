import AWSProtocol
import Crypto
import FoundationEssentials
import ObjectServer
import StateStore
import Support
import Testing

/// Copies of whole files are further names of them: no byte moves.
@Suite struct S3CopyTests {
    private static let parts = [[UInt8](repeating: 97, count: 5 << 20), [UInt8](repeating: 98, count: 5 << 20 + 1), Array("tail".utf8)]
    private static let data = Array(parts.joined())
    private static let etag = "\"\(hexText(Insecure.MD5.hash(data: data)))\""

    private func upload(_ s3: S3Harness, _ key: String, _ fields: HTTPFields = [:], _ parts: [[UInt8]] = parts) async throws {
        let id = try await s3.send("POST", "/bkt/\(key)", query: "uploads", fields).xml["UploadId"]?.text ?? ""
        var items = ""
        for (number, body) in parts.enumerated() {
            let part = try await s3.send("PUT", "/bkt/\(key)", query: "partNumber=\(number + 1)&uploadId=\(id)", body: body)
            items += "<Part><PartNumber>\(number + 1)</PartNumber><ETag>\(part.etag)</ETag></Part>"
        }
        let xml = Array("<CompleteMultipartUpload>\(items)</CompleteMultipartUpload>".utf8)
        #expect(try await s3.send("POST", "/bkt/\(key)", query: "uploadId=\(id)", body: xml).status == 200)
    }

    /// What the object's bytes are in on the disk, whatever its names.
    private func inodes(_ s3: S3Harness, _ key: String) async throws -> [UInt64] {
        try await s3.server.read(ObjectKey(key), in: "bkt").record.content.files.map { id in
            let path = "\(s3.directory)/data/\(id.text.prefix(2))/\(id.text)"
            let number = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber]
            return try #require(number as? UInt64 ?? (number as? Int).map { UInt64($0) })
        }
    }

    private func damaged(_ s3: S3Harness) throws -> Int {
        try ObjectScrub(directory: s3.directory).run(progress: { _ in }, damaged: { _ in }).damaged
    }

    @Test func aCopyOfPartsIsOnePlainObjectInTheSameFiles() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            try await upload(s3, "mp")
            let copied = try await s3.send("PUT", "/bkt/copy", ["x-amz-copy-source": "bkt/mp"])
            let crc = Base64.encode(ChecksumAlgorithm.crc64nvme.checksum(of: Self.data))
            #expect(copied.xml["ETag"]?.text == Self.etag)
            #expect((copied.xml["ChecksumCRC64NVME"]?.text, copied.xml["ChecksumType"]?.text) == (crc, "FULL_OBJECT"))
            #expect(try await s3.send("PUT", "/bkt/again", ["x-amz-copy-source": "bkt/copy"]).xml["ETag"]?.text == Self.etag)
            let inodes = try await inodes(s3, "mp")
            #expect(Set(inodes).count == 3)
            #expect(try await self.inodes(s3, "copy") == inodes)
            #expect(try await self.inodes(s3, "again") == inodes)
            // Nothing of the parts is left to see.
            let first = try await s3.send("GET", "/bkt/copy", query: "partNumber=1", ["x-amz-checksum-mode": "ENABLED"])
            #expect((first.fields["x-amz-mp-parts-count"], first.fields["x-amz-checksum-crc64nvme"]) == (nil, crc))
            #expect(first.body == Self.data)
            #expect(try await s3.send("GET", "/bkt/copy", query: "partNumber=2").code == "InvalidPartNumber")
            let attributes = try await s3.send("GET", "/bkt/copy", query: "attributes", ["x-amz-object-attributes": "ObjectParts,ObjectSize"])
            #expect((attributes.all("ObjectParts"), attributes.all("ObjectSize")) == ([], [String(Self.data.count)]))
            #expect(try damaged(s3) == 0)
            // The copy outlives what it was made of.
            _ = try await s3.send("DELETE", "/bkt/mp")
            _ = try await s3.send("DELETE", "/bkt/again")
            while try await s3.server.collectGarbage() > 0 {}
            await s3.server.executor.run {}
            #expect(try s3.files().count == 3)
            let across = try await s3.send("GET", "/bkt/copy", ["range": "bytes=5242879-5242880"])
            #expect(across.text == "ab")
            #expect(try await s3.send("GET", "/bkt/copy").body == Self.data)
        }
    }

    @Test(arguments: [nil, ChecksumAlgorithm.crc32])
    func aCompositeChecksumBecomesThatOfTheWhole(wanted: ChecksumAlgorithm?) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            try await upload(s3, "mp", ["x-amz-checksum-algorithm": "SHA256"])
            var fields: HTTPFields = ["x-amz-copy-source": "bkt/mp"]
            if let wanted { fields["x-amz-checksum-algorithm"] = wanted.rawValue }
            _ = try await s3.send("PUT", "/bkt/copy", fields)
            let head = try await s3.send("HEAD", "/bkt/copy", ["x-amz-checksum-mode": "ENABLED"])
            let algorithm = wanted ?? .sha256
            #expect(head.fields[algorithm.fieldName] == Base64.encode(algorithm.checksum(of: Self.data)))
            #expect((head.fields["x-amz-checksum-type"], head.etag) == ("FULL_OBJECT", Self.etag))
            #expect(try await inodes(s3, "copy") == inodes(s3, "mp"))
            #expect(try damaged(s3) == 0)
        }
    }

    @Test func aPartCopiedFromAWholeFileIsThatFile() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            try await upload(s3, "mp")
            let id = try await s3.send("POST", "/bkt/k", query: "uploads").xml["UploadId"]?.text ?? ""
            var items = ""
            // The second part of the source, and a little less than that.
            for (number, range) in ["5242880-10485760", "5242880-10485759"].enumerated() {
                let part = try await s3.send(
                    "PUT", "/bkt/k", query: "partNumber=\(number + 1)&uploadId=\(id)",
                    ["x-amz-copy-source": "bkt/mp", "x-amz-copy-source-range": "bytes=\(range)"])
                let bytes = Self.parts[1].dropLast(number)
                #expect(part.xml["ETag"]?.text == "\"\(hexText(Insecure.MD5.hash(data: bytes)))\"")
                #expect(part.xml["ChecksumCRC64NVME"]?.text == Base64.encode(ChecksumAlgorithm.crc64nvme.checksum(of: Array(bytes))))
                items += "<Part><PartNumber>\(number + 1)</PartNumber><ETag>\(part.xml["ETag"]?.text ?? "")</ETag></Part>"
            }
            let xml = Array("<CompleteMultipartUpload>\(items)</CompleteMultipartUpload>".utf8)
            #expect(try await s3.send("POST", "/bkt/k", query: "uploadId=\(id)", body: xml).status == 200)
            #expect(try await s3.send("GET", "/bkt/k").body == Self.parts[1] + Self.parts[1].dropLast())
            let inodes = try await (inodes(s3, "k"), inodes(s3, "mp"))
            #expect(inodes.0[0] == inodes.1[1] && !inodes.1.contains(inodes.0[1]))
            #expect(try damaged(s3) == 0)
        }
    }

    @Test func whatACrashLeavesOfACopyIsRemoved() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            try await upload(s3, "mp")
            await s3.server.executor.run {}
            let before = try s3.files()
            // Crashed after the names were published, before the index knew; and between the one step and the other.
            let read = try await s3.server.read(ObjectKey("mp"), in: "bkt")
            let names = try await s3.server.duplicate(read).content.files
            #expect(try s3.files().count == before.count + 2 * names.count)
            try FileManager.default.removeItem(atPath: "\(s3.directory)/data/\(names[2].text.prefix(2))/\(names[2].text)")
            let second = try await S3Harness(directory: s3.directory)
            #expect(try Set(second.files()) == Set(before))
            #expect(try await second.send("GET", "/bkt/mp").body == Self.data)
        }
    }

    @Test func aRefusedCopyLeavesNothing() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            try await upload(s3, "mp")
            _ = try await s3.send("PUT", "/bkt/taken", body: [1])
            await s3.server.executor.run {}
            let before = try Set(s3.files())
            #expect(try await s3.send("PUT", "/bkt/taken", ["x-amz-copy-source": "bkt/mp", "if-none-match": "*"]).status == 412)
            await s3.server.executor.run {}
            #expect(try Set(s3.files()) == before)
            // A file that is missing is found when it is to be linked, after the others.
            _ = try await s3.send("PUT", "/bkt/plain", ["x-amz-copy-source": "bkt/mp"])
            await s3.server.executor.run {}
            let last = try #require(try await s3.server.read(ObjectKey("plain"), in: "bkt").record.content.files.last).text
            try FileManager.default.removeItem(atPath: "\(s3.directory)/data/\(last.prefix(2))/\(last)")
            let present = try Set(s3.files())
            #expect(try await s3.send("PUT", "/bkt/copy", ["x-amz-copy-source": "bkt/plain"]).code == "InternalError")
            #expect(try Set(s3.files()) == present)
        }
    }
}
