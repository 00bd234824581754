import ArgumentParser
import FoundationEssentials
import JSONModel
import ObjectServer
import StateStore
import Support

/// The embedded object store's files.
struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Look after the embedded object store.", subcommands: [StoreScrub.self])
}

struct StoreScrub: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrub",
        abstract: "Read every object and compare it with the checksums of its writing.",
        discussion: """
            Reports each version of an object, and each part of an unfinished upload, that is damaged or missing, and
            files that nothing refers to. Changes nothing. The server may run meanwhile.

            EXAMPLES
              millrace store scrub
              millrace store scrub --data /var/lib/millrace --json
            """)

    @Option(help: "The server's data directory; $MILLRACE_DATA, else ./millrace-data.", completion: .directory)
    var data: String?
    @OptionGroup var output: OutputOptions

    func run() throws {
        let directory = try ProgramSettings.dataDirectory(data)
        guard FileManager.default.fileExists(atPath: directory.objectIndex) else {
            throw CommandFailure("there is no object store in \(directory.path). Name the server's directory with --data.", .notFound)
        }
        let report: ObjectScrub.Report
        do {
            report = try ObjectScrub(directory: directory.objects).run(progress: { _ in }, damaged: show)
        } catch {
            throw CommandFailure("\(directory.objects): \(error)")
        }
        if output.json {
            printDocument([
                "objects": .number(JSONNumber(report.objects)), "bytes": .number(JSONNumber(report.bytes)),
                "damaged": .number(JSONNumber(report.damaged)), "strayFiles": .number(JSONNumber(report.strayFiles)),
                "strayBytes": .number(JSONNumber(report.strayBytes)),
            ])
        } else {
            print("\(report.objects) objects, \(report.bytes) bytes, \(report.damaged) damaged")
            if report.strayFiles > 0 {
                print("\(report.strayFiles) files of \(report.strayBytes) bytes that nothing refers to")
            }
        }
        if report.damaged > 0 {
            throw CommandFailure("\(report.damaged) objects are damaged: bring them back from a backup or their source.")
        }
    }

    private func show(_ damage: ObjectScrub.Damage) {
        let version = damage.version == .null ? "" : "?versionId=\(damage.version)"
        if output.json {
            printDocument([
                "bucket": .string(damage.bucket), "key": .string(damage.key.description),
                "versionId": .string(damage.version.description), "finding": .string(damage.finding),
            ])
        } else {
            print("s3://\(damage.bucket)/\(damage.key)\(version): \(damage.finding)")
        }
    }
}
