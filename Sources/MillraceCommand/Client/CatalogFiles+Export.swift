import FoundationEssentials
import JSONModel

extension CatalogFiles {
    /// Writes definitions as requests that `apply` reads.
    ///
    /// - Parameter name: nil for everything.
    func export(
        _ name: CatalogName?, from server: Connection, each: (CatalogChange) -> Void
    ) async throws -> [CatalogChange] {
        var changes: [CatalogChange] = []
        func write(_ kind: String, _ folder: String, _ name: String, _ request: JSONObject) throws {
            let change = try self.write(kind, folder, name, request)
            each(change)
            changes.append(change)
        }
        func write(table: JSONValue, of database: String) async throws {
            guard let object = table.object, let name = table["Name"]?.string else { return }
            let key: JSONObject = ["DatabaseName": .string(database), "TableName": .string(name)]
            try write(
                "table", "tables", "\(database).\(name)",
                ["DatabaseName": .string(database), "TableInput": .object(CatalogShapes.tableInput(object))])
            guard table["PartitionKeys"]?.array?.isEmpty == false else { return }
            let partitions = try await Self.partitions(of: key) { try await server.call("glue", $0, $1) }
            guard !partitions.isEmpty else { return }
            var request = key
            request["PartitionInputList"] = .array(partitions.map { .object(CatalogShapes.partitionInput($0)) })
            try write("partitions", "partitions", "\(database).\(name)", request)
        }

        if let name, let table = name.table {
            let answer = try await server.call("glue", "GetTable", ["DatabaseName": .string(name.database), "Name": .string(table)])
            try await write(table: answer["Table"] ?? .null, of: name.database)
            return changes
        }
        let databases =
            if let name {
                [try await server.call("glue", "GetDatabase", ["Name": .string(name.database)])["Database"] ?? .null]
            } else {
                try await server.all("glue", "GetDatabases", member: "DatabaseList", token: "NextToken")
            }
        for database in databases {
            guard let object = database.object, let name = database["Name"]?.string else { continue }
            try write("database", "databases", name, ["DatabaseInput": .object(CatalogShapes.databaseInput(object))])
            let tables = try await server.all(
                "glue", "GetTables", ["DatabaseName": .string(name)], member: "TableList", token: "NextToken")
            for table in tables { try await write(table: table, of: name) }
        }
        guard name == nil else { return changes }
        for job in try await server.all("glue", "GetJobs", member: "Jobs", token: "NextToken") {
            guard let object = job.object, let name = job["Name"] else { continue }
            var request: JSONObject = ["Name": name]
            for (key, value) in CatalogShapes.jobUpdate(object) { request[key] = value }
            try write("job", "jobs", name.string ?? "", request)
        }
        return changes
    }

    private func write(_ kind: String, _ folder: String, _ name: String, _ request: JSONObject) throws -> CatalogChange {
        let path = directory + "/" + folder
        let file = "\(path)/\(Self.fileName(name)).json"
        let text = JSONValue.object(request).prettyText + "\n"
        let old = FileManager.default.contents(atPath: file).map { String(decoding: $0, as: UTF8.self) }
        let isSame = old.flatMap { try? JSONValue(parsing: $0) } == .object(request)  // What is no JSON is replaced.
        if !isSame {
            do {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            } catch {
                throw CommandFailure("cannot make the directory \(path): \(error)", .outputLost)
            }
            guard FileManager.default.createFile(atPath: file, contents: Data(text.utf8)) else {
                throw CommandFailure("cannot write \(file): is the directory writable and the disk not full?", .outputLost)
            }
        }
        return CatalogChange(action: old == nil ? .created : isSame ? .left : .changed, kind: kind, name: name, file: file)
    }

    /// The name, with what a file's name may not or should not hold as `%` and hexadecimal digits.
    private static func fileName(_ name: String) -> String {
        var result = ""
        for (index, byte) in name.utf8.enumerated() {
            let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || (byte == UInt8(ascii: ".") && index > 0)
            result += isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return result
    }
}
