import JSONModel
package import Support

/// What an archive holds, and where.
///
///     backup.json             what this is: `BackupDescription`
///     work/<job>/<attempt>/   exit.json, started.json and output.log of attempts that had ended
///     state.sqlite            executions, jobs, catalog
///     payloads/...            large texts of executions
///     credentials             the root key
///     keys.json               further keys, when there are any
///     millrace.yaml           the configuration file of the data directory, when there is one
///     objects/index.sqlite    the embedded store's index
///     objects/data/<2>/<id>   its data files
///     SHA256SUMS              of all the others
///
/// The order is what makes it consistent: everything is as it was when its turn came, so what comes later may know of
/// more, never of less. An attempt whose end is in the archive has its effects in the objects; a job that the state
/// calls done, too; a job that had ended but whose end is not in the archive runs again, and finds what it committed.
enum BackupLayout {
    static let format = "millrace-backup"
    static let version = 1
    static let description = "backup.json"
    static let state = "state.sqlite"
    static let credentials = "credentials"
    static let userKeys = "keys.json"
    static let configuration = "millrace.yaml"
    static let index = "objects/index.sqlite"
    static let dataFiles = "objects/data"
    static let payloads = "payloads"
    static let work = "work"
    /// Of an ended attempt; the first is the proof that it has ended.
    static let attemptFiles = ["exit.json", "started.json", "output.log"]

    /// Whether an archive may hold this name: nothing may be written outside the directory, or where the server does
    /// not look.
    static func permits(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains(0) }) else { return false }
        switch name {
        case description, state, credentials, userKeys, configuration, index: return true
        default: break
        }
        return (parts.count == 4 && name.hasPrefix(dataFiles + "/")) || (parts.count > 1 && name.hasPrefix(payloads + "/"))
            || (parts.count == 4 && name.hasPrefix(work + "/") && attemptFiles.contains(String(parts[3])))
    }
}

/// What a backup says of itself.
package struct BackupDescription: Sendable, Hashable {
    /// Of the program that made it.
    package var program: String
    package var createdAt: Timestamp
    /// The data directory that it was made of.
    package var source: String
    /// Of the databases in it.
    package var stateFormat: Int

    var encoded: [UInt8] {
        let value: JSONValue = [
            "format": .string(BackupLayout.format), "version": .number(JSONNumber(BackupLayout.version)),
            "program": .string(program), "createdAt": .string(createdAt.iso8601), "source": .string(source),
            "stateFormat": .number(JSONNumber(stateFormat)),
        ]
        return Array((value.prettyText + "\n").utf8)
    }

    /// - Throws: `BackupError` for something else, and for a backup of a later release.
    init(_ bytes: [UInt8], archive: String, supportedStateFormat: Int) throws(BackupError) {
        guard let value = try? JSONValue(parsing: bytes), value["format"]?.string == BackupLayout.format,
            let version = value["version"]?.int64, let program = value["program"]?.string,
            let created = value["createdAt"]?.string.flatMap({ Timestamp(iso8601: $0) }),
            let source = value["source"]?.string, let stateFormat = value["stateFormat"]?.int64
        else { throw BackupError("\(archive) is no backup of Millrace") }
        guard version <= BackupLayout.version, stateFormat <= supportedStateFormat else {
            throw BackupError(
                "\(archive) was made by millrace \(program) and has a later format (\(version), state \(stateFormat)) than "
                    + "this release reads (\(BackupLayout.version), state \(supportedStateFormat)): use that release")
        }
        self.init(program: program, createdAt: created, source: source, stateFormat: Int(stateFormat))
    }

    package init(program: String, createdAt: Timestamp, source: String, stateFormat: Int) {
        self.program = program
        self.createdAt = createdAt
        self.source = source
        self.stateFormat = stateFormat
    }
}

/// How far a backup or a restore is.
package struct BackupProgress: Sendable {
    /// Bytes written or read.
    package var bytes: Int64
    /// Data files of objects: done, and in all; nil as long as that is not known.
    package var files: Int
    package var filesTotal: Int?
}
