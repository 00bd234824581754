import AWSProtocol
import FoundationEssentials
import JSONModel
import ServiceKit
import ServiceModels
import StateStore
import StatesService
import Support
import TestSupport
import Testing
import WorkflowEngine

/// Mocked results of tasks, held to a service model made for the purpose.
@Suite(.timeLimit(.minutes(1)))
struct MockResultTests {
    private let fixture: StatesFixture

    init() throws { fixture = try StatesFixture(models: Self.models) }

    private static func models(in directory: TemporaryDirectory) throws -> ServiceModels? {
        let model: JSONValue = [
            "operations": ["Bake": ["output": ["shape": "Cake"]]],
            "shapes": [
                "Cake": [
                    "type": "structure", "required": ["name"],
                    "members": [
                        "name": ["shape": "Name"], "layers": ["shape": "Layers"], "glaze": ["shape": "Glaze"],
                        "bakedAt": ["shape": "Time"],
                    ],
                ],
                "Name": ["type": "string", "min": 2, "max": 5], "Layers": ["type": "list", "member": ["shape": "Layer"]],
                "Layer": ["type": "integer", "min": 1, "max": 9], "Glaze": ["type": "string", "enum": ["SUGAR", "CREAM"]],
                "Time": ["type": "timestamp"],
            ],
        ]
        for name in ["sts", "bakery"] {
            let folder = directory.path + "/models/\(name)/2020-01-01"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data(model.bytes).write(to: URL(filePath: folder + "/service-2.json"))
        }
        return try ServiceModels(directory: directory.path + "/models")
    }

    private func test(_ result: String, mode: String?, on other: StatesFixture? = nil) async throws -> JSONObject {
        let state = #"{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:bakery:bake","Parameters":{},"End":true}"#
        var mock: JSONObject = ["result": .string(result)]
        if let mode { mock["fieldValidationMode"] = .string(mode) }
        return try await (other ?? fixture).call(
            "TestState", ["definition": .string(state), "mock": .object(mock)])
    }

    @Test(arguments: [
        (#"{}"#, "Required field 'Name' is missing"),
        (#"{"Name":"x"}"#, "Field 'Name' is smaller than the minimum length"),
        (#"{"Name":"Torte!"}"#, "Field 'Name' exceeds the maximum length"),
        (#"{"Name":7}"#, "Field 'Name' must be a string"),
        (#"{"Name":"Kuhn","Layers":3}"#, "Field 'Layers' must be an array"),
        (#"{"Name":"Kuhn","Layers":[3,10]}"#, "Field 'Layers' exceeds the maximum value"),
        (#"{"Name":"Kuhn","Layers":["3"]}"#, "Field 'Layers' must be a number"),
        (#"{"Name":"Kuhn","Glaze":"MUD"}"#, "Field 'Glaze' is not an expected value"),
        (#"{"Name":"Kuhn","BakedAt":5}"#, "Field 'BakedAt' must be a string"),
    ])
    func refusesWhatTheModelDoesNotAllow(result: String, complaint: String) async throws {
        let error = await #expect(throws: AWSError.self) { try await test(result, mode: nil) }
        #expect(error?.code == "ValidationException")
        #expect(error?.message == "Mock result schema validation error: \(complaint)")
    }

    @Test func modesAskForLess() async throws {
        #expect(try await test("{}", mode: "PRESENT")["status"] == "SUCCEEDED")
        #expect(try await test(#"{"Name":7}"#, mode: "NONE")["output"]?.string == #"{"Name":7}"#)
        #expect(try await test(#"{"Name":"Kuhn","Other":1}"#, mode: "STRICT")["status"] == "SUCCEEDED")
    }

    @Test func anErrorComesFromAStateThatThereIs() async throws {
        let map = #"{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Succeed"}}}}"#
        func test(_ cause: JSONValue) async throws -> JSONObject {
            try await fixture.call("TestState", [
                "definition": .string(map), "input": "[1]", "mock": ["errorOutput": ["error": "E"]],
                "stateConfiguration": ["errorCausedByState": cause],
            ])
        }
        #expect(try await test("I")["error"] == "E")
        let error = await #expect(throws: AWSError.self) { try await test("J") }
        #expect(error?.message == "State not found in definition")
    }

    @Test func saysWhatAMachineWithoutModelsLacks() async throws {
        let bare = try StatesFixture()
        let error = await #expect(throws: AWSError.self) { try await test("{}", mode: "STRICT", on: bare) }
        #expect(error?.message.contains("install awscli") == true)
    }
}
