import CatalogEngine
import GlueModel
import JSONModel
import ServiceKit
import StateStore

extension GlueService {
    static let databaseOperations: [String: Operation] = [
        "CreateDatabase": Operation(
            shape: .input([.init("DatabaseInput", .databaseInput, required: true), .init("Tags", .map)])
        ) { service, call in
            let input = call.object("DatabaseInput")
            try await service.catalog.createDatabase(input, in: call.scope)
            let name = (input["Name"]?.string ?? "").lowercased()
            try await service.setTags(call, "database/\(name)")
            return [:]
        },
        "GetDatabase": Operation(shape: .input([.init("Name", .name, required: true)])) { service, call in
            ["Database": .object(try await service.catalog.database(call.text("Name"), in: call.scope))]
        },
        "GetDatabases": Operation(
            shape: .input([GlueShape.token, GlueShape.maxResults(100), .init("AttributesToGet", .document)])
        ) { service, call in
            let page = try await service.catalog.databases(
                after: try call.position(), limit: call.limit(100), in: call.scope)
            return call.page("DatabaseList", page.items, next: page.next)
        },
        "UpdateDatabase": Operation(
            shape: .input([
                .init("Name", .name, required: true), .init("DatabaseInput", .databaseInput, required: true),
            ])
        ) { service, call in
            try await service.catalog.updateDatabase(call.text("Name"), call.object("DatabaseInput"), in: call.scope)
            return [:]
        },
        "DeleteDatabase": Operation(shape: .input([.init("Name", .name, required: true)])) { service, call in
            try await service.catalog.deleteDatabase(call.text("Name"), in: call.scope)
            return [:]
        },
    ]

    static let tableOperations: [String: Operation] = [
        "CreateTable": Operation(
            shape: .input(
                [
                    GlueShape.databaseName, .init("Name", .name), .init("TableInput", .tableInput, required: true),
                    .init("PartitionIndexes", .document),
                ] + GlueShape.unsupported)
        ) { service, call in
            if let indexes = call.input["PartitionIndexes"]?.array, !indexes.isEmpty {
                throw GlueError(.operationNotSupported, "Partition indexes are not supported.")
            }
            try await service.catalog.createTable(
                call.object("TableInput"), in: call.text("DatabaseName"), scope: call.scope)
            return [:]
        },
        "GetTable": Operation(
            shape: .input([GlueShape.databaseName, .init("Name", .name, required: true)] + GlueShape.unsupported)
        ) { service, call in
            let table = try await service.catalog.table(
                call.text("Name"), in: call.text("DatabaseName"), scope: call.scope)
            return ["Table": .object(table)]
        },
        "GetTables": Operation(
            shape: .input(
                [
                    GlueShape.databaseName, .init("Expression", .string(0...2048)), GlueShape.token,
                    GlueShape.maxResults(100), .init("AttributesToGet", .document),
                ] + GlueShape.unsupported)
        ) { service, call in
            let pattern = try call.optionalText("Expression").flatMap { $0.isEmpty ? nil : try NamePattern($0) }
            let page = try await service.catalog.tables(
                in: call.text("DatabaseName"), matching: pattern, after: try call.position(), limit: call.limit(100),
                scope: call.scope)
            return call.page("TableList", page.items, next: page.next)
        },
        "UpdateTable": Operation(
            shape: .input(
                [
                    GlueShape.databaseName, .init("Name", .name), .init("TableInput", .tableInput, required: true),
                    .init("SkipArchive", .boolean), .init("VersionId", .name), .init("Force", .boolean),
                ] + GlueShape.unsupported)
        ) { service, call in
            try await service.catalog.updateTable(
                call.object("TableInput"), in: call.text("DatabaseName"), version: call.optionalText("VersionId"),
                archives: call.input["SkipArchive"]?.bool != true, scope: call.scope)
            return [:]
        },
        "DeleteTable": Operation(
            shape: .input([GlueShape.databaseName, .init("Name", .name, required: true)] + GlueShape.unsupported)
        ) { service, call in
            let outcomes = try await service.catalog.deleteTables(
                [call.text("Name")], in: call.text("DatabaseName"), scope: call.scope)
            if let refusal = outcomes.first ?? nil { throw refusal }
            return [:]
        },
        "BatchDeleteTable": Operation(
            shape: .input(
                [GlueShape.databaseName, .init("TablesToDelete", .list(.name, 0...100), required: true)]
                    + GlueShape.unsupported)
        ) { service, call in
            let names = call.texts("TablesToDelete")
            let outcomes = try await service.catalog.deleteTables(names, in: call.text("DatabaseName"), scope: call.scope)
            var errors: [JSONValue] = []
            for case (let name, let refusal?) in zip(names, outcomes) {
                errors.append(["TableName": .string(name), "ErrorDetail": refusal.detail])
            }
            return errors.isEmpty ? [:] : ["Errors": .array(errors)]
        },
        "GetTableVersion": Operation(
            shape: .input([GlueShape.databaseName, GlueShape.tableName, .init("VersionId", .name)])
        ) { service, call in
            let version = try await service.catalog.tableVersion(
                call.optionalText("VersionId"), of: call.text("TableName"), in: call.text("DatabaseName"),
                scope: call.scope)
            return ["TableVersion": .object(version)]
        },
        "GetTableVersions": Operation(
            shape: .input([
                GlueShape.databaseName, GlueShape.tableName, GlueShape.token, GlueShape.maxResults(100),
            ])
        ) { service, call in
            let position = try call.position()
            guard let after = position.isEmpty ? 0 : Int64(position) else {
                throw GlueError(.invalidInput, "The NextToken is not valid.")
            }
            let page = try await service.catalog.tableVersions(
                call.text("TableName"), in: call.text("DatabaseName"), after: after, limit: call.limit(100),
                scope: call.scope)
            return call.page("TableVersions", page.items, next: page.next.map { String($0) })
        },
        "DeleteTableVersion": Operation(
            shape: .input([GlueShape.databaseName, GlueShape.tableName, .init("VersionId", .name, required: true)])
        ) { service, call in
            let outcomes = try await service.catalog.deleteTableVersions(
                [call.text("VersionId")], of: call.text("TableName"), in: call.text("DatabaseName"), scope: call.scope)
            if let refusal = outcomes.first ?? nil { throw refusal }
            return [:]
        },
        "BatchDeleteTableVersion": Operation(
            shape: .input([
                GlueShape.databaseName, GlueShape.tableName, .init("VersionIds", .list(.name, 0...100), required: true),
            ])
        ) { service, call in
            let versions = call.texts("VersionIds")
            let outcomes = try await service.catalog.deleteTableVersions(
                versions, of: call.text("TableName"), in: call.text("DatabaseName"), scope: call.scope)
            var errors: [JSONValue] = []
            for case (let version, let refusal?) in zip(versions, outcomes) {
                errors.append([
                    "TableName": .string(call.text("TableName")), "VersionId": .string(version),
                    "ErrorDetail": refusal.detail,
                ])
            }
            return errors.isEmpty ? [:] : ["Errors": .array(errors)]
        },
    ]
}
