import Columnar
import DeltaProtocol
import JSONModel
import Parquet
import QueryEngine
import Support

/// What a write will do, decided from the snapshot it begins with.
struct WritePlan {
    let base: Snapshot?
    let layout: DeltaWriteLayout
    /// All files of the base are replaced.
    let removesFiles: Bool
    /// The transaction is in the log already.
    let isDone: Bool
    /// The table that shall be made is there, made by somebody else: nothing is written, a catalog can name it.
    let isThere: Bool
    let newProtocol: Protocol?
    let changesMetadata: Bool
    private let metadata: Metadata?

    func newMetadata(now: Int64) -> Metadata? {
        guard changesMetadata, var metadata else { return nil }
        if metadata.createdTime == nil { metadata.createdTime = now }
        return metadata
    }

    /// Properties of tables created here: identities of writes are kept for a year.
    private static let defaults = ["delta.setTransactionRetentionDuration": "interval 365 days"]
    private static let targetFileBytes: Int64 = 128 << 20

    init(base: Snapshot?, request: WriteRequest, createdBy: String) throws {
        self.base = base
        if request.replaceWhere != nil || request.options["replaceWhere"] != nil {
            throw DeltaError(.unsupportedOperation, "Overwriting with replaceWhere is not supported.")
        }
        if request.options["partitionOverwriteMode"]?.lowercased() == "dynamic" {
            throw DeltaError(.unsupportedOperation, "Dynamic partition overwrite is not supported.")
        }
        if try request.options.flag("mergeSchema") {
            throw DeltaError(.unsupportedOperation, "The option mergeSchema is not supported.")
        }
        isDone = request.transaction.map { own in (base?.transactions[own.appID]?.version ?? -1) >= own.version } ?? false
        try Self.checkNames(request)
        guard let base else {
            isThere = false
            let schema = try Self.schemaOfNewTable(request)
            metadata = try Self.metadata(request, schema)
            changesMetadata = true
            newProtocol = TableFeatures.protocolForNewTable(schema)
            removesFiles = false
            layout = try Self.layout(request, schema, request.partitionColumns, metadata, createdBy)
            return
        }
        isThere = !isDone && !request.replacesTable && request.operation == "CREATE TABLE"
        if isThere {
            try Self.checkIsSame(base, request)
        } else if !isDone, !request.replacesTable, request.mode == .errorIfExists {
            throw DeltaError(.tableAlreadyExists, "The Delta table '\(request.path)' exists already.", tableVersion: base.version)
        }
        try TableFeatures.checkWritable(base.tableProtocol, base.metadata, schema: base.schema)
        removesFiles = request.replacesTable || request.mode == .overwrite
        if removesFiles, base.isAppendOnly {
            throw DeltaError(.cannotModifyAppendOnly, "This table is configured to only allow appends.", tableVersion: base.version)
        }
        let overwritesSchema = try request.replacesTable || (removesFiles && request.options.flag("overwriteSchema"))
        if overwritesSchema {
            let schema = try Self.schemaOfNewTable(request)
            var replaced = try Self.metadata(request, schema)
            replaced.id = base.metadata.id
            replaced.createdTime = base.metadata.createdTime
            if !request.replacesTable { replaced.configuration = base.metadata.configuration }
            metadata = replaced
            changesMetadata = replaced != base.metadata
            let wanted = TableFeatures.protocolForNewTable(schema)
            newProtocol = wanted.minReaderVersion > base.tableProtocol.minReaderVersion ? wanted : nil
            layout = try Self.layout(request, schema, request.partitionColumns, replaced, createdBy)
            return
        }
        if !request.partitionColumns.isEmpty, request.partitionColumns.map({ $0.lowercased() }) != base.metadata.partitionColumns.map({ $0.lowercased() }) {
            throw DeltaError(
                .partitionMismatch,
                "The table is partitioned by (\(base.metadata.partitionColumns.joined(separator: ", "))), not by (\(request.partitionColumns.joined(separator: ", "))).",
                tableVersion: base.version)
        }
        metadata = nil
        changesMetadata = false
        newProtocol = nil
        layout = try Self.layout(request, base.schema, base.metadata.partitionColumns, base.metadata, createdBy)
    }

    /// Columns written to a new table may be null unless the request declares the schema of a table.
    private static func schemaOfNewTable(_ request: WriteRequest) throws -> StructType {
        guard !request.schema.fields.isEmpty else {
            throw DeltaError(.metadataMismatch, "A Delta table needs at least one column.")
        }
        for field in request.schema.fields where field.dataType == .null {
            throw DeltaError(.unsupportedOperation, "The column '\(field.name)' has the type void.")
        }
        for column in request.partitionColumns {
            guard let index = request.schema.index(of: column) else {
                throw DeltaError(.partitionColumnNotFound, "The partition column '\(column)' is not in the schema.")
            }
            switch request.schema.fields[index].dataType {
            case .array, .map, .structure, .variant:
                throw DeltaError(.partitionColumnNotFound, "The table cannot be partitioned by the nested column '\(column)'.")
            default: break
            }
        }
        guard request.partitionColumns.isEmpty || request.partitionColumns.count < request.schema.fields.count else {
            throw DeltaError(.partitionColumnNotFound, "All columns are partition columns; one at least must hold data.")
        }
        return request.schema
    }

