import AWSProtocol
import FoundationEssentials
import JSONModel

/// What became of one definition.
struct CatalogChange {
    enum Action: String, CaseIterable { case created, changed, left }

    var action: Action
    /// `database`, `table`, `partitions` or `job`.
    var kind: String
    var name: String
    var file: String

    var text: String {
        let word = action.rawValue + String(repeating: " ", count: 8 - action.rawValue.utf8.count)
        let ink: Ink = switch action {
        case .created: .good
        case .changed: .active
        case .left: .faint
        }
        return "\(ink.on(word)) \(kind) \(name)"
    }

    var json: JSONValue {
        ["action": .string(action.rawValue), "kind": .string(kind), "name": .string(name), "file": .string(file)]
    }
}

/// A directory of Glue requests: `databases/NAME.json`, `tables/DATABASE.TABLE.json`, `partitions/DATABASE.TABLE.json`,
/// `jobs/NAME.json`. The names of files do not matter when they are read.
struct CatalogFiles {
    typealias Call = (_ operation: String, _ input: JSONObject) async throws -> JSONObject

    let directory: String
    var isDryRun = false

    init(directory: String) {
        self.directory = directory.count > 1 && directory.hasSuffix("/") ? String(directory.dropLast()) : directory
    }

    private static let folders = ["databases", "tables", "partitions", "jobs"]

