package import GlueModel
package import JSONModel
package import StateStore
import Support

extension GlueCatalog {
    package func createJob(_ name: String, _ input: JSONObject, in scope: CatalogScope) async throws {
        guard try await records.createJob(name, input, at: clock.now(), in: scope) == .done else {
            throw GlueError.exists("Job")
        }
    }

    /// Replaces the whole definition.
    package func updateJob(_ name: String, _ input: JSONObject, in scope: CatalogScope) async throws {
        guard try await records.updateJob(name, input, at: clock.now(), in: scope) == .done else {
            throw GlueError.noJob(name)
        }
    }

    /// A missing job counts as deleted.
    package func deleteJob(_ name: String, in scope: CatalogScope) async throws {
        _ = try await records.deleteJob(name, in: scope)
    }

    package func job(_ name: String, in scope: CatalogScope) async throws -> JSONObject {
        guard let record = try await records.job(name, in: scope) else { throw GlueError.noJob(name) }
        return document(record)
    }

    package func jobs(
        after name: String, limit: Int, in scope: CatalogScope
    ) async throws -> (items: [JSONObject], next: String?) {
        let found = try await records.jobs(after: name, limit: limit + 1, in: scope)
        let items = found.prefix(limit)
        return (items.map(document), found.count > limit ? items.last?.name : nil)
    }

    private func document(_ record: CatalogJobRecord) -> JSONObject {
        var document: JSONObject = ["Name": .string(record.name)]
        for (key, value) in record.document where key != "Name" && key != "Tags" { document[key] = value }
        if document["ExecutionProperty"]?["MaxConcurrentRuns"] == nil {
            document["ExecutionProperty"] = ["MaxConcurrentRuns": 1]
        }
        if document["MaxRetries"] == nil { document["MaxRetries"] = 0 }
        document["CreatedOn"] = seconds(record.createdAt)
        document["LastModifiedOn"] = seconds(record.modifiedAt)
        return document
    }
}
