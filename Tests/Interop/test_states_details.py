"""Fine points of Step Functions, as a demanding first user meets them."""
import json, socket, time, uuid

import pytest
from botocore.exceptions import ClientError
from conftest import wait_for_end

ROLE = "arn:aws:iam::123456789012:role/test"
ACCOUNT = "arn:aws:states:us-east-1:123456789012:"


def create(states, definition, **options):
    if not isinstance(definition, str):
        definition = json.dumps(definition)
    return states.create_state_machine(
        name="m" + uuid.uuid4().hex[:12], definition=definition, roleArn=ROLE, **options)["stateMachineArn"]


def run(states, definition, data=None):
    arn = create(states, definition)
    execution = states.start_execution(stateMachineArn=arn, input=json.dumps(data if data is not None else {}))
    return wait_for_end(states, execution["executionArn"])


def single(state, **fields):
    return {"StartAt": "S", "States": {"S": {**state, "End": True}}, **fields}


def distributed(**fields):
    return single({
        "Type": "Map", **fields,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}})


@pytest.mark.parametrize("resource", ["states:startExecution.sync:2", "aws-sdk:sfn:startSyncExecution"])
def test_keys_of_a_childs_input_stay_as_they_are(server, resource):
    states = server.client("stepfunctions")
    child = create(states, single({"Type": "Pass"}), type="EXPRESS" if "Sync" in resource else "STANDARD")
    data = {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "x", "Nested": [{"Key": {"Inner": 1}}]}
    end = run(states, single({
        "Type": "Task", "Resource": "arn:aws:states:::" + resource,
        "Parameters": {"StateMachineArn": child, "Input": data}}))
    output = json.loads(end["output"])["Output"]
    assert (json.loads(output) if isinstance(output, str) else output) == data


@pytest.mark.parametrize("config, result", [
    ({"Transformation": "COMPACT", "OutputType": "JSON"}, [[1, 2], 3]),
    ({"Transformation": "FLATTEN", "OutputType": "JSON"}, [1, 2, 3]),
    ({"Transformation": "FLATTEN", "OutputType": "JSONL"}, "1\n2\n3"),
])
def test_results_can_be_shaped_without_a_bucket(server, config, result):
    end = run(server.client("stepfunctions"), distributed(ResultWriter={"WriterConfig": config}), [[1, 2], 3])
    assert end["status"] == "SUCCEEDED", end
    assert json.loads(end["output"]) == result


def test_items_may_be_the_members_of_an_object(server):
    states = server.client("stepfunctions")
    selector = {"k.$": "$$.Map.Item.Key", "v.$": "$$.Map.Item.Value.Value", "s.$": "$$.Map.Item.Source"}
    expected = [{"k": "a", "v": 1, "s": "STATE_DATA"}, {"k": "b", "v": 2, "s": "STATE_DATA"}]
    end = run(states, distributed(ItemsPath="$.o", ItemSelector=selector), {"o": {"a": 1, "b": 2}})
    assert json.loads(end["output"]) == expected
    end = run(states, distributed(
        QueryLanguage="JSONata", Items={"a": 1, "b": "{% $states.input.two %}"},
        ItemSelector={"k": "{% $states.context.Map.Item.Key %}", "v": "{% $states.context.Map.Item.Value.Value %}",
                      "s": "{% $states.context.Map.Item.Source %}"}), {"two": 2})
    assert json.loads(end["output"]) == expected
    with pytest.raises(ClientError, match="Expected value of type Array at /States/S/Items"):
        create(states, single({
            "Type": "Map", "QueryLanguage": "JSONata", "Items": {"a": 1},
            "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}}))


def test_a_task_of_an_activity_that_is_missing_fails(server):
    states = server.client("stepfunctions")
    arn = ACCOUNT + "activity:missing-" + uuid.uuid4().hex
    end = run(states, single({
        "Type": "Task", "Resource": arn, "TimeoutSeconds": 60,
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "S"}]}))
    assert end["error"] == "States.Runtime"
    assert end["cause"] == (
        "An error occurred while executing the state 'S' (entered at the event id #2). "
        f"The activity {arn} does not exist.")
    events = states.get_execution_history(executionArn=end["executionArn"])["events"]
    assert [event["type"] for event in events] == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]


def test_a_machine_is_deleted_by_its_own_arn(server):
    states = server.client("stepfunctions")
    arn = create(states, single({"Type": "Pass"}), publish=True)
    for qualified in (arn + ":1", arn + "/label"):
        with pytest.raises(ClientError) as refused:
            states.delete_state_machine(stateMachineArn=qualified)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert states.describe_state_machine(stateMachineArn=arn)["status"] == "ACTIVE"


