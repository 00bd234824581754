import AWSProtocol
import Crypto
import ObjectServer
import Support
import Testing

@Suite struct S3UploadTests {
    private static let five = [UInt8](repeating: 97, count: 5 << 20)
    private static let tail = Array("tail".utf8)

    private func start(_ s3: S3Harness, _ key: String, _ fields: HTTPFields = [:]) async throws -> String {
        try await s3.send("POST", "/bkt/\(key)", query: "uploads", fields).xml["UploadId"]?.text ?? ""
    }

    private func part(
        _ s3: S3Harness, _ key: String, _ id: String, _ number: Int, _ data: [UInt8], _ fields: HTTPFields = [:]
    ) async throws -> S3Harness.Answer {
        try await s3.send("PUT", "/bkt/\(key)", query: "partNumber=\(number)&uploadId=\(id)", fields, body: data)
    }

    private func complete(
        _ s3: S3Harness, _ key: String, _ id: String, _ parts: [(Int, String)], _ fields: HTTPFields = [:]
    ) async throws -> S3Harness.Answer {
        let items = parts.map { "<Part><PartNumber>\($0.0)</PartNumber><ETag>\($0.1)</ETag></Part>" }.joined()
        let xml = "<CompleteMultipartUpload>\(items)</CompleteMultipartUpload>"
        return try await s3.send("POST", "/bkt/\(key)", query: "uploadId=\(id)", fields, body: Array(xml.utf8))
    }

