import Support

/// What a file of `_delta_log` is, by its name. Source: PROTOCOL.md, "Delta Log Entries" and "Checkpoints".
package enum LogFile: Sendable, Hashable {
    case commit(version: Int64)
    case checkpoint(version: Int64)
    /// Part `part` of `parts`, counted from 1.
    case checkpointPart(version: Int64, part: Int, parts: Int)
    case v2Checkpoint(version: Int64, isJSON: Bool)

    /// Nil for anything else, which readers pass over.
    package init?(name: String) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let first = parts.first, first.utf8.count == 20, first.utf8.allSatisfy({ (48...57).contains($0) }),
            let version = Int64(first)
        else { return nil }
        switch parts.count {
        case 2 where parts[1] == "json": self = .commit(version: version)
        case 3 where parts[1] == "checkpoint" && parts[2] == "parquet": self = .checkpoint(version: version)
        case 4 where parts[1] == "checkpoint" && parts[2].utf8.count == 36 && (parts[3] == "parquet" || parts[3] == "json"):
            self = .v2Checkpoint(version: version, isJSON: parts[3] == "json")
        case 5 where parts[1] == "checkpoint" && parts[4] == "parquet":
            guard let part = Int(parts[2]), let count = Int(parts[3]), part >= 1, part <= count else { return nil }
            self = .checkpointPart(version: version, part: part, parts: count)
        default: return nil
        }
    }

    package static func commitName(_ version: Int64) -> String { paddedVersion(version) + ".json" }
    package static func checkpointName(_ version: Int64) -> String { paddedVersion(version) + ".checkpoint.parquet" }
    package static let lastCheckpointName = "_last_checkpoint"

    package static func paddedVersion(_ version: Int64) -> String { padded(Int(version), 20) }
}

/// The files that make one version of a table: at most one checkpoint, then every commit after it.
package struct LogSegment: Sendable, Hashable {
    package var version: Int64
    package var checkpointVersion: Int64?
    /// File names of the checkpoint, parts in order.
    package var checkpointFiles: [String]
    /// Names of the commits, ascending, with their versions.
    package var commits: [Commit]

    package struct Commit: Sendable, Hashable {
        package var version: Int64
        package var name: String
    }

    /// Chooses the files for `version`, or for the latest.
    ///
    /// - Parameter names: the names in `_delta_log`, in any order.
    /// - Throws: `DeltaError` `.versionsNotContiguous`, `.versionNotFound`, `.truncatedLog` when neither commit 0 nor a
    ///   checkpoint is there, `.tableNotFound` for a log without commits and checkpoints.
    package init(names: [String], version wanted: Int64? = nil) throws(DeltaError) {
        var commits: [Int64: String] = [:]
        var candidates: [Int64: [String]] = [:]
        var partial: [Int64: [Int: [Int: String]]] = [:]
        for name in names {
            switch LogFile(name: name) {
            case .commit(let version): commits[version] = name
            case .checkpoint(let version): candidates[version] = [name]
            case .v2Checkpoint(let version, _): if candidates[version] == nil { candidates[version] = [name] }
            case .checkpointPart(let version, let part, let parts): partial[version, default: [:]][parts, default: [:]][part] = name
            case nil: continue
            }
        }
        for (version, sets) in partial where candidates[version] == nil {
            for (count, parts) in sets.sorted(by: { $0.key < $1.key }) where parts.count == count {
                candidates[version] = (1...count).compactMap { parts[$0] }
            }
        }
        let usable = candidates.keys.filter { wanted == nil || $0 <= wanted ?? 0 }
        let start = usable.max()
        guard let latest = [commits.keys.max(), start].compactMap({ $0 }).max() else {
            throw DeltaError(.tableNotFound, "There is no Delta table: the log has no commits.")
        }
        let end = wanted ?? latest
        guard end <= latest, end >= 0 else {
            throw DeltaError(.versionNotFound, "Version \(end) does not exist; the latest version is \(latest).")
        }
        checkpointVersion = start
        checkpointFiles = start.flatMap { candidates[$0] } ?? []
        self.version = end
        self.commits = []
        let first = (start ?? -1) + 1
        if first <= end {
            // A gap is found before anything as long as the range is gone through.
            let present = commits.keys.filter { $0 >= first && $0 <= end }.sorted()
            var expected = first
            for version in present {
                guard version == expected else { break }
                self.commits.append(Commit(version: version, name: commits[version] ?? ""))
                expected += 1
            }
            guard expected == end + 1 else {
                if start == nil, expected == 0 {
                    throw DeltaError(
                        .truncatedLog, "The log begins at version \(present.first ?? end) without a checkpoint: version 0 is missing.")
                }
                throw DeltaError(.versionsNotContiguous, "Version \(expected) of the log is missing, up to version \(end).")
            }
        }
    }
}
