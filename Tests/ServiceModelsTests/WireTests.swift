import AWSProtocol
import FoundationEssentials
import JSONModel
import ServiceModels
import Support
import TestSupport
import Testing

/// Requests and answers of every wire format, as botocore writes and reads them.
@Suite struct WireTests {
    private static let cases: [JSONValue] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/wire-by-botocore.json")
        return (try? JSONValue(parsing: Array(Data(contentsOf: file))))?.array ?? []
    }()

    @Test func theFixtureIsThere() { #expect(Self.cases.count > 20) }

    @Test(arguments: cases.indices)
    func request(_ index: Int) throws {
        let test = Self.cases[index]
        let operation = try Self.operation(test)
        let request = try operation.request(test["parameters"]?.object ?? [:])
        let expected = try #require(test["request"])
        #expect(request.method == expected["method"]?.string)
        let target = request.rawPath + (request.rawQuery.map { "?\($0)" } ?? "")
        #expect(target == expected["target"]?.string)
        for (name, value) in expected["fields"]?.object ?? [:] {
            #expect(request.fields[name] == value.string, "\(name)")
        }
        let body = String(decoding: request.body, as: UTF8.self)
        let wanted = expected["body"]?.string ?? ""
        switch operation.format {
        case .query, .ec2: #expect(Self.form(body) == Self.form(wanted))
        case .json, .restJSON: #expect((try? JSONValue(parsing: body)) == (try? JSONValue(parsing: wanted)))
        case .restXML: #expect(body == wanted)
        }
    }

    @Test(arguments: cases.indices)
    func answer(_ index: Int) throws {
        let test = Self.cases[index]
        guard let answer = test["answer"] else { return }
        let fields = HTTPFields((answer["fields"]?.object ?? [:]).map { ($0.key, $0.value.string ?? "") })
        let result = try Self.operation(test).result(
            status: Int(answer["status"]?.int64 ?? 0), fields: fields, body: Array((answer["body"]?.string ?? "").utf8),
            naming: .plain)
        let expected = try #require(answer["result"]?.object)
        #expect(Self.sorted(.object(result)) == Self.sorted(.object(expected)))
    }

    private static func operation(_ test: JSONValue) throws -> ServiceOperation {
        let directory = try TemporaryDirectory()
        let service = try #require(test["service"]?.string), model = try #require(test["model"])
        for name in ["sts", service] {
            let folder = directory.path + "/\(name)/2020-01-01"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(model.bytes).write(to: URL(filePath: folder + "/service-2.json"))
        }
        let found = try ServiceModels(directory: directory.path).model(ofService: service)
        let name = try #require(test["operation"]?.string)
        let like = try #require(found?.operationName(like: name.prefix(1).lowercased() + name.dropFirst()))
        return try #require(try found?.operation(named: like))
    }

    private static func form(_ text: String) -> [String: String] {
        Dictionary(
            RawQuery(text).items.map { ($0.name, PercentEncoding.decodeText($0.value, plusIsSpace: true) ?? $0.value) },
            uniquingKeysWith: { first, _ in first })
    }

    /// Objects with their members in the order of names.
    private static func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let object):
            .object(JSONObject(object.sorted { $0.key < $1.key }.map { ($0.key, sorted($0.value)) }))
        case .array(let elements): .array(elements.map(sorted))
        default: value
        }
    }
}

/// What parameters become.
@Suite struct ParameterTests {
    private func operation() throws -> ServiceOperation {
        let model: JSONValue = [
            "metadata": ["protocol": "json", "jsonVersion": "1.0", "targetPrefix": "T", "serviceId": "Bakery"],
            "operations": ["Bake": ["input": ["shape": "Order"]], "Watch": ["output": ["shape": "Order"]]],
            "shapes": [
                "Order": [
                    "type": "structure",
                    "members": [
                        "DBName": ["shape": "Text"], "count": ["shape": "Count"], "at": ["shape": "Time"],
                        "data": ["shape": "Blob"], "names": ["shape": "Names"], "done": ["shape": "Flag"],
                        "token": ["shape": "Text", "idempotencyToken": true],
                    ],
                ],
                "Text": ["type": "string"], "Count": ["type": "integer"], "Time": ["type": "timestamp"],
                "Blob": ["type": "blob"], "Names": ["type": "list", "member": ["shape": "Text"]], "Flag": ["type": "boolean"],
            ],
        ]
        let directory = try TemporaryDirectory()
        for name in ["sts", "bakery"] {
            let folder = directory.path + "/\(name)/2020-01-01"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(model.bytes).write(to: URL(filePath: folder + "/service-2.json"))
        }
        let found = try #require(try ServiceModels(directory: directory.path).model(ofService: "bakery"))
        #expect(try found.operation(named: "Burn") == nil)
        return try #require(try found.operation(named: "Bake"))
    }

    private func body(_ parameters: JSONObject) throws -> String {
        String(decoding: try operation().request(parameters).body, as: UTF8.self)
    }

    @Test(arguments: [
        (#"{"DbName":"x"}"#, #"{"DBName":"x"}"#), (#"{"DBName":"x"}"#, #"{"DBName":"x"}"#),
        (#"{"Count":3,"DBName":null}"#, #"{"count":3}"#), (#"{"DbName":{"a":[1]}}"#, #"{"DBName":"{\"a\":[1]}"}"#),
        (#"{"DbName":1.50}"#, #"{"DBName":"1.50"}"#), (#"{"Data":"hi"}"#, #"{"data":"aGk="}"#),
        (#"{"Data":{"a":1}}"#, #"{"data":"eyJhIjoxfQ=="}"#), (#"{"At":"1970-01-01T00:00:01Z"}"#, #"{"at":1}"#),
        (#"{"At":"1970-01-01T00:00:01.5Z"}"#, #"{"at":1.5}"#), (#"{"At":2}"#, #"{"at":2}"#),
        (#"{"Names":["a",1,null]}"#, #"{"names":["a","1"]}"#), (#"{"Count":"7","Done":"true"}"#, #"{"count":7,"done":true}"#),
    ])
    func areWritten(_ parameters: String, _ expected: String) throws {
        #expect(try body(try #require(try JSONValue(parsing: parameters).object)) == expected)
    }

    @Test(arguments: [
        (#"{"Cake":1}"#, "The field \"Cake\" is not supported by Step Functions"),
        (#"{"Count":"x"}"#, #"The field 'Count' must be a number, found: "x""#),
        (#"{"Names":{}}"#, "The field 'Names' must be an array, found: {}"),
        (#"{"At":"soon"}"#, #"The field 'At' must be an ISO 8601 time such as 2026-11-21T11:32:41Z, found: "soon""#),
        (#"{"Done":1}"#, "The field 'Done' must be a boolean, found: 1"),
    ])
    func areRefused(_ parameters: String, _ message: String) throws {
        let parameters = try #require(try JSONValue(parsing: parameters).object)
        let operation = try operation()
        let error = #expect(throws: WireParameterError.self) { try operation.request(parameters) }
        #expect(error?.description == message)
    }

    @Test func knowsWhatMayBeRepeated() throws {
        let operation = try operation()
        #expect(operation.idempotencyToken == "token" && !operation.isReadOnly)
    }
}
