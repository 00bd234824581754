import CatalogEngine
import GlueModel
import JSONModel
import ServiceKit
import StateStore

extension GlueService {
    private static func shape(_ members: [GlueShape.Member]) -> GlueShape {
        .input([GlueShape.databaseName, GlueShape.tableName] + members + GlueShape.unsupported)
    }

    private static let valueList = GlueShape.list(
        .structure([.init("Values", GlueShape.partitionValues, required: true)]), 0...1000)

    private static func values(_ value: JSONValue?) -> [String] { value?.array?.compactMap(\.string) ?? [] }

    static let partitionOperations: [String: Operation] = [
        "CreatePartition": Operation(
            shape: shape([.init("PartitionInput", .partitionInput, required: true)])
        ) { service, call in
            let outcomes = try await service.catalog.createPartitions(
                [call.object("PartitionInput")], of: call.text("TableName"), in: call.text("DatabaseName"),
                scope: call.scope)
            if let refusal = outcomes.first ?? nil { throw refusal }
            return [:]
        },
        "BatchCreatePartition": Operation(
            shape: shape([.init("PartitionInputList", .list(.partitionInput, 0...100), required: true)])
        ) { service, call in
            let inputs = call.input["PartitionInputList"]?.array?.compactMap(\.object) ?? []
            let outcomes = try await service.catalog.createPartitions(
                inputs, of: call.text("TableName"), in: call.text("DatabaseName"), scope: call.scope)
            return errors(zip(inputs.map { values($0["Values"]) }, outcomes), "PartitionValues")
        },
        "GetPartition": Operation(
            shape: shape([.init("PartitionValues", GlueShape.partitionValues, required: true)])
        ) { service, call in
            let found = try await service.catalog.partitions(
                [call.texts("PartitionValues")], of: call.text("TableName"), in: call.text("DatabaseName"),
                scope: call.scope)
            guard let partition = found.first else { throw GlueError.noPartition }
            return ["Partition": .object(partition)]
        },
        "BatchGetPartition": Operation(
            shape: shape([.init("PartitionsToGet", valueList, required: true)])
        ) { service, call in
            let wanted = call.input["PartitionsToGet"]?.array?.map { values($0["Values"]) } ?? []
            let found = try await service.catalog.partitions(
                wanted, of: call.text("TableName"), in: call.text("DatabaseName"), scope: call.scope)
            return ["Partitions": .array(found.map { .object($0) }), "UnprocessedKeys": []]
        },
        "GetPartitions": Operation(
            shape: shape([
                .init("Expression", .string(0...2048)), GlueShape.token, GlueShape.maxResults(1000),
                .init("ExcludeColumnSchema", .boolean),
                .init(
                    "Segment",
                    .structure([
                        .init("SegmentNumber", .integer(0...9), required: true),
                        .init("TotalSegments", .integer(1...10), required: true),
                    ])),
            ])
        ) { service, call in
            var segment: PartitionSegment?
            if let wanted = call.input["Segment"] {
                segment = PartitionSegment(
                    number: Int(wanted["SegmentNumber"]?.int64 ?? 0), total: Int(wanted["TotalSegments"]?.int64 ?? 0))
                guard segment != nil else {
                    throw GlueError(.invalidInput, "SegmentNumber must be less than TotalSegments.")
                }
            }
            var page = try await service.catalog.partitions(
                of: call.text("TableName"), in: call.text("DatabaseName"), filter: call.optionalText("Expression"),
                segment: segment, after: try call.position(), limit: call.limit(1000), scope: call.scope)
            if call.input["ExcludeColumnSchema"]?.bool == true {
                for index in page.items.indices {
                    guard var storage = page.items[index]["StorageDescriptor"]?.object else { continue }
                    storage["Columns"] = nil
                    page.items[index]["StorageDescriptor"] = .object(storage)
                }
            }
            return call.page("Partitions", page.items, next: page.next)
        },
        "UpdatePartition": Operation(
            shape: shape([
                .init("PartitionValueList", GlueShape.partitionValues, required: true),
                .init("PartitionInput", .partitionInput, required: true),
            ])
        ) { service, call in
            let outcomes = try await service.catalog.updatePartitions(
                [(call.texts("PartitionValueList"), call.object("PartitionInput"))], of: call.text("TableName"),
                in: call.text("DatabaseName"), scope: call.scope)
            if let refusal = outcomes.first ?? nil { throw refusal }
            return [:]
        },
        "BatchUpdatePartition": Operation(
            shape: shape([
                .init(
                    "Entries",
                    .list(
                        .structure([
                            .init("PartitionValueList", GlueShape.partitionValues, required: true),
                            .init("PartitionInput", .partitionInput, required: true),
                        ]), 1...100), required: true)
            ])
        ) { service, call in
            let entries = call.input["Entries"]?.array ?? []
            let changes = entries.map { (values($0["PartitionValueList"]), $0["PartitionInput"]?.object ?? [:]) }
            let outcomes = try await service.catalog.updatePartitions(
                changes, of: call.text("TableName"), in: call.text("DatabaseName"), scope: call.scope)
            return errors(zip(changes.map(\.0), outcomes), "PartitionValueList")
        },
        "DeletePartition": Operation(
            shape: shape([.init("PartitionValues", GlueShape.partitionValues, required: true)])
        ) { service, call in
            let outcomes = try await service.catalog.deletePartitions(
                [call.texts("PartitionValues")], of: call.text("TableName"), in: call.text("DatabaseName"),
                scope: call.scope)
            if let refusal = outcomes.first ?? nil { throw refusal }
            return [:]
        },
        "BatchDeletePartition": Operation(
            shape: shape([.init("PartitionsToDelete", valueList, required: true)])
        ) { service, call in
            let wanted = call.input["PartitionsToDelete"]?.array?.map { values($0["Values"]) } ?? []
            guard wanted.count <= 25 else {
                throw GlueError(
                    .validation,
                    "1 validation error detected: Value '[...]' at 'partitionsToDelete' failed to satisfy constraint: Member must have length less than or equal to 25")
            }
            let outcomes = try await service.catalog.deletePartitions(
                wanted, of: call.text("TableName"), in: call.text("DatabaseName"), scope: call.scope)
            return errors(zip(wanted, outcomes), "PartitionValues")
        },
    ]

    private static func errors(
        _ outcomes: some Sequence<([String], GlueError?)>, _ member: String
    ) -> JSONObject {
        var errors: [JSONValue] = []
        for case (let values, let refusal?) in outcomes {
            var entry = JSONObject()
            entry.append(member, .array(values.map { .string($0) }))
            entry.append("ErrorDetail", refusal.detail)
            errors.append(.object(entry))
        }
        return errors.isEmpty ? [:] : ["Errors": .array(errors)]
    }
}
