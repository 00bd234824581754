package import GlueModel
package import JSONModel
package import StateStore
import Support

/// One of several equal shares of a table's partitions, for readers that divide the work.
package struct PartitionSegment: Sendable, Hashable {
    package var number: Int
    package var total: Int

    /// Nil unless `total` is 1 to 10 and `number` below it.
    package init?(number: Int, total: Int) {
        guard (1...10).contains(total), (0..<total).contains(number) else { return nil }
        self.number = number
        self.total = total
    }

    /// By the FNV-1a hash of the key, which is the same in every process.
    func contains(_ key: String) -> Bool {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in key.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int(hash % UInt64(total)) == number
    }
}

extension GlueCatalog {
    /// - Returns: for each input nil, or why it was not created.
    package func createPartitions(
        _ inputs: [JSONObject], of table: String, in database: String, scope: CatalogScope
    ) async throws -> [GlueError?] {
        let record = try await tableRecord(table, in: database, scope: scope)
        let keys = GlueTable(record.document).partitionKeys.count
        for input in inputs { try checkCount(of: input, keys) }
        let now = clock.now()
        let outcomes = try await records.createPartitions(
            inputs.map {
                CatalogPartitionRecord(key: GluePartition.key(ofValues: GluePartition($0).values), createdAt: now, document: $0)
            }, of: name(record), scope: scope)
        return outcomes.map { $0 == .done ? nil : $0 == .exists ? .exists("Partition") : .noTable(table) }
    }

    package func updatePartitions(
        _ changes: [(values: [String], input: JSONObject)], of table: String, in database: String, scope: CatalogScope
    ) async throws -> [GlueError?] {
        let record = try await tableRecord(table, in: database, scope: scope)
        let keys = GlueTable(record.document).partitionKeys.count
        for change in changes { try checkCount(of: change.input, keys) }
        let now = clock.now()
        let outcomes = try await records.updatePartitions(
            changes.map { change in
                let key = GluePartition.key(ofValues: GluePartition(change.input).values)
                return (
                    GluePartition.key(ofValues: change.values),
                    CatalogPartitionRecord(key: key, createdAt: now, document: change.input)
                )
            }, of: name(record), scope: scope)
        return outcomes.map { $0 == .done ? nil : $0 == .exists ? .exists("Partition") : .noPartition }
    }

    package func deletePartitions(
        _ values: [[String]], of table: String, in database: String, scope: CatalogScope
    ) async throws -> [GlueError?] {
        let record = try await tableRecord(table, in: database, scope: scope)
        let outcomes = try await records.deletePartitions(
            values.map { GluePartition.key(ofValues: $0) }, of: name(record), scope: scope)
        return outcomes.map { $0 == .done ? nil : .noPartition }
    }

    /// Those that exist, in no order.
    package func partitions(
        _ values: [[String]], of table: String, in database: String, scope: CatalogScope
    ) async throws -> [JSONObject] {
        let record = try await tableRecord(table, in: database, scope: scope)
        return try await records.partitions(
            values.map { GluePartition.key(ofValues: $0) }, of: name(record), scope: scope
        ).map { document($0, record, scope) }
    }

    /// Ascending by values.
    package func partitions(
        of table: String, in database: String, filter expression: String?, segment: PartitionSegment?, after key: String,
        limit: Int, scope: CatalogScope
    ) async throws -> (items: [JSONObject], next: String?) {
        let record = try await tableRecord(table, in: database, scope: scope)
        let keys = GlueTable(record.document).partitionKeys
        let filter = try expression.flatMap { $0.isEmpty ? nil : try PartitionFilter($0, keys: keys) }
        var found: [CatalogPartitionRecord] = []
        var position = key
        let pageSize = max(limit + 1, 500)
        while found.count <= limit {
            let page = try await records.partitions(of: name(record), after: position, limit: pageSize, scope: scope)
            for partition in page {
                if let segment, !segment.contains(partition.key) { continue }
                if let filter, try !filter.matches(GluePartition(partition.document).values) { continue }
                found.append(partition)
            }
            guard page.count == pageSize, let last = page.last else { break }
            position = last.key
        }
        let items = found.prefix(limit)
        return (items.map { document($0, record, scope) }, found.count > limit ? items.last?.key : nil)
    }

    /// A table without keys in the catalog takes any values: clients create such tables.
    private func checkCount(of input: JSONObject, _ keys: Int) throws {
        let count = GluePartition(input).values.count
        guard keys == 0 || count == keys else {
            throw GlueError(
                .invalidInput, "The number of partition keys do not match the number of partition values")
        }
    }

    private func name(_ record: CatalogTableRecord) -> CatalogTableName {
        CatalogTableName(database: record.database, name: record.name)
    }

    private func document(
        _ partition: CatalogPartitionRecord, _ table: CatalogTableRecord, _ scope: CatalogScope
    ) -> JSONObject {
        var document = partition.document
        if document["Values"] == nil { document["Values"] = [] }
        document["DatabaseName"] = .string(table.database)
        document["TableName"] = .string(table.name)
        document["CreationTime"] = seconds(partition.createdAt)
        document["CatalogId"] = .string(scope.account)
        return document
    }
}
