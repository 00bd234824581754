import JSONModel

/// From what Glue answers to what it takes.
enum CatalogShapes {
    static func databaseInput(_ database: JSONObject) -> JSONObject {
        chosen(["Name", "Description", "LocationUri", "Parameters", "CreateTableDefaultPermissions", "TargetDatabase"], of: database)
    }

    static func tableInput(_ table: JSONObject) -> JSONObject {
        chosen(
            [
                "Name", "Description", "Owner", "LastAccessTime", "LastAnalyzedTime", "Retention", "StorageDescriptor",
                "PartitionKeys", "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters", "TargetTable",
            ], of: table)
    }

    static func partitionInput(_ partition: JSONObject) -> JSONObject {
        chosen(["Values", "LastAccessTime", "StorageDescriptor", "Parameters", "LastAnalyzedTime"], of: partition)
    }

    /// Without the name, as UpdateJob takes it. Of the ways to say how large a run is, only one may be given.
    static func jobUpdate(_ job: JSONObject) -> JSONObject {
        var update = job
        for name in ["Name", "CreatedOn", "LastModifiedOn", "JobMode", "ProfileName"] { update[name] = nil }
        if update["WorkerType"] != nil { update["MaxCapacity"] = nil }
        if update["WorkerType"] != nil || update["MaxCapacity"] != nil { update["AllocatedCapacity"] = nil }
        return update
    }

    /// What GetJob shows where CreateJob said nothing.
    static func withJobDefaults(_ update: JSONObject) -> JSONObject {
        var update = update
        if update["ExecutionProperty"]?["MaxConcurrentRuns"] == nil { update["ExecutionProperty"] = ["MaxConcurrentRuns": 1] }
        return update
    }

    private static func chosen(_ members: [String], of object: JSONObject) -> JSONObject {
        JSONObject(members.compactMap { member in object[member].map { (member, $0) } })
    }

    /// Whether two definitions say the same: an absent member is the same as an empty, zero or false one.
    static func mean(_ a: JSONValue, _ b: JSONValue) -> Bool {
        switch (a, b) {
        case (.object(let a), .object(let b)):
            return Set(a.keys).union(b.keys).allSatisfy { key in
                switch (a[key], b[key]) {
                case (let a?, let b?): mean(a, b)
                case (let one?, nil), (nil, let one?): isNothing(one)
                case (nil, nil): true
                }
            }
        case (.array(let a), .array(let b)):
            return a.count == b.count && zip(a, b).allSatisfy { mean($0, $1) }
        case (.number(let x), .number(let y)):
            return x == y || x.double == y.double
        default:
            return a == b || (isNothing(a) && isNothing(b))
        }
    }

    private static func isNothing(_ value: JSONValue) -> Bool {
        switch value {
        case .null: true
        case .bool(let value): !value
        case .number(let number): number.double == 0
        case .string(let text): text.isEmpty
        case .array(let elements): elements.isEmpty
        case .object(let object): object.values.allSatisfy(isNothing)
        }
    }
}
