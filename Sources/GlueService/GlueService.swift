package import AWSProtocol
package import BatchEngine
package import CatalogEngine
import GlueModel
package import JSONModel
package import ServiceKit
import StateStore
package import Support

/// Glue's API: the data catalog, job definitions and job runs.
/// - Source: AWS Glue service model, version 2017-03-31.
package struct GlueService: JSONService {
    package let name = "glue"
    package let wire = WireProtocol.json11(targetPrefix: "AWSGlue")
    let catalog: GlueCatalog
    let runs: GlueJobRuns

    package init(catalog: GlueCatalog, jobs: any JobControl, clock: any WallClock = SystemWallClock()) {
        self.catalog = catalog
        runs = GlueJobRuns(catalog: catalog, jobs: jobs, clock: clock)
    }

    /// Submits the runs that a crash kept from being submitted. Call once the batch engine runs.
    package func start() async throws { try await runs.resume() }

    package func call(
        _ operation: String, _ input: JSONObject, _ context: CallContext
    ) async throws -> JSONObject {
        guard let entry = Self.operations[operation] else {
            throw AWSError.unknownOperation(operation, service: name)
        }
        do {
            // Elsewhere tags are what is looked for.
            if operation.hasPrefix("Create") || operation == "TagResource",
                ReservedTags.areAmong(input["Tags"] ?? input["TagsToAdd"])
            {
                throw AWSError("InvalidInputException", ReservedTags.refusal)
            }
            let members = try entry.shape.checked(input)
            let call = GlueCall(input: members, context: context)
            try call.checkCatalog()
            return try await entry.perform(self, call)
        } catch let error as GlueError {
            throw AWSError(error.code.rawValue, error.message)
        }
    }

    struct Operation: Sendable {
        var shape: GlueShape
        var perform: @Sendable (GlueService, GlueCall) async throws -> JSONObject
    }

    static let operations: [String: Operation] = databaseOperations.merging(tableOperations) { first, _ in first }
        .merging(partitionOperations) { first, _ in first }.merging(jobOperations) { first, _ in first }
        .merging(tagOperations) { first, _ in first }
}

/// A checked input and its caller.
struct GlueCall: Sendable {
    var input: JSONObject
    var context: CallContext

    var scope: CatalogScope {
        CatalogScope(account: context.account, region: context.region, commandID: context.commandID)
    }

    func text(_ name: String) -> String { input[name]?.string ?? "" }
    func optionalText(_ name: String) -> String? { input[name]?.string }
    func object(_ name: String) -> JSONObject { input[name]?.object ?? [:] }
    func texts(_ name: String) -> [String] { input[name]?.array?.compactMap(\.string) ?? [] }
    func limit(_ standard: Int) -> Int { input["MaxResults"]?.int64.map { Int($0) } ?? standard }

    func checkCatalog() throws(GlueError) {
        if let catalog = optionalText("CatalogId"), catalog != context.account {
            throw GlueError(.entityNotFound, "Catalog \(catalog) not found.")
        }
        for name in ["TransactionId", "QueryAsOfTime", "OpenTableFormatInput", "UpdateOpenTableFormatInput", "ViewUpdateAction"]
        where input[name] != nil {
            throw GlueError(.operationNotSupported, "The member \(name) is not supported.")
        }
    }

    /// The name to go on after; empty at the start.
    func position() throws(GlueError) -> String {
        guard let token = optionalText("NextToken"), !token.isEmpty else { return "" }
        guard let bytes = Base64.decode(token), let text = String(validating: bytes, as: UTF8.self) else {
            throw GlueError(.invalidInput, "The NextToken is not valid.")
        }
        return text
    }

    /// `items` under `name`, with the token for the next page.
    func page(_ name: String, _ items: [JSONObject], next: String?) -> JSONObject {
        var output: JSONObject = [:]
        output[name] = .array(items.map { .object($0) })
        if let next { output["NextToken"] = .string(Base64.encode(Array(next.utf8))) }
        return output
    }
}

extension GlueError {
    var detail: JSONValue { ["ErrorCode": .string(code.rawValue), "ErrorMessage": .string(message)] }
}

extension GlueShape {
    /// Members that most catalog operations take besides their own.
    static func input(_ members: [Member]) -> GlueShape {
        .structure([Member("CatalogId", .name)] + members)
    }

    static let databaseName = Member("DatabaseName", .name, required: true)
    static let tableName = Member("TableName", .name, required: true)
    static let token = Member("NextToken", .text)
    static func maxResults(_ bound: Int64) -> Member { Member("MaxResults", .integer(1...bound)) }
    static let unsupported = [
        Member("TransactionId", .text), Member("QueryAsOfTime", .timestamp), Member("OpenTableFormatInput", .document),
        Member("UpdateOpenTableFormatInput", .document), Member("ViewUpdateAction", .text),
    ]
}
