import JSONModel
import StatesLanguage
import Testing

@Suite struct DefinitionTests {
    private func findings(_ text: String, _ type: StateMachineType = .standard) -> [String] {
        StateMachineDefinition.diagnostics(of: text, type: type).map { "\($0.location ?? "-") \($0.message)" }
    }

    private func findings(state fields: JSONObject) -> [String] {
        let definition: JSONValue = ["StartAt": "S", "States": ["S": .object(fields)]]
        return findings(definition.text)
    }

    /// A Map in DISTRIBUTED mode with further fields.
    private static func distributed(_ fields: JSONObject) -> JSONObject {
        var map: JSONObject = [
            "Type": "Map", "End": true,
            "ItemProcessor": ["ProcessorConfig": ["Mode": "DISTRIBUTED"], "StartAt": "I", "States": ["I": ["Type": "Succeed"]]],
        ]
        for (name, value) in fields { map[name] = value }
        return map
    }

    @Test func expressMachinesAndChildrenHaveTheirLimits() {
        let map = JSONValue.object(["StartAt": "S", "States": ["S": .object(Self.distributed([:]))]]).text
        #expect(findings(map) == [])
        #expect(
            findings(map, .express) == ["/States/S/ItemProcessor/ProcessorConfig/Mode The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines"])
        let task: JSONValue = [
            "Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": ["JobName": "j"], "End": true,
        ]
        let express = Self.distributed([
            "ItemProcessor": ["ProcessorConfig": ["Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"], "StartAt": "I", "States": ["I": task]]
        ])
        #expect(
            findings(state: express) == [
                "/States/S/ItemProcessor/States/I/Resource Express state machine does not support '.sync' service integration"
            ])
    }

    @Test func readsAllTypesOfStates() throws {
        let definition = try StateMachineDefinition(
            parsing: #"""
                {"Comment": "all", "Version": "1.0", "TimeoutSeconds": 60, "StartAt": "Pass", "States": {
                    "Pass": {"Type": "Pass", "Result": [1], "Next": "Task"},
                    "Task": {"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync", "TimeoutSecondsPath": "$.t",
                        "Parameters": {"JobName": "j", "JobQueue.$": "$.q", "JobDefinition": "d"},
                        "Retry": [{"ErrorEquals": ["A", "B"], "JitterStrategy": "FULL"}, {"ErrorEquals": ["States.ALL"]}],
                        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Fail"}], "Next": "Choice"},
                    "Choice": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": true, "Next": "Wait"}], "Default": "Parallel"},
                    "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Map"},
                    "Parallel": {"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}], "Next": "Map"},
                    "Map": {"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}, "End": true},
                    "Fail": {"Type": "Fail", "Error": "E"}}}
                """#)
        #expect(definition.root.states.map(\.type) == [.pass, .task, .choice, .wait, .parallel, .map, .fail])
        #expect(definition.timeoutSeconds == 60)
        let task = try #require(definition.root["Task"])
        #expect(task.retriers.map(\.maxAttempts) == [3, 3])
        #expect(task.retriers[0].jitter == .full)
        guard case .task(let fields) = task.body else { Issue.record("no task"); return }
        #expect(fields.resource.service == "batch" && fields.resource.action == "submitJob")
        #expect(fields.resource.pattern == .sync)
    }

    @Test func reportsEverythingInDocumentOrder() {
        let found = findings(
            #"""
            {"StartAt": "A", "States": {
                "A": {"Type": "Pass", "Next": "Nowhere", "InputPath": "no path"},
                "B": {"Type": "Strange"},
                "C": {"Type": "Wait", "Seconds": 1, "Timestamp": "2024-01-01T00:00:00Z", "End": true},
                "D": {"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": "1", "Next": "A"}]}}}
            """#)
        #expect(
            found == [
                "/States/A/Next Missing 'Next' target: Nowhere",
                "/States/A/InputPath The value for the field 'InputPath' must be a valid JSONPath",
                "/States/B State \"B\" is not reachable.",
                "/States/B/Type The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]",
                "/States/C There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]",
                "/States/C State \"C\" is not reachable.", "/States/D State \"D\" is not reachable.",
                "/States/D/Choices[0]/NumericEquals Expected value of type Number",
            ])
    }

    @Test func syntaxErrorsTellTheirPlace() throws {
        let diagnostics = StateMachineDefinition.diagnostics(of: "{\n  \"StartAt\": oops}")
        #expect(diagnostics.map(\.code) == ["INVALID_JSON_DESCRIPTION"])
        #expect(diagnostics[0].location == "[Source: (String)\"{\n  \"StartAt\": oops}\"; line: 2, column: 18]")
        #expect(findings("  ") == ["- Definition must be a valid JSON object"])
        #expect(findings("[]") == ["- Definition must be a valid JSON object"])
        #expect(findings("{}") == ["/ These fields are required: [States, StartAt]"])
    }

    @Test(arguments: [
        (["Type": "Pass"], "/States/S This object should have only one of the following fields: [Next, End]"),
        (["Type": "Pass", "End": true, "Bogus": 1], "/States/S Field 'Bogus' is not supported"),
        (["Type": "Task", "End": true], "/States/S These fields are required: [Resource]"),
        (["Type": "Pass", "End": true, "ResultPath": "$.a[*]"], "/States/S/ResultPath Value is not a Reference Path: $.a[*]"),
        (
            ["Type": "Pass", "End": true, "Parameters": ["a.$": 1]],
            "/States/S/Parameters The value for the field 'a.$' must be a STRING that contains a JSONPath but was an INTEGER"
        ),
        (["Type": "Parallel", "Branches": [], "End": true], "/States/S/Branches Value cannot be empty"),
        (
            ["Type": "Task", "Resource": "arn:aws:states:::dynamodb:query", "End": true],
            "/States/S/Resource The resource provided arn:aws:states:::dynamodb:query is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."
        ),
        (
            ["Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.waitForTaskToken", "End": true],
            "/States/S/Resource The resource provided arn:aws:states:::glue:startJobRun.waitForTaskToken is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."
        ),
        (
            ["Type": "Task", "Resource": "arn:aws:states:::aws-sdk:batch:submitJob.sync", "End": true],
            "/States/S/Resource The resource provided arn:aws:states:::aws-sdk:batch:submitJob.sync is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."
        ),
        (["Type": "Wait", "Timestamp": "yesterday", "End": true], "/States/S/Timestamp String does not match RFC3339 timestamp"),
        (["Type": "Pass", "End": true, "Assign": ["states": 1]], "/States/S/Assign The variable name 'states' is not valid"),
        (
            ["Type": "Map", "End": true, "ItemProcessor": ["ProcessorConfig": ["Mode": "SPREAD"], "StartAt": "I", "States": ["I": ["Type": "Succeed"]]]],
            "/States/S/ItemProcessor/ProcessorConfig/Mode Value should be one of the following: [INLINE, DISTRIBUTED]"
        ),
        (
            Self.distributed(["ItemReader": ["Resource": "arn:aws:states:::s3:getObject", "Parameters": ["Bucket": "b", "Key": "k"], "ReaderConfig": ["InputType": "PARQUET"]]]),
            "/States/S/ItemReader/ReaderConfig/InputType The InputType PARQUET is not supported by this server: use CSV, JSON or JSONL objects or a listing"
        ),
        (
            Self.distributed(["ItemReader": ["Resource": "arn:aws:states:::s3:getObject", "Parameters": ["Bucket": "b", "Key": "k"], "ReaderConfig": ["ManifestType": "S3_INVENTORY", "InputType": "CSV"]]]),
            "/States/S/ItemReader/ReaderConfig/InputType InputType cannot be specified where ManifestType is S3_INVENTORY"
        ),
        (
            Self.distributed(["ItemReader": ["Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": ["Bucket": "b"], "ReaderConfig": ["Transformation": "LOAD_AND_FLATTEN"]]]),
            "/States/S/ItemReader/ReaderConfig These fields are required: [InputType]"
        ),
        (
            Self.distributed(["ItemReader": ["Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": ["Prefix": "p"]]]),
            "/States/S/ItemReader/Parameters The field 'Bucket' is required but was missing"
        ),
        (
            Self.distributed(["ItemReader": ["Resource": "arn:aws:states:::s3:getObject", "Parameters": ["Bucket": "b", "Key.$": "$.k"], "ReaderConfig": ["InputType": "CSV"]]]),
            "/States/S/ItemReader/ReaderConfig These fields are required: [CSVHeaderLocation]"
        ),
        (
            Self.distributed(["ItemBatcher": ["BatchInput": 1]]),
            "/States/S/ItemBatcher One of these fields is required: [MaxItemsPerBatch, MaxItemsPerBatchPath, MaxInputBytesPerBatch, MaxInputBytesPerBatchPath]"
        ),
        (Self.distributed(["ToleratedFailurePercentage": 100.5]), "/States/S/ToleratedFailurePercentage Maximum value is 100.0"),
        (Self.distributed(["ToleratedFailurePercentage": -0.5]), "/States/S/ToleratedFailurePercentage Minimum value is 0.0"),
        (Self.distributed(["ToleratedFailurePercentage": "5"]), "/States/S/ToleratedFailurePercentage Expected value of type Float"),
        (Self.distributed(["ToleratedFailureCount": 0.5]), "/States/S/ToleratedFailureCount Expected value of type Integer"),
        (
            ["Type": "Parallel", "Branches": [["StartAt": "I", "States": ["I": ["Type": "Succeed"]]]], "End": true, "Retry": [["ErrorEquals": ["A"], "BackoffRate": 0.9]]],
            "/States/S/Retry[0]/BackoffRate Minimum value is 1.0"
        ),
        (Self.distributed(["ResultWriter": [:]]), "/States/S/ResultWriter One of these fields is required: [Resource, WriterConfig]"),
        (Self.distributed(["Label": "a b"]), "/States/S/Label Label must not contain white space or any of the characters ? * < > { } [ ] : ; , \\ | ^ ~ $ # % & ` \" /"),
        (
            ["Type": "Map", "End": true, "Label": "l", "ItemProcessor": ["StartAt": "I", "States": ["I": ["Type": "Succeed"]]]],
            "/States/S/Label The field 'Label' is only supported by Maps in DISTRIBUTED mode"
        ),
        (
            ["Type": "Pass", "End": true, "QueryLanguage": "JSONata", "Parameters": [:]],
            "/States/S The QueryLanguage is set to 'JSONata', but field 'Parameters' is only supported for the 'JSONPath' QueryLanguage"
        ),
        (
            ["Type": "Pass", "End": true, "QueryLanguage": "JSONata", "Output": ["a": "{% 1 "]],
            "/States/S/Output/a JSONata string must start with {% and end with %}"
        ),
        (
            ["Type": "Map", "End": true, "QueryLanguage": "JSONata", "Items": "all", "ItemProcessor": ["StartAt": "I", "States": ["I": ["Type": "Succeed"]]]],
            "/States/S/Items Expected value of type Array"
        ),
        (
            ["Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun", "Parameters": ["JobName": "j"], "End": true, "Retry": [["ErrorEquals": ["States.ALL"]], ["ErrorEquals": ["A"]]]],
            "/States/S/Retry[0]/ErrorEquals States.ALL must appear alone and at end of list"
        ),
    ] as [(JSONObject, String)])
    func findsMistakesOfAState(fields: JSONObject, expected: String) {
        #expect(findings(state: fields) == [expected])
    }

    @Test func expressMachinesRefuseWaiting() {
        let text = #"{"StartAt":"S","States":{"S":{"Type":"Task","Resource":"arn:aws:states:::glue:startJobRun.sync","Parameters":{"JobName":"j"},"End":true}}}"#
        #expect(findings(text).isEmpty)
        #expect(
            findings(text, .express) == [
                "/States/S/Resource Express state machine does not support '.sync' service integration"
            ])
    }

    @Test func exceptionTextListsErrors() {
        #expect {
            try StateMachineDefinition(parsing: #"{"StartAt":"A","States":{"A":{"Type":"Succeed"},"B":{"Type":"Succeed"}}}"#)
        } throws: { error in
            (error as? DefinitionError)?.exceptionMessage
                == "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: State \"B\" is not reachable. at /States/B'"
        }
    }

    @Test func resourcesAreTakenApart() {
        let sdk = TaskResource("arn:aws:states:::aws-sdk:glue:getTable")
        #expect(sdk?.kind == .awsSDK && sdk?.historyResourceType == "aws-sdk:glue" && sdk?.historyResource == "getTable")
        #expect(TaskResource("arn:aws:states:::states:startExecution.sync:2")?.pattern == .sync2)
        #expect(TaskResource("arn:aws:states:us-east-1:123456789012:activity:a")?.kind == .activity)
        #expect(TaskResource("arn:aws:lambda:us-east-1:123456789012:function:f:1")?.action == "f")
        for text in ["", "arn:aws:s3:::b", "arn:aws:states:::", "arn:aws:states:::glue", "arn:aws:states:::glue:a:b", "glue:startJobRun"] {
            #expect(TaskResource(text) == nil)
        }
    }

    @Test func variableReferencesNameEveryState() throws {
        let definition = try StateMachineDefinition(
            parsing: #"""
                {"StartAt": "A", "States": {
                    "A": {"Type": "Pass", "Assign": {"x": 1, "y.$": "States.Array($z, $w.a)"}, "InputPath": "$x", "Next": "M"},
                    "M": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": {"StartAt": "C", "States": {
                        "C": {"Type": "Choice", "Choices": [{"Not": {"Variable": "$x", "NumericEqualsPath": "$y"}, "Next": "S"}]},
                        "S": {"Type": "Succeed"}}}, "End": true}}}
                """#)
        let references = definition.variableReferences
        #expect(references.map(\.state) == ["A", "C"])
        #expect(references.map(\.variables) == [["w", "x", "z"], ["x", "y"]])
    }
}
