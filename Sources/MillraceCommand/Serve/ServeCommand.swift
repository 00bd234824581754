import AWSProtocol
import ArgumentParser
import Logging
import SettingsModel
import Support

#if canImport(Glibc)
import Glibc
#endif

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve Step Functions, Glue, Batch, S3 and Logs on one port, the console on another.",
        discussion: """
            The first start makes the data directory and a root key. `eval "$(millrace env)"` tells the AWS clients of a
            shell where the server is and what key to use. SIGTERM, SIGINT and SIGHUP stop it in order; running jobs go
            on and are taken up by the next start. Settings may also stand in a file, see docs/configuration.md.

            EXAMPLES
              millrace serve
              millrace serve --data /var/lib/millrace --port 9400 --catalog glue-catalog/
              millrace serve --config /etc/millrace/millrace.yaml
              millrace serve --auth none        for tests: any signature or none, loopback only
            """)

    @Option(help: .config, completion: .file()) var config: String?
    @Option(help: .of(.data), completion: .directory) var data: String?
    @Option(help: .of(.host)) var host: String?
    @Option(help: .of(.port)) var port: String?
    @Option(help: .of(.consoleHost)) var consoleHost: String?
    @Option(help: .of(.consolePort)) var consolePort: String?
    @Option(help: .of(.tlsCertificate), completion: .file()) var tlsCertificate: String?
    @Option(help: .of(.tlsKey), completion: .file()) var tlsKey: String?
    @Option(help: .of(.auth)) var auth: String?
    @Option(help: .of(.account)) var account: String?
    @Option(help: .of(.catalog), completion: .directory) var catalog: String?
    @Option(help: .of(.logLevel)) var logLevel: String?
    @Option(help: .of(.accessLog), completion: .file()) var accessLog: String?
    @Flag(help: .of(.awsLimits)) var awsLimits = false

    func run() async throws {
        let settings = try effectiveSettings()
        let level = settings.text(.logLevel).flatMap { Logger.Level(rawValue: $0) } ?? .notice
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        signal(SIGPIPE, SIG_IGN)
        raiseFileLimit()
        try await Server(settings: Server.Settings(settings)).run()
    }

    private func effectiveSettings() throws -> EffectiveSettings {
        let flags: [(Setting, String?)] = [
            (.data, data), (.host, host), (.port, port), (.consoleHost, consoleHost), (.consolePort, consolePort),
            (.tlsCertificate, tlsCertificate), (.tlsKey, tlsKey), (.auth, auth), (.account, account), (.catalog, catalog), (.logLevel, logLevel),
            (.accessLog, accessLog), (.awsLimits, awsLimits ? "true" : nil),
        ]
        do {
            return try ProgramSettings.load(
                file: config, flags: Dictionary(uniqueKeysWithValues: flags.map { ($0.key, $1) }), isServer: true)
        } catch let error as SettingsError where error.isArgument {
            throw ValidationError(error.description)
        }
    }

    /// Each connection is a file: as many as the administrator allows, instead of the 1,024 that a shell starts with.
    private func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
