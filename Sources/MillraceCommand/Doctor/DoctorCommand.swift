import ArgumentParser
import JSONModel
import SettingsModel
import Support

#if canImport(Glibc)
import Glibc
#endif

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check the set-up and say what to do about each thing that is wrong.",
        discussion: """
            Looks at the configuration, the data directory and its databases, the machine's limits, the ports, the
            server if one runs, and the S3 store if one is configured. Changes nothing but for probes that it removes
            again: a directory in the data directory, and objects named millrace-doctor-... in the store.

            Exit status: 0 when nothing failed (warnings allowed), 1 otherwise.

            EXAMPLES
              millrace doctor
              millrace doctor --config /etc/millrace/millrace.yaml --json
              millrace doctor --bucket lake      try the S3 store in this bucket instead of a new one
            """)

    @Option(help: .config, completion: .file()) var config: String?
    @Option(help: .of(.data), completion: .directory) var data: String?
    @Option(help: "Bucket of the configured S3 store to try things in; without it a bucket is made and removed.")
    var bucket: String?
    @Flag(help: "Leave the S3 store alone.")
    var skipS3 = false
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let clock = ClockComparison()
        var findings: [Finding] = []
        var settings: EffectiveSettings?
        do {
            settings = try ProgramSettings.load(file: config, flags: [Setting.data.key: data], isServer: true)
            findings += ConfigurationChecks.findings(file: config, data: data)
        } catch {
            findings.append(.fail("config", "\(error)", fix: "correct it; docs/configuration.md lists what can be set"))
        }
        if let settings {
            let directory = DataDirectory(path: settings.text(.data) ?? "./millrace-data")
            findings += DirectoryChecks(directory: directory).findings()
            findings += DatabaseChecks(directory: directory).findings()
            findings += MachineChecks(directory: directory).findings()
            findings += await ServerChecks(directory: directory, settings: settings).findings()
            findings += DomainChecks(settings: settings).findings()
            if !skipS3 { findings += await S3Checks.findings(settings, bucket: bucket) }
        }
        findings.append(clock.finding())
        report(findings)
        if findings.contains(where: { $0.verdict == .fail }) { throw ExitCode(1) }
    }

    private func report(_ findings: [Finding]) {
        let failed = findings.count { $0.verdict == .fail }
        let warned = findings.count { $0.verdict == .warn }
        if output.json {
            let value: JSONValue = [
                "failed": .number(JSONNumber(failed)), "warned": .number(JSONNumber(warned)),
                "findings": .array(findings.map(\.json)),
            ]
            print(value.prettyText)
            return
        }
        for finding in findings { print(finding.line) }
        let ok = findings.count - failed - warned
        print("\(ok) ok, \(warned) to look at, \(failed) failed")
    }
}

/// Whether the wall clock runs as the monotonic one does while the checks take place.
private struct ClockComparison {
    private let wall = Self.milliseconds(CLOCK_REALTIME)
    private let steady = Self.milliseconds(CLOCK_MONOTONIC)

    func finding() -> Finding {
        let difference = (Self.milliseconds(CLOCK_REALTIME) - wall) - (Self.milliseconds(CLOCK_MONOTONIC) - steady)
        guard abs(difference) > 100 else { return .ok("clock", "the time of day runs evenly") }
        return .warn(
            "clock", "the time of day jumped by \(difference) ms during the checks",
            fix: "let one program alone set it, such as chrony or systemd-timesyncd")
    }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