    /// `CREATE TABLE` over a table that exists gives it a name, provided that it says what the table is.
    ///
    /// - Source: Delta's `CreateDeltaTableCommand`, which does not compare whether columns take nulls.
    private static func checkIsSame(_ base: Snapshot, _ request: WriteRequest) throws {
        func text(_ schema: StructType) -> String {
            schema.fields.map { "\($0.name) \($0.dataType.simpleString)" }.joined(separator: ", ")
        }
        guard text(base.schema) == text(request.schema) else {
            throw DeltaError(
                .createdWithOtherSchema,
                "The Delta table '\(request.path)' exists with other columns: (\(text(base.schema))), not "
                    + "(\(text(request.schema))). Leave the columns out to take the table as it is.", tableVersion: base.version)
        }
        guard base.metadata.partitionColumns == request.partitionColumns else {
            throw DeltaError(
                .createdWithOtherPartitions,
                "The Delta table '\(request.path)' exists, partitioned by (\(base.metadata.partitionColumns.joined(separator: ", "))), "
                    + "not (\(request.partitionColumns.joined(separator: ", "))).", tableVersion: base.version)
        }
    }

    private static func checkNames(_ request: WriteRequest) throws {
        var seen: Set<String> = []
        for field in request.schema.fields {
            guard seen.insert(field.name.lowercased()).inserted else {
                throw DeltaError(.metadataMismatch, "The column '\(field.name)' is there twice.")
            }
            if field.name.contains(where: { " ,;{}()\n\t=".contains($0) }) {
                throw DeltaError(
                    .invalidCharacters, "The column name '\(field.name)' has one of the characters ' ,;{}()\\n\\t=', which need column mapping.")
            }
        }
    }

    private static func metadata(_ request: WriteRequest, _ schema: StructType) throws -> Metadata {
        var configuration = defaults
        for (key, value) in request.properties {
            configuration[key.lowercased().hasPrefix("delta.") ? "delta." + key.dropFirst(6) : key] = value
        }
        let metadata = Metadata(
            id: randomUUIDText(), description: request.comment, schemaString: DataType.structure(schema).json.text,
            partitionColumns: request.partitionColumns.compactMap { column in schema.index(of: column).map { schema.fields[$0].name } },
            configuration: configuration)
        try TableFeatures.checkWritable(TableFeatures.protocolForNewTable(schema), metadata, schema: schema)
        for key in configuration.keys where key.hasPrefix("delta.feature.") || key == "delta.enableChangeDataFeed" && configuration[key] == "true"
            || key == "delta.enableDeletionVectors" && configuration[key] == "true" {
            throw DeltaError(.unsupportedFeatureForWrite, "The table property '\(key)' is not supported.")
        }
        return metadata
    }

    private static func layout(
        _ request: WriteRequest, _ schema: StructType, _ partitionColumns: [String], _ metadata: Metadata?, _ createdBy: String
    ) throws -> DeltaWriteLayout {
        var inputs: [Int?] = []
        for field in schema.fields {
            guard let index = request.schema.index(of: field.name) else {
                guard field.nullable else {
                    throw DeltaError(.notNullViolated, "Column \(field.name), which has a NOT NULL constraint, is missing from the data being written.")
                }
                inputs.append(nil)
                continue
            }
            let given = request.schema.fields[index].dataType
            guard given.isSame(as: field.dataType) else {
                throw DeltaError(
                    DeltaError.Code(rawValue: "DELTA_FAILED_TO_MERGE_FIELDS"),
                    "Failed to merge fields '\(field.name)' and '\(field.name)': the table has \(field.dataType.simpleString), the data \(given.simpleString).")
            }
            inputs.append(index)
        }
        for field in request.schema.fields where schema.index(of: field.name) == nil {
            throw DeltaError(
                .metadataMismatch, "A schema mismatch detected when writing to the Delta table: it has no column '\(field.name)'.")
        }
        let codecs: [String: (CompressionCodec, String)] = [
            "snappy": (.snappy, "snappy."), "zstd": (.zstd, "zstd."), "none": (.uncompressed, ""), "uncompressed": (.uncompressed, ""),
        ]
        let name = request.options["compression"]?.lowercased() ?? "snappy"
        guard let codec = codecs[name] else {
            throw DeltaError(.unsupportedOperation, "The compression codec '\(name)' is not supported for writing.")
        }
        return DeltaWriteLayout(
            schema: schema, inputs: inputs, partitionIndices: partitionColumns.compactMap { schema.index(of: $0) },
            indexedColumns: metadata?.configuration["delta.dataSkippingNumIndexedCols"].flatMap { Int($0) } ?? 32,
            codec: codec.0, codecName: codec.1, targetFileBytes: targetFileBytes, createdBy: createdBy)
    }
}

extension DataType {
    /// Equal apart from which parts may be null; member names ignore case.
    fileprivate func isSame(as other: DataType) -> Bool {
        switch (self, other) {
        case (.array(let a, _), .array(let b, _)): a.isSame(as: b)
        case (.map(let a, let b, _), .map(let c, let d, _)): a.isSame(as: c) && b.isSame(as: d)
        case (.structure(let a), .structure(let b)):
            a.fields.count == b.fields.count
                && zip(a.fields, b.fields).allSatisfy { $0.name.lowercased() == $1.name.lowercased() && $0.dataType.isSame(as: $1.dataType) }
        default: self == other
        }
    }
}
