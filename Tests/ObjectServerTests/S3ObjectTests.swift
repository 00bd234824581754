import AWSProtocol
import Crypto
import ObjectServer
import StateStore
import Support
import Testing

@Suite struct S3ObjectTests {
    @Test func putGetHeadAndDelete() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let put = try await s3.send(
                "PUT", "/bkt/a/b", ["content-type": "a/b", "x-amz-meta-Foo": "bar", "cache-control": "no-store"],
                body: Array("abc".utf8))
            #expect(put.status == 200)
            #expect(put.etag == "\"900150983cd24fb0d6963f7d28e17f72\"")
            let get = try await s3.send("GET", "/bkt/a/b")
            #expect((get.status, get.text) == (200, "abc"))
            #expect(get.fields["content-type"] == "a/b")
            let head = try await s3.send("HEAD", "/bkt/a/b")
            #expect(head.fields["x-amz-meta-foo"] == "bar")
            #expect(head.fields["cache-control"] == "no-store")
            #expect(head.fields["content-length"] == "3")
            #expect(try await s3.send("DELETE", "/bkt/a/b").status == 204)
            #expect(try await s3.send("DELETE", "/bkt/a/b").status == 204)
            let missing = try await s3.send("GET", "/bkt/a/b")
            #expect((missing.status, missing.code) == (404, "NoSuchKey"))
            #expect(try await s3.send("HEAD", "/bkt/a/b").status == 404)
        }
    }

    @Test(arguments: [0, 1, 16_384, 16_385, 1_000_000, 3_000_001])
    func sizesAroundTheInlineLimitComeBack(size: Int) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let data = pattern(size)
            let put = try await s3.send("PUT", "/bkt/k", body: data)
            #expect(put.etag == "\"\(hexText(Insecure.MD5.hash(data: data)))\"")
            #expect(try await s3.send("GET", "/bkt/k").body == data)
            #expect(try s3.files().filter { $0.hasPrefix("data/") }.count == (size > 16_384 ? 1 : 0))
        }
    }

    @Test func oddKeysAreKeptApart() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let keys = [
                "a b+c%20", "x//y", "trail/", "é/日本", "e\u{301}", "q?x=1&y", "p=1/d=a%2Fb", "dot/./x", "dot/../y",
                "~t'()*!", "semi;colon", "/lead", String(repeating: "m", count: 1024), "conf", "conf/a",
            ]
            for key in keys {
                let path = "/bkt/" + PercentEncoding.encode(key, keepingSlashes: true)
                #expect(try await s3.send("PUT", path, body: Array(key.utf8)).status == 200)
            }
            for key in keys {
                let path = "/bkt/" + PercentEncoding.encode(key, keepingSlashes: true)
                #expect(try await s3.send("GET", path).body == Array(key.utf8))
            }
            let listed = try await s3.send("GET", "/bkt", query: "list-type=2").all("Key")
            #expect(listed.map { Array($0.utf8) } == keys.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
            let long = try await s3.send("PUT", "/bkt/" + String(repeating: "m", count: 1025))
            #expect((long.status, long.code) == (400, "KeyTooLongError"))
        }
    }

    @Test func digestsThatDifferAreRefusedAndLeaveNothing() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let data = pattern(50_000)
            let wrong: [(HTTPFields, SigV4.PayloadDeclaration, String)] = [
                (["content-md5": Base64.encode([UInt8](repeating: 48, count: 16))], .unsigned, "BadDigest"),
                (["x-amz-checksum-crc32": "AAAAAQ=="], .unsigned, "BadDigest"),
                (["x-amz-checksum-crc64nvme": "AAAAAAAAAAE="], .unsigned, "BadDigest"),
                (["x-amz-checksum-sha256": Base64.encode([UInt8](repeating: 48, count: 32))], .unsigned, "BadDigest"),
                ([:], .hash(String(repeating: "0", count: 64)), "XAmzContentSHA256Mismatch"),
                (["content-length": "50001"], .unsigned, "IncompleteBody"),
                (["content-md5": "x"], .unsigned, "InvalidDigest"),
                (["x-amz-checksum-crc32": "AA=="], .unsigned, "InvalidRequest"),
            ]
            for (fields, payload, code) in wrong {
                let answer = try await s3.send("PUT", "/bkt/k", fields, body: data, payload: payload)
                #expect((answer.status, answer.code) == (400, code))
            }
            #expect(try await s3.send("GET", "/bkt/k").status == 404)
            await s3.server.executor.run {}  // Discarded files go on these threads.
            #expect(try s3.files().count < 2)
        }
    }

    @Test(arguments: ChecksumAlgorithm.allCases)
    func checksumsAreKeptAndReturned(algorithm: ChecksumAlgorithm) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let data = pattern(20_000)
            let value = Base64.encode(algorithm.checksum(of: data))
            let put = try await s3.send("PUT", "/bkt/k", [algorithm.fieldName: value], body: data)
            #expect(put.fields[algorithm.fieldName] == value)
            let head = try await s3.send("HEAD", "/bkt/k", ["x-amz-checksum-mode": "ENABLED"])
            #expect(head.fields[algorithm.fieldName] == value)
            #expect(head.fields["x-amz-checksum-type"] == "FULL_OBJECT")
        }
    }

    @Test func rangesFollowTheRules() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            for size in [10, 100_000] {
                let data = pattern(size)
                _ = try await s3.send("PUT", "/bkt/k", body: data)
                func get(_ range: String) async throws -> S3Harness.Answer {
                    try await s3.send("GET", "/bkt/k", ["range": range])
                }
                let first = try await get("bytes=0-3")
                #expect((first.status, first.body) == (206, Array(data[0...3])))
                #expect(first.fields["content-range"] == "bytes 0-3/\(size)")
                #expect(try await get("bytes=-3").body == Array(data.suffix(3)))
                #expect(try await get("bytes=7-").body == Array(data[7...]))
                #expect(try await get("bytes=2-99999999").body == Array(data[2...]))
                let long = try await get("bytes=-99999999")
                #expect((long.status, long.body) == (206, data))
                let beyond = try await get("bytes=\(size)-\(size + 3)")
                #expect((beyond.status, beyond.code) == (416, "InvalidRange"))
                #expect(try await get("bytes=3-2").status == 200)
                #expect(try await get("bytes=0-1,3-4").status == 200)
                #expect(try await get("bytes=99999999999999999999-").status == 416)
            }
        }
    }

    @Test func aDownloadGoesOnOnlyWithWhatItBeganWith() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let etag = try await s3.send("PUT", "/bkt/k", body: Array("0123456789".utf8)).etag
            let time = try await s3.send("HEAD", "/bkt/k").fields["last-modified"] ?? ""
            for (validator, status) in [
                (etag, 206), ("\"other\"", 200), ("W/\(etag)", 200), (time, 206), ("Sun, 06 Nov 1994 08:49:37 GMT", 200),
            ] {
                let answer = try await s3.send("GET", "/bkt/k", ["range": "bytes=8-", "if-range": validator])
                #expect(answer.status == status, "\(validator)")
                #expect(answer.text == (status == 206 ? "89" : "0123456789"))
            }
        }
    }

    /// What S3 answered to these, as recordings show.
    @Test(arguments: [
        ("=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?=", nil), ("=?UTF-8?B?AAECAw==?=", nil),
        ("=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=", nil), ("=?UTF-8?B?77+977+977+977+977+977+977+9?=", nil),
        ("=?UTF-8?Q?actually-ascii?=", "actually-ascii"), ("=?UTF-8?B?YWJj?=", "abc"),
        ("ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
        ("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", nil), ("=?UTF-8?B?=GGG?=", nil), ("=?UTF-8?Q?=G?=", nil), ("=?", nil), ("=??=", nil),
        ("=?iso-8859-1?q?=E9_1?= =?UTF-8?b?w6k=?=", "=?UTF-8?Q?=C3=A9_1=C3=A9?="), ("=?UTF-8?Q?a?= b", nil),
    ])
    func userMetadataIsTextInEncodedWords(_ sent: String, _ answered: String?) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            #expect(try await s3.send("PUT", "/bkt/k", ["x-amz-meta-a": sent]).status == 200)
            #expect(try await s3.send("HEAD", "/bkt/k").fields["x-amz-meta-a"] == answered ?? sent)
            #expect(try await s3.send("PUT", "/bkt/c", ["x-amz-copy-source": "bkt/k"]).status == 200)
            #expect(try await s3.send("HEAD", "/bkt/c").fields["x-amz-meta-a"] == answered ?? sent)
        }
    }

    /// SDKs move fields into the query when they sign there.
    @Test func presignedQueriesBringFields() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            func put(_ query: String) async throws -> S3Harness.Answer {
                try await s3.send("PUT", "/bkt/k", query: "X-Amz-Signature=0&X-Amz-Date=x&\(query)", body: Array("data".utf8))
            }
            #expect(try await put("x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32").code == "BadDigest")
            #expect(try await put("X-Amz-Server-Side-Encryption=aws%3Akms").code == "NotImplemented")
            #expect(try await put("x-amz-expected-bucket-owner=000000000000").code == "AccessDenied")
            #expect(try await put("x-amz-meta-a=b%20c&x-amz-tagging=t%3Dv&x-amz-storage-class=STANDARD_IA").status == 200)
            let head = try await s3.send("HEAD", "/bkt/k")
            #expect(head.fields["x-amz-meta-a"] == "b c")
            #expect(head.fields["x-amz-tagging-count"] == "1")
            #expect(head.fields["x-amz-storage-class"] == "STANDARD_IA")
            #expect(head.fields["x-amz-date"] == nil)
            // Without a signature there they are nothing.
            _ = try await s3.send("PUT", "/bkt/k", query: "x-amz-meta-a=b", body: [1])
            #expect(try await s3.send("HEAD", "/bkt/k").fields["x-amz-meta-a"] == nil)
        }
    }

    @Test func readConditions() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let etag = try await s3.send("PUT", "/bkt/k", body: [1]).etag
            let unchanged = try await s3.send("GET", "/bkt/k", ["if-none-match": etag])
            #expect((unchanged.status, unchanged.body, unchanged.etag) == (304, [], etag))
            let stale = try await s3.send("GET", "/bkt/k", ["if-match": "\"0\""])
            #expect((stale.status, stale.code) == (412, "PreconditionFailed"))
            #expect(try await s3.send("GET", "/bkt/k", ["if-match": "\"0\", \(etag)"]).status == 200)
            let future = "Sat, 21 Nov 2099 11:48:15 GMT"
            #expect(try await s3.send("GET", "/bkt/k", ["if-modified-since": future]).status == 304)
            #expect(try await s3.send("GET", "/bkt/k", ["if-unmodified-since": "Sat, 21 Nov 2009 11:48:15 GMT"]).status == 412)
        }
    }

    @Test func writeConditions() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            #expect(try await s3.send("PUT", "/bkt/k", ["if-none-match": "*"], body: [1]).status == 200)
            let second = try await s3.send("PUT", "/bkt/k", ["if-none-match": "*"], body: [2])
            #expect((second.status, second.code) == (412, "PreconditionFailed"))
            let etag = try await s3.send("GET", "/bkt/k").etag
            #expect(try await s3.send("PUT", "/bkt/k", ["if-match": etag], body: [3]).status == 200)
            #expect(try await s3.send("PUT", "/bkt/k", ["if-match": etag], body: [4]).status == 412)
            #expect(try await s3.send("GET", "/bkt/k").body == [3])
            let missing = try await s3.send("PUT", "/bkt/none", ["if-match": etag], body: [4])
            #expect((missing.status, missing.code) == (404, "NoSuchKey"))
            #expect(try await s3.send("PUT", "/bkt/none", ["if-match": "*"], body: [4]).status == 404)
            #expect(try await s3.send("PUT", "/bkt/k", ["if-match": "*"], body: [4]).status == 200)
            let present = try await s3.send("GET", "/bkt/k").etag
            let same = try await s3.send("PUT", "/bkt/k", ["if-none-match": present], body: [5])
            #expect((same.status, same.code) == (412, "PreconditionFailed"))
            #expect(same.text.contains("<Condition>If-None-Match</Condition>"))
            #expect(try await s3.send("PUT", "/bkt/k", ["if-none-match": etag], body: [3]).status == 200)
            #expect(try await s3.send("PUT", "/bkt/new", ["if-none-match": etag], body: [3]).status == 200)
            #expect(try await s3.send("PUT", "/bkt/k", ["if-none-match": "\(etag), \"0\""], body: [6]).code == "NotImplemented")
            #expect(try await s3.send("GET", "/bkt/k").body == [3])
            #expect(try await s3.send("DELETE", "/bkt/k", ["if-match": "\"0\""]).status == 412)
            #expect(try await s3.send("DELETE", "/bkt/k", ["x-amz-if-match-size": "2"]).status == 412)
            // What is not there does not match, but has no other size than was asked for.
            #expect(try await s3.send("DELETE", "/bkt/none", ["if-match": "*"]).code == "NoSuchKey")
            #expect(try await s3.send("DELETE", "/bkt/none", ["x-amz-if-match-size": "2"]).status == 204)
            #expect(try await s3.send("DELETE", "/bkt/k", ["x-amz-if-match-size": "1"]).status == 204)
            #expect(try await s3.send("GET", "/bkt/k").status == 404)
        }
    }

    @Test(arguments: [
        ("deflate, gzip", "deflate, gzip"), ("gzip, aws-chunked", "gzip"), ("aws-chunked, gzip", "gzip"), ("aws-chunked", nil),
    ])
    func contentEncodings(written: String, kept: String?) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            #expect(try await s3.send("PUT", "/bkt/k", ["content-encoding": written], body: [1]).status == 200)
            #expect(try await s3.send("GET", "/bkt/k").fields["content-encoding"] == kept)
        }
    }

    @Test(arguments: [1, 40_000])
    func oneOfManyConcurrentWritersWins(size: Int) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            for round in 0..<5 {
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for writer in 0..<16 {
                        group.addTask {
                            try await s3.send(
                                "PUT", "/bkt/r\(round)", ["if-none-match": "*"],
                                body: [UInt8](repeating: UInt8(writer), count: size)).status
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses.filter { $0 == 200 }.count == 1)
                #expect(statuses.filter { $0 == 412 }.count == 15)
            }
            await s3.server.executor.run {}
            let kept = try s3.files().filter { $0.hasPrefix("data/") }
            #expect(kept.count <= (size > 16_384 ? 5 : 0) + 4)
        }
    }

    @Test func unsignedChunksWithTrailer() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let data = pattern(150_000)
            func send(_ sum: [UInt8]) async throws -> S3Harness.Answer {
                var body: [UInt8] = []
                for start in stride(from: 0, to: data.count, by: 65_536) {
                    let chunk = data[start..<min(data.count, start + 65_536)]
                    body += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8)
                }
                body += Array("0\r\nx-amz-checksum-crc32:\(Base64.encode(sum))\r\n\r\n".utf8)
                return try await s3.send(
                    "PUT", "/bkt/k",
                    [
                        "content-encoding": "aws-chunked", "x-amz-decoded-content-length": "150000",
                        "x-amz-trailer": "x-amz-checksum-crc32",
                    ], body: body, payload: .streamingUnsignedTrailer, pieces: 9_999)
            }
            let wrong = try await send([0, 0, 0, 1])
            #expect((wrong.status, wrong.code) == (400, "BadDigest"))
            let sum = ChecksumAlgorithm.crc32.checksum(of: data)
            let right = try await send(sum)
            #expect(right.status == 200)
            #expect(right.fields["x-amz-checksum-crc32"] == Base64.encode(sum))
            let get = try await s3.send("GET", "/bkt/k")
            #expect(get.body == data)
            #expect(get.fields["content-encoding"] == nil)
        }
    }

    /// More at once than there are threads, each of which needs a second one for a while.
    @Test func manyLargeBodiesAtOnce() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        let data = pattern(700_000 + number, seed: UInt64(number))
                        let put = try await s3.send(
                            "PUT", "/bkt/\(number)", ["content-md5": contentMD5(data)], body: data, pieces: 50_000 + number)
                        #expect(put.status == 200)
                        #expect(try await s3.send("GET", "/bkt/\(number)").body == data)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func brokenFramingAfterManyBytesLeavesNothing() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let chunk = Array("100000\r\n".utf8) + pattern(1 << 20) + Array("\r\n".utf8)
            let answer = try await s3.send(
                "PUT", "/bkt/k",
                ["content-encoding": "aws-chunked", "x-amz-decoded-content-length": String(3 << 20)],
                body: chunk + chunk + Array("nonsense".utf8) + chunk, payload: .streamingUnsignedTrailer)
            #expect(answer.status == 400)
            #expect(try await s3.send("GET", "/bkt/k").code == "NoSuchKey")
            // The file goes soon, on a thread of the server's.
            while try !s3.files().isEmpty { await Task.yield() }
        }
    }

    @Test func copies() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            for size in [6, 30_000] {
                let data = pattern(size)
                _ = try await s3.send("PUT", "/bkt/src", ["x-amz-meta-m": "1", "x-amz-tagging": "t=v"], body: data)
                let copy = try await s3.send("PUT", "/bkt/dst", ["x-amz-copy-source": "/bkt/src"])
                #expect((copy.status, copy.xml.name) == (200, "CopyObjectResult"))
                let get = try await s3.send("GET", "/bkt/dst")
                #expect((get.body, get.fields["x-amz-meta-m"], get.fields["x-amz-tagging-count"]) == (data, "1", "1"))
                _ = try await s3.send(
                    "PUT", "/bkt/dst",
                    ["x-amz-copy-source": "bkt/src", "x-amz-metadata-directive": "REPLACE", "x-amz-meta-m": "2"])
                #expect(try await s3.send("HEAD", "/bkt/dst").fields["x-amz-meta-m"] == "2")
                #expect(
                    try await s3.send(
                        "PUT", "/bkt/x", ["x-amz-copy-source": "bkt/src", "x-amz-copy-source-if-match": "\"0\""]).status == 412)
                #expect(
                    try await s3.send("PUT", "/bkt/dst", ["x-amz-copy-source": "bkt/src", "if-none-match": "*"]).status == 412)
                let missing = try await s3.send("PUT", "/bkt/x", ["x-amz-copy-source": "bkt/nope"])
                #expect((missing.status, missing.code) == (404, "NoSuchKey"))
                let itself = try await s3.send("PUT", "/bkt/src", ["x-amz-copy-source": "bkt/src"])
                #expect((itself.status, itself.code) == (400, "InvalidRequest"))
                // The copy outlives its source.
                _ = try await s3.send("DELETE", "/bkt/src")
                while try await s3.server.collectGarbage() > 0 {}
                #expect(try await s3.send("GET", "/bkt/dst").body == data)
            }
        }
    }

    @Test func multiDelete() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            for key in ["d1", "d2"] { _ = try await s3.send("PUT", "/bkt/\(key)", body: [1]) }
            func delete(_ xml: String, md5: Bool = true) async throws -> S3Harness.Answer {
                let body = Array(xml.utf8)
                let digest = Base64.encode(Array(Insecure.MD5.hash(data: body)))
                return try await s3.send("POST", "/bkt", query: "delete", md5 ? ["content-md5": digest] : [:], body: body)
            }
            #expect(try await delete("<Delete><Object><Key>d1</Key></Object></Delete>", md5: false).code == "InvalidRequest")
            let both = try await delete(
                "<Delete><Object><Key>d1</Key></Object><Object><Key>d3</Key></Object></Delete>")
            #expect((both.status, both.all("Key")) == (200, ["d1", "d3"]))
            let guarded = try await delete(
                "<Delete><Quiet>true</Quiet><Object><Key>d2</Key><ETag>0</ETag></Object></Delete>")
            #expect(guarded.all("Code") == ["PreconditionFailed"])
            #expect(try await s3.send("GET", "/bkt/d2").status == 200)
            #expect(try await delete("<Delete></Delete>").code == "MalformedXML")
            #expect(try await delete("<Delete").code == "MalformedXML")
        }
    }

    @Test func tagsAndAttributes() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            _ = try await s3.send("PUT", "/bkt/k", ["x-amz-tagging": "a=1&b=2%203"], body: [1, 2, 3])
            let tags = try await s3.send("GET", "/bkt/k", query: "tagging")
            #expect((tags.all("Key"), tags.all("Value")) == (["a", "b"], ["1", "2 3"]))
            let xml = "<Tagging><TagSet><Tag><Key>z</Key><Value/></Tag></TagSet></Tagging>"
            #expect(try await s3.send("PUT", "/bkt/k", query: "tagging", body: Array(xml.utf8)).status == 200)
            #expect(try await s3.send("GET", "/bkt/k", query: "tagging").all("Key") == ["z"])
            #expect(try await s3.send("DELETE", "/bkt/k", query: "tagging").status == 204)
            #expect(try await s3.send("GET", "/bkt/k", query: "tagging").all("Key") == [])
            let attributes = try await s3.send(
                "GET", "/bkt/k", query: "attributes", ["x-amz-object-attributes": "ETag,ObjectSize"])
            #expect(attributes.xml["ObjectSize"]?.text == "3")
            for key in ["aws:x", "a;b", "a*", "a\nb"] {
                let xml = "<Tagging><TagSet><Tag><Key>\(key)</Key><Value/></Tag></TagSet></Tagging>"
                #expect(try await s3.send("PUT", "/bkt/k", query: "tagging", body: Array(xml.utf8)).code == "InvalidTag")
            }
            let odd = "<Tagging><TagSet><Tag><Key>größe +-=._:/@ 1</Key><Value>é</Value></Tag></TagSet></Tagging>"
            #expect(try await s3.send("PUT", "/bkt/k", query: "tagging", body: Array(odd.utf8)).status == 200)
        }
    }

    @Test func whatIsMissingIsRefusedByName() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            #expect(try await s3.send("PUT", "/bkt", query: "requestPayment", body: Array("<bad/>".utf8)).status == 501)
            #expect(try await s3.send("PUT", "/bkt", query: "versioning", body: [1]).code == "MalformedXML")
            #expect(try await s3.send("GET", "/bkt/k", query: "retention").code == "NotImplemented")
            let encrypted = try await s3.send("PUT", "/bkt/k", ["x-amz-server-side-encryption": "aws:kms"])
            #expect(encrypted.xml["Message"]?.text.hasSuffix(": x-amz-server-side-encryption") == true)
            _ = try await s3.send("PUT", "/bkt/here", body: [1])
            let ownKey: HTTPFields = ["x-amz-server-side-encryption-customer-algorithm": "AES256"]
            #expect(try await s3.send("GET", "/bkt/here", ownKey).code == "InvalidRequest")
            #expect(try await s3.send("PUT", "/bkt/k", query: "partNumber=1&uploadId=x", ownKey).code == "NotImplemented")
            #expect(try await s3.send("PUT", "/bkt/k", ["x-amz-acl": "public-read"]).code == "AccessControlListNotSupported")
            #expect(try await s3.send("GET", "/bkt/k", query: "versionId=abc").code == "InvalidArgument")
            #expect(try await s3.send("PATCH", "/bkt/k").status == 405)
            #expect(try await s3.send("GET", "/bkt/%ff").code == "InvalidURI")
        }
    }
}
