"""What Step Functions refuses: parameters that an operation does not take, variables of outer scopes, reserved tags."""
import json, socket, subprocess, sys, time

import pytest
from botocore.exceptions import ClientError
from conftest import ROOT
from test_states_details import ROLE, create, run, single


def task(resource, parameters, **members):
    return single({"Type": "Task", "Resource": "arn:aws:states:::" + resource, "Parameters": parameters, **members})


def findings(states, definition):
    found = states.validate_state_machine_definition(definition=json.dumps(definition))["diagnostics"]
    return [(d["code"], d["message"], d.get("location")) for d in found]


def test_parameters_are_checked_when_a_machine_is_created(server):
    states = server.client("stepfunctions")
    schema = "SCHEMA_VALIDATION_FAILED"
    assert findings(states, task("glue:startJobRun", {"JobName": "j", "Argument": {}})) == [
        (schema, 'The field "Argument" is not supported by Step Functions', "/States/S/Parameters")]
    assert findings(states, task("aws-sdk:sfn:describeExecution", {})) == [
        (schema, "The field 'ExecutionArn' is required but was missing", "/States/S/Parameters")]
    assert findings(states, task("aws-sdk:glue:getTables", {"DatabaseName.$": "$.d", "MaxResults": [1]})) == [
        (schema, "The value of the field 'MaxResults' has an invalid format", "/States/S/Parameters")]
    assert findings(states, single({"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getDatabases"})) == [
        (schema, "Parameters field is required for resource ARN: arn:aws:states:::aws-sdk:glue:getDatabases", "/States/S")]
    assert findings(states, task("batch:submitJob", {
        "JobName": "n", "JobQueue.$": "$.q", "JobDefinition": "d", "Tags": {"any": "key"}, "ArrayProperties": {"Size": 2}})) == []
    with pytest.raises(ClientError) as refused:
        create(states, task("lambda:invoke", {"FunctionName": "f", "Body": 1}))
    assert refused.value.response["Error"] == {
        "Code": "InvalidDefinition", "Message": "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: "
        "The field \"Body\" is not supported by Step Functions at /States/S/Parameters'"}


@pytest.mark.parametrize("resource, given, complaint", [
    ("aws-sdk:glue:getDatabase", {"Nmae": "d"}, '[The field "Nmae" is not supported by Step Functions, '
        "The field 'Name' is required but was missing]"),
    ("batch:submitJob", {"JobName": "n", "JobQueue": "q", "JobDefinition": "d", "DependsOn": {}},
        "[The value of the field 'DependsOn' has an invalid format]")])
def test_parameters_are_checked_when_a_task_starts(server, resource, given, complaint):
    definition = {"QueryLanguage": "JSONata", **single({
        "Type": "Task", "Resource": "arn:aws:states:::" + resource, "Arguments": "{% $states.input %}",
        "Retry": [{"ErrorEquals": ["States.ALL"]}]})}
    states = server.client("stepfunctions")
    end = run(states, definition, given)
    text = json.dumps(given, separators=(",", ":"))
    assert (end["error"], end["cause"]) == ("States.Runtime", "An error occurred while executing the state 'S' (entered at the "
        f"event id #2). The Parameters '{text}' could not be used to start the Task: {complaint}")
    history = states.get_execution_history(executionArn=end["executionArn"])["events"]
    assert [e["type"] for e in history] == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]


def test_what_operations_take_is_as_the_models_say():
    written = subprocess.run([sys.executable, ROOT / "packaging/shapes.py"], capture_output=True, text=True, check=True)
    assert written.stdout == (ROOT / "Sources/StatesLanguage/ServiceShapes.swift").read_text(), "make reference writes it again"


def test_every_service_of_the_server_is_reached(server):
    states = server.client("stepfunctions")
    server.client("s3").create_bucket(Bucket="reached")
    found = {}
    for resource, parameters in {
        "sts:getCallerIdentity": {}, "sfn:listStateMachines": {"MaxResults": 1}, "glue:getDatabases": {},
        "batch:describeJobQueues": {}, "cloudwatchlogs:describeLogGroups": {}, "s3:listBuckets": {},
    }.items():
        end = run(states, task("aws-sdk:" + resource, parameters))
        assert end["status"] == "SUCCEEDED", (resource, end)
        found[resource] = json.loads(end["output"])
    assert found["sts:getCallerIdentity"] == {
        "Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root", "UserId": "123456789012"}
    assert "reached" in [b["Name"] for b in found["s3:listBuckets"]["Buckets"]]
    assert run(states, task("aws-sdk:sts:assumeRole", {"RoleArn": ROLE, "RoleSessionName": "s"}))["error"] == "Sts.InvalidActionException"


