package import Columnar
import JSONModel

/// The rows of checkpoints: one action a row, in the column of its name. Source: PROTOCOL.md, "Checkpoint Schema".
package enum CheckpointContents {
    private static let textMap = DataType.map(key: .string, value: .string, valueContainsNull: true)
    private static let textList = DataType.array(element: .string, containsNull: true)
    private static let deletionVector = structure([
        ("storageType", .string), ("pathOrInlineDv", .string), ("offset", .int), ("sizeInBytes", .int), ("cardinality", .long),
    ])

    /// The columns read from checkpoints of every kind; files may lack some.
    package static let schema = StructType([
        StructField("txn", structure([("appId", .string), ("version", .long), ("lastUpdated", .long)])),
        StructField(
            "add",
            structure([
                ("path", .string), ("partitionValues", textMap), ("size", .long), ("modificationTime", .long),
                ("dataChange", .boolean), ("stats", .string), ("tags", textMap), ("deletionVector", deletionVector),
                ("baseRowId", .long), ("defaultRowCommitVersion", .long), ("clusteringProvider", .string),
            ])),
        StructField(
            "remove",
            structure([
                ("path", .string), ("deletionTimestamp", .long), ("dataChange", .boolean),
                ("extendedFileMetadata", .boolean), ("partitionValues", textMap), ("size", .long),
                ("deletionVector", deletionVector), ("baseRowId", .long), ("defaultRowCommitVersion", .long),
            ])),
        StructField(
            "metaData",
            structure([
                ("id", .string), ("name", .string), ("description", .string),
                ("format", structure([("provider", .string), ("options", textMap)])), ("schemaString", .string),
                ("partitionColumns", textList), ("configuration", textMap), ("createdTime", .long),
            ])),
        StructField(
            "protocol",
            structure([
                ("minReaderVersion", .int), ("minWriterVersion", .int), ("readerFeatures", textList),
                ("writerFeatures", textList),
            ])),
        StructField("domainMetadata", structure([("domain", .string), ("configuration", .string), ("removed", .boolean)])),
        StructField("sidecar", sidecar), StructField("checkpointMetadata", checkpointMetadata),
    ])

    /// The columns of a classic checkpoint.
    package static var classicSchema: StructType {
        StructType(schema.fields.filter { $0.name != "sidecar" && $0.name != "checkpointMetadata" })
    }

    private static let sidecar = structure([
        ("path", .string), ("sizeInBytes", .long), ("modificationTime", .long), ("tags", textMap),
    ])
    private static let checkpointMetadata = structure([("version", .long), ("tags", textMap)])

    private static func structure(_ fields: [(String, DataType)]) -> DataType {
        .structure(StructType(fields.map { StructField($0.0, $0.1) }))
    }

    /// The actions of a classic checkpoint.
    ///
    /// - Parameter now: milliseconds since 1970; tombstones older than the table's retention are left out.
    package static func actions(of snapshot: Snapshot, now: Int64) -> [Action] {
        var actions: [Action] = [.protocol(snapshot.tableProtocol), .metadata(snapshot.metadata)]
        actions += snapshot.transactions.values.sorted { $0.appId < $1.appId }.map(Action.transaction)
        actions += snapshot.domains.values.sorted { $0.domain < $1.domain }.map(Action.domainMetadata)
        let retention = intervalMilliseconds(
            snapshot.metadata.configuration["delta.deletedFileRetentionDuration"] ?? "interval 1 week")
        for remove in snapshot.tombstones where (remove.deletionTimestamp ?? 0) > now - (retention ?? 604_800_000) {
            var remove = remove
            remove.dataChange = false
            actions.append(.remove(remove))
        }
        for file in snapshot.files {
            var file = file
            file.dataChange = false
            actions.append(.add(file))
        }
        return actions
    }

    /// The row of an action, in the columns of `schema`.
    package static func row(of action: Action, schema: StructType) -> [Scalar] {
        let json = action.json
        return schema.fields.map { field in json[field.name].map { scalar($0, field.dataType) } ?? .null }
    }

    /// The action of a row; nil for one without a known action.
    package static func action(row: [Scalar], schema: StructType) throws(DeltaError) -> Action? {
        for (value, field) in zip(row, schema.fields) where !value.isNull {
            if let action = try Action(json: JSONObject([(field.name, json(value, field.dataType))])) { return action }
        }
        return nil
    }

    private static func scalar(_ json: JSONValue, _ type: DataType) -> Scalar {
        switch type {
        case .string: json.string.map(Scalar.string) ?? .null
        case .boolean: json.bool.map(Scalar.bool) ?? .null
        case .int: json.int64.flatMap { Int32(exactly: $0) }.map(Scalar.int32) ?? .null
        case .long: json.int64.map(Scalar.int64) ?? .null
        case .array(let element, _): json.array.map { .array($0.map { scalar($0, element) }) } ?? .null
        case .map(_, let value, _):
            json.object.map { .map($0.map { ScalarEntry(.string($0.key), scalar($0.value, value)) }) } ?? .null
        case .structure(let type):
            json.object.map { object in
                .structure(type.fields.map { field in object[field.name].map { scalar($0, field.dataType) } ?? .null })
            } ?? .null
        default: .null
        }
    }

    private static func json(_ value: Scalar, _ type: DataType) -> JSONValue {
        switch (value, type) {
        case (.string(let x), _): return .string(x)
        case (.bool(let x), _): return .bool(x)
        case (.int32(let x), _): return .number(JSONNumber(Int64(x)))
        case (.int64(let x), _): return .number(JSONNumber(x))
        case (.array(let list), .array(let element, _)): return .array(list.map { json($0, element) })
        case (.map(let entries), .map(_, let type, _)):
            return .object(JSONObject(entries.map { ($0.key.stringValue ?? "", json($0.value, type)) }))
        case (.structure(let members), .structure(let type)):
            var object: JSONObject = [:]
            for (member, field) in zip(members, type.fields) where !member.isNull {
                object[field.name] = json(member, field.dataType)
            }
            return .object(object)
        default: return .null
        }
    }
}

/// Milliseconds of Spark's `interval 30 days`; nil for another text, and for months and years, whose length varies.
package func intervalMilliseconds(_ text: String) -> Int64? {
    var words = text.lowercased().split(separator: " ")
    if words.first == "interval" { words.removeFirst() }
    guard !words.isEmpty, words.count.isMultiple(of: 2) else { return nil }
    let units: [Substring: Int64] = [
        "millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 604_800_000,
    ]
    var total: Int64 = 0
    for index in stride(from: 0, to: words.count, by: 2) {
        let unit = words[index + 1].hasSuffix("s") ? words[index + 1].dropLast() : words[index + 1]
        guard let count = Int64(words[index]), let length = units[unit] else { return nil }
        let (part, overflow) = count.multipliedReportingOverflow(by: length)
        let (sum, overflowed) = total.addingReportingOverflow(part)
        if overflow || overflowed { return nil }
        total = sum
    }
    return total
}
