"""Redrives and the logs of executions, as boto3 sees them."""
import json, time

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/r"


def ended(states, arn, redrives=0):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = states.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING" and found["redriveCount"] == redrives:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{arn} has not ended")


def task(name, table):
    return {"StartAt": name, "States": {name: {
        "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getDatabase", "Parameters": {"Name": table}, "End": True}}}


def test_only_what_failed_is_redriven_also_after_a_kill(new_server):
    server = new_server()
    states, glue = server.client("stepfunctions"), server.client("glue")
    glue.create_database(DatabaseInput={"Name": "here"})
    # One after the other, so that the first has succeeded when the second fails.
    each = task("T", "")
    each["States"]["T"]["Parameters"] = {"Name.$": "$"}
    definition = {"StartAt": "Each", "States": {"Each": {
        "Type": "Map", "MaxConcurrency": 1, "ItemProcessor": each, "End": True}}}
    machine = states.create_state_machine(name="m", definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine, input='["here", "later"]')["executionArn"]
    failed = ended(states, arn)
    assert (failed["status"], failed["redriveStatus"]) == ("FAILED", "REDRIVABLE")
    server.kill()
    server.start()
    states, glue = server.client("stepfunctions"), server.client("glue")
    glue.create_database(DatabaseInput={"Name": "later"})
    date = states.redrive_execution(executionArn=arn, clientToken="once")["redriveDate"]
    found = ended(states, arn, redrives=1)
    assert found["status"] == "SUCCEEDED" and found["redriveDate"] == date and "error" not in found
    assert found["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    assert [d["Database"]["Name"] for d in json.loads(found["output"])] == ["here", "later"]
    assert states.redrive_execution(executionArn=arn, clientToken="once")["redriveDate"] == date
    with pytest.raises(ClientError) as refused:
        states.redrive_execution(executionArn=arn)
    assert refused.value.response["Error"]["Code"] == "ExecutionNotRedrivable"
    events = states.get_execution_history(executionArn=arn)["events"]
    assert [e["id"] for e in events] == list(range(1, len(events) + 1))
    redriven = next(e for e in events if e["type"] == "ExecutionRedriven")
    assert redriven["executionRedrivenEventDetails"] == {"redriveCount": 1}
    again = [e["type"] for e in events if e["id"] > redriven["id"]]
    assert again[:2] == ["TaskScheduled", "TaskStarted"] and again.count("TaskScheduled") == 1
    listed = states.list_executions(stateMachineArn=machine, redriveFilter="REDRIVEN")["executions"]
    assert [(e["executionArn"], e["redriveCount"]) for e in listed] == [(arn, 1)]
    assert states.list_executions(stateMachineArn=machine, redriveFilter="NOT_REDRIVEN")["executions"] == []


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_map_run_is_redriven_also_after_a_kill(new_server, kind):
    server = new_server()
    states, glue = server.client("stepfunctions"), server.client("glue")
    for name in "here", "there":
        glue.create_database(DatabaseInput={"Name": name})
    each = task("T", "")
    each["States"]["T"]["Parameters"] = {"Name.$": "$"}
    each["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    definition = {"StartAt": "Each", "States": {"Each": {
        "Type": "Map", "Label": "each", "MaxConcurrency": 1, "ItemProcessor": each, "End": True}}}
    machine = states.create_state_machine(name="m", definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine, input='["here", "later", "there"]')["executionArn"]
    failed = ended(states, arn)
    assert (failed["status"], failed["error"], failed["redriveStatus"]) == (
        "FAILED", "States.ExceedToleratedFailureThreshold", "REDRIVABLE")
    [run] = states.list_map_runs(executionArn=arn)["mapRuns"]
    run = run["mapRunArn"]

    def described(client):
        found = client.describe_map_run(mapRunArn=run)
        counts = {k: found["executionCounts"][k] for k in ("total", "succeeded", "failed", "pendingRedrive", "failuresNotRedrivable")}
        return found, counts

    found, counts = described(states)
    assert (found["status"], found["redriveCount"], "redriveDate" in found) == ("FAILED", 0, False)
    assert counts == {"total": 2, "succeeded": 1, "failed": 1, "pendingRedrive": 0, "failuresNotRedrivable": 0}
    assert found["itemCounts"]["pending"] == 1
    [unlucky] = states.list_executions(mapRunArn=run, statusFilter="FAILED")["executions"]
    child = states.describe_execution(executionArn=unlucky["executionArn"])
    assert (child["redriveStatus"], child["redriveCount"]) == ("REDRIVABLE_BY_MAP_RUN", 0)
    if kind == "STANDARD":
        with pytest.raises(ClientError) as refused:
            states.redrive_execution(executionArn=unlucky["executionArn"])
        assert refused.value.response["Error"]["Code"] == "ExecutionNotRedrivable"

    # It fails again, in the same run.
    states.redrive_execution(executionArn=arn)
    assert ended(states, arn, redrives=1)["status"] == "FAILED"
    found, counts = described(states)
    assert (found["status"], found["redriveCount"], counts["total"], counts["failed"]) == ("FAILED", 1, 2, 1)
    server.kill()
    server.start()
    states, glue = server.client("stepfunctions"), server.client("glue")
    glue.create_database(DatabaseInput={"Name": "later"})
    date = states.redrive_execution(executionArn=arn)["redriveDate"]
    done = ended(states, arn, redrives=2)
    assert done["status"] == "SUCCEEDED", done
    assert [d["Database"]["Name"] for d in json.loads(done["output"])] == ["here", "later", "there"]
    assert [r["mapRunArn"] for r in states.list_map_runs(executionArn=arn)["mapRuns"]] == [run]
    found, counts = described(states)
    assert (found["status"], found["redriveCount"]) == ("SUCCEEDED", 2) and found["redriveDate"] >= date
    assert counts == {"total": 3, "succeeded": 3, "failed": 0, "pendingRedrive": 0, "failuresNotRedrivable": 0}
    events = states.get_execution_history(executionArn=arn)["events"]
    assert [e["mapRunRedrivenEventDetails"] for e in events if e["type"] == "MapRunRedriven"] == [
        {"mapRunArn": run, "redriveCount": 1}, {"mapRunArn": run, "redriveCount": 2}]
    assert [e["type"] for e in events].count("MapRunStarted") == 1
    child = states.describe_execution(executionArn=unlucky["executionArn"])
    assert child["status"] == "SUCCEEDED" and child["redriveStatus"] == "NOT_REDRIVABLE"
    redriven = [e["executionArn"] for e in states.list_executions(mapRunArn=run, redriveFilter="REDRIVEN")["executions"]]
    others = states.list_executions(mapRunArn=run, redriveFilter="NOT_REDRIVEN")["executions"]
    assert states.list_executions(mapRunArn=run, statusFilter="PENDING_REDRIVE")["executions"] == []
    if kind == "STANDARD":
        assert child["redriveCount"] == 2 and redriven == [unlucky["executionArn"]] and len(others) == 2
        types = [e["type"] for e in states.get_execution_history(executionArn=unlucky["executionArn"])["events"]]
        assert types.count("ExecutionRedriven") == 2 and types.count("ExecutionStarted") == 1
    else:
        assert child["redriveCount"] == 0 and redriven == [] and len(others) == 3


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_executions_log_into_their_group(new_server, kind):
    server = new_server()
    states, logs = server.client("stepfunctions"), server.client("logs")
    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": {"a": 1}, "End": True}}})

    def configuration(group, level="ALL"):
        return {"level": level, "includeExecutionData": True,
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]}

    missing = "arn:aws:logs:us-east-1:123456789012:log-group:/flows:*"
    with pytest.raises(ClientError) as refused:
        states.create_state_machine(
            name="m", definition=definition, roleArn=ROLE, type=kind, loggingConfiguration=configuration(missing))
    assert refused.value.response["Error"]["Code"] == "InvalidLoggingConfiguration"
    assert refused.value.response["Error"]["Message"] == "Invalid Logging Configuration: Log Destination not found."
    logs.create_log_group(logGroupName="/flows")
    group = logs.describe_log_groups(logGroupNamePrefix="/flows")["logGroups"][0]["arn"]
    assert group == missing
    machine = states.create_state_machine(
        name="m", definition=definition, roleArn=ROLE, type=kind,
        loggingConfiguration=configuration(group))["stateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine, input='{"x": 1}')["executionArn"]
    deadline = time.monotonic() + 60
    found = []
    while len(found) < 4 and time.monotonic() < deadline:
        found = logs.filter_log_events(logGroupName="/flows")["events"]
    messages = [json.loads(e["message"]) for e in found]
    assert [m["type"] for m in messages] == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    assert messages[0]["details"]["input"] == '{"x": 1}'
    assert all(m["execution_arn"] == arn and m["redrive_count"] == "0" for m in messages)
    streams = logs.describe_log_streams(logGroupName="/flows")["logStreams"]
    assert [s["logStreamName"].split("/")[:2] for s in streams] == [["states", "m"]]
    read = logs.get_log_events(logGroupName="/flows", logStreamName=streams[0]["logStreamName"], startFromHead=True)
    assert [e["message"] for e in read["events"]] == [e["message"] for e in found]
    ends = logs.filter_log_events(logGroupName="/flows", filterPattern='{ $.type = "Execution*" && $.id != "1" }')["events"]
    assert [json.loads(e["message"])["id"] for e in ends] == ["4"]


def test_limits_of_the_service(new_server):
    server = new_server("--aws-limits")
    states = server.client("stepfunctions")
    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    machine = states.create_state_machine(name="m", definition=definition, roleArn=ROLE)["stateMachineArn"]
    long = json.dumps("x" * 262_142)
    assert len(long) == 262_144
    arn = states.start_execution(stateMachineArn=machine, input=long)["executionArn"]
    assert ended(states, arn)["status"] == "SUCCEEDED"
    with pytest.raises(ClientError) as refused:
        states.start_execution(stateMachineArn=machine, input=long + " ")
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert "Member must have length less than or equal to 262144" in refused.value.response["Error"]["Message"]


def test_the_command_redrives(new_server):
    server = new_server()
    states, glue = server.client("stepfunctions"), server.client("glue")
    machine = states.create_state_machine(name="m", definition=json.dumps(task("T", "later")), roleArn=ROLE)["stateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]
    ended(states, arn)
    glue.create_database(DatabaseInput={"Name": "later"})
    assert "goes on" in server.run("redrive", "m").stderr
    assert ended(states, arn, redrives=1)["status"] == "SUCCEEDED"
    refused = server.run("redrive", "m", check=False)
    assert "Execution is SUCCEEDED and cannot be redriven" in refused.stderr and refused.returncode != 0
