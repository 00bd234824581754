import ObjectStoreS3
import ObjectStore
import ArgumentParser
import AWSProtocol
import FoundationEssentials
import HTTPTransport
import JSONModel
import Support
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run the medallion pipeline on made-up data, on a server of its own.",
        discussion: """
            Starts a server on free ports and a temporary directory ($TMPDIR, else /tmp), makes up daily CSV files of an online retailer,
            uploads them, applies the catalog, runs statemachines/medallion.asl.json and prints the gold tables.
            Then the server stays up to be looked at until Ctrl-C, which removes everything. With MILLRACE_S3_ENDPOINT and
            its keys set, the data goes to that store's bucket `lake` instead, and stays there.

            EXAMPLES
              millrace demo
              millrace demo --rows 1000000 --exit
            """)

    @Option(help: "Lines of made-up data.")
    var rows = 200_000
    @Option(help: "Daily files.")
    var days = 60
    @Option(help: "Folder with statemachines/, glue-catalog/ and examples/; found beside the program otherwise.")
    var share: String?
    @Flag(help: "End when the tables have been printed.")
    var exit = false

    func run() async throws {
        let share = try ShareDirectory(given: share)
        let directory = try temporaryDirectory()
        let server = try ServerProcess(directory: directory)
        let stop = StopSignal { server.terminate() }
        defer {
            server.terminate()
            try? FileManager.default.removeItem(atPath: directory)  // A leftover in the temporary directory does no harm.
        }
        var times = PartTimes()
        do {
            let connection = try await times.measure("start the server") { try await server.connect() }
            try await prepare(connection, share, directory, &times)
            let end = try await times.measure("run the pipeline") { try await runPipeline(connection, share) }
            guard end["status"]?.string == "SUCCEEDED" else { throw CommandFailure(try await describeFailure(end, connection)) }
            try printTables(server, directory)
            print("\nTime\n" + times.text)
            try printNextSteps(server, end)
        } catch where stop.wasRequested {
            note("\nstopped")
            return
        }
        guard !exit else { return }
        note("\nThe server runs until Ctrl-C.")
        await stop.wait()
    }

    private func prepare(
        _ connection: Connection, _ share: ShareDirectory, _ directory: String, _ times: inout PartTimes
    ) async throws {
        let rows = rows, days = days
        let store = try connection.bucket("lake")
        let files = try await times.measure("make up \(rows) rows in \(days) files and upload them") {
            try await store.createBucket()
            var files: [(String, String)] = []
            DatagenCommand.Retail.eachFile(rows: rows, days: days, from: "2010-12-01", seed: 1) { files.append(($0, $1)) }
            let progress = ProgressLine(total: files.count, what: "files uploaded")
            for (name, text) in files {
                _ = try await store.put("raw/retail/" + name, Array(text.utf8))
                progress.advance()
            }
            progress.end()
            return files.count
        }
        note("\(files) files in s3://lake/raw/retail/")
        try await times.measure("register catalog, scripts and jobs") {
            for name in try share.names(in: "examples/medallion", ending: ".sql") {
                _ = try await store.put("scripts/" + name, Array(try readText(share.path + "/examples/medallion/" + name).utf8))
            }
            _ = try await CatalogFiles(directory: share.path + "/glue-catalog").apply {
                try await connection.call("glue", $0, $1)
            }
            let definition = try JSONValue(parsing: readText(share.path + "/examples/medallion/job-definition.json"))
            _ = try await connection.call("batch", "RegisterJobDefinition", definition.object ?? [:])
        }
    }

    private func runPipeline(_ connection: Connection, _ share: ShareDirectory) async throws -> JSONObject {
        let machine = try await connection.putStateMachine(
            name: "medallion", definition: try readText(share.path + "/statemachines/medallion.asl.json"),
            roleArn: "arn:aws:iam::123456789012:role/millrace")
        let input: JSONValue = [
            "input": "s3://lake/raw/retail/", "warehouse": "s3://lake/warehouse", "scripts": "s3://lake/scripts",
            "gold": ["medallion-revenue-by-day", "medallion-top-products", "medallion-customer-value"],
        ]
        let started = try await connection.call(
            "states", "StartExecution", ["stateMachineArn": .string(machine), "input": .string(input.text)])
        let execution = started["executionArn"]?.string ?? ""
        note("execution \(execution)")
        return try await ExecutionFollower(server: connection, execution: execution).untilEnd()
    }

    private func printTables(_ server: ServerProcess, _ directory: String) throws {
        let queries = [
            ("Revenue by day and country (gold.revenue_by_day)",
             "SELECT day, country, revenue, invoices FROM delta.`s3://lake/warehouse/gold/revenue_by_day` ORDER BY revenue DESC LIMIT 5"),
            ("Top products (gold.top_products)",
             "SELECT stock_code, description, revenue, quantity FROM delta.`s3://lake/warehouse/gold/top_products` ORDER BY revenue DESC"),
            ("Best customers (gold.customer_value)",
             "SELECT customer_id, revenue, invoices, last_purchase FROM delta.`s3://lake/warehouse/gold/customer_value` ORDER BY revenue DESC LIMIT 5"),
        ]
        for (title, sql) in queries {
            print("\n\(title)")
            try server.runVerb(["sql", sql])
        }
    }

    private func printNextSteps(_ server: ServerProcess, _ end: JSONObject) throws {
        let data = server.directory.path
        let other = try S3Settings(ProgramSettings.load())?.configuration.endpoint
        let place = other.map { ", in the store at \($0), where they stay" } ?? ""
        let aws = other.map { "aws --endpoint-url \($0)" } ?? "aws"
        // The server and its own store go with this program.
        guard !exit || other != nil else { return }
        print(
            """

            Tables   s3://lake/warehouse/{bronze,silver,gold}\(place)
                     (Delta; rows that were no rows: s3://lake/warehouse/bad-records)
            """)
        guard !exit else { return }
        print(
            """
            Console  \(server.console)

            Next, in another terminal:
              eval "$(millrace env --data \(data))"
              millrace history \(end["executionArn"]?.string ?? "")
              millrace catalog ls gold
              millrace sql 'SELECT country, sum(revenue) FROM delta.`s3://lake/warehouse/gold/revenue_by_day` GROUP BY country'
              aws stepfunctions list-state-machines
              \(aws) s3 ls --recursive s3://lake/warehouse/gold/\(other == nil ? "" : "   # with that store's key")
            """)
    }

    private func temporaryDirectory() throws -> String {
        let given = environmentValue("TMPDIR") ?? "/tmp"
        let parent = given.hasPrefix("/") ? given : FileManager.default.currentDirectoryPath + "/" + given
        var template = Array("\(parent)/millrace-demo-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw CommandFailure(
                "cannot make a directory in \(parent): \(String(cString: strerror(errno))). TMPDIR names another place.")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// How long each part took.
private struct PartTimes {
    private var parts: [(name: String, milliseconds: Int64)] = []

    mutating func measure<T>(_ name: String, _ body: () async throws -> T) async rethrows -> T {
        let clock = SystemWallClock()
        let begin = clock.now()
        let result = try await body()
        parts.append((name, clock.now().milliseconds(since: begin)))
        return result
    }

    var text: String {
        parts.map { "  \(duration(milliseconds: $0.milliseconds))  \($0.name)" }.joined(separator: "\n")
    }
}

/// Where the shipped definitions are: given, in the current directory, or installed beside the program.
struct ShareDirectory {
    let path: String

    init(given: String?) throws {
        let program = programPath().split(separator: "/").dropLast(2).joined(separator: "/")
        let candidates = [given, ".", "/\(program)/share/millrace"].compactMap { $0 }
        let found = candidates.first {
            FileManager.default.fileExists(atPath: $0 + "/statemachines/medallion.asl.json")
        }
        guard let found else {
            throw CommandFailure(
                "statemachines/medallion.asl.json is in none of \(candidates.joined(separator: ", ")). Run this in a checkout, "
                    + "or name the folder with --share.")
        }
        path = found
    }

    func names(in folder: String, ending: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path + "/" + folder).filter { $0.hasSuffix(ending) }.sorted()
    }
}

/// The running program's own file.
func programPath() -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &buffer, buffer.count)
    return length > 0
        ? String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self) : CommandLine.arguments[0]
}
