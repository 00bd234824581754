import JSONModel
import StatesLanguage
import Testing

/// What calls may say, and which variables inner scopes may assign.
@Suite struct ParameterTests {
    private func findings(_ text: String) -> [String] {
        StateMachineDefinition.diagnostics(of: text).map { "\($0.location ?? "-") \($0.message)" }
    }

    private func findings(_ resource: String, _ members: JSONObject) -> [String] {
        var state: JSONObject = ["Type": "Task", "Resource": .string("arn:aws:states:::" + resource), "End": true]
        for (name, value) in members { state[name] = value }
        return findings(JSONValue.object(["StartAt": "S", "States": ["S": .object(state)]]).text)
    }

    @Test(arguments: [
        ("glue:startJobRun", ["JobName": "j", "Arguments": ["--a": "b"]], []),
        ("glue:startJobRun", ["jobName": "j"], ["The field \"jobName\" is not supported by Step Functions", "The field 'JobName' is required but was missing"]),
        ("aws-sdk:glue:getTable", ["DatabaseName": "d", "Name.$": "$.t"], []),
        ("aws-sdk:glue:getTable", ["DatabaseName": "d"], ["The field 'Name' is required but was missing"]),
        ("aws-sdk:sfn:listStateMachines", ["MaxResult": 1], ["The field \"MaxResult\" is not supported by Step Functions"]),
        ("aws-sdk:sfn:listStateMachines", ["MaxResults": "ten"], ["The value of the field 'MaxResults' has an invalid format"]),
        ("aws-sdk:cloudwatchlogs:getLogEvents", ["LogGroupName": "g", "LogStreamName": "s", "StartFromHead": true], []),
        ("aws-sdk:sts:getCallerIdentity", ["Who": "me"], ["The field \"Who\" is not supported by Step Functions"]),
        (
            "batch:submitJob",
            ["JobName": "n", "JobQueue": "q", "JobDefinition": "d", "ContainerOverrides": ["Environment": [["Name": "A", "Value": "1", "Comment": "why"]]]],
            ["The field \"Comment\" is not supported by Step Functions"]
        ),
        (
            "batch:submitJob",
            ["JobName": "n", "JobQueue": "q", "JobDefinition": "d", "RetryStrategy": ["attempts": 5], "DependsOn": "a"],
            ["The field \"attempts\" is not supported by Step Functions", "The value of the field 'DependsOn' has an invalid format"]
        ),
        ("lambda:invoke", ["FunctionName": "f", "Payload": ["TaskToken.$": "$$.Task.Token"], "TaskToken": "t"], ["The field \"TaskToken\" is not supported by Step Functions"]),
        // Before the state runs only names without a path are looked at.
        ("lambda:invoke.waitForTaskToken", ["FunctionName": "f", "TaskToken.$": "$$.Task.Token"], []),
        ("sqs:sendMessage", ["QueueUrl": "u", "MessageBody": ["a": 1]], []),
        ("dynamodb:putItem", ["TableName": "t", "Item": ["id": ["S.$": "$.id"], "n": ["L": [["N": "1"]]]]], []),
        ("dynamodb:putItem", ["TableName": "t", "Item": ["id": ["Text": "x"]]], ["The field \"Text\" is not supported by Step Functions"]),
        // What it takes is not known here.
        ("ecs:runTask", ["Anything": 1], []),
    ] as [(String, JSONObject, [String])])
    func parametersAreHeldToTheModel(resource: String, parameters: JSONObject, expected: [String]) {
        #expect(findings(resource, ["Parameters": .object(parameters)]) == expected.map { "/States/S/Parameters " + $0 })
    }

