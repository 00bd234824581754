import AWSProtocol
import ObjectServer
import Support
import Testing

@Suite struct S3BucketTests {
    @Test func bucketsComeAndGo() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            #expect(try await s3.send("HEAD", "/bkt").fields["x-amz-bucket-region"] == "us-east-1")
            #expect(try await s3.send("HEAD", "/none").status == 404)
            #expect(try await s3.send("PUT", "/bkt").status == 200)
            #expect(try await s3.send("PUT", "/Bad_Name").code == "InvalidBucketName")
            #expect(try await s3.send("GET", "/").all("Name") == ["bkt"])
            #expect(try await s3.send("GET", "/bkt", query: "location").xml.name == "LocationConstraint")
            _ = try await s3.send("PUT", "/bkt/k", body: [1])
            let full = try await s3.send("DELETE", "/bkt")
            #expect((full.status, full.code) == (409, "BucketNotEmpty"))
            _ = try await s3.send("DELETE", "/bkt/k")
            #expect(try await s3.send("DELETE", "/bkt").status == 204)
            #expect(try await s3.send("DELETE", "/bkt").code == "NoSuchBucket")
            #expect(try await s3.send("PUT", "/bkt/k", body: [1]).code == "NoSuchBucket")
            #expect(try await s3.send("GET", "/bkt", query: "list-type=2").code == "NoSuchBucket")
        }
    }

    @Test func regionsAreChecked() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let wrong = try await s3.send("GET", "/bkt", query: "list-type=2", region: "xx-nowhere-9")
            #expect((wrong.status, wrong.code) == (400, "AuthorizationHeaderMalformed"))
            #expect(wrong.xml["Region"]?.text == "us-east-1")
            let xml = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"
            #expect(try await s3.send("PUT", "/euro", body: Array(xml.utf8), region: "eu-west-1").status == 200)
            #expect(try await s3.send("GET", "/euro", query: "location").xml.text == "eu-west-1")
            #expect(try await s3.send("PUT", "/euro", body: Array(xml.utf8), region: "eu-west-1").code == "BucketAlreadyOwnedByYou")
        }
    }

    @Test func virtualHostsAddressBuckets() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            _ = try await s3.send("PUT", "/bkt/vh", body: Array("vhost".utf8))
            for host in ["bkt.127.0.0.1:9400", "bkt.localhost", "bkt.s3.us-east-1.amazonaws.com"] {
                #expect(try await s3.send("GET", "/vh", ["host": host]).text == "vhost")
            }
            #expect(try await s3.send("GET", "/bkt/vh", ["host": "my.machine.example:9400"]).text == "vhost")
        }
    }

    @Test func absentConfigurationsAreNamed() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            #expect(try await s3.send("GET", "/bkt", query: "policy").code == "NoSuchBucketPolicy")
            #expect(try await s3.send("GET", "/bkt", query: "versioning").xml.name == "VersioningConfiguration")
            #expect(try await s3.send("GET", "/bkt", query: "acl").all("Permission") == ["FULL_CONTROL"])
            for list in ["analytics", "intelligent-tiering", "inventory", "metrics"] {
                #expect(try await s3.send("GET", "/bkt", query: list).all("IsTruncated") == ["false"])
                #expect(try await s3.send("GET", "/bkt", query: "\(list)&id=a").code == "NoSuchConfiguration")
                #expect(try await s3.send("PUT", "/bkt", query: "\(list)&id=a").code == "NotImplemented")
            }
            #expect(try await s3.send("DELETE", "/bkt", query: "lifecycle").status == 204)
            #expect(try await s3.send("PUT", "/bkt", query: "lifecycle").code == "NotImplemented")
        }
    }

    private static let keys = [
        "l/a", "l/a!", "l/a/1", "l/a/2", "l/a0", "l/b/1", "l/b/c/2", "l/z", "l/é", "l/\u{ffee}", "l/\u{10000}",
    ]

    private func withKeys(_ body: (S3Harness) async throws -> Void) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            for key in Self.keys {
                let path = "/bkt/" + PercentEncoding.encode(key, keepingSlashes: true)
                #expect(try await s3.send("PUT", path, body: [1]).status == 200)
            }
            try await body(s3)
        }
    }

    @Test func listingVersionTwo() async throws {
        try await withKeys { (s3: S3Harness) async throws -> Void in
            func list(_ query: String) async throws -> S3Harness.Answer {
                try await s3.send("GET", "/bkt", query: "list-type=2&\(query)")
            }
            #expect(try await list("prefix=l/").all("Key") == Self.keys)
            let grouped = try await list("prefix=l%2F&delimiter=%2F")
            #expect(grouped.all("Prefix") == ["l/", "l/a/", "l/b/"])
            #expect(grouped.xml["KeyCount"]?.text == "9")
            #expect(try await list("prefix=l/&start-after=l/a0").all("Key") == Array(Self.keys[5...]))
            #expect(try await list("prefix=l/b&start-after=l/a").all("Key") == ["l/b/1", "l/b/c/2"])
            let none = try await list("max-keys=0")
            #expect((none.status, none.xml["IsTruncated"]?.text) == (200, "false"))
            #expect(try await list("prefix=l/%C3%A9&encoding-type=url").all("Key") == ["l/%C3%A9"])
            #expect(try await list("max-keys=5000").status == 200)
            #expect(try await list("max-keys=-1").code == "InvalidArgument")
            #expect(try await list("continuation-token=zz").code == "InvalidArgument")
        }
    }

    @Test(arguments: 1...9)
    func pagesJoinToTheWhole(size: Int) async throws {
        try await withKeys { (s3: S3Harness) async throws -> Void in
            var token = ""
            var seen: [String] = []
            var pages = 0
            repeat {
                let page = try await s3.send(
                    "GET", "/bkt", query: "list-type=2&prefix=l/&delimiter=/&max-keys=\(size)\(token)")
                seen += page.all("Key") + page.all("Prefix").filter { $0 != "l/" }
                pages += 1
                token = page.xml["NextContinuationToken"].map { "&continuation-token=\(PercentEncoding.encode($0.text))" } ?? ""
                #expect((token == "") == (page.xml["IsTruncated"]?.text == "false"))
            } while !token.isEmpty && pages < 20
            #expect(pages == (9 + size - 1) / size)
            #expect(Set(seen) == Set(Self.keys.filter { $0.utf8.filter { $0 == 47 }.count == 1 } + ["l/a/", "l/b/"]))
            #expect(seen.count == 9)
        }
    }

    @Test func listingVersionOneAndVersions() async throws {
        try await withKeys { (s3: S3Harness) async throws -> Void in
            let first = try await s3.send("GET", "/bkt", query: "prefix=l/&delimiter=/&max-keys=3")
            #expect(first.xml["NextMarker"]?.text == "l/a/")
            let second = try await s3.send("GET", "/bkt", query: "prefix=l/&delimiter=/&max-keys=3&marker=l/a/")
            #expect(second.all("Key") == ["l/a0", "l/z"])
            let versions = try await s3.send("GET", "/bkt", query: "versions&prefix=l/b")
            #expect((versions.all("VersionId"), versions.all("Key")) == (["null", "null"], ["l/b/1", "l/b/c/2"]))
        }
    }

    @Test func listingsTellWhatHeadTells() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            // Names and values that look like what is stored next to them.
            let odd: HTTPFields = ["x-amz-meta-a": #""c":["SHA1","x-1"]"#, "x-amz-meta-b": "\"x-amz-storage-class\""]
            _ = try await s3.send("PUT", "/bkt/a", odd, body: [1])
            let sum = Base64.encode(ChecksumAlgorithm.sha256.checksum(of: [2]))
            _ = try await s3.send(
                "PUT", "/bkt/b", ["x-amz-storage-class": "STANDARD_IA", "x-amz-checksum-sha256": sum], body: [2])
            for query in ["list-type=2", "", "versions"] {
                let listed = try await s3.send("GET", "/bkt", query: query)
                #expect(listed.all("StorageClass") == ["STANDARD", "STANDARD_IA"])
                #expect(listed.all("ChecksumAlgorithm") == ["CRC64NVME", "SHA256"])
                #expect(listed.all("ChecksumType") == ["FULL_OBJECT", "FULL_OBJECT"])
            }
            let id = try await s3.send(
                "POST", "/bkt/c", query: "uploads", ["x-amz-checksum-algorithm": "CRC32"]).xml["UploadId"]?.text ?? ""
            let part = try await s3.send("PUT", "/bkt/c", query: "partNumber=1&uploadId=\(id)", body: [3])
            let named = "<ETag>\(part.etag)</ETag><ChecksumCRC32>\(part.fields["x-amz-checksum-crc32"] ?? "")</ChecksumCRC32>"
            let xml = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>\(named)</Part></CompleteMultipartUpload>"
            #expect(try await s3.send("POST", "/bkt/c", query: "uploadId=\(id)", body: Array(xml.utf8)).status == 200)
            let listed = try await s3.send("GET", "/bkt", query: "list-type=2&prefix=c")
            #expect((listed.all("ChecksumAlgorithm"), listed.all("ChecksumType")) == (["CRC32"], ["COMPOSITE"]))
        }
    }
}
