import AWSProtocol
import ObjectServer
import StateStore
import Support
import Testing

@Suite struct S3VersionTests {
    private func setVersioning(_ s3: S3Harness, _ status: String) async throws {
        let xml = "<VersioningConfiguration><Status>\(status)</Status></VersioningConfiguration>"
        #expect(try await s3.send("PUT", "/bkt", query: "versioning", body: Array(xml.utf8)).status == 200)
        #expect(try await s3.send("GET", "/bkt", query: "versioning").xml["Status"]?.text == status)
    }

    /// Puts `text` and gives the version's id.
    private func put(_ s3: S3Harness, _ text: String, _ key: String = "k") async throws -> String {
        let answer = try await s3.send("PUT", "/bkt/\(key)", body: Array(text.utf8))
        #expect(answer.status == 200)
        return answer.fields["x-amz-version-id"] ?? "null"
    }

    private func get(_ s3: S3Harness, _ version: String, _ key: String = "k") async throws -> String {
        try await s3.send("GET", "/bkt/\(key)", query: "versionId=\(version)").text
    }

    /// Ids from the latest to the oldest.
    private func versions(_ s3: S3Harness, _ query: String = "") async throws -> [String] {
        try await s3.send("GET", "/bkt", query: "versions\(query)").all("VersionId")
    }

