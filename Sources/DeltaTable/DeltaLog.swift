import Columnar
package import DeltaProtocol
package import ObjectStore
import JSONModel
import Parquet
import Support

/// The log of one table in a store: reads snapshots. Calls block.
package struct DeltaLog: Sendable {
    package let store: BlockingObjectStore
    /// The table's directory as a prefix of keys: empty, or ending in a slash.
    package let root: String
    private let stores: ObjectStores?

    /// - Parameter stores: finds the stores of files that the log names by absolute path; nil refuses such files.
    package init(store: any ObjectStore, path: String, stores: ObjectStores? = nil) {
        self.store = BlockingObjectStore(store)
        root = path.isEmpty || path.hasSuffix("/") ? path : path + "/"
        self.stores = stores
    }

    package init(uri: String, stores: ObjectStores) throws {
        let (store, key) = try stores.store(for: uri)
        self.init(store: store, path: key, stores: stores)
    }

    package var logPrefix: String { root + "_delta_log/" }

    /// The latest snapshot, or that of `version`; nil when there is no table.
    ///
    /// - Throws: `DeltaError` as `LogSegment`, `LogReplay` and `TableFeatures` say; what the store throws.
    package func snapshot(version: Int64? = nil) throws -> Snapshot? {
        guard let segment = try segment(version: version) else { return nil }
        return try load(segment)
    }

    /// - Throws: `DeltaError` `.tableNotFound` besides.
    package func requiredSnapshot(version: Int64? = nil) throws -> Snapshot {
        guard let snapshot = try snapshot(version: version) else {
            throw DeltaError(.tableNotFound, "There is no Delta table at '\(root)'.")
        }
        return snapshot
    }

    /// The actions of one commit; nil when it does not exist.
    package func commit(_ version: Int64) throws -> [Action]? {
        let name = LogFile.commitName(version)
        do {
            return try Action.parse(lines: try store.get(logPrefix + name).bytes, file: name)
        } catch let error as ObjectStoreError where error.code == .notFound {
            return nil
        }
    }

    /// Every commit that is still there, newest first.
    package func commits() throws -> [(version: Int64, modified: Int64, actions: [Action])] {
        var result: [(version: Int64, modified: Int64, actions: [Action])] = []
        for object in try store.listAll(prefix: logPrefix) {
            let name = String(object.key.dropFirst(logPrefix.count))
            guard case .commit(let version) = LogFile(name: name), let actions = try commit(version) else { continue }
            result.append((version, object.lastModified.millisecondsSince1970, actions))
        }
        return result.reversed()
    }

    private func segment(version: Int64?) throws -> LogSegment? {
        var hint: LastCheckpoint?
        do {
            hint = LastCheckpoint(bytes: try store.get(logPrefix + LogFile.lastCheckpointName).bytes)
        } catch let error as ObjectStoreError where error.code == .notFound {
            hint = nil
        }
        if let hint, version == nil || hint.version <= version ?? 0 {
            // Names begin with their version, so this key comes right before all of the checkpoint's files.
            let names = try names(startAfter: logPrefix + LogFile.paddedVersion(hint.version))
            // The hint may be wrong or its checkpoint gone: then the whole log decides.
            if let segment = try? LogSegment(names: names, version: version), segment.checkpointVersion != nil { return segment }
        }
        let names = try names(startAfter: nil)
        guard names.contains(where: { LogFile(name: $0) != nil }) else { return nil }
        return try LogSegment(names: names, version: version)
    }

    private func names(startAfter: String?) throws -> [String] {
        var names: [String] = []
        try store.forEachPage(prefix: logPrefix, startAfter: startAfter) { page in
            for object in page.objects {
                let name = object.key.dropFirst(logPrefix.count)
                if !name.contains("/") { names.append(String(name)) }
            }
            return true
        }
        return names
    }

    private func load(_ segment: LogSegment) throws -> Snapshot {
        var replay = LogReplay()
        for name in segment.checkpointFiles {
            let actions = try checkpointActions(logPrefix + name)
            try replay.apply(actions, isCheckpoint: true)
            for case .sidecar(let sidecar) in actions {
                let key = sidecar.path.contains("/") ? try self.key(of: sidecar.path) : logPrefix + "_sidecars/" + decodedPath(sidecar.path)
                do {
                    try replay.apply(try checkpointActions(key), isCheckpoint: true)
                } catch let error as ObjectStoreError where error.code == .notFound {
                    throw DeltaError(.missingPartFiles, "The checkpoint at version \(segment.version) lacks its file '\(sidecar.path)'.")
                }
            }
        }
        for commit in segment.commits {
            try replay.apply(try Action.parse(lines: try store.get(logPrefix + commit.name).bytes, file: commit.name))
        }
        return try replay.snapshot(version: segment.version)
    }

    private func checkpointActions(_ key: String) throws -> [Action] {
        let bytes = try store.get(key).bytes
        if key.hasSuffix(".json") { return try Action.parse(lines: bytes, file: key) }
        let file = try ParquetFile(BytesRandomAccess(bytes))
        let present = Set(file.root.children.map(\.name))
        let schema = StructType(CheckpointContents.schema.fields.filter { present.contains($0.name) })
        var actions: [Action] = []
        for group in file.metadata.rowGroups.indices {
            let reader = try file.reader(rowGroup: group, columns: schema)
            while let batch = try reader.next() {
                let columns = batch.columns
                for row in 0..<batch.rowCount {
                    // One column of a row has the action.
                    for (index, column) in columns.enumerated() where !column.isNull(row) {
                        let field = StructType([schema.fields[index]])
                        if let action = try CheckpointContents.action(row: [column.value(at: row)], schema: field) {
                            actions.append(action)
                        }
                    }
                }
            }
        }
        return actions
    }

    /// The key, in this table's store, of a path in the log.
    func key(of path: String) throws -> String {
        let located = try locate(path)
        guard located.store == nil else {
            throw DeltaError(.unsupportedOperation, "The file '\(path)' lies outside the table's store.")
        }
        return located.key
    }

    /// The store (nil for the table's own) and key of a path in the log.
    func locate(_ path: String) throws -> (store: BlockingObjectStore?, key: String) {
        guard isAbsolutePath(path) else { return (nil, root + decodedPath(path)) }
        guard let stores else {
            throw DeltaError(.unsupportedOperation, "The file '\(path)' is named by an absolute path.")
        }
        let (store, key) = try stores.store(for: decodedPath(path))
        return (BlockingObjectStore(store), key)
    }
}
