package import GlueModel
package import JSONModel
package import StateStore
package import Support

/// The data catalog: databases, tables, partitions and job definitions with Glue's rules.
///
/// Inputs are documents that have been checked against their shapes; results are documents as Glue gives them. Names of
/// databases and tables are folded to lower case, as in Glue and Hive.
package struct GlueCatalog: Sendable {
    package let records: any CatalogRecords
    let clock: any WallClock

    package init(records: any CatalogRecords, clock: any WallClock = SystemWallClock()) {
        self.records = records
        self.clock = clock
    }

    // MARK: - Databases

    package func createDatabase(_ input: JSONObject, in scope: CatalogScope) async throws {
        let name = folded(input["Name"])
        guard try await records.createDatabase(name, input, at: clock.now(), in: scope) == .done else {
            throw GlueError.exists("Database")
        }
    }

    package func updateDatabase(_ name: String, _ input: JSONObject, in scope: CatalogScope) async throws {
        let name = name.lowercased()
        guard folded(input["Name"]) == name else {
            throw GlueError(.invalidInput, "The name of a database cannot be changed.")
        }
        guard try await records.updateDatabase(name, input, in: scope) == .done else { throw GlueError.noDatabase(name) }
    }

    package func deleteDatabase(_ name: String, in scope: CatalogScope) async throws {
        guard try await records.deleteDatabase(name.lowercased(), in: scope) == .done else {
            throw GlueError.noDatabase(name)
        }
    }

    package func database(_ name: String, in scope: CatalogScope) async throws -> JSONObject {
        guard let record = try await records.database(name.lowercased(), in: scope) else {
            throw GlueError.noDatabase(name)
        }
        return document(record, scope)
    }

    /// - Returns: up to `limit` databases, and the name to go on after.
    package func databases(
        after name: String, limit: Int, in scope: CatalogScope
    ) async throws -> (items: [JSONObject], next: String?) {
        let found = try await records.databases(after: name, limit: limit + 1, in: scope)
        let page = found.prefix(limit)
        return (page.map { document($0, scope) }, found.count > limit ? page.last?.name : nil)
    }

    private func document(_ record: CatalogDatabaseRecord, _ scope: CatalogScope) -> JSONObject {
        var document = record.document
        document["Name"] = .string(record.name)
        document["CreateTime"] = seconds(record.createdAt)
        document["CatalogId"] = .string(scope.account)
        return document
    }

    // MARK: - Tables

    package func createTable(_ input: JSONObject, in database: String, scope: CatalogScope) async throws {
        let now = clock.now()
        let record = CatalogTableRecord(
            database: database.lowercased(), name: folded(input["Name"]), createdAt: now, updatedAt: now, document: input)
        switch try await records.createTable(record, in: scope) {
        case .done: break
        case .noDatabase: throw GlueError.noDatabase(database)
        default: throw GlueError.exists("Table")
        }
    }

    /// - Parameter version: the version that the caller has seen, as Glue writes it.
    package func updateTable(
        _ input: JSONObject, in database: String, version: String?, archives: Bool, scope: CatalogScope
    ) async throws {
        let name = folded(input["Name"])
        let expected = try version.map { try versionNumber($0) }
        let outcome = try await records.updateTable(
            name, in: database.lowercased(), input, expecting: expected, archives: archives, at: clock.now(), scope: scope)
        switch outcome {
        case .done, .exists: break
        case .noDatabase: throw GlueError.noDatabase(database)
        case .notFound: throw GlueError.noTable(name)
        case .conflict:
            throw GlueError(
                .concurrentModification, "Update table failed due to concurrent modifications.")
        }
    }

    /// - Returns: for each name nil, or why it was not deleted.
    package func deleteTables(
        _ names: [String], in database: String, scope: CatalogScope
    ) async throws -> [GlueError?] {
        let outcomes = try await records.deleteTables(
            names.map { $0.lowercased() }, in: database.lowercased(), scope: scope)
        return zip(names, outcomes).map { name, outcome -> GlueError? in
            switch outcome {
            case .done: nil
            case .noDatabase: .noDatabase(database)
            default: .noTable(name)
            }
        }
    }

    package func table(_ name: String, in database: String, scope: CatalogScope) async throws -> JSONObject {
        document(try await tableRecord(name, in: database, scope: scope), scope)
    }

    func tableRecord(_ name: String, in database: String, scope: CatalogScope) async throws -> CatalogTableRecord {
        if let record = try await records.table(name.lowercased(), in: database.lowercased(), scope: scope) {
            return record
        }
        guard try await records.database(database.lowercased(), in: scope) != nil else {
            throw GlueError.noDatabase(database)
        }
        throw GlueError.noTable(name)
    }

    /// - Parameter pattern: only tables whose names match.
    package func tables(
        in database: String, matching pattern: NamePattern?, after name: String, limit: Int, scope: CatalogScope
    ) async throws -> (items: [JSONObject], next: String?) {
        guard try await records.database(database.lowercased(), in: scope) != nil else {
            throw GlueError.noDatabase(database)
        }
        var found: [CatalogTableRecord] = []
        var position = name
        while found.count <= limit {
            let page = try await records.tables(in: database.lowercased(), after: position, limit: 200, scope: scope)
            found += page.filter { pattern?.matches($0.name) ?? true }
            guard page.count == 200, let last = page.last else { break }
            position = last.name
        }
        let items = found.prefix(limit)
        return (items.map { document($0, scope) }, found.count > limit ? items.last?.name : nil)
    }

    /// Ascending by version.
    package func tableVersions(
        _ name: String, in database: String, after version: Int64, limit: Int, scope: CatalogScope
    ) async throws -> (items: [JSONObject], next: Int64?) {
        _ = try await tableRecord(name, in: database, scope: scope)
        let found = try await records.tableVersions(
            name.lowercased(), in: database.lowercased(), after: version, limit: limit + 1, scope: scope)
        let items = found.prefix(limit)
        return (items.map { versionDocument($0, scope) }, found.count > limit ? items.last?.version : nil)
    }

    package func tableVersion(
        _ version: String?, of name: String, in database: String, scope: CatalogScope
    ) async throws -> JSONObject {
        let present = try await tableRecord(name, in: database, scope: scope)
        guard let version else { return versionDocument(present, scope) }
        let number = try versionNumber(version)
        if number == present.version { return versionDocument(present, scope) }
        let found = try await records.tableVersions(
            name.lowercased(), in: database.lowercased(), after: number - 1, limit: 1, scope: scope)
        guard let record = found.first, record.version == number else {
            throw GlueError(.entityNotFound, "Version not found.")
        }
        return versionDocument(record, scope)
    }

    package func deleteTableVersions(
        _ versions: [String], of name: String, in database: String, scope: CatalogScope
    ) async throws -> [GlueError?] {
        _ = try await tableRecord(name, in: database, scope: scope)
        let numbers = try versions.map { try versionNumber($0) }
        let outcomes = try await records.deleteTableVersions(
            numbers, of: name.lowercased(), in: database.lowercased(), scope: scope)
        return outcomes.map { $0 == .done ? nil : GlueError(.entityNotFound, "Version not found.") }
    }

    private func versionNumber(_ text: String) throws -> Int64 {
        guard let number = Int64(text), number >= 0, number < .max else {
            throw GlueError(.invalidInput, "'\(text.prefix(100))' is not a table version.")
        }
        return number
    }

    private func document(_ record: CatalogTableRecord, _ scope: CatalogScope) -> JSONObject {
        var document = record.document
        document["Name"] = .string(record.name)
        document["DatabaseName"] = .string(record.database)
        document["CreateTime"] = seconds(record.createdAt)
        document["UpdateTime"] = seconds(record.updatedAt)
        document["IsRegisteredWithLakeFormation"] = false
        document["CatalogId"] = .string(scope.account)
        document["VersionId"] = .string(String(record.version))
        return document
    }

    private func versionDocument(_ record: CatalogTableRecord, _ scope: CatalogScope) -> JSONObject {
        ["Table": .object(document(record, scope)), "VersionId": .string(String(record.version))]
    }

    func folded(_ name: JSONValue?) -> String { (name?.string ?? "").lowercased() }
}

/// A moment as awsJson sends it.
package func seconds(_ time: Timestamp) -> JSONValue { .number(time.secondsSince1970) }