def test_a_state_inside_a_map_is_tested_as_for_its_first_item(server):
    states = server.client("stepfunctions")
    inner = {"Type": "Pass", "Parameters": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value.q"}, "End": True}
    definition = json.dumps(single({"Type": "Map", "ItemProcessor": {"StartAt": "Inner", "States": {"Inner": inner}}}))
    for options in ({}, {"context": json.dumps({"Execution": {"Id": "x"}})}):
        tested = states.test_state(definition=definition, stateName="Inner", input='{"q":7}', **options)
        assert (tested["status"], json.loads(tested["output"])) == ("SUCCEEDED", {"i": 0, "v": 7})


def test_a_used_connection_gives_each_request_its_time(new_server):
    """The check of an earlier exchange comes while the body of a later one is on its way."""
    server = new_server("--auth", "none", variables={"MILLRACE_HTTP_STALL_SECONDS": "2"})
    body = b"{}"
    head = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"
        f"X-Amz-Target: AWSStepFunctions.ListStateMachines\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    with socket.create_connection(("127.0.0.1", server.api_port), timeout=30) as connection:
        connection.sendall(head + body)
        begun = time.monotonic()
        assert b"stateMachines" in connection.recv(65536)
        # The first check comes 2 s after the first head.
        time.sleep(max(0, begun + 1.5 - time.monotonic()))
        connection.sendall(head)
        time.sleep(1)
        connection.sendall(body)
        assert b"stateMachines" in connection.recv(65536)


@pytest.mark.parametrize("fields, output, error", [
    ({"ToleratedFailureCount": 1}, [1, {"Error": "Small", "Cause": "too small"}, 3], None),
    ({"ToleratedFailurePercentage": 34}, [1, {"Error": "Small", "Cause": "too small"}, 3], None),
    ({"ToleratedFailurePercentagePath": "$.p"}, None, "States.ExceedToleratedFailureThreshold"),
    ({"ToleratedFailureCount": 3, "ToleratedFailurePercentage": 33}, None, "States.ExceedToleratedFailureThreshold"),
    ({}, None, "Small"),
])
def test_an_inline_map_tolerates_failures(server, fields, output, error):
    states = server.client("stepfunctions")
    end = run(states, single({
        "Type": "Map", "ItemsPath": "$.l", "MaxConcurrency": 1, **fields,
        "ItemProcessor": {"StartAt": "C", "States": {
            "C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 0, "Next": "F"}], "Default": "P"},
            "F": {"Type": "Fail", "Error": "Small", "Cause": "too small"}, "P": {"Type": "Pass", "End": True}}}}),
        {"l": [1, 0, 3], "p": 0})
    assert (json.loads(end["output"]) if "output" in end else None, end.get("error")) == (output, error)
    types = [event["type"] for event in states.get_execution_history(executionArn=end["executionArn"])["events"]]
    assert (types.count("MapIterationFailed"), types.count("MapIterationSucceeded")) == (1, 2 if output else 1)


@pytest.mark.parametrize("action, parameters, error", [
    # Errors that only other operations of the service declare are known by name, too.
    ("putObject", {"Bucket": "missing", "Key": "k", "Body": "x"}, "S3.NoSuchBucketException"),
    ("getObject", {"Bucket": "details", "Key": "missing"}, "S3.NoSuchKeyException"),
    # Refusals without a body.
    ("headObject", {"Bucket": "details", "Key": "missing"}, "S3.NoSuchKeyException"),
    ("headBucket", {"Bucket": "missing"}, "S3.NoSuchBucketException"),
])
def test_errors_of_s3_have_their_names(server, action, parameters, error):
    server.client("s3").create_bucket(Bucket="details")
    end = run(server.client("stepfunctions"), single({
        "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:" + action, "Parameters": parameters}))
    assert end["error"] == error and "Status Code: 404" in end["cause"]


def test_quotas_hold_for_variables(new_server):
    states = new_server("--aws-limits").client("stepfunctions")

    def assigning(*sizes):
        steps = {f"V{n}": {"Type": "Pass", "Output": 1, "Next": f"V{n + 1}", "Assign": {
            f"v{n}_{m}": "{% $pad('', " + str(size) + ", 'x') %}" for m, size in enumerate(group)}}
            for n, group in enumerate(sizes)}
        return run(states, {"QueryLanguage": "JSONata", "StartAt": "V0",
                            "States": {**steps, f"V{len(sizes)}": {"Type": "Succeed"}}})

    assert assigning([131_070, 131_070])["status"] == "SUCCEEDED"
    assert assigning([131_070, 131_071])["error"] == "States.DataLimitExceeded"
    # 40 times 262,144 bytes, with the quotes, are all that an execution may keep.
    assert assigning(*[[262_142]] * 40)["status"] == "SUCCEEDED"
    assert assigning(*[[262_142]] * 41)["error"] == "States.DataLimitExceeded"


def test_a_tested_map_shows_what_its_children_get_and_all_variables(server):
    definition = {
        "Type": "Map", "QueryLanguage": "JSONata", "Items": "{% $states.input %}", "End": True,
        "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}", "f": "{% $factor %}"},
        "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"b": "{% $factor + 1 %}"}},
        "Assign": {"made": "{% $states.result %}"},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}}
    tested = server.client("stepfunctions").test_state(
        definition=json.dumps(definition), input="[5,6,7]", inspectionLevel="DEBUG", variables='{"factor":2}',
        mock={"result": "[1]"})
    data = tested["inspectionData"]
    items = [{"v": 5, "f": 2}, {"v": 6, "f": 2}, {"v": 7, "f": 2}]
    assert json.loads(data["afterItemSelector"]) == items
    assert json.loads(data["afterItemBatcher"]) == [
        {"BatchInput": {"b": 3}, "Items": items[:2]}, {"BatchInput": {"b": 3}, "Items": items[2:]}]
    assert json.loads(data["variables"]) == {"factor": 2, "made": [1]}