def test_inner_scopes_do_not_assign_variables_of_outer_ones(server):
    states = server.client("stepfunctions")
    definition = {"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Assign": {"x": 1}, "Next": "M"},
        "M": {"Type": "Map", "ItemsPath": "$.items", "End": True, "ItemProcessor": {
            "StartAt": "I", "States": {"I": {"Type": "Pass", "Assign": {"x": 2}, "End": True}}}}}}
    (code, message, place), = findings(states, definition)
    assert (code, place) == ("SCHEMA_VALIDATION_FAILED", "/States/M/ItemProcessor/States/I/Assign") and "'x'" in message
    definition["States"]["M"]["ItemProcessor"]["States"]["I"]["Assign"] = {"y.$": "$x"}
    assert findings(states, definition) == []


def test_a_tested_task_has_its_timeout(new_server):
    server = new_server()
    (server.directory / "slow.yaml").write_text("lambda:\n  slow:\n    command: [sleep, '30']\n")
    server.stop()
    server.arguments = ("--config", str(server.directory / "slow.yaml"))
    server.start()
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "slow"},
             "TimeoutSeconds": 1, "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}], "End": True}
    answer = server.client("stepfunctions").test_state(definition=json.dumps(state), roleArn=ROLE)
    assert (answer["status"], answer["error"], answer["nextState"]) == ("CAUGHT_ERROR", "States.Timeout", "Late")


def test_a_test_ends_with_its_client(new_server, tmp_path):
    log = tmp_path / "access.log"
    server = new_server("--auth", "none", "--access-log", str(log))
    body = json.dumps({"definition": json.dumps({"Type": "Wait", "Seconds": 200, "End": True})}).encode()
    client = socket.create_connection(("127.0.0.1", server.api_port))
    client.sendall(
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AWSStepFunctions.TestState\r\n"
        + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    time.sleep(0.5)
    assert "TestState" not in log.read_text()
    client.close()
    deadline = time.monotonic() + 30
    while "TestState" not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def test_reserved_tags_are_refused(server):
    text = "aws: prefixed tag key names are not allowed for external use."
    states, glue, batch, logs, s3 = map(server.client, ("stepfunctions", "glue", "batch", "logs", "s3"))
    machine = create(states, single({"Type": "Pass"}))
    pairs, mapping = [{"key": "aws:cloudformation:stack", "value": "v"}], {"AWS:mine": "v"}
    s3.create_bucket(Bucket="tagged")
    logs.create_log_group(logGroupName="tagged")
    for code, call in [
        ("ValidationException", lambda: create(states, single({"Type": "Pass"}), tags=pairs)),
        ("ValidationException", lambda: states.create_activity(name="tagged", tags=pairs)),
        ("ValidationException", lambda: states.tag_resource(resourceArn=machine, tags=pairs)),
        ("InvalidInputException", lambda: glue.create_database(DatabaseInput={"Name": "tagged"}, Tags=mapping)),
        ("InvalidInputException", lambda: glue.tag_resource(
            ResourceArn="arn:aws:glue:us-east-1:123456789012:job/x", TagsToAdd=mapping)),
        ("ClientException", lambda: batch.create_scheduling_policy(name="tagged", tags=mapping)),
        ("InvalidParameterException", lambda: logs.tag_log_group(logGroupName="tagged", tags=mapping)),
        ("InvalidTag", lambda: s3.put_bucket_tagging(Bucket="tagged", Tagging={"TagSet": [{"Key": "aws:x", "Value": "v"}]})),
    ]:
        with pytest.raises(ClientError) as refused:
            call()
        error = refused.value.response["Error"]
        assert error["Code"] == code and (error["Message"] == text or code == "InvalidTag"), error
    assert states.list_tags_for_resource(resourceArn=machine)["tags"] == []
