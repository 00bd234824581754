import Columnar
import DeltaProtocol
import ObjectStore
import Parquet

/// Writes classic checkpoints.
enum DeltaCheckpointWriter {
    private static let intervalDefault: Int64 = 10
    private static let batchRows = 2048

    /// Writes one when the version is a multiple of the table's interval. A failure loses nothing but time: the commit
    /// stands, and a later version's checkpoint does as well.
    static func writeIfDue(_ log: DeltaLog, version: Int64, now: Int64, engine: String) {
        guard version > 0 else { return }
        // Anything that goes wrong leaves the log as readable as before.
        try? write(log, version: version, now: now, engine: engine)
    }

    private static func write(_ log: DeltaLog, version: Int64, now: Int64, engine: String) throws {
        // Most tables have the default interval: others are looked at on every commit that could be theirs.
        guard version % intervalDefault == 0 else { return }
        guard let snapshot = try log.snapshot(version: version) else { return }
        let interval = snapshot.metadata.configuration["delta.checkpointInterval"].flatMap { Int64($0) } ?? intervalDefault
        guard interval > 0, version % interval == 0,
            snapshot.tableProtocol.writerFeatures?.contains("v2Checkpoint") != true
        else { return }
        let actions = CheckpointContents.actions(of: snapshot, now: now)
        let schema = CheckpointContents.classicSchema
        var options = ParquetWriterOptions()
        options.createdBy = engine
        let writer = try ParquetWriter(schema: schema, options: options)
        var start = 0
        while start < actions.count {
            let end = min(start + batchRows, actions.count)
            let builders = schema.fields.map { ColumnBuilder($0.dataType) }
            for action in actions[start..<end] {
                for (builder, value) in zip(builders, CheckpointContents.row(of: action, schema: schema)) {
                    try builder.append(value)
                }
            }
            try writer.write(Batch(schema: schema, columns: builders.map { $0.finish() }, rowCount: end - start))
            start = end
        }
        _ = try writer.finish()
        try log.store.put(log.logPrefix + LogFile.checkpointName(version), writer.takeBytes())
        let hint = LastCheckpoint(version: version, size: Int64(actions.count))
        try log.store.put(log.logPrefix + LogFile.lastCheckpointName, hint.bytes)
    }
}
