import ArgumentParser
import AWSProtocol
import JSONModel

struct CatalogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalog", abstract: "Show or change the data catalog.",
        discussion: """
            EXAMPLES
              millrace catalog apply glue-catalog/
              millrace catalog ls
              millrace catalog show raw.retail
              millrace catalog export --out glue-catalog/
            """,
        subcommands: [Apply.self, List.self, Show.self, Export.self])

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create or update the databases, tables, partitions and jobs of a directory.",
            discussion: """
                DIR/databases, DIR/tables, DIR/partitions and DIR/jobs hold CreateDatabase, CreateTable, \
                BatchCreatePartition and CreateJob requests of Glue as JSON files. Each definition is created, changed, or \
                left when it is the same already; so applying a directory again changes nothing. Nothing is deleted. A \
                job's tags count when it is created only.

                --json prints an array: action (created, changed, left), kind, name, file.

                EXAMPLES
                  millrace catalog apply glue-catalog/
                  millrace catalog apply glue-catalog/ --dry-run
                """)
        @Argument(help: "A directory of request files.", completion: .directory)
        var directory: String
        @Flag(name: [.long, .customShort("n")], help: "Say what would be done, and do nothing.")
        var dryRun = false
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let server = try connection.connect()
            let json = output.json
            var files = CatalogFiles(directory: directory)
            files.isDryRun = dryRun
            let changes = try await files.apply({ try await server.call("glue", $0, $1) }) { if !json { print($0.text) } }
            if json { return printDocument(.array(changes.map(\.json))) }
            let parts = CatalogChange.Action.allCases.map { action in
                "\(changes.count { $0.action == action }) \(action.rawValue)"
            }
            let what = count(changes.count, "definition") + (dryRun ? " would be applied" : " applied")
            print("\(what): \(parts.joined(separator: ", "))")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "Databases, a database's tables, or the jobs.",
            discussion: """
                --json prints an array of databases, tables or jobs as Glue describes them.

                EXAMPLES
                  millrace catalog ls
                  millrace catalog ls gold
                  millrace catalog ls --jobs --json | jq -r '.[].Name'
                """)
        @Argument(help: "A database.", completion: .databases)
        var database: String?
        @Flag(help: "The jobs in place of the databases.")
        var jobs = false
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if jobs, database != nil { throw ValidationError("give a database or --jobs, not both") }
        }

        func run() async throws {
            let server = try connection.connect()
            if jobs {
                try show(
                    try await server.all("glue", "GetJobs", member: "Jobs", token: "NextToken"), none: "no jobs yet",
                    ["JOB", "SCRIPT", "DESCRIPTION"]
                ) { [$0["Name"], $0["Command"]?["ScriptLocation"], $0["Description"]] }
            } else if let database {
                try show(
                    try await server.all(
                        "glue", "GetTables", ["DatabaseName": .string(database)], member: "TableList", token: "NextToken"),
                    none: "\(database) has no tables", ["TABLE", "FORMAT", "LOCATION", "DESCRIPTION"]
                ) { [$0["Name"], .string(tableFormat($0)), $0["StorageDescriptor"]?["Location"], $0["Description"]] }
            } else {
                try show(
                    try await server.all("glue", "GetDatabases", member: "DatabaseList", token: "NextToken"),
                    none: "no databases yet: `millrace catalog apply DIR` or `millrace sql 'CREATE DATABASE …'` makes one",
                    ["DATABASE", "LOCATION", "DESCRIPTION"]
                ) { [$0["Name"], $0["LocationUri"], $0["Description"]] }
            }
        }

        private func show(
            _ items: [JSONValue], none: String, _ headings: [String], _ cells: (JSONValue) -> [JSONValue?]
        ) throws {
            if output.json { return printDocument(.array(items)) }
            if items.isEmpty { return note(none) }
            let columns = headings.map { TextTable.Column($0, shrinks: $0 == "DESCRIPTION") }
            print(TextTable(columns, items.map { cells($0).map { .init($0?.string ?? "") } }).text())
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A database or a table: location, format, columns.",
            discussion: """
                --json prints what GetDatabase or GetTable describes.

                EXAMPLES
                  millrace catalog show raw
                  millrace catalog show raw.retail
                  millrace catalog show raw.retail --json | jq .StorageDescriptor.Columns
                """)
        @Argument(help: ArgumentHelp("A database, or DATABASE.TABLE.", valueName: "name"), completion: .tables)
        var name: String
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let server = try connection.connect()
            let name = try CatalogName(name)
            guard let table = name.table else {
                let database = try await server.call("glue", "GetDatabase", ["Name": .string(name.database)])["Database"] ?? .null
                if output.json { return printDocument(database) }
                print(fields(described(database, ["Name", "LocationUri", "Description"], ["database", "location", "description"])))
                if Terminal.output.isTerminal { note("its tables: millrace catalog ls \(name.database)") }
                return
            }
            let answer = try await server.call(
                "glue", "GetTable", ["DatabaseName": .string(name.database), "Name": .string(table)])["Table"] ?? .null
            if output.json { return printDocument(answer) }
            var lines: [(name: String, value: TextTable.Cell)] = [
                ("table", .init("\(name.database).\(answer["Name"]?.string ?? table)")), ("format", .init(tableFormat(answer))),
            ]
            if let location = answer["StorageDescriptor"]?["Location"]?.string { lines.append(("location", .init(location))) }
            lines += described(answer, ["Description", "UpdateTime"], ["description", "updated"])
            for (key, value) in answer["Parameters"]?.object ?? [:] { lines.append((key, .init(value.string ?? value.text))) }
            print(fields(lines) + "\n")
            let keys = answer["PartitionKeys"]?.array ?? []
            let columns = (answer["StorageDescriptor"]?["Columns"]?.array ?? []).map { ($0, false) } + keys.map { ($0, true) }
            print(
                TextTable(
                    [.init("COLUMN"), .init("TYPE", shrinks: true), .init("", shrinks: true)],
                    columns.map { column, isKey in
                        [
                            .init(column["Name"]?.string ?? ""), .init(column["Type"]?.string ?? ""),
                            .init(
                                [isKey ? "partition key" : nil, column["Comment"]?.string].compactMap { $0 }
                                    .joined(separator: ", ")),
                        ]
                    }
                ).text())
        }

        private func described(
            _ value: JSONValue, _ members: [String], _ names: [String]
        ) -> [(name: String, value: TextTable.Cell)] {
            zip(members, names).compactMap { member, name in
                guard let found = value[member] else { return nil }
                return (name, .init(member.hasSuffix("Time") ? time(found) : found.string ?? found.text))
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the catalog as the files that `millrace catalog apply` reads.",
            discussion: """
                Without a name: every database with its tables and their partitions, and every job. With DATABASE: it and \
                its tables; with DATABASE.TABLE: the table alone. Files of the same names are replaced, others are left.

                --json prints an array: action (created, changed, left), kind, name, file.

                EXAMPLES
                  millrace catalog export --out glue-catalog/
                  millrace catalog export gold --out glue-catalog/
                  millrace catalog export gold.top_products --out /tmp/one
                """)
        @Argument(help: ArgumentHelp("A database, or DATABASE.TABLE.", valueName: "name"), completion: .tables)
        var name: String?
        @Option(help: "The directory; made if it is missing.", completion: .directory)
        var out: String
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let server = try connection.connect()
            let name = try name.map { try CatalogName($0) }
            let json = output.json
            let changes = try await CatalogFiles(directory: out).export(name, from: server) { if !json { print($0.text) } }
            if json { return printDocument(.array(changes.map(\.json))) }
            print("\(count(changes.count, "definition")) in \(out)")
        }
    }
}

/// `DATABASE` or `DATABASE.TABLE`.
struct CatalogName {
    let database: String
    let table: String?

    init(_ text: String) throws {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.allSatisfy({ !$0.isEmpty }), let first = parts.first else {
            throw CommandFailure("expected DATABASE or DATABASE.TABLE, found '\(text)'", .usage)
        }
        database = first
        table = parts.count > 1 ? parts[1] : nil
    }
}

/// What a Glue table's parameters say its files are.
func tableFormat(_ table: JSONValue) -> String {
    if table["TableType"]?.string == "VIRTUAL_VIEW" { return "view" }
    let parameters = table["Parameters"]
    let named = parameters?["spark.sql.sources.provider"] ?? parameters?["table_type"] ?? parameters?["classification"]
    return named?.string?.lowercased() ?? ""
}
