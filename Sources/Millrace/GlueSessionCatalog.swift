import AWSProtocol
import Columnar
package import HTTPTransport
import JSONModel
package import QueryEngine
import SparkPlan
import SparkSQL

/// The catalog of a Glue service, ours or AWS's. Tables created here carry the parameters by which Spark, Athena and
/// Trino know Delta tables.
package struct GlueSessionCatalog: SessionCatalog {
    private static let pages = 10_000
    private let client: AWSClient

    package init(client: AWSClient) { self.client = client }

    private func call(_ operation: String, _ input: JSONObject) throws -> JSONObject {
        try client.callBlocking(service: "glue", operation: operation, input: input)
    }

    /// What an operation answers, or nil where it says that there is no such thing.
    private func found(_ operation: String, _ input: JSONObject) throws -> JSONObject? {
        do {
            return try call(operation, input)
        } catch let error as AWSError where error.code == "EntityNotFoundException" {
            return nil
        }
    }

    private func names(_ operation: String, _ input: JSONObject, list: String) throws -> [String] {
        var names: [String] = []
        var request = input
        for _ in 0..<Self.pages {
            let answer = try call(operation, request)
            names += (answer[list]?.array ?? []).compactMap { $0["Name"]?.string }
            guard let token = answer["NextToken"]?.string, !token.isEmpty else { break }
            request["NextToken"] = .string(token)
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    // MARK: - Databases

    package func databases() throws -> [String] {
        let known = try names("GetDatabases", [:], list: "DatabaseList")
        return known.contains("default") ? known : (known + ["default"]).sorted()
    }

    package func database(_ name: String) throws -> CatalogDatabase? {
        guard let answer = try found("GetDatabase", ["Name": .string(name.lowercased())]), let database = answer["Database"] else {
            // Spark has a database `default` even where the catalog has not.
            return name.lowercased() == "default" ? CatalogDatabase(name: "default") : nil
        }
        return CatalogDatabase(
            name: database["Name"]?.string ?? name.lowercased(), location: database["LocationUri"]?.string,
            comment: database["Description"]?.string, properties: Self.strings(database["Parameters"]))
    }

    package func createDatabase(_ database: CatalogDatabase) throws {
        var input: JSONObject = ["Name": .string(database.name.lowercased())]
        if let location = database.location { input["LocationUri"] = .string(location) }
        if let comment = database.comment { input["Description"] = .string(comment) }
        if !database.properties.isEmpty { input["Parameters"] = Self.object(database.properties) }
        do {
            _ = try call("CreateDatabase", ["DatabaseInput": .object(input)])
        } catch let error as AWSError where error.code == "AlreadyExistsException" {
            throw SparkError.schemaExists(database.name)
        }
    }

    package func dropDatabase(_ name: String, cascade: Bool) throws {
        guard try cascade || tables(in: name).isEmpty else { throw SparkError.schemaNotEmpty(name) }
        guard try found("DeleteDatabase", ["Name": .string(name.lowercased())]) != nil else {
            throw SparkError.schemaNotFound(name)
        }
    }

    // MARK: - Tables

    package func tables(in database: String) throws -> [String] {
        do {
            return try names("GetTables", ["DatabaseName": .string(database.lowercased())], list: "TableList")
        } catch let error as AWSError where error.code == "EntityNotFoundException" {
            if database.lowercased() == "default" { return [] }
            throw SparkError.schemaNotFound(database)
        }
    }

    package func table(_ name: String, in database: String) throws -> CatalogTable? {
        let answer = try found(
            "GetTable", ["DatabaseName": .string(database.lowercased()), "Name": .string(name.lowercased())])
        guard let table = answer?["Table"] else { return nil }
        let parameters = Self.strings(table["Parameters"])
        let storage = table["StorageDescriptor"]
        let serde = Self.strings(storage?["SerdeInfo"]?["Parameters"])
        let provider = Self.provider(parameters, storage, viewType: table["TableType"]?.string)
        guard provider != "view" else { throw SparkError.unsupported("reading the catalog's view `\(name)`") }
        var location = storage?["Location"]?.string
        if location == nil || location?.hasSuffix("-__PLACEHOLDER__") == true { location = serde["path"] ?? location }
        let partitions = table["PartitionKeys"]?.array ?? []
        var fields: [Columnar.StructField] = []
        if provider != "delta" {
            for column in (storage?["Columns"]?.array ?? []) + partitions { fields.append(try Self.field(column)) }
        }
        return CatalogTable(
            database: database.lowercased(), name: name.lowercased(), provider: provider, location: location,
            schema: Columnar.StructType(fields), partitionColumns: partitions.compactMap { $0["Name"]?.string },
            comment: table["Description"]?.string, properties: parameters, options: Self.options(parameters, serde, provider))
    }

    package func createTable(_ table: CatalogTable, replace: Bool) throws {
        let input = JSONValue.object(Self.tableInput(table))
        let database = JSONValue.string(table.database.lowercased())
        do {
            _ = try call("CreateTable", ["DatabaseName": database, "TableInput": input])
        } catch let error as AWSError where error.code == "AlreadyExistsException" {
            guard replace else { throw SparkError.tableExists([table.database, table.name]) }
            _ = try call("UpdateTable", ["DatabaseName": database, "TableInput": input])
        } catch let error as AWSError where error.code == "EntityNotFoundException" {
            guard table.database.lowercased() == "default" else { throw SparkError.schemaNotFound(table.database) }
            _ = try call("CreateDatabase", ["DatabaseInput": ["Name": "default"]])
            _ = try call("CreateTable", ["DatabaseName": database, "TableInput": input])
        }
    }

    package func setProperties(_ properties: [String: String], ofTable name: String, in database: String) throws {
        let database = JSONValue.string(database.lowercased())
        guard let table = try found("GetTable", ["DatabaseName": database, "Name": .string(name.lowercased())])?["Table"]
        else { throw SparkError.tableNotFound([database.string ?? "", name]) }
        var input: JSONObject = [:]
        for member in Self.tableInputMembers {
            if let value = table[member] { input[member] = value }
        }
        var parameters = input["Parameters"]?.object ?? [:]
        for (key, value) in properties { parameters[key] = .string(value) }
        input["Parameters"] = .object(parameters)
        _ = try call("UpdateTable", ["DatabaseName": database, "TableInput": .object(input)])
    }

    /// What a table description and the input of UpdateTable have in common.
    private static let tableInputMembers = [
        "Name", "Description", "Owner", "LastAccessTime", "LastAnalyzedTime", "Retention", "StorageDescriptor",
        "PartitionKeys", "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters", "TargetTable",
    ]

    package func dropTable(_ name: String, in database: String) throws {
        let answer = try found(
            "DeleteTable", ["DatabaseName": .string(database.lowercased()), "Name": .string(name.lowercased())])
        if answer == nil { throw SparkError.tableNotFound([database, name]) }
    }

    // MARK: - Shapes

    private static func tableInput(_ table: CatalogTable) -> JSONObject {
        var parameters = table.properties
        parameters["EXTERNAL"] = "TRUE"
        parameters["spark.sql.sources.provider"] = table.provider
        if table.provider == "delta" {
            parameters["table_type"] = "delta"
            parameters["spark.sql.partitionProvider"] = "catalog"
        }
        parameters["classification"] = table.provider
        var serde = table.options
        if let location = table.location { serde["path"] = location }
        serde["serialization.format"] = "1"
        let formats: (input: String, output: String, serde: String) = switch table.provider {
        case "csv":
            ("org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
             "org.apache.hadoop.hive.serde2.OpenCSVSerde")
        case "json":
            ("org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
             "org.openx.data.jsonserde.JsonSerDe")
        case "text":
            ("org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
             "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe")
        default:
            ("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
             "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
             "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe")
        }
        func column(_ field: Columnar.StructField) -> JSONValue {
            var object: JSONObject = ["Name": .string(field.name), "Type": .string(field.dataType.simpleString)]
            if let comment = field.metadata["comment"]?.string { object["Comment"] = .string(comment) }
            return .object(object)
        }
        // A Delta table's partitions are in its log; the catalog lists all columns in order.
        let isDelta = table.provider == "delta"
        let keys = isDelta ? [] : table.schema.fields.filter { table.partitionColumns.contains($0.name) }
        let columns = isDelta ? table.schema.fields : table.schema.fields.filter { !table.partitionColumns.contains($0.name) }
        var storage: JSONObject = [
            "Columns": .array(columns.map(column)), "InputFormat": .string(formats.input),
            "OutputFormat": .string(formats.output), "Compressed": false, "NumberOfBuckets": -1,
            "SerdeInfo": ["SerializationLibrary": .string(formats.serde), "Parameters": object(serde)],
        ]
        if let location = table.location { storage["Location"] = .string(location) }
        var input: JSONObject = [
            "Name": .string(table.name.lowercased()), "TableType": "EXTERNAL_TABLE", "Parameters": object(parameters),
            "PartitionKeys": .array(keys.map(column)), "StorageDescriptor": .object(storage),
        ]
        if let comment = table.comment { input["Description"] = .string(comment) }
        return input
    }

    private static func provider(_ parameters: [String: String], _ storage: JSONValue?, viewType: String?) -> String {
        if viewType == "VIRTUAL_VIEW" { return "view" }
        if let provider = parameters["spark.sql.sources.provider"] { return provider.lowercased() }
        if parameters["table_type"]?.lowercased() == "delta" { return "delta" }
        if let classification = parameters["classification"] { return classification.lowercased() }
        let library = (storage?["SerdeInfo"]?["SerializationLibrary"]?.string ?? "") + (storage?["InputFormat"]?.string ?? "")
        if library.lowercased().contains("parquet") { return "parquet" }
        if library.lowercased().contains("json") { return "json" }
        if library.contains("CSV") || library.contains("TextInputFormat") { return "csv" }
        return "unknown"
    }

    /// Reader options that Hive's table parameters stand for.
    private static func options(
        _ parameters: [String: String], _ serde: [String: String], _ provider: String
    ) -> [String: String] {
        var options = serde.filter { !["path", "serialization.format"].contains($0.key) }
        guard provider == "csv" else { return options }
        if let skipped = parameters["skip.header.line.count"], skipped != "0" { options["header"] = "true" }
        if let delimiter = serde["field.delim"] ?? serde["separatorChar"] { options["sep"] = delimiter }
        if let quote = serde["quoteChar"] { options["quote"] = quote }
        if let escape = serde["escapeChar"] { options["escape"] = escape }
        return options
    }

    private static func field(_ column: JSONValue) throws -> Columnar.StructField {
        var field = Columnar.StructField(
            column["Name"]?.string ?? "", try SQLParser.parseDataType(column["Type"]?.string ?? "string"))
        if let comment = column["Comment"]?.string { field.metadata["comment"] = .string(comment) }
        return field
    }

    private static func strings(_ value: JSONValue?) -> [String: String] {
        var result: [String: String] = [:]
        for (key, member) in value?.object ?? [:] { result[key] = member.string }
        return result
    }

    private static func object(_ values: [String: String]) -> JSONValue {
        .object(JSONObject(values.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }
}
