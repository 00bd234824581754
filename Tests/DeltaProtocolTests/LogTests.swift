import Columnar
import DeltaProtocol
import JSONModel
import Testing

@Suite struct LogTests {
    @Test func choosesTheFilesOfAVersion() throws {
        let names = (0...12).map { LogFile.commitName($0) } + [LogFile.checkpointName(10), "_last_checkpoint", "x.tmp"]
        let latest = try LogSegment(names: names)
        #expect(latest.version == 12 && latest.checkpointVersion == 10 && latest.commits.map(\.version) == [11, 12])
        let old = try LogSegment(names: names, version: 3)
        #expect(old.checkpointVersion == nil && old.commits.count == 4)
        let gap = #expect(throws: DeltaError.self) { try LogSegment(names: names.filter { $0 != LogFile.commitName(11) }) }
        #expect(gap?.code == .versionsNotContiguous)
    }

    @Test func removesBeforeAddsAndKeepsVectorsApart() throws {
        let lines = """
            {"protocol":{"minReaderVersion":1,"minWriterVersion":2}}
            {"metaData":{"id":"i","format":{"provider":"parquet","options":{}},"schemaString":"{\\"type\\":\\"struct\\",\\"fields\\":[]}","partitionColumns":[],"configuration":{}}}
            {"add":{"path":"a%20b","partitionValues":{"p":null},"size":1,"modificationTime":2,"dataChange":true}}
            """
        var replay = LogReplay()
        let actions = try Action.parse(lines: Array(lines.utf8), file: "0")
        try replay.apply(actions)
        #expect(try Action.parse(lines: Array(actions.map(\.line).joined(separator: "\n").utf8), file: "0") == actions)
        let second = """
            {"add":{"path":"a%20b","partitionValues":{},"size":1,"modificationTime":2,"dataChange":true,"deletionVector":{"storageType":"i","pathOrInlineDv":"x","sizeInBytes":1,"cardinality":1}}}
            {"remove":{"path":"a%20b","deletionTimestamp":5,"dataChange":true}}
            """
        try replay.apply(try Action.parse(lines: Array(second.utf8), file: "1"))
        let snapshot = try replay.snapshot(version: 1)
        #expect(snapshot.files.map(\.key.deletionVectorID) == ["ix"])
        #expect(snapshot.tombstones.map(\.key.path) == ["a b"])
        let contents = CheckpointContents.actions(of: snapshot, now: 5)
        let schema = CheckpointContents.schema
        #expect(try contents.map { try CheckpointContents.action(row: CheckpointContents.row(of: $0, schema: schema), schema: schema) } == contents)
    }

    @Test func encodesPartitionValues() throws {
        let cases: [(Scalar, DataType, String?)] = [
            (.timestamp(1_500_000), .timestamp, "1970-01-01T00:00:01.500000Z"), (.timestamp(0), .timestampNTZ, "1970-01-01 00:00:00"),
            (.date(-1), .date, "1969-12-31"), (.decimal(-5, scale: 2), .decimal(precision: 5, scale: 2), "-0.05"),
            (.string("é"), .string, "é"), (.null, .string, nil), (.bool(true), .boolean, "true"), (.double(.nan), .double, "NaN"),
        ]
        for (value, type, text) in cases {
            #expect(try partitionText(value, type) == text)
            #expect(try partitionValue(text, type) == value)
        }
        #expect(try partitionText(.string(""), .string) == nil)
        #expect(throws: DeltaError.self) { try partitionValue("x", .int) }
    }

    @Test func encodesPaths() {
        #expect(partitionDirectory(column: "p", value: "a b/c:%") == "p=a%20b%2Fc%3A%25")
        #expect(encodedPath("p=a%20b/x.parquet") == "p=a%2520b/x.parquet")
        #expect(decodedPath(encodedPath("ä:%#?")) == "ä:%#?")
        #expect(isAbsolutePath("s3://b/k") && isAbsolutePath("/x") && !isAbsolutePath("a/b"))
    }

    @Test func refusesUnknownFeatures() throws {
        let p = Protocol(minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ["future"], writerFeatures: ["future"])
        let error = #expect(throws: DeltaError.self) { try TableFeatures.checkReadable(p) }
        #expect(error?.code == .unsupportedFeatureForRead && error?.message.contains("future") == true)
    }

    @Test func findsConflicts() throws {
        let add = AddFile(path: "a", partitionValues: [:], size: 1, modificationTime: 1, dataChange: true)
        let append = TransactionIntent(readsWholeTable: false, appId: "me")
        try append.check(against: [.add(add)], version: 1)
        #expect(throws: DeltaError.self) { try append.check(against: [.protocol(Protocol(minReaderVersion: 1, minWriterVersion: 2))], version: 1) }
        #expect(throws: DeltaError.self) {
            try append.check(against: [.transaction(SetTransaction(appId: "me", version: 0, lastUpdated: nil))], version: 1)
        }
        let overwrite = TransactionIntent(readsWholeTable: true, removedFiles: [add.key])
        let code = { (action: Action) in (#expect(throws: DeltaError.self) { try overwrite.check(against: [action], version: 1) })?.code }
        #expect(code(.add(add)) == .concurrentAppend)
        #expect(code(.remove(add.removed(at: 1, dataChange: true))) == .concurrentDeleteDelete)
    }
}
