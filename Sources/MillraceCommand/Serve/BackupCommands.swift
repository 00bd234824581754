import ArgumentParser
import Backup
import JSONModel
import SettingsModel
import Support

#if canImport(Glibc)
import Glibc
#endif

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Write the data directory to one file, also while the server works.",
        discussion: """
            The file is a tar archive of executions, jobs, catalog, the embedded store's objects and the root key, as of
            one moment, with a checksum of each part. Jobs' working directories and another S3 store are not in it.
            What had been acknowledged when the backup began is in it.

            EXAMPLES
              millrace backup /backup/millrace-$(date +%F).tar
              tar tvf /backup/millrace-2026-11-21.tar
              tar xOf /backup/millrace-2026-11-21.tar SHA256SUMS
              zstd --rm /backup/millrace-2026-11-21.tar     make it smaller; `zstd -d` before it is restored
            """)

    @Argument(help: "The archive to write.", completion: .file()) var file: String
    @Option(help: .config, completion: .file()) var config: String?
    @Option(help: .of(.data), completion: .directory) var data: String?
    @Flag(help: "Replace the file when it exists.") var force = false
    @OptionGroup var output: OutputOptions

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        let directory = try dataPath(config, data)
        if !force, access(file, F_OK) == 0 {
            throw CommandFailure("\(file) exists. Name another file, or replace it with --force.")
        }
        let line = TransferLine()
        let done = try BackupMaker(
            of: directory, to: absolutePath(file), program: Version.text, at: SystemWallClock().now(),
            progress: { line.show("\(size($0.bytes)) written", $0.files, of: $0.filesTotal) }
        ).run()
        line.end()
        note("\(file) holds the server's root key: keep it as safe as \(directory)")
        if output.json {
            let value: JSONValue = [
                "file": .string(absolutePath(file)), "bytes": .number(JSONNumber(done.bytes)),
                "dataFiles": .number(JSONNumber(done.files)),
            ]
            print(value.prettyText)
        } else {
            print("\(file): \(size(done.bytes)), \(done.files) data files")
            print("to look at it: tar tvf \(file)    to bring it back: millrace restore \(file) --data DIRECTORY")
        }
    }
}

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a data directory of a backup.",
        discussion: """
            The whole file is checked first: one that is cut off or altered is refused before anything is written. Then
            the directory is made beside its place and renamed: it is there as a whole, or not at all. As root, it gets
            the owner of the directory that it replaces, or of the one above.

            EXAMPLES
              millrace restore /backup/millrace-2026-11-21.tar --data ./restored
              millrace restore /backup/millrace-2026-11-21.tar --check
              sudo millrace restore /backup/millrace-2026-11-21.tar --data /var/lib/millrace --force
            """)

    @Argument(help: "The archive to read.", completion: .file()) var file: String
    @Option(help: .config, completion: .file()) var config: String?
    @Option(help: .of(.data), completion: .directory) var data: String?
    @Flag(help: "Put a directory that is not empty aside, under another name.") var force = false
    @Flag(help: "Only check the archive.") var check = false
    @OptionGroup var output: OutputOptions

    func run() throws {
        let directory = try dataPath(config, data)
        let line = TransferLine()
        let checker = try BackupRestorer(from: file, to: directory) { line.show("\(size($0.bytes)) checked", $0.files, of: nil) }
        let description = try checker.verify()
        line.end()
        let made = "made by millrace \(description.program) at \(description.createdAt.iso8601) of \(description.source)"
        if check { return report(made, directory: nil, aside: nil, description) }
        let restorer = try BackupRestorer(from: file, to: directory) { line.show("\(size($0.bytes)) restored", $0.files, of: nil) }
        let aside = try restorer.restore(replacing: force, at: SystemWallClock().now())
        line.end()
        report(made, directory: directory, aside: aside, description)
    }

    private func report(_ made: String, directory: String?, aside: String?, _ description: BackupDescription) {
        if output.json {
            let value: JSONValue = [
                "whole": true, "program": .string(description.program), "createdAt": .string(description.createdAt.iso8601),
                "source": .string(description.source), "data": directory.map(JSONValue.string) ?? .null,
                "aside": aside.map(JSONValue.string) ?? .null,
            ]
            print(value.prettyText)
            return
        }
        guard let directory else { return print("\(file) is whole, \(made)") }
        print("\(directory) restored from \(file), \(made)")
        if let aside { print("what was there before is in \(aside): remove it when all is well") }
        print(
            """
            next:  millrace serve --data \(directory)
            Executions go on where they were; jobs that were running are started again. Clients use the backup's keys:
            eval "$(millrace env --data \(directory))". Do not let the server that it was made of run on: both would do
            the same work.
            """)
    }
}

private func dataPath(_ config: String?, _ data: String?) throws -> String {
    let settings = try ProgramSettings.load(file: config, flags: [Setting.data.key: data], isServer: true)
    return absolutePath(settings.text(.data) ?? "./millrace-data")
}

private func size(_ bytes: Int64) -> String {
    bytes < 1 << 20 ? "\(bytes >> 10) KiB" : bytes < 1 << 30 ? "\(bytes >> 20) MiB" : "\(bytes >> 30).\((bytes >> 20 & 1023) / 103) GiB"
}

/// Where a long copy is: a line that is drawn again on a terminal, elsewhere a line every ten seconds.
private final class TransferLine {
    private let isTerminal = isatty(2) == 1
    private var last = SystemWallClock().now()

    func show(_ text: String, _ files: Int, of total: Int?) {
        let now = SystemWallClock().now()
        guard now.milliseconds(since: last) >= (isTerminal ? 200 : 10_000) else { return }
        last = now
        let count = total.map { "\(files) of \($0) files" } ?? "\(files) files"
        write("  \(text), \(count)" + (isTerminal ? "" : "\n"))
    }

    func end() { if isTerminal { write("") } }

    private func write(_ text: String) {
        let bytes = Array(((isTerminal ? "\r\u{1B}[K" : "") + text).utf8)
        _ = Glibc.write(2, bytes, bytes.count)
    }
}
