"""Step Functions through boto3 and the aws CLI."""
import datetime, json, os, subprocess, sys, time, urllib.request, uuid

import pytest
from botocore.exceptions import ClientError
from conftest import wait_for_end

ROLE = "arn:aws:iam::123456789012:role/test"


def machine(states, definition):
    return states.create_state_machine(
        name="m" + uuid.uuid4().hex[:12], definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]


def run(states, definition, data=None):
    arn = machine(states, definition)
    execution = states.start_execution(stateMachineArn=arn, input=json.dumps(data if data is not None else {}))
    return wait_for_end(states, execution["executionArn"])


def test_choice_and_data_flow(server):
    definition = {
        "StartAt": "Double",
        "States": {
            "Double": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, $.n)"}, "ResultPath": "$.doubled", "Next": "Big?"},
            "Big?": {"Type": "Choice", "Choices": [{"Variable": "$.doubled.n", "NumericGreaterThan": 10, "Next": "Big"}],
                     "Default": "Small"},
            "Big": {"Type": "Succeed"},
            "Small": {"Type": "Fail", "Error": "TooSmall", "Cause": "as told"},
        },
    }
    states = server.client("stepfunctions")
    big = run(states, definition, {"n": 7})
    assert big["status"] == "SUCCEEDED" and json.loads(big["output"]) == {"n": 7, "doubled": {"n": 14}}
    small = run(states, definition, {"n": 2})
    assert (small["status"], small["error"], small["cause"]) == ("FAILED", "TooSmall", "as told")


def test_parallel_map_retry_catch(server):
    states = server.client("stepfunctions")
    definition = {
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    {"StartAt": "Each", "States": {"Each": {
                        "Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2,
                        "ItemProcessor": {"StartAt": "Add", "States": {"Add": {
                            "Type": "Pass", "Parameters": {"v.$": "States.MathAdd($, 1)"}, "OutputPath": "$.v", "End": True}}},
                        "End": True}}},
                    {"StartAt": "Read", "States": {
                        "Read": {
                            "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getTable",
                            "Parameters": {"DatabaseName": "no_such_db", "Name": "t"},
                            "Retry": [{"ErrorEquals": ["Glue.EntityNotFoundException"], "IntervalSeconds": 1, "MaxAttempts": 1}],
                            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}],
                            "End": True},
                        "Caught": {"Type": "Pass", "OutputPath": "$.error.Error", "End": True}}},
                ],
                "End": True,
            }
        },
    }
    end = run(states, definition, {"items": [1, 2, 3, 4]})
    assert end["status"] == "SUCCEEDED", end
    assert json.loads(end["output"]) == [[2, 3, 4, 5], "Glue.EntityNotFoundException"]
    history = states.get_execution_history(executionArn=end["executionArn"], maxResults=1000)["events"]
    types = [event["type"] for event in history]
    assert types.count("TaskScheduled") == 2 and types.count("TaskFailed") == 2
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))


def test_stop_and_names(server):
    states = server.client("stepfunctions")
    arn = machine(states, {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}})
    first = states.start_execution(stateMachineArn=arn, name="one", input="{}")
    again = states.start_execution(stateMachineArn=arn, name="one", input="{}")
    assert first["executionArn"] == again["executionArn"]
    with pytest.raises(ClientError) as refused:
        states.start_execution(stateMachineArn=arn, name="one", input='{"other": 1}')
    assert refused.value.response["Error"]["Code"] == "ExecutionAlreadyExists"
    states.stop_execution(executionArn=first["executionArn"], error="Enough", cause="tired")
    end = wait_for_end(states, first["executionArn"])
    assert (end["status"], end["error"], end["cause"]) == ("ABORTED", "Enough", "tired")


@pytest.mark.parametrize("definition, said", [
    ("{", "line"),
    ('{"StartAt": "A", "States": {}}', "StartAt"),
    ('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}', "B"),
    ('{"StartAt": "A", "States": {"A": {"Type": "Dance", "End": true}}}', "/States/A/Type"),
])
def test_bad_definitions_are_refused(server, definition, said):
    states = server.client("stepfunctions")
    with pytest.raises(ClientError) as refused:
        states.create_state_machine(name="bad" + uuid.uuid4().hex[:8], definition=definition, roleArn=ROLE)
    error = refused.value.response["Error"]
    assert error["Code"] == "InvalidDefinition" and said.lower() in error["Message"].lower()
    findings = states.validate_state_machine_definition(definition=definition)
    assert findings["result"] == "FAIL" and findings["diagnostics"]


def test_unknown_resources_and_keys(server):
    states = server.client("stepfunctions")
    with pytest.raises(ClientError) as unknown:
        states.describe_execution(executionArn="arn:aws:states:us-east-1:123456789012:execution:no:such")
    assert unknown.value.response["Error"]["Code"] == "ExecutionDoesNotExist"
    with pytest.raises(ClientError) as key:
        server.client("stepfunctions", key="AKIAXXXXXXXXXXXXXXXX").list_state_machines()
    assert key.value.response["Error"]["Code"] == "UnrecognizedClientException"
    with pytest.raises(ClientError) as secret:
        server.client("stepfunctions", secret="wrong").list_state_machines()
    assert secret.value.response["Error"]["Code"] == "InvalidSignatureException"


