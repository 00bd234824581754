import JSONModel
import Testing

@Suite struct GlueCatalogTests {
    @Test func databasesComeAndGo() async throws {
        let glue = try GlueHarness()
        #expect(try await glue.call("GetDatabases", [:])["DatabaseList"] == [])
        let input: JSONValue = ["Name": "MyDB", "Description": "d", "Parameters": ["a": "b"], "LocationUri": "s3://b/x"]
        _ = try await glue.call("CreateDatabase", ["DatabaseInput": input])
        let database = try await glue.call("GetDatabase", ["Name": "mydb"])["Database"]
        #expect(database?["Name"] == "mydb")
        #expect(database?["Parameters"] == ["a": "b"])
        #expect(database?["CatalogId"] == "123456789012")
        #expect(database?["CreateTime"]?.double ?? 0 > 1e9)
        #expect(try await glue.refusal("CreateDatabase", ["DatabaseInput": input]) == ("AlreadyExistsException", "Database already exists."))
        #expect(try await glue.refusal("GetDatabase", ["Name": "nope"]) == ("EntityNotFoundException", "Database nope not found."))
        _ = try await glue.call("UpdateDatabase", ["Name": "mydb", "DatabaseInput": ["Name": "mydb"]])
        #expect(try await glue.call("GetDatabase", ["Name": "mydb"])["Database"]?["Description"] == nil)
        #expect(try await glue.call("GetDatabases", [:], region: "eu-west-1")["DatabaseList"] == [])
        _ = try await glue.call("DeleteDatabase", ["Name": "mydb"])
        #expect(try await glue.refusal("DeleteDatabase", ["Name": "mydb"]).code == "EntityNotFoundException")
    }

