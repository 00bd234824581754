import ArgumentParser
import AWSProtocol
import FoundationEssentials
import JSONModel

struct CatalogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalog", abstract: "Show or change the data catalog.",
        subcommands: [Apply.self, List.self, Show.self])

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create or update the databases, tables and jobs of a directory.",
            discussion: """
                DIR/databases, DIR/tables and DIR/jobs hold CreateDatabase, CreateTable and CreateJob requests of Glue
                as JSON files. Applying them again changes nothing.

                EXAMPLE
                  millrace catalog apply glue-catalog/
                """)
        @Argument(help: "A directory of request files.")
        var directory: String
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            let server = try connection.connect()
            let count = try await CatalogFiles(directory: directory).apply { operation, input in
                try await server.call("glue", operation, input)
            }
            print("\(count) definitions applied from \(directory)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "ls", abstract: "Databases, or a database's tables.")
        @Argument(help: "A database.")
        var database: String?
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let server = try connection.connect()
            if let database {
                let tables = try await server.all(
                    "glue", "GetTables", ["DatabaseName": .string(database)], member: "TableList", token: "NextToken")
                if output.json { return print(JSONValue.array(tables).text) }
                print(table(["TABLE", "FORMAT", "LOCATION"], tables.map {
                    [
                        $0["Name"]?.string ?? "", $0["Parameters"]?["spark.sql.sources.provider"]?.string ?? "",
                        $0["StorageDescriptor"]?["Location"]?.string ?? "",
                    ]
                }))
            } else {
                let databases = try await server.all("glue", "GetDatabases", member: "DatabaseList", token: "NextToken")
                if output.json { return print(JSONValue.array(databases).text) }
                print(table(["DATABASE", "LOCATION", "DESCRIPTION"], databases.map {
                    [$0["Name"]?.string ?? "", $0["LocationUri"]?.string ?? "", $0["Description"]?.string ?? ""]
                }))
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One table.")
        @Argument(help: "DATABASE.TABLE")
        var name: String
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            let parts = name.split(separator: ".", maxSplits: 1)
            guard parts.count == 2 else { throw ValidationError("expected DATABASE.TABLE, found '\(name)'") }
            let answer = try await connection.connect().call(
                "glue", "GetTable", ["DatabaseName": .string(String(parts[0])), "Name": .string(String(parts[1]))])
            print(answer["Table"]?.prettyText ?? "")
        }
    }
}

/// A directory of Glue requests.
struct CatalogFiles {
    let directory: String

    /// Kind of definition: the folder, the operations, the member that holds what an update takes.
    private static let kinds: [(folder: String, create: String, update: String)] = [
        ("databases", "CreateDatabase", "UpdateDatabase"),
        ("tables", "CreateTable", "UpdateTable"),
        ("jobs", "CreateJob", "UpdateJob"),
    ]

    /// Creates what is missing and updates what is there.
    ///
    /// - Returns: how many definitions there are.
    func apply(_ call: (_ operation: String, _ input: JSONObject) async throws -> JSONObject) async throws -> Int {
        var count = 0
        for kind in Self.kinds {
            let folder = directory + "/" + kind.folder
            guard FileManager.default.fileExists(atPath: folder) else { continue }
            let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json") }
            for name in names.sorted() {
                let path = folder + "/" + name
                let input: JSONObject
                do {
                    guard let object = try JSONValue(parsing: readText(path)).object else {
                        throw CommandFailure("a \(kind.create) request must be a JSON object")
                    }
                    input = object
                    do {
                        _ = try await call(kind.create, input)
                    } catch let error as AWSError where Self.exists.contains(error.code) {
                        _ = try await call(kind.update, Self.update(kind.update, input))
                    }
                } catch let error as AWSError {
                    throw CommandFailure("\(path): \(error)")
                } catch let error as JSONSyntaxError {
                    throw CommandFailure("\(path): \(error)")
                }
                count += 1
            }
        }
        if count == 0 {
            throw CommandFailure("\(directory) holds no definitions: expected JSON files under databases/, tables/ or jobs/.")
        }
        return count
    }

    private static let exists: Set<String> = ["AlreadyExistsException", "IdempotentParameterMismatchException"]

    private static func update(_ operation: String, _ create: JSONObject) -> JSONObject {
        switch operation {
        case "UpdateDatabase":
            return ["Name": create["DatabaseInput"]?["Name"] ?? .null, "DatabaseInput": create["DatabaseInput"] ?? .null]
        case "UpdateJob":
            var update = create
            update["Name"] = nil
            return ["JobName": create["Name"] ?? .null, "JobUpdate": .object(update)]
        default:
            return create
        }
    }
}
