import AWSProtocol
import ArgumentParser
import FoundationEssentials
import Logging
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
            shell where the server is and what key to use. SIGTERM stops it in order; running jobs go on and are taken
            up by the next start.

            EXAMPLES
              millrace serve
              millrace serve --data /var/lib/millrace --port 9400 --catalog glue-catalog/
              millrace serve --auth none        for tests: any signature or none, loopback only
            """)

    enum Authentication: String, ExpressibleByArgument, CaseIterable { case keys, none }

    @Option(help: "Directory that keeps everything; made if it is missing.")
    var data = environmentValue("MILLRACE_DATA") ?? "./millrace-data"
    @Option(help: "Address to listen on.")
    var host = "127.0.0.1"
    @Option(help: "Port of the AWS interface; 0 takes a free one.")
    var port = 9400
    @Option(help: "Port of the console; 0 takes a free one.")
    var consolePort = 9401
    @Option(help: "keys: requests must be signed with a known key. none: anything goes, on loopback only.")
    var auth = Authentication.keys
    @Option(help: "Twelve digits of the account.")
    var account = "123456789012"
    @Option(help: "Apply the definitions of this directory at start, as `catalog apply` does.")
    var catalog: String?
    @Option(help: "trace, debug, info, notice, warning, error.")
    var logLevel = "notice"

    func validate() throws {
        for (name, value) in [("--port", port), ("--console-port", consolePort)] where !(0...65_535).contains(value) {
            throw ValidationError("\(name) must lie between 0 and 65535, found \(value)")
        }
        guard account.utf8.count == 12, account.utf8.allSatisfy({ (48...57).contains($0) }) else {
            throw ValidationError("--account must be twelve digits, found '\(account)'")
        }
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level must be trace, debug, info, notice, warning or error, found '\(logLevel)'")
        }
        guard auth == .keys || ["127.0.0.1", "localhost", "::1"].contains(host) else {
            throw ValidationError("--auth none is for loopback addresses only, found --host \(host)")
        }
    }

    func run() async throws {
        let level = Logger.Level(rawValue: logLevel) ?? .notice
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        signal(SIGPIPE, SIG_IGN)
        let path = data.hasPrefix("/") ? data : FileManager.default.currentDirectoryPath + "/" + data
        let server = try await Server(
            settings: Server.Settings(
                data: DataDirectory(path: path), host: host, port: port, consolePort: consolePort,
                requiresSignature: auth == .keys, account: account, catalog: catalog,
                s3: S3Settings.fromEnvironment(environmentValue)))
        try await server.run()
    }
}