    @Test func partsBecomeOneObject() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let id = try await start(s3, "mp", ["x-amz-meta-a": "1"])
            // Gaps and any order of arrival are allowed.
            let last = try await part(s3, "mp", id, 7, Self.tail).etag
            let first = try await part(s3, "mp", id, 3, Self.five).etag
            _ = try await part(s3, "mp", id, 9, [1])
            #expect(try await complete(s3, "mp", id, [(7, last), (3, first)]).code == "InvalidPartOrder")
            #expect(try await complete(s3, "mp", id, [(3, first), (8, last)]).code == "InvalidPart")
            #expect(try await complete(s3, "mp", id, [(3, last)]).code == "InvalidPart")
            #expect(try await s3.send("GET", "/bkt/mp").status == 404)
            let done = try await complete(s3, "mp", id, [(3, first), (7, last)])
            let digests = Array(Insecure.MD5.hash(data: Self.five)) + Array(Insecure.MD5.hash(data: Self.tail))
            #expect(done.xml["ETag"]?.text == "\"\(hexText(Insecure.MD5.hash(data: digests)))-2\"")
            // A client that lost the answer asks again.
            #expect(try await complete(s3, "mp", id, [(3, first), (7, last)]).status == 200)
            let across = try await s3.send("GET", "/bkt/mp", ["range": "bytes=5242878-5242881"])
            #expect(across.text == "aata")
            #expect(across.fields["x-amz-meta-a"] == "1")
            #expect(try await s3.send("GET", "/bkt/mp").body == Self.five + Self.tail)
            let second = try await s3.send("GET", "/bkt/mp", query: "partNumber=2")
            #expect((second.status, second.body, second.fields["x-amz-mp-parts-count"]) == (206, Self.tail, "2"))
            #expect(try await s3.send("GET", "/bkt/mp", query: "partNumber=3").status == 416)
            while try await s3.server.collectGarbage() > 0 {}
            await s3.server.executor.run {}
            #expect(try s3.files().filter { $0.hasPrefix("data/") }.count == 2)
        }
    }

    @Test func rangesAcrossPartsAndChunks() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let id = try await start(s3, "mp")
            var whole: [UInt8] = []
            var parts: [(Int, String)] = []
            for (number, size) in [5 << 20, (5 << 20) + 1, 3].enumerated() {
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9 &+ number) }
                whole += bytes
                parts.append((number + 1, try await part(s3, "mp", id, number + 1, bytes).etag))
            }
            #expect(try await complete(s3, "mp", id, parts).status == 200)
            let size = whole.count
            let chunk = 128 * 1024
            for (low, high) in [
                (0, size), (0, chunk), (chunk - 1, chunk + 1), ((5 << 20) - 1, (5 << 20) + 1), (1, size - 1), (size - 4, size),
                (size - 1, size), ((5 << 20) + chunk, (10 << 20) + 2),
            ] {
                let got = try await s3.send("GET", "/bkt/mp", ["range": "bytes=\(low)-\(high - 1)"])
                #expect(got.body == Array(whole[low..<high]), "\(low)..<\(high)")
            }
        }
    }

    @Test func smallPartsAreRefused() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let id = try await start(s3, "k")
            let a = try await part(s3, "k", id, 1, [1]).etag
            let b = try await part(s3, "k", id, 2, [2]).etag
            #expect(try await complete(s3, "k", id, [(1, a), (2, b)]).code == "EntityTooSmall")
            #expect(try await part(s3, "k", id, 0, [2]).code == "InvalidArgument")
            #expect(try await part(s3, "k", id, 10_001, [2]).code == "InvalidArgument")
        }
    }

    @Test func abortedUploadsAreGone() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let id = try await start(s3, "k")
            _ = try await part(s3, "k", id, 1, [1])
            let parts = try await s3.send("GET", "/bkt/k", query: "uploadId=\(id)")
            #expect(parts.all("PartNumber") == ["1"])
            #expect(try await s3.send("GET", "/bkt", query: "uploads").all("UploadId") == [id])
            #expect(try await s3.send("GET", "/bkt/other", query: "uploadId=\(id)").code == "NoSuchUpload")
            #expect(try await s3.send("DELETE", "/bkt/k", query: "uploadId=\(id)").status == 204)
            let late = try await part(s3, "k", id, 1, [1])
            #expect((late.status, late.code) == (404, "NoSuchUpload"))
            while try await s3.server.collectGarbage() > 0 {}
            #expect(try s3.files().filter { $0.hasPrefix("data/") }.isEmpty)
        }
    }

    @Test func completionHonoursConditions() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            _ = try await s3.send("PUT", "/bkt/k", body: [1])
            let id = try await start(s3, "k")
            let etag = try await part(s3, "k", id, 1, [2]).etag
            #expect(try await complete(s3, "k", id, [(1, etag)], ["if-none-match": "*"]).status == 412)
            #expect(try await complete(s3, "k", id, [(1, etag)], ["if-match": "\"0\""]).status == 412)
            #expect(try await s3.send("GET", "/bkt/k").body == [1])
            #expect(try await complete(s3, "k", id, [(1, etag)]).status == 200)
        }
    }

    @Test func partsCanBeCopied() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let data = pattern(100_000)
            _ = try await s3.send("PUT", "/bkt/src", body: data)
            let id = try await start(s3, "k")
            let copy = try await part(
                s3, "k", id, 1, [], ["x-amz-copy-source": "/bkt/src", "x-amz-copy-source-range": "bytes=10-70000"])
            #expect(copy.status == 200)
            #expect(try await complete(s3, "k", id, [(1, copy.xml["ETag"]?.text ?? "")]).status == 200)
            #expect(try await s3.send("GET", "/bkt/k").body == Array(data[10...70_000]))
        }
    }

    @Test(arguments: [ChecksumAlgorithm.crc32, .crc32c, .crc64nvme])
    func checksumsOfPartsCombineToThatOfTheWhole(algorithm: ChecksumAlgorithm) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let id = try await start(
                s3, "k", ["x-amz-checksum-algorithm": algorithm.rawValue, "x-amz-checksum-type": "FULL_OBJECT"])
            var parts: [(Int, String)] = []
            for (number, data) in [Self.five, Self.tail].enumerated() {
                let sum = Base64.encode(algorithm.checksum(of: data))
                parts.append((number + 1, try await part(s3, "k", id, number + 1, data, [algorithm.fieldName: sum]).etag))
            }
            let whole = Base64.encode(algorithm.checksum(of: Self.five + Self.tail))
            let wrong = Base64.encode([UInt8](repeating: 1, count: algorithm.byteCount))
            #expect(try await complete(s3, "k", id, parts, [algorithm.fieldName: wrong]).code == "BadDigest")
            #expect(try await complete(s3, "k", id, parts, [algorithm.fieldName: whole]).status == 200)
            let head = try await s3.send("HEAD", "/bkt/k", ["x-amz-checksum-mode": "ENABLED"])
            #expect(head.fields[algorithm.fieldName] == whole)
        }
    }

    @Test(arguments: ChecksumAlgorithm.allCases.filter { $0 != .crc64nvme })
    func compositeChecksums(algorithm: ChecksumAlgorithm) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let id = try await start(s3, "k", ["x-amz-checksum-algorithm": algorithm.rawValue])
            let sum = algorithm.checksum(of: Self.tail)
            // As clients send it that compute it on the way.
            let framed = Array("4\r\ntail\r\n0\r\n\(algorithm.fieldName):\(Base64.encode(sum))\r\n\r\n".utf8)
            let first = try await s3.send(
                "PUT", "/bkt/k", query: "partNumber=1&uploadId=\(id)",
                ["x-amz-trailer": algorithm.fieldName, "x-amz-decoded-content-length": "4"], body: framed,
                payload: .streamingUnsignedTrailer)
            #expect(first.fields[algorithm.fieldName] == Base64.encode(sum))
            #expect(try await part(s3, "k", id, 2, [1], ["x-amz-checksum-crc64nvme": "AAAAAAAAAAA="]).code == "InvalidRequest")
            let element = "Checksum\(algorithm.rawValue)"
            let named = "\(first.etag)</ETag><\(element)>\(Base64.encode(sum))</\(element)><ETag>"
            #expect(try await complete(s3, "k", id, [(1, named)], ["x-amz-checksum-type": "FULL_OBJECT"]).code == "BadDigest")
            let done = try await complete(s3, "k", id, [(1, named)], ["x-amz-checksum-type": "COMPOSITE"])
            let whole = Base64.encode(algorithm.checksum(of: sum)) + "-1"
            #expect((done.xml[element]?.text, done.xml["ChecksumType"]?.text) == (whole, "COMPOSITE"))
            let head = try await s3.send("HEAD", "/bkt/k", ["x-amz-checksum-mode": "ENABLED"])
            #expect((head.fields[algorithm.fieldName], head.fields["x-amz-checksum-type"]) == (whole, "COMPOSITE"))
        }
    }

    /// Pages of every size, with and without groups, tell what one page tells, once each and in order.
    @Test(arguments: ["", "/", "//"], ["", "a", "a/", "z"])
    func uploadsAreListedInPages(delimiter: String, prefix: String) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let keys = ["a", "a/1", "a/1", "a/b/2", "a//b", "a b/3", "b", "b", "b/", "b/4", "c/5", "\u{FC}/x", "zz"]
            var begun: [(key: String, id: String)] = []
            for key in keys.shuffled() {
                begun.append((key, try await start(s3, PercentEncoding.encode(key, keepingSlashes: true))))
            }
            // Those of one key in the order in which they began: of two in one millisecond, the lesser id is the first.
            begun.sort { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) || ($0.key == $1.key && $0.id < $1.id) }
            var expected: [String] = []
            for (key, id) in begun where key.hasPrefix(prefix) {
                let rest = key.dropFirst(prefix.count)
                if !delimiter.isEmpty, let found = rest.firstRange(of: delimiter) {
                    let group = prefix + rest[..<found.upperBound]
                    if expected.last != group { expected.append(group) }
                } else {
                    expected.append("\(key)#\(id)")
                }
            }
            for limit in [1, 2, 3, 100] {
                var told: [String] = []
                var marker = ""
                var pages = 0
                repeat {
                    pages += 1
                    let page = try await s3.send(
                        "GET", "/bkt", query: "uploads&encoding-type=url&max-uploads=\(limit)&prefix=\(PercentEncoding.encode(prefix))"
                            + "&delimiter=\(PercentEncoding.encode(delimiter))\(marker)").xml
                    #expect(page["Delimiter"]?.text == (delimiter.isEmpty ? nil : delimiter))
                    // The two kinds are told one after the other; merged they are one page in order.
                    let uploads = page.children.filter { $0.name == "Upload" }.map { "\($0["Key"]?.text ?? "")#\($0["UploadId"]?.text ?? "")" }
                    let groups = page.children.filter { $0.name == "CommonPrefixes" }.map { $0["Prefix"]?.text ?? "" }
                    let items = (uploads + groups).map { PercentEncoding.decodeText($0.replacing("+", with: " ")) ?? "" }
                    #expect(items.count <= limit)
                    told += expected.filter(Set(items).contains)
                    #expect(items.allSatisfy(expected.contains))
                    let isLast = page["IsTruncated"]?.text == "false"
                    #expect((page["NextKeyMarker"] == nil) == isLast)
                    let next = PercentEncoding.decodeText((page["NextKeyMarker"]?.text ?? "").replacing("+", with: " ")) ?? ""
                    marker = isLast ? "" : "&key-marker=\(PercentEncoding.encode(next))&upload-id-marker=\(page["NextUploadIdMarker"]?.text ?? "")"
                } while !marker.isEmpty && pages < 100
                #expect(told == expected, "\(limit)")
                #expect(pages == max(1, (expected.count + limit - 1) / limit))
            }
        }
    }

    @Test func partsAreListedInPages() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let id = try await start(s3, "k")
            let numbers = [2, 3, 7, 400, 10_000]
            for number in numbers.reversed() { _ = try await part(s3, "k", id, number, Self.tail) }
            for limit in [1, 2, 5, 1000] {
                var told: [Int] = []
                var marker: String? = "0"
                while let after = marker, told.count < 100 {
                    let page = try await s3.send(
                        "GET", "/bkt/k", query: "uploadId=\(id)&max-parts=\(limit)&part-number-marker=\(after)").xml
                    told += page.children.filter { $0.name == "Part" }.compactMap { Int($0["PartNumber"]?.text ?? "") }
                    #expect(page["PartNumberMarker"]?.text == after)
                    marker = page["IsTruncated"]?.text == "true" ? page["NextPartNumberMarker"]?.text : nil
                }
                #expect(told == numbers)
            }
            #expect(try await s3.send("GET", "/bkt/k", query: "uploadId=\(id)&part-number-marker=10000").all("PartNumber") == [])
            #expect(try await s3.send("GET", "/bkt/k", query: "uploadId=\(id)&max-parts=-1").code == "InvalidArgument")
        }
    }

    /// Of a hash, unlike of a CRC, that of the whole cannot be had from those of the parts.
    @Test(arguments: ChecksumAlgorithm.allCases)
    func whichTypesOfChecksumThereAre(algorithm: ChecksumAlgorithm) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            for (type, isAllowed) in [
                ("FULL_OBJECT", CRCCombination(algorithm) != nil), ("COMPOSITE", algorithm != .crc64nvme),
            ] {
                let answer = try await s3.send(
                    "POST", "/bkt/k", query: "uploads",
                    ["x-amz-checksum-algorithm": algorithm.rawValue, "x-amz-checksum-type": type])
                #expect(answer.code == (isAllowed ? "" : "InvalidRequest"))
                #expect(answer.fields["x-amz-checksum-type"] == (isAllowed ? type : nil))
            }
        }
    }

    /// Clients that say nothing of checksums when they begin, and send CRC32 with each part, are the rule.
    @Test func uploadsThatAskForNoChecksumGetOne() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let id = try await start(s3, "k")
            let crc32 = Base64.encode(ChecksumAlgorithm.crc32.checksum(of: Self.five))
            let first = try await part(s3, "k", id, 1, Self.five, ["x-amz-checksum-crc32": crc32])
            #expect(first.fields["x-amz-checksum-crc32"] == crc32)
            #expect(try await part(s3, "k", id, 2, Self.tail, ["x-amz-checksum-crc32": crc32]).code == "BadDigest")
            _ = try await s3.send("PUT", "/bkt/tail", ["x-amz-checksum-sha1": "\(Base64.encode(ChecksumAlgorithm.sha1.checksum(of: Self.tail)))"], body: Self.tail)
            let copied = try await s3.send(
                "PUT", "/bkt/k", query: "partNumber=2&uploadId=\(id)", ["x-amz-copy-source": "bkt/tail"])
            let named = "\(first.etag)</ETag><ChecksumCRC32>\(crc32)</ChecksumCRC32><ETag>"
            let parts = [(1, named), (2, copied.xml["ETag"]?.text ?? "")]
            #expect(try await complete(s3, "k", id, parts, ["x-amz-mp-object-size": "5"]).code == "InvalidRequest")
            let done = try await complete(s3, "k", id, parts, ["x-amz-mp-object-size": String(Self.five.count + 4)])
            let whole = Base64.encode(ChecksumAlgorithm.crc64nvme.checksum(of: Self.five + Self.tail))
            #expect((done.xml["ChecksumCRC64NVME"]?.text, done.xml["ChecksumType"]?.text) == (whole, "FULL_OBJECT"))
            #expect(done.xml["Location"]?.text == "http://127.0.0.1:9400/bkt/k")
            let head = try await s3.send("HEAD", "/bkt/k", ["x-amz-checksum-mode": "ENABLED"])
            #expect(head.fields["x-amz-checksum-crc64nvme"] == whole)
        }
    }
}