def test_aws_cli_tour(server, tmp_path):
    def aws(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "awscli", *arguments], env=server.environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip().startswith(("{", "[")) else done.stdout

    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    made = aws("stepfunctions", "create-state-machine", "--name", "cli", "--definition", definition, "--role-arn", ROLE)
    started = aws("stepfunctions", "start-execution", "--state-machine-arn", made["stateMachineArn"], "--input", '{"a": 1}')
    wait_for_end(server.client("stepfunctions"), started["executionArn"])
    assert aws("stepfunctions", "describe-execution", "--execution-arn", started["executionArn"])["output"] == '{"a": 1}'
    history = aws("stepfunctions", "get-execution-history", "--execution-arn", started["executionArn"])
    assert [event["type"] for event in history["events"]] == [
        "ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    assert aws("sts", "get-caller-identity")["Account"] == "123456789012"
    aws("s3", "mb", "s3://cli-bucket")
    (tmp_path / "file.txt").write_text("hello")
    aws("s3", "cp", str(tmp_path / "file.txt"), "s3://cli-bucket/dir/file.txt")
    assert "file.txt" in aws("s3", "ls", "s3://cli-bucket/dir/")
    assert "queues" in json.dumps(aws("batch", "describe-job-queues")).lower()
    assert "DatabaseList" in aws("glue", "get-databases")


@pytest.mark.parametrize("pattern", [".sync", ".sync:2"])
def test_executions_start_executions_and_wait(server, pattern):
    states = server.client("stepfunctions")
    child = machine(states, {"StartAt": "Say", "States": {"Say": {
        "Type": "Pass", "QueryLanguage": "JSONata", "Output": {"twice": "{% $states.input.n * 2 %}"}, "End": True}}})
    parent = {"StartAt": "Call", "States": {"Call": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution" + pattern,
        "Parameters": {"StateMachineArn": child, "Input": {"n.$": "$.n"}}, "End": True}}}
    done = run(states, parent, {"n": 21})
    output = json.loads(done["output"])
    assert output["Status"] == "SUCCEEDED" and output["StateMachineArn"] == child
    assert output["Output"] == ({"twice": 42} if pattern == ".sync:2" else '{"twice":42}')
    lost = run(states, {"StartAt": "Call", "States": {"Call": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution" + pattern,
        "Parameters": {"StateMachineArn": child + "-gone"}, "End": True}}})
    assert (lost["status"], lost["error"]) == ("FAILED", "StepFunctions.StateMachineDoesNotExistException")


def test_a_failed_child_fails_its_parent_and_stops_with_it(server):
    states = server.client("stepfunctions")
    child = machine(states, {"StartAt": "Stay", "States": {"Stay": {"Type": "Wait", "Seconds": 900, "End": True}}})
    parent = machine(states, {"StartAt": "Call", "States": {"Call": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync",
        "Parameters": {"StateMachineArn": child}, "End": True}}})

    def start():
        arn = states.start_execution(stateMachineArn=parent)["executionArn"]
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            running = states.list_executions(stateMachineArn=child, statusFilter="RUNNING")["executions"]
            if running:
                return arn, running[0]["executionArn"]
            time.sleep(0.02)
        raise AssertionError("the child did not start")

    arn, inner = start()
    states.stop_execution(executionArn=inner, error="Enough")
    failed = wait_for_end(states, arn)
    assert (failed["status"], failed["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(failed["cause"])["Error"] == "Enough"
    arn, inner = start()
    states.stop_execution(executionArn=arn)
    assert wait_for_end(states, inner)["status"] == "ABORTED"


def test_a_state_is_tested_by_itself(server):
    states = server.client("stepfunctions")
    state = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getDatabase", "Parameters": {"Name": "no_such_db"},
             "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Elsewhere"}], "End": True}
    real = states.test_state(definition=json.dumps(state), roleArn=ROLE, inspectionLevel="DEBUG")
    assert (real["status"], real["nextState"]) == ("CAUGHT_ERROR", "Elsewhere")
    assert json.loads(real["output"])["error"]["Error"] == "Glue.EntityNotFoundException"
    assert json.loads(real["inspectionData"]["afterParameters"]) == {"Name": "no_such_db"}


def test_express_executions_run_in_memory(server):
    states = server.client("stepfunctions")
    arn = states.create_state_machine(
        name="x" + uuid.uuid4().hex[:12], type="EXPRESS", roleArn=ROLE,
        definition=json.dumps({"StartAt": "Look", "States": {"Look": {
            "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getDatabases", "Parameters": {}, "ResultSelector": {"n.$": "$.DatabaseList"},
            "Next": "Rest"}, "Rest": {"Type": "Wait", "Seconds": 1, "End": True}}}))["stateMachineArn"]
    done = states.start_sync_execution(stateMachineArn=arn, input="{}")
    assert done["status"] == "SUCCEEDED" and "n" in json.loads(done["output"])
    assert done["stopDate"] - done["startDate"] >= datetime.timedelta(seconds=0.9)
    with pytest.raises(ClientError) as refused:
        states.list_executions(stateMachineArn=arn)
    assert refused.value.response["Error"]["Code"] == "StateMachineTypeNotSupported"
    # What lists executions of all machines passes over this one.
    assert server.run("status").returncode == 0
    assert urllib.request.urlopen(server.console, timeout=10).status == 200