    @Test func eachPutMakesAVersion() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            _ = try await put(s3, "zero")
            try await setVersioning(s3, "Enabled")
            let one = try await put(s3, "one")
            let two = try await put(s3, String(repeating: "2", count: 40_000))
            #expect(try await versions(s3) == [two, one, "null"])
            #expect(try await get(s3, one) == "one")
            #expect(try await get(s3, "null") == "zero")
            let latest = try await s3.send("GET", "/bkt/k")
            #expect((latest.body.count, latest.fields["x-amz-version-id"]) == (40_000, two))
            #expect(try await s3.send("GET", "/bkt", query: "list-type=2").all("Key") == ["k"])
            #expect(try await s3.send("DELETE", "/bkt").code == "BucketNotEmpty")
            // The latest goes: the one before is the latest again, and the data's file is garbage.
            #expect(try await s3.send("DELETE", "/bkt/k", query: "versionId=\(two)").status == 204)
            #expect(try await s3.send("GET", "/bkt/k").text == "one")
            #expect(try await versions(s3) == [one, "null"])
            #expect(try await s3.server.collectGarbage() == 1)
            #expect(try await s3.send("GET", "/bkt/k", query: "versionId=\(two)").code == "NoSuchVersion")
            #expect(try await s3.send("GET", "/bkt/k", query: "versionId=xyz").code == "InvalidArgument")
        }
    }

    @Test func deleteMarkersHideAndAreRemoved() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            try await setVersioning(s3, "Enabled")
            let one = try await put(s3, "one")
            let deleted = try await s3.send("DELETE", "/bkt/k")
            #expect(deleted.fields["x-amz-delete-marker"] == "true")
            let marker = try #require(deleted.fields["x-amz-version-id"])
            let hidden = try await s3.send("GET", "/bkt/k")
            #expect((hidden.status, hidden.code) == (404, "NoSuchKey"))
            #expect(hidden.fields["x-amz-delete-marker"] == "true")
            let asked = try await s3.send("GET", "/bkt/k", query: "versionId=\(marker)")
            #expect((asked.status, asked.code) == (405, "MethodNotAllowed"))
            let copied = try await s3.send("PUT", "/bkt/copy", ["x-amz-copy-source": "bkt/k?versionId=\(marker)"])
            #expect((copied.status, copied.code) == (400, "InvalidRequest"))
            #expect(try await s3.send("GET", "/bkt", query: "list-type=2").all("Key") == [])
            let listed = try await s3.send("GET", "/bkt", query: "versions")
            #expect(listed.all("IsLatest") == ["true", "false"])
            #expect(listed.xml["DeleteMarker"]?["VersionId"]?.text == marker)
            #expect(listed.xml["Version"]?["VersionId"]?.text == one)
            // The object is absent, so that it may be created, and a condition on its ETag finds none.
            #expect(try await s3.send("PUT", "/bkt/k", ["if-match": "\"0\""], body: [1]).code == "NoSuchKey")
            let again = try await s3.send("PUT", "/bkt/k", ["if-none-match": "*"], body: Array("two".utf8))
            #expect(again.status == 200)
            let two = try #require(again.fields["x-amz-version-id"])
            #expect(try await versions(s3) == [two, marker, one])
            _ = try await s3.send("DELETE", "/bkt/k", query: "versionId=\(two)")
            #expect(try await s3.send("GET", "/bkt/k").status == 404)
            let undeleted = try await s3.send("DELETE", "/bkt/k", query: "versionId=\(marker)")
            #expect(undeleted.fields["x-amz-delete-marker"] == "true")
            #expect(try await s3.send("GET", "/bkt/k").text == "one")
        }
    }

    @Test func suspensionReplacesTheVersionNull() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            try await setVersioning(s3, "Enabled")
            let one = try await put(s3, "one")
            try await setVersioning(s3, "Suspended")
            #expect(try await put(s3, "null 1") == "null")
            #expect(try await put(s3, "null 2") == "null")
            #expect(try await versions(s3) == ["null", one])
            #expect(try await s3.send("GET", "/bkt/k").fields["x-amz-version-id"] == "null")
            let deleted = try await s3.send("DELETE", "/bkt/k")
            #expect(deleted.fields["x-amz-version-id"] == "null")
            #expect(try await versions(s3) == ["null", one])
            #expect(try await s3.send("GET", "/bkt/k").status == 404)
            try await setVersioning(s3, "Enabled")
            let two = try await put(s3, "two")
            #expect(try await versions(s3) == [two, "null", one])
            try await setVersioning(s3, "Suspended")
            // The marker null lies between two versions, and goes for the new null.
            _ = try await put(s3, "null 3")
            #expect(try await versions(s3) == ["null", two, one])
            #expect(try await get(s3, "null") == "null 3")
        }
    }

    @Test func pagesOfVersionsJoinToTheWhole() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            try await setVersioning(s3, "Enabled")
            for key in ["a/1", "a/2", "b", "b", "b", "c/x", "d", "d"] { _ = try await put(s3, key, key) }
            _ = try await s3.send("DELETE", "/bkt/b")
            let whole = try await versions(s3)
            #expect(whole.count == 9)
            for size in 1...10 {
                var seen: [String] = []
                var markers = ""
                for _ in 0..<20 {
                    let page = try await s3.send("GET", "/bkt", query: "versions&max-keys=\(size)\(markers)")
                    seen += page.all("VersionId")
                    guard page.xml["IsTruncated"]?.text == "true" else { break }
                    markers = "&key-marker=\(page.xml["NextKeyMarker"]?.text ?? "")"
                        + "&version-id-marker=\(page.xml["NextVersionIdMarker"]?.text ?? "")"
                }
                #expect(seen == whole, "\(size) a page")
            }
            let grouped = try await s3.send("GET", "/bkt", query: "versions&delimiter=/&max-keys=2")
            #expect(grouped.all("Prefix").filter { !$0.isEmpty } == ["a/"])
            #expect(grouped.xml["NextKeyMarker"]?.text == "b")
            // What has been removed since the page was given does not hide what comes after.
            let version = try #require(grouped.xml["NextVersionIdMarker"]?.text)
            _ = try await s3.send("DELETE", "/bkt/b", query: "versionId=\(version)")
            let rest = try await s3.send("GET", "/bkt", query: "versions&delimiter=/&key-marker=b&version-id-marker=\(version)")
            #expect(rest.all("Key") == ["b", "b", "b", "d", "d"])
        }
    }

    @Test func copiesTagsAndUploadsNameVersions() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            try await setVersioning(s3, "Enabled")
            let one = try await put(s3, "one")
            let two = try await put(s3, "two")
            let copy = try await s3.send("PUT", "/bkt/copy", ["x-amz-copy-source": "/bkt/k?versionId=\(one)"])
            #expect(copy.fields["x-amz-copy-source-version-id"] == one)
            #expect(copy.fields["x-amz-version-id"] != nil)
            #expect(try await s3.send("GET", "/bkt/copy").text == "one")
            // An older version over the latest: a restoration.
            #expect(try await s3.send("PUT", "/bkt/k", ["x-amz-copy-source": "/bkt/k?versionId=\(one)"]).status == 200)
            #expect(try await s3.send("GET", "/bkt/k").text == "one")
            let xml = Array("<Tagging><TagSet><Tag><Key>z</Key><Value>9</Value></Tag></TagSet></Tagging>".utf8)
            #expect(try await s3.send("PUT", "/bkt/k", query: "tagging&versionId=\(two)", body: xml).status == 200)
            #expect(try await s3.send("GET", "/bkt/k", query: "tagging&versionId=\(two)").all("Key") == ["z"])
            #expect(try await s3.send("GET", "/bkt/k", query: "tagging").all("Key") == [])
        }
    }

    @Test func multiDeleteRemovesVersionsAndTellsOfMarkers() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            try await setVersioning(s3, "Enabled")
            let one = try await put(s3, "one")
            let etag = try await s3.send("HEAD", "/bkt/k").etag
            let two = try await put(s3, "two")
            func delete(_ objects: String) async throws -> S3Harness.Answer {
                let body = Array("<Delete>\(objects)</Delete>".utf8)
                return try await s3.send("POST", "/bkt", query: "delete", ["content-md5": contentMD5(body)], body: body)
            }
            let refused = try await delete(
                "<Object><Key>k</Key><VersionId>\(two)</VersionId><ETag>\(etag)</ETag></Object>")
            #expect(refused.all("Code") == ["PreconditionFailed"])
            let removed = try await delete(
                "<Object><Key>k</Key><VersionId>\(one)</VersionId><ETag>\(etag)</ETag><Size>3</Size></Object>"
                    + "<Object><Key>k</Key></Object>")
            #expect(removed.all("VersionId") == [one])
            #expect(removed.all("DeleteMarker") == ["true"])
            let marker = try #require(removed.all("DeleteMarkerVersionId").first)
            #expect(try await versions(s3) == [marker, two])
            let last = try await delete(
                [marker, two, one].map { "<Object><Key>k</Key><VersionId>\($0)</VersionId></Object>" }.joined())
            #expect(last.all("VersionId") == [marker, two, one])
            #expect(try await s3.send("DELETE", "/bkt").status == 204)
        }
    }

    @Test func versionsSurviveARestart() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            try await setVersioning(s3, "Enabled")
            let one = try await put(s3, "one")
            _ = try await put(s3, "two")
            let second = try await S3Harness(directory: s3.directory)
            #expect(try await get(second, one) == "one")
            #expect(try await put(second, "three") != "null")
            #expect(try await versions(second).count == 3)
        }
    }

    @Test func newObjectsAreFedInOrder() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            for key in ["b", "a", "b", "c"] { _ = try await put(s3, key, key) }
            let first = try await s3.index.newObjects(after: 0, limit: 2)
            #expect(first.map(\.object.key.description) == ["a", "b"])
            let sequence = try #require(first.last?.sequence)
            #expect(try await s3.index.newObjects(after: sequence, limit: 10).map(\.object.key.description) == ["c"])
            let last = try #require(try await s3.index.newObjects(after: sequence, limit: 10).last?.sequence)
            _ = try await s3.send("DELETE", "/bkt/c")
            _ = try await put(s3, "x", "d")
            let next = try await s3.index.newObjects(after: last, limit: 10)
            #expect(next.map(\.object.key.description) == ["d"])
        }
    }
}
