package import Columnar
import JSONModel

/// The state of a table at one version.
package struct Snapshot: Sendable {
    package let version: Int64
    package let tableProtocol: Protocol
    package let metadata: Metadata
    /// Logical names and types.
    package let schema: StructType
    /// Live files by path, then deletion vector.
    package let files: [AddFile]
    /// Removed files whose tombstones are kept.
    package let tombstones: [RemoveFile]
    package let transactions: [String: SetTransaction]
    package let domains: [String: DomainMetadata]

    /// `none`, `name` or `id`.
    package var columnMappingMode: String { metadata.configuration["delta.columnMapping.mode"] ?? "none" }
    package var isAppendOnly: Bool { metadata.configuration["delta.appendOnly"]?.lowercased() == "true" }

    /// The name of a top-level column in data files, statistics and partition values.
    package func physicalName(of field: StructField) -> String {
        columnMappingMode == "none" ? field.name : field.metadata["delta.columnMapping.physicalName"]?.string ?? field.name
    }

    /// Positions of the partition columns in the schema, in partition order.
    package var partitionIndices: [Int] {
        metadata.partitionColumns.compactMap { name in schema.fields.firstIndex { $0.name == name } }
    }
}

/// Folds actions, oldest first, into a table's state. Source: PROTOCOL.md, "Action Reconciliation".
package struct LogReplay {
    private var tableProtocol: Protocol?
    private var metadata: Metadata?
    private var files: [FileKey: AddFile] = [:]
    private var tombstones: [FileKey: RemoveFile] = [:]
    private var transactions: [String: SetTransaction] = [:]
    private var domains: [String: DomainMetadata] = [:]

    package init() {}

    package init(continuing snapshot: Snapshot) {
        tableProtocol = snapshot.tableProtocol
        metadata = snapshot.metadata
        for file in snapshot.files { files[file.key] = file }
        for remove in snapshot.tombstones { tombstones[remove.key] = remove }
        transactions = snapshot.transactions
        domains = snapshot.domains
    }

    /// Applies one commit, or the actions of a checkpoint: removes before adds.
    ///
    /// - Throws: `DeltaError` `.malformedLog` for a commit with two protocols or two metadata.
    package mutating func apply(_ actions: [Action], isCheckpoint: Bool = false) throws(DeltaError) {
        var protocols = 0
        var metadatas = 0
        for action in actions {
            switch action {
            case .remove(let remove):
                files[remove.key] = nil
                tombstones[remove.key] = remove
            case .protocol(let value):
                tableProtocol = value
                protocols += 1
            case .metadata(let value):
                metadata = value
                metadatas += 1
            case .transaction(let value): transactions[value.appId] = value
            case .domainMetadata(let value): domains[value.domain] = value.removed ? nil : value
            case .add, .commitInfo, .cdc, .checkpointMetadata, .sidecar: break
            }
        }
        guard isCheckpoint || (protocols <= 1 && metadatas <= 1) else {
            throw DeltaError(.malformedLog, "A commit has \(protocols) protocols and \(metadatas) metadata actions.")
        }
        for case .add(let add) in actions {
            files[add.key] = add
            tombstones[add.key] = nil
        }
    }

    /// - Throws: `DeltaError` `.stateRecover` without protocol or metadata, `.unsupportedFeatureForRead`, `.malformedLog`
    ///   for a schema that cannot be read.
    package func snapshot(version: Int64) throws(DeltaError) -> Snapshot {
        guard let tableProtocol else {
            throw DeltaError(.stateRecover, "The protocol of the table could not be recovered at version \(version).")
        }
        try TableFeatures.checkReadable(tableProtocol)
        guard let metadata else {
            throw DeltaError(.stateRecover, "The metadata of the table could not be recovered at version \(version).")
        }
        guard metadata.formatProvider == "parquet" else {
            throw DeltaError(.unsupportedOperation, "The table's files are of format '\(metadata.formatProvider)', expected parquet.")
        }
        let schema: StructType
        do {
            schema = try StructType(json: try JSONValue(parsing: metadata.schemaString))
        } catch {
            throw DeltaError(.malformedLog, "The schema of the table at version \(version) cannot be read: \(error).", tableVersion: version)
        }
        for column in metadata.partitionColumns where !schema.fields.contains(where: { $0.name == column }) {
            throw DeltaError(.malformedLog, "The partition column '\(column)' is not in the schema.", tableVersion: version)
        }
        return Snapshot(
            version: version, tableProtocol: tableProtocol, metadata: metadata, schema: schema,
            files: files.values.sorted { Self.precedes($0.key, $1.key) },
            tombstones: tombstones.values.sorted { Self.precedes($0.key, $1.key) }, transactions: transactions,
            domains: domains)
    }

    private static func precedes(_ a: FileKey, _ b: FileKey) -> Bool {
        if a.path.utf8.elementsEqual(b.path.utf8) { return (a.deletionVectorID ?? "") < (b.deletionVectorID ?? "") }
        return a.path.utf8.lexicographicallyPrecedes(b.path.utf8)
    }
}
