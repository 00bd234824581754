package import DeltaProtocol
package import JSONModel
import ObjectStore
import Support

/// What became of a commit.
package enum CommitOutcome: Sendable {
    /// The version, and the state it was committed on; nil for the first version.
    case committed(version: Int64, base: Snapshot?)
    /// The transaction's application had committed before, in that version (nil when the version is not in the log any
    /// more), with these metrics.
    case alreadyCommitted(version: Int64?, metrics: JSONObject)
}

/// One attempt to add a version to a table: puts the commit file under a condition, and on losing looks whether what the
/// winners did allows to go on after them.
package struct DeltaTransaction {
    /// Versions one may lose before giving up.
    private static let attemptsMax = 10_000
    /// Unclear or busy answers about one version.
    private static let repeatsMax = 20

    let log: DeltaLog
    var base: Snapshot?
    var intent: TransactionIntent
    var commitInfo: CommitInfo
    /// All actions but commitInfo.
    var actions: [Action]
    /// Marks this commit as one's own when its put gets no clear answer.
    let txnID: String

    /// Puts the commit.
    ///
    /// - Throws: `DeltaError` of a conflict, `.tableAlreadyExists` when the table was to be created and another writer
    ///   did it, `.commitRetriesExceeded`; what the store throws.
    package mutating func commit() throws -> CommitOutcome {
        var version = (base?.version ?? -1) + 1
        for _ in 0..<Self.attemptsMax {
            let bytes = Array(([.commitInfo(commitInfo)] + actions).map { $0.line + "\n" }.joined().utf8)
            if try put(bytes, version) { return .committed(version: version, base: base) }
            // Somebody else has this version: go through all that came meanwhile.
            guard base != nil else {
                throw DeltaError(.tableAlreadyExists, "The table at '\(log.root)' was created by a concurrent transaction.")
            }
            while let winner = try log.commit(version) {
                if let appId = intent.appId, let metrics = Self.metrics(of: appId, in: winner) {
                    return .alreadyCommitted(version: version, metrics: metrics)
                }
                try intent.check(against: winner, version: version)
                version += 1
            }
        }
        throw DeltaError(.commitRetriesExceeded, "The commit lost \(Self.attemptsMax) times to other writers.")
    }

    /// Whether this commit has the version now. Repeating the put is harmless: it only succeeds when nobody has it.
    private func put(_ bytes: [UInt8], _ version: Int64) throws -> Bool {
        let key = log.logPrefix + LogFile.commitName(version)
        for attempt in 0..<Self.repeatsMax {
            do {
                try log.store.put(key, bytes, condition: .ifAbsent)
                return true
            } catch let error as ObjectStoreError {
                switch error.code {
                case .preconditionFailed, .conflict, .ambiguous, .unavailable: break
                default: throw error
                }
                // What is there decides; a put whose answer was lost may have been one's own.
                if let found = try read(version) {
                    return found.contains { if case .commitInfo(let info) = $0 { info.txnID == txnID } else { false } }
                }
                if attempt == Self.repeatsMax - 1 { throw error }
                if error.code != .preconditionFailed { pause(milliseconds: min(1000, 5 << min(attempt, 7))) }
            }
        }
        return false
    }

    private func read(_ version: Int64) throws -> [Action]? {
        for attempt in 0..<Self.repeatsMax {
            do {
                return try log.commit(version)
            } catch let error as ObjectStoreError where error.code == .unavailable && attempt < Self.repeatsMax - 1 {
                pause(milliseconds: min(1000, 5 << min(attempt, 7)))
            }
        }
        return nil
    }

    /// The metrics of a commit that recorded the application; nil for another.
    static func metrics(of appId: String, in actions: [Action]) -> JSONObject? {
        var isOwn = false
        var metrics: JSONObject = [:]
        for action in actions {
            switch action {
            case .transaction(let transaction) where transaction.appId == appId: isOwn = true
            case .commitInfo(let info): metrics = info.operationMetrics ?? [:]
            default: break
            }
        }
        return isOwn ? metrics : nil
    }
}