    @Test func argumentsInJSONataAreHeldToTheModel() {
        func found(_ arguments: JSONValue) -> [String] {
            findings("states:startExecution", ["QueryLanguage": "JSONata", "Arguments": arguments])
        }
        #expect(found("{% $states.input %}") == [])
        #expect(found(["StateMachineArn": "{% $a %}", "Input": ["x": "{% 1 %}"]]) == [])
        #expect(
            found(["StateMachineArn": "a", "Nmae": "{% 'n' %}"])
                == ["/States/S/Arguments The field \"Nmae\" is not supported by Step Functions"])
        #expect(found(["a"]) == ["/States/S/Arguments The value of the field 'Arguments' has an invalid format"])
    }

    @Test func callsHaveParameters() {
        #expect(
            findings("glue:startJobRun.sync", [:])
                == ["/States/S Parameters field is required for resource ARN: arn:aws:states:::glue:startJobRun.sync"])
        #expect(
            findings("aws-sdk:s3:listBuckets", ["QueryLanguage": "JSONata"])
                == ["/States/S Arguments field is required for resource ARN: arn:aws:states:::aws-sdk:s3:listBuckets"])
    }

    @Test func storedDefinitionsOfEarlierReleasesRun() throws {
        let text = #"{"StartAt":"S","States":{"S":{"Type":"Task","Resource":"arn:aws:states:::glue:startJobRun","End":true}}}"#
        #expect(throws: DefinitionError.self) { try StateMachineDefinition(parsing: text) }
        #expect(try StateMachineDefinition(stored: text, type: .standard).root.startAt == "S")
        #expect(throws: DefinitionError.self) { try StateMachineDefinition(stored: #"{"StartAt":"S"}"#, type: .standard) }
    }

    @Test func innerScopesDoNotAssignOuterVariables() {
        let definition = #"""
            {"StartAt": "A", "States": {
                "A": {"Type": "Pass", "Assign": {"x.$": "$.a", "y": 1}, "Next": "P"},
                "P": {"Type": "Parallel", "Assign": {"y": 2}, "Next": "M", "Branches": [
                    {"StartAt": "B", "States": {"B": {"Type": "Pass", "Assign": {"x": 2, "z": 1}, "End": true}}},
                    {"StartAt": "C", "States": {"C": {"Type": "Pass", "Assign": {"z": 2}, "End": true}}}]},
                "M": {"Type": "Map", "End": true, "Catch": [{"ErrorEquals": ["E"], "Assign": {"y": 3, "w": 1}, "Next": "A"}],
                    "ItemProcessor": {"StartAt": "D", "States": {"D": {"Type": "Map", "End": true, "Assign": {"v": 1},
                        "ItemProcessor": {"StartAt": "E", "States": {"E": {"Type": "Pass", "End": true,
                            "Assign": {"v": 2, "w": 2, "z": 3}}}}}}}}}}
            """#
        func refusal(_ name: String) -> String {
            "The variable '\(name)' is assigned in an outer scope and cannot be assigned in an inner one: use another name"
        }
        // What M's own catcher assigns is not outside of M: w.
        let inner = "/States/M/ItemProcessor/States/D/ItemProcessor/States/E/Assign "
        #expect(
            findings(definition) == [
                "/States/P/Branches[0]/States/B/Assign " + refusal("x"), inner + refusal("v"),
            ])
    }

    @Test(arguments: [
        ("http:invoke", "An HTTP task takes its credentials from an EventBridge connection, and there are none here. Make the request in a job, or in a Lambda function that is a program of this machine."),
        ("ecs:runTask.sync", "The server does not wait for work that is done elsewhere. Call it without .sync, and ask for its state by an aws-sdk task in a loop with a Wait state."),
        ("bedrock:invokeModel", "Where the service has an endpoint, its operations can be called as arn:aws:states:::aws-sdk:<service>:<operation>."),
        ("ecs:runTask", nil), ("eks:createCluster", nil), ("athena:getQueryResults", nil), ("glue:startJobRun.sync", nil),
    ] as [(String, String?)])
    func whatNobodyPerformsIsPointedOut(resource: String, advice: String?) {
        let found = StateMachineDefinition.diagnostics(
            of: #"{"StartAt":"S","States":{"S":{"Type":"Task","Resource":"arn:aws:states:::\#(resource)","Parameters":{"JobName":"j"},"End":true}}}"#)
        guard let advice else {
            #expect(found == [])
            return
        }
        let message = "arn:aws:states:::\(resource) is not supported by this server. \(advice)"
        #expect(found == [Diagnostic(.warning, code: "UNSUPPORTED_INTEGRATION", message: message, location: "/States/S/Resource")])
    }

    @Test func machinesMustEnd() {
        let loop = #"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"}}}"#
        #expect(findings(loop) == ["- Workflow has no terminal state"])
        #expect {
            try StateMachineDefinition(parsing: loop)
        } throws: { error in
            (error as? DefinitionError)?.exceptionMessage
                == "Invalid State Machine Definition: 'MISSING_END_STATE: Workflow has no terminal state at null'"
        }
    }
}
