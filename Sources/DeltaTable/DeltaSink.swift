import Columnar
package import DeltaProtocol
package import QueryEngine
package import Support
import JSONModel
import ObjectStore
import Parquet

/// One write to a Delta table: everything is decided from the snapshot it begins with, before a row is written.
package final class DeltaSink: TableSink {
    private let log: DeltaLog
    private let request: WriteRequest
    private let clock: any WallClock
    private let engine: String
    private let plan: WritePlan

    /// - Throws: `DeltaError` for a schema that does not fit, a table that exists or does not, a feature that cannot be
    ///   written, an option that is not supported, a store that does not honour conditional puts.
    package init(log: DeltaLog, request: WriteRequest, clock: any WallClock, engine: String) throws {
        self.log = log
        self.request = request
        self.clock = clock
        self.engine = engine
        plan = try WritePlan(base: try log.snapshot(), request: request, createdBy: engine)
        // Now, so that nothing is written to a store where it could not be committed.
        guard try plan.isDone || plan.isThere || log.store.supportsConditionalWrites(near: log.logPrefix + "0.json") else {
            throw DeltaError(
                .unsafeStore,
                "The store of '\(request.path)' replaces objects despite 'If-None-Match: *': of two writers at once "
                    + "one would lose its commit. Nothing was written. Use the embedded store or one that honours the "
                    + "condition, such as MinIO, Ceph or AWS S3.")
        }
    }

    package func writer(ordinal: Int) throws -> any BatchWriter {
        DeltaFileWriter(log: log, layout: plan.layout, clock: clock, ordinal: ordinal, discards: plan.isDone)
    }

    package func abort(_ outputs: [WriterOutput]) {
        // Files that no commit names are invisible; what cannot be deleted now is VACUUM's.
        let keys = outputs.flatMap { ($0.payload as? [AddFile] ?? []).map { log.root + decodedPath($0.path) } }
        if !keys.isEmpty { try? log.store.delete(keys) }
    }

    package func commit(_ outputs: [WriterOutput]) throws -> WriteResult {
        if plan.isDone, let base = plan.base, let appID = request.transaction?.appID {
            return try Self.previousResult(log, base, appID)
        }
        if plan.isThere, let base = plan.base { return WriteResult(version: base.version, rows: 0, files: 0, bytes: 0) }
        let files = outputs.sorted { $0.ordinal < $1.ordinal }.flatMap { $0.payload as? [AddFile] ?? [] }
        let rows = outputs.reduce(0) { $0 + $1.rows }
        let bytes = files.reduce(0) { $0 + $1.size }
        var current = plan
        // A table created meanwhile is met at most a few times: then it exists.
        for _ in 0..<5 {
            let now = clock.now().millisecondsSince1970
            let txnID = randomUUIDText()
            let removes = current.removesFiles ? (current.base?.files ?? []).map { $0.removed(at: now, dataChange: true) } : []
            var actions: [Action] = []
            if let tableProtocol = current.newProtocol { actions.append(.protocol(tableProtocol)) }
            if let metadata = current.newMetadata(now: now) { actions.append(.metadata(metadata)) }
            if let transaction = request.transaction {
                actions.append(.transaction(SetTransaction(appId: transaction.appID, version: transaction.version, lastUpdated: now)))
            }
            actions += removes.map(Action.remove) + files.map(Action.add)
            let info = commitInfo(current, now: now, txnID: txnID, files: files.count, rows: rows, bytes: bytes, removed: removes.count)
            var transaction = DeltaTransaction(
                log: log, base: current.base,
                intent: TransactionIntent(
                    readsWholeTable: current.removesFiles, removedFiles: Set(removes.map(\.key)),
                    changesMetadata: current.changesMetadata, changesProtocol: current.newProtocol != nil,
                    appId: request.transaction?.appID),
                commitInfo: info, actions: actions, txnID: txnID)
            do {
                switch try transaction.commit() {
                case .committed(let version, _):
                    DeltaCheckpointWriter.writeIfDue(log, version: version, now: now, engine: engine)
                    return WriteResult(version: version, rows: rows, files: files.count, bytes: bytes)
                case .alreadyCommitted(let version, let metrics):
                    abort(outputs)
                    return Self.result(version, metrics)
                }
            } catch let error as DeltaError where error.code == .tableAlreadyExists && current.base == nil {
                let base = try log.requiredSnapshot()
                if let appID = request.transaction?.appID, base.transactions[appID] != nil {
                    abort(outputs)
                    return try Self.previousResult(log, base, appID)
                }
                let next = try WritePlan(base: base, request: request, createdBy: engine)
                if next.isThere { return WriteResult(version: base.version, rows: 0, files: 0, bytes: 0) }
                guard request.mode == .append, !request.replacesTable,
                    next.layout.partitionIndices == current.layout.partitionIndices,
                    next.layout.schema == current.layout.schema
                else { throw error }
                current = next
            }
        }
        throw DeltaError(.commitRetriesExceeded, "The table at '\(log.root)' is created and dropped by other writers.")
    }

    /// What the write of an application reported when it was committed.
    package static func previousResult(_ log: DeltaLog, _ base: Snapshot, _ appID: String) throws -> WriteResult {
        for commit in try log.commits() {
            if let metrics = DeltaTransaction.metrics(of: appID, in: commit.actions) { return result(commit.version, metrics) }
        }
        return result(nil, [:])
    }

    private static func result(_ version: Int64?, _ metrics: JSONObject) -> WriteResult {
        func number(_ key: String) -> Int64 { metrics[key].flatMap { $0.int64 ?? $0.string.flatMap { Int64($0) } } ?? 0 }
        return WriteResult(
            version: version, rows: number("numOutputRows"), files: Int(number("numFiles")), bytes: number("numOutputBytes"),
            alreadyCommitted: true)
    }

    private func commitInfo(
        _ plan: WritePlan, now: Int64, txnID: String, files: Int, rows: Int64, bytes: Int64, removed: Int
    ) -> CommitInfo {
        let partitionBy = JSONValue.array(plan.layout.partitionIndices.map { .string(plan.layout.schema.fields[$0].name) }).text
        var parameters: JSONObject = [:]
        if request.operation == "WRITE" {
            parameters["mode"] = .string(request.mode.displayName)
        } else {
            parameters["isManaged"] = "false"
            parameters["description"] = request.comment.map(JSONValue.string) ?? .null
            parameters["properties"] = .string(
                JSONValue.object(JSONObject(request.properties.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })).text)
        }
        parameters["partitionBy"] = .string(partitionBy)
        var metrics: JSONObject = [:]
        metrics["numFiles"] = .string(String(files))
        metrics["numOutputRows"] = .string(String(rows))
        metrics["numOutputBytes"] = .string(String(bytes))
        if plan.removesFiles { metrics["numRemovedFiles"] = .string(String(removed)) }
        var info: JSONObject = ["timestamp": .number(JSONNumber(now)), "operation": .string(request.operation)]
        info["operationParameters"] = .object(parameters)
        if let version = plan.base?.version { info["readVersion"] = .number(JSONNumber(version)) }
        info["isolationLevel"] = "Serializable"
        info["isBlindAppend"] = .bool(!plan.removesFiles)
        info["operationMetrics"] = .object(metrics)
        info["engineInfo"] = .string(engine)
        info["txnId"] = .string(txnID)
        return CommitInfo(info)
    }
}

extension SaveMode {
    fileprivate var displayName: String {
        switch self {
        case .append: "Append"
        case .overwrite: "Overwrite"
        case .errorIfExists: "ErrorIfExists"
        case .ignore: "Ignore"
        }
    }
}