    @Test func inputsAreCheckedAgainstTheirShapes() async throws {
        let glue = try GlueHarness()
        #expect(
            try await glue.refusal("CreateDatabase", [:]) == (
                "ValidationException",
                "1 validation error detected: Value null at 'databaseInput' failed to satisfy constraint: Member must not be null"
            ))
        #expect(try await glue.refusal("CreateDatabase", ["DatabaseInput": ["Name": ""]]).code == "ValidationException")
        #expect(try await glue.refusal("GetDatabase", ["Name": 1]).code == "SerializationException")
        #expect(try await glue.refusal("GetDatabases", ["MaxResults": 101]).code == "ValidationException")
        #expect(try await glue.refusal("GetDatabases", ["NextToken": "%"]).code == "InvalidInputException")
        #expect(try await glue.refusal("GetDatabases", ["CatalogId": "999"]).code == "EntityNotFoundException")
        #expect(try await glue.refusal("StartBlueprintRun", [:]).code == "UnknownOperationException")
    }

    @Test func tablesRoundTrip() async throws {
        let glue = try GlueHarness()
        _ = try await glue.call("CreateDatabase", ["DatabaseInput": ["Name": "db"]])
        let storage: JSONValue = [
            "Columns": [["Name": "a", "Type": "int", "Comment": "c", "Parameters": ["x": "y"]]], "Location": "s3://b/t",
            "InputFormat": "i", "OutputFormat": "o", "Compressed": false, "NumberOfBuckets": -1,
            "SerdeInfo": ["SerializationLibrary": "l", "Parameters": ["p": "q"]], "BucketColumns": [], "SortColumns": [],
            "StoredAsSubDirectories": false, "SkewedInfo": ["SkewedColumnNames": ["a"]],
        ]
        let input: JSONValue = [
            "Name": "tbl", "StorageDescriptor": storage, "PartitionKeys": [["Name": "p", "Type": "string"]],
            "TableType": "EXTERNAL_TABLE", "Parameters": ["projection.enabled": "true"], "Retention": 0, "Owner": "me",
        ]
        _ = try await glue.call("CreateTable", ["DatabaseName": "db", "TableInput": input])
        let table = try await glue.call("GetTable", ["DatabaseName": "DB", "Name": "TBL"])["Table"]
        for (key, value) in input.object ?? [:] { #expect(table?[key] == value) }
        #expect(table?["VersionId"] == "1")
        #expect(table?["DatabaseName"] == "db")
        #expect(
            try await glue.refusal("CreateTable", ["DatabaseName": "db", "TableInput": input])
                == ("AlreadyExistsException", "Table already exists."))
        #expect(
            try await glue.refusal("GetTable", ["DatabaseName": "db", "Name": "x"])
                == ("EntityNotFoundException", "Table x not found."))
        #expect(
            try await glue.refusal("GetTable", ["DatabaseName": "nodb", "Name": "x"])
                == ("EntityNotFoundException", "Database nodb not found."))
        let gone = try await glue.call("BatchDeleteTable", ["DatabaseName": "db", "TablesToDelete": ["tbl", "x"]])
        #expect(gone["Errors"]?.array?.count == 1)
        #expect(gone["Errors"]?[0]?["ErrorDetail"]?["ErrorCode"] == "EntityNotFoundException")
    }

    @Test func versionsAreKeptAndGuardUpdates() async throws {
        let glue = try GlueHarness()
        try await glue.makeTable()
        func update(_ version: String?, description: String, skip: Bool = false) async throws -> String {
            var input: JSONObject = [
                "DatabaseName": "db", "TableInput": ["Name": "tbl", "Description": .string(description)],
                "SkipArchive": .bool(skip),
            ]
            if let version { input["VersionId"] = .string(version) }
            return try await glue.refusal("UpdateTable", input).code
        }
        #expect(try await update("1", description: "two") == "")
        #expect(try await update("1", description: "stale") == "ConcurrentModificationException")
        #expect(try await update(nil, description: "three") == "")
        #expect(try await update("3", description: "four", skip: true) == "")
        let versions = try await glue.call("GetTableVersions", ["DatabaseName": "db", "TableName": "tbl"])["TableVersions"]
        #expect(versions?.array?.map { $0["VersionId"]?.string } == ["1", "2", "4"])
        #expect(versions?[2]?["Table"]?["Description"] == "four")
        let second = try await glue.call("GetTableVersion", ["DatabaseName": "db", "TableName": "tbl", "VersionId": "2"])
        #expect(second["TableVersion"]?["Table"]?["Description"] == "two")
        for (version, code) in [("20", "EntityNotFoundException"), ("3", "EntityNotFoundException"), ("10x", "InvalidInputException")] {
            let input: JSONObject = ["DatabaseName": "db", "TableName": "tbl", "VersionId": .string(version)]
            #expect(try await glue.refusal("GetTableVersion", input).code == code)
        }
    }

    @Test func listingsArePaged() async throws {
        let glue = try GlueHarness()
        _ = try await glue.call("CreateDatabase", ["DatabaseInput": ["Name": "db"]])
        for index in 0..<7 {
            _ = try await glue.call("CreateTable", ["DatabaseName": "db", "TableInput": ["Name": "t\(index)"]])
        }
        var names: [String] = []
        var input: JSONObject = ["DatabaseName": "db", "MaxResults": 3]
        var pages = 0
        while pages < 5 {
            let page = try await glue.call("GetTables", input)
            names += page["TableList"]?.array?.compactMap { $0["Name"]?.string } ?? []
            pages += 1
            guard let token = page["NextToken"] else { break }
            input["NextToken"] = token
        }
        #expect((names, pages) == ((0..<7).map { "t\($0)" }, 3))
        let some = try await glue.call("GetTables", ["DatabaseName": "db", "Expression": "*5|t[01]"])
        #expect(some["TableList"]?.array?.compactMap { $0["Name"]?.string } == ["t0", "t1", "t5"])
    }

    @Test func partitions() async throws {
        let glue = try GlueHarness()
        try await glue.makeTable(keys: ["year int", "city string"])
        for year in 2018...2020 { for city in ["oslo", "rome"] { try await glue.addPartition([String(year), city]) } }
        let address: JSONObject = ["DatabaseName": "db", "TableName": "tbl"]
        func with(_ members: JSONObject) -> JSONObject {
            var input = address
            for (key, value) in members { input[key] = value }
            return input
        }
        let some = try await glue.call("GetPartitions", with(["Expression": "year > 2018 AND city = 'rome'"]))
        #expect(some["Partitions"]?.array?.map { $0["Values"] } == [["2019", "rome"], ["2020", "rome"]])
        #expect(try await glue.refusal("CreatePartition", with(["PartitionInput": ["Values": ["2018", "oslo"]]])) == ("AlreadyExistsException", "Partition already exists."))
        #expect(try await glue.refusal("CreatePartition", with(["PartitionInput": ["Values": ["2018"]]])).code == "InvalidInputException")
        #expect(try await glue.refusal("GetPartition", with(["PartitionValues": ["1", "x"]])) == ("EntityNotFoundException", "Cannot find partition."))
        let batch = try await glue.call(
            "BatchCreatePartition", with(["PartitionInputList": [["Values": ["2018", "oslo"]], ["Values": ["2021", "oslo"]]]]))
        #expect(batch["Errors"]?.array?.count == 1)
        #expect(batch["Errors"]?[0]?["PartitionValues"] == ["2018", "oslo"])
        #expect(batch["Errors"]?[0]?["ErrorDetail"]?["ErrorCode"] == "AlreadyExistsException")
        _ = try await glue.call("UpdatePartition", with([
            "PartitionValueList": ["2021", "oslo"], "PartitionInput": ["Values": ["2022", "oslo"], "Parameters": ["a": "b"]],
        ]))
        let moved = try await glue.call("GetPartition", with(["PartitionValues": ["2022", "oslo"]]))
        #expect(moved["Partition"]?["Parameters"] == ["a": "b"])
        #expect(try await glue.refusal("UpdatePartition", with([
            "PartitionValueList": ["2021", "oslo"], "PartitionInput": ["Values": ["2021", "oslo"]],
        ])).code == "EntityNotFoundException")
        let got = try await glue.call("BatchGetPartition", with(["PartitionsToGet": [["Values": ["2022", "oslo"]], ["Values": ["0", "x"]]]]))
        #expect(got["Partitions"]?.array?.count == 1)
        let gone = try await glue.call("BatchDeletePartition", with(["PartitionsToDelete": [["Values": ["2022", "oslo"]], ["Values": ["0", "x"]]]]))
        #expect(gone["Errors"]?.array?.count == 1)
        var counts: [Int] = []
        for number in 0..<3 {
            let segment: JSONValue = ["SegmentNumber": .number(number), "TotalSegments": 3]
            counts.append(try await glue.call("GetPartitions", with(["Segment": segment]))["Partitions"]?.array?.count ?? 0)
        }
        #expect(counts.reduce(0, +) == 6)
        var seen = 0
        var input = with(["MaxResults": 4])
        while true {
            let page = try await glue.call("GetPartitions", input)
            seen += page["Partitions"]?.array?.count ?? 0
            guard let token = page["NextToken"] else { break }
            input["NextToken"] = token
        }
        #expect(seen == 6)
        _ = try await glue.call("DeleteTable", ["DatabaseName": "db", "Name": "tbl"])
        #expect(try await glue.refusal("GetPartitions", address).code == "EntityNotFoundException")
    }

    @Test func repeatedCommandsHaveTheirFirstOutcome() async throws {
        let glue = try GlueHarness()
        let create: JSONObject = ["DatabaseInput": ["Name": "db"]]
        _ = try await glue.call("CreateDatabase", create, command: "c1")
        _ = try await glue.call("CreateDatabase", create, command: "c1")
        #expect(try await glue.refusal("CreateDatabase", create).code == "AlreadyExistsException")
        _ = try await glue.call("DeleteDatabase", ["Name": "db"], command: "c2")
        _ = try await glue.call("DeleteDatabase", ["Name": "db"], command: "c2")
    }
}
