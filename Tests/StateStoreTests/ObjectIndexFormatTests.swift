import StateStore
import Support
import Testing

#if canImport(Glibc)
import Glibc
#endif

@Suite struct ObjectIndexFormatTests {
    /// A store of the first release, which knew neither versions nor configurations of buckets.
    @Test func theFirstFormatIsTakenOver() async throws {
        let path = "/tmp/millrace-index-\(randomUUIDText()).sqlite"
        defer { for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) } }
        let old = try SQLiteStateStore(path: path, migrations: [.objectIndex])
        try await old.execute(
            """
            INSERT INTO object_bucket (name, account, region, created_ms) VALUES ('bkt', '123456789012', 'us-east-1', 7);
            INSERT INTO object (bucket, key, size, etag, modified_ms, attributes, content_form, data) VALUES
                ('bkt', x'61', 3, 'e1', 1000, '{"f":[["content-type","a/b"]],"t":[["k","v"]]}', 0, x'010203'),
                ('bkt', x'62', 4, 'e2', 2000, NULL, 1,
                 x'000102030405060708090a0b0c0d0e0f00000000000000040000');
            INSERT INTO object_file (id, is_garbage) VALUES ('000102030405060708090a0b0c0d0e0f', 0);
            """)
        try await old.close()

        let index = try SQLiteStateStore(path: path, migrations: StateStoreSchema.objects)
        let bucket = try #require(try await index.buckets().first)
        #expect((bucket.versioning, bucket.documents) == (.never, [:]))
        let small = try #require(try await index.object(ObjectKey("a"), version: nil, in: "bkt"))
        #expect(small.content == .inline([1, 2, 3]))
        #expect(small.attributes.tags == [ObjectTag("k", "v")])
        #expect(small.version == .null)
        #expect(try await index.newObjects(after: 0, limit: 9).map(\.object.key) == [ObjectKey("a"), ObjectKey("b")])

        // Its objects become the version null of a bucket with versioning.
        #expect(try await index.changeBucket("bkt", .versioning(.enabled)))
        let version = ObjectVersion.random()
        let record = ObjectRecord(
            bucket: "bkt", key: ObjectKey("b"), size: 1, etag: "e3", modifiedAt: Timestamp(millisecondsSince1970: 3000),
            attributes: ObjectAttributes(), content: .inline([9]), version: version)
        #expect(try await index.putObject(record, condition: .ifMatch("e2")) == .done)
        let page = try await index.listVersions(VersionListQuery(bucket: "bkt", limit: 10))
        let listed = page.items.map { item -> [String] in
            guard case .version(let summary) = item else { return [] }
            return [summary.object.key.description, summary.version.description, String(summary.isLatest)]
        }
        #expect(listed == [["a", "null", "true"], ["b", version.description, "true"], ["b", "null", "false"]])
        #expect(try await index.garbage(limit: 9).isEmpty)
        let removed = try await index.removeObjects(
            [ObjectRemoval(key: ObjectKey("b"), version: .null)], from: "bkt", at: Timestamp(millisecondsSince1970: 4000))
        #expect(removed.map(\.outcome) == [.done])
        #expect(try await index.garbage(limit: 9).count == 1)
        try await index.close()

        // What this release writes, an older one does not take for its own.
        #expect(throws: StateStoreError.self) { _ = try SQLiteStateStore(path: path, migrations: [.objectIndex]) }
    }

    /// Listing the versions reads both tables by their indexes and sorts nothing.
    @Test func versionsAreListedInTheOrderOfIndexes() throws {
        let connection = try SQLiteConnection(path: ":memory:")
        for step in StateStoreSchema.objects { try connection.execute(step.sql) }
        let plan = try connection.statement(
            """
            EXPLAIN QUERY PLAN
            SELECT key, version, size, etag, modified_ms, content_form, id FROM object WHERE bucket = 'b' AND key > x'61'
            UNION ALL
            SELECT key, version, size, etag, modified_ms, content_form, id FROM object_version
            WHERE bucket = 'b' AND key > x'61' ORDER BY key, id DESC
            """
        ).all { try $0[3] as String }
        #expect(plan.contains { $0.contains("object_version_by_age") }, "\(plan)")
        #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
    }
}
