package import Columnar
import JSONModel

/// Which table features are understood. `docs/delta-features.md` is the table for users.
package enum TableFeatures {
    static let readable: Set<String> = [
        "columnMapping", "deletionVectors", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "typeWidening",
        "typeWidening-preview",
    ]
    /// Writable features; some only as long as a table does not use them, see `checkWritable`.
    static let writable: Set<String> = [
        "appendOnly", "invariants", "checkConstraints", "generatedColumns", "changeDataFeed", "identityColumns",
        "timestampNtz", "domainMetadata", "vacuumProtocolCheck", "deletionVectors", "columnMapping", "v2Checkpoint",
        "clustering", "typeWidening", "typeWidening-preview", "allowColumnDefaults", "inCommitTimestamp",
    ]

    /// - Throws: `DeltaError` `.unsupportedFeatureForRead` naming the features; `.invalidProtocol` for versions that
    ///   do not exist or lists where none may be.
    package static func checkReadable(_ p: Protocol) throws(DeltaError) {
        guard p.minReaderVersion >= 1, p.minReaderVersion <= 3 else {
            throw DeltaError(
                .invalidProtocol, "The table needs reader version \(p.minReaderVersion); versions 1 to 3 are supported.")
        }
        guard p.minReaderVersion == 3 else { return }
        guard let features = p.readerFeatures else {
            throw DeltaError(.invalidProtocol, "The table has reader version 3 and no list of reader features.")
        }
        let unknown = features.filter { !readable.contains($0) }.sorted()
        guard unknown.isEmpty else {
            throw DeltaError(
                .unsupportedFeatureForRead,
                "The table needs features that are not supported for reading: \(unknown.joined(separator: ", ")).")
        }
    }

    /// - Throws: `DeltaError` `.unsupportedFeatureForWrite` for a feature that is unknown, or one in use that a writer
    ///   would have to honour and this one does not.
    package static func checkWritable(
        _ p: Protocol, _ metadata: Metadata, schema: StructType
    ) throws(DeltaError) {
        try checkReadable(p)
        guard p.minWriterVersion >= 1, p.minWriterVersion <= 7 else {
            throw DeltaError(
                .invalidProtocol, "The table needs writer version \(p.minWriterVersion); versions 1 to 7 are supported.")
        }
        if p.minWriterVersion == 7 {
            guard let features = p.writerFeatures else {
                throw DeltaError(.invalidProtocol, "The table has writer version 7 and no list of writer features.")
            }
            try refuse(features.filter { !writable.contains($0) }.sorted())
        }
        var used: [String] = []
        let configuration = metadata.configuration
        if configuration.keys.contains(where: { $0.hasPrefix("delta.constraints.") }) { used.append("checkConstraints") }
        if let mode = configuration["delta.columnMapping.mode"], mode != "none" { used.append("columnMapping") }
        if configuration["delta.enableInCommitTimestamps"]?.lowercased() == "true" { used.append("inCommitTimestamp") }
        if configuration["delta.enableRowTracking"]?.lowercased() == "true" { used.append("rowTracking") }
        for version in ["V1", "V2", "V3"] where configuration["delta.enableIcebergCompat\(version)"]?.lowercased() == "true" {
            used.append("icebergCompat\(version)")
        }
        for (key, feature) in [
            ("delta.invariants", "invariants"), ("delta.generationExpression", "generatedColumns"),
            ("delta.identity.start", "identityColumns"), ("CURRENT_DEFAULT", "allowColumnDefaults"),
        ] where Self.hasMetadata(key, schema) && key != "CURRENT_DEFAULT" {
            used.append(feature)
        }
        try refuse(used)
    }

    private static func refuse(_ features: [String]) throws(DeltaError) {
        guard features.isEmpty else {
            throw DeltaError(
                .unsupportedFeatureForWrite,
                "The table needs features that are not supported for writing: \(features.joined(separator: ", ")).")
        }
    }

    private static func hasMetadata(_ key: String, _ schema: StructType) -> Bool {
        schema.fields.contains { $0.metadata[key] != nil || hasMetadata(key, $0.dataType) }
    }

    private static func hasMetadata(_ key: String, _ type: DataType) -> Bool {
        switch type {
        case .structure(let inner): hasMetadata(key, inner)
        case .array(let element, _): hasMetadata(key, element)
        case .map(let k, let v, _): hasMetadata(key, k) || hasMetadata(key, v)
        default: false
        }
    }

    /// The lowest protocol for a new table of this schema.
    package static func protocolForNewTable(_ schema: StructType) -> Protocol {
        let needsNTZ = schema.fields.contains { contains(.timestampNTZ, $0.dataType) }
        return needsNTZ
            ? Protocol(
                minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ["timestampNtz"],
                writerFeatures: ["appendOnly", "invariants", "timestampNtz"])
            : Protocol(minReaderVersion: 1, minWriterVersion: 2)
    }

    private static func contains(_ wanted: DataType, _ type: DataType) -> Bool {
        switch type {
        case .structure(let inner): inner.fields.contains { contains(wanted, $0.dataType) }
        case .array(let element, _): contains(wanted, element)
        case .map(let key, let value, _): contains(wanted, key) || contains(wanted, value)
        default: type == wanted
        }
    }
}