    /// Creates what is missing and updates what differs.
    ///
    /// - Parameter each: gets every change when it has been made.
    @discardableResult
    func apply(_ call: Call, each: (CatalogChange) -> Void = { _ in }) async throws -> [CatalogChange] {
        var changes: [CatalogChange] = []
        for folder in Self.folders {
            let path = directory + "/" + folder
            guard FileManager.default.fileExists(atPath: path) else { continue }
            let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".json") }
            for name in names.sorted() {
                let change = try await apply("\(path)/\(name)", folder, call)
                each(change)
                changes.append(change)
            }
        }
        if changes.isEmpty {
            throw CommandFailure(
                "\(directory) holds no definitions: expected JSON files under \(Self.folders.joined(separator: "/, "))/.", .notFound)
        }
        return changes
    }

    private func apply(_ file: String, _ folder: String, _ call: Call) async throws -> CatalogChange {
        do {
            guard let input = try JSONValue(parsing: readText(file)).object else {
                throw CommandFailure("\(file): a request must be a JSON object", .badData)
            }
            func change(_ action: CatalogChange.Action, _ kind: String, _ name: String) -> CatalogChange {
                CatalogChange(action: action, kind: kind, name: name, file: file)
            }
            switch folder {
            case "databases":
                let wanted = try member("DatabaseInput", of: input, file)
                let name = wanted["Name"] ?? .null
                let current = try await found("GetDatabase", ["Name": name], "Database", call)
                let action = try await put(
                    wanted, current.map(CatalogShapes.databaseInput), call, create: ("CreateDatabase", input),
                    update: ("UpdateDatabase", ["Name": name, "DatabaseInput": .object(wanted)]))
                return change(action, "database", name.string ?? "")
            case "tables":
                let wanted = try member("TableInput", of: input, file)
                let database = input["DatabaseName"] ?? .null
                let current = try await found(
                    "GetTable", ["DatabaseName": database, "Name": wanted["Name"] ?? .null], "Table", call)
                let action = try await put(
                    wanted, current.map(CatalogShapes.tableInput), call, create: ("CreateTable", input),
                    update: ("UpdateTable", input))
                return change(action, "table", "\(database.string ?? "").\(wanted["Name"]?.string ?? "")")
            case "jobs":
                var wanted = input
                wanted["Name"] = nil
                wanted["Tags"] = nil
                let name = input["Name"] ?? .null
                let current = try await found("GetJob", ["JobName": name], "Job", call)
                let action = try await put(
                    CatalogShapes.withJobDefaults(wanted), current.map(CatalogShapes.jobUpdate), call, create: ("CreateJob", input),
                    update: ("UpdateJob", ["JobName": name, "JobUpdate": .object(wanted)]))
                return change(action, "job", name.string ?? "")
            default:
                let name = "\(input["DatabaseName"]?.string ?? "").\(input["TableName"]?.string ?? "")"
                return change(try await applyPartitions(input, file, call), "partitions", name)
            }
        } catch let error as AWSError {
            throw CommandFailure("\(file): \(error)", ExitStatus(of: error) ?? .failed)
        } catch let error as JSONSyntaxError {
            throw CommandFailure("\(file): \(error)", .badData)
        }
    }

    private func member(_ name: String, of input: JSONObject, _ file: String) throws -> JSONObject {
        guard let object = input[name]?.object else {
            throw CommandFailure("\(file): the request must have an object \(name)", .badData)
        }
        return object
    }

    /// Nil when there is nothing of that name.
    private func found(_ operation: String, _ input: JSONObject, _ member: String, _ call: Call) async throws -> JSONObject? {
        do {
            return try await call(operation, input)[member]?.object
        } catch let error as AWSError where error.code == "EntityNotFoundException" {
            return nil
        }
    }

    private func put(
        _ wanted: JSONObject, _ current: JSONObject?, _ call: Call, create: (String, JSONObject), update: (String, JSONObject)
    ) async throws -> CatalogChange.Action {
        if let current {
            var wanted = wanted
            wanted["Name"] = current["Name"]  // The catalog writes names in lower case.
            if CatalogShapes.mean(.object(wanted), .object(current)) { return .left }
            if !isDryRun { _ = try await call(update.0, update.1) }
            return .changed
        }
        if !isDryRun { _ = try await call(create.0, create.1) }
        return .created
    }

    // MARK: - Partitions

    private static let partitionsPerCall = 100

    private func applyPartitions(_ input: JSONObject, _ file: String, _ call: Call) async throws -> CatalogChange.Action {
        guard let wanted = input["PartitionInputList"]?.array else {
            throw CommandFailure("\(file): the request must have an array PartitionInputList", .badData)
        }
        var table: JSONObject = [:]
        for name in ["DatabaseName", "TableName"] { table[name] = input[name] }
        var current: [JSONValue: JSONObject] = [:]
        do {
            for partition in try await Self.partitions(of: table, call) {
                current[partition["Values"] ?? .null] = CatalogShapes.partitionInput(partition)
            }
        } catch let error as AWSError where isDryRun && error.code == "EntityNotFoundException" {
            // The table is one of those that would be created.
        }
        let missing = wanted.filter { current[$0["Values"] ?? .null] == nil }
        let different = wanted.filter { partition in
            current[partition["Values"] ?? .null].map { !CatalogShapes.mean(partition, .object($0)) } ?? false
        }
        guard !isDryRun else { return !different.isEmpty ? .changed : !missing.isEmpty ? .created : .left }
        for start in stride(from: 0, to: missing.count, by: Self.partitionsPerCall) {
            var request = table
            request["PartitionInputList"] = .array(Array(missing[start..<min(start + Self.partitionsPerCall, missing.count)]))
            let answer = try await call("BatchCreatePartition", request)
            if let error = answer["Errors"]?[0] {
                let detail = error["ErrorDetail"]
                let reason = "\(detail?["ErrorCode"]?.string ?? ""): \(detail?["ErrorMessage"]?.string ?? "")"
                throw CommandFailure("\(file): partition \(error["PartitionValues"]?.text ?? ""): \(reason)")
            }
        }
        for partition in different {
            var request = table
            request["PartitionValueList"] = partition["Values"]
            request["PartitionInput"] = partition
            _ = try await call("UpdatePartition", request)
        }
        return !different.isEmpty ? .changed : !missing.isEmpty ? .created : .left
    }

    static func partitions(of table: JSONObject, _ call: Call) async throws -> [JSONObject] {
        var request = table
        var found: [JSONObject] = []
        while true {
            let page = try await call("GetPartitions", request)
            found += (page["Partitions"]?.array ?? []).compactMap(\.object)
            guard let token = page["NextToken"], !token.isNull else { return found }
            request["NextToken"] = token
        }
    }
}
