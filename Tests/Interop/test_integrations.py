"""Task states that reach SQS, SNS, DynamoDB and EventBridge elsewhere, local Lambda functions, and callbacks."""
import json, socket, textwrap, threading, time

import boto3, pytest
from botocore.config import Config
from conftest import wait_for_end
from stores import Moto, missing

ROLE = "arn:aws:iam::123456789012:role/r"


class Services(Moto):
    """SQS, SNS, DynamoDB and EventBridge that are not Millrace's."""

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id=self.key,
            aws_secret_access_key=self.secret, config=Config(retries={"max_attempts": 1}))

    def variables(self, *services):
        return {f"AWS_ENDPOINT_URL_{service}": self.endpoint for service in services} | {
            "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}


@pytest.fixture(scope="module")
def moto():
    if missing("moto"):
        pytest.skip(missing("moto"))
    server = Services()
    yield server
    server.stop()


def restart(server, **variables):
    server.stop()
    server.variables = variables
    server.start()


def machine(states, name, definition):
    return states.create_state_machine(name=name, roleArn=ROLE, definition=json.dumps(definition))["stateMachineArn"]


def task(resource, arguments, **others):
    return {"QueryLanguage": "JSONata", "StartAt": "T", "States": {"T": {
        "Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments, "End": True, **others}}}


def run(states, name, definition, input=None):
    arn = machine(states, name, definition)
    started = states.start_execution(stateMachineArn=arn, input=json.dumps(input or {}))
    return wait_for_end(states, started["executionArn"], 60)


def events(states, arn, kind):
    history = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    return [e for e in history if e["type"] == kind]


def test_services_elsewhere(new_server, moto):
    server = new_server()
    restart(server, **moto.variables("SQS", "SNS", "DYNAMODB"))
    states = server.client("stepfunctions")
    queue = moto.client("sqs").create_queue(QueueName="orders")["QueueUrl"]
    topic = moto.client("sns").create_topic(Name="news")["TopicArn"]
    moto.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:orders",
        Attributes={"RawMessageDelivery": "true"})
    moto.client("dynamodb").create_table(
        TableName="people", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])

    def message():
        found = moto.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"][0]
        moto.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=found["ReceiptHandle"])
        return found

    end = run(states, "send", task("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": {"a": [1, "é"]}}))
    output = json.loads(end["output"])
    found = message()
    assert (found["MessageId"], found["Body"]) == (output["MessageId"], '{"a":[1,"é"]}')
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200 and "MD5OfMessageBody" in output

    end = run(states, "publish", task("sns:publish", {"TopicArn": topic, "Message": "a=b&c é", "MessageAttributes": {
        "k": {"DataType": "String", "StringValue": "v"}}}))
    assert "MessageId" in json.loads(end["output"])
    assert message()["Body"] == "a=b&c é"

    ada = {"id": {"S": "ada"}, "age": {"N": "36"}, "tags": {"L": [{"BOOL": True}, {"NULL": True}]}}
    end = run(states, "put", task("dynamodb:putItem", {"TableName": "people", "Item": ada}))
    assert end["status"] == "SUCCEEDED", end
    end = run(states, "get", task("dynamodb:getItem", {"TableName": "people", "Key": {"id": {"S": "ada"}}}))
    assert json.loads(end["output"])["Item"] == ada
    end = run(states, "query", task("aws-sdk:dynamodb:query", {
        "TableName": "people", "KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "ada"}}}))
    assert json.loads(end["output"])["Count"] == 1
    once = {"TableName": "people", "Item": ada, "ConditionExpression": "attribute_not_exists(id)"}
    end = run(states, "put-once", task("dynamodb:putItem", once))
    assert end["error"] == "DynamoDB.ConditionalCheckFailedException" and "Service: AmazonDynamoDBv2; Status Code: 400" in end["cause"]
    end = run(states, "put-once-sdk", task("aws-sdk:dynamodb:putItem", once))
    assert end["error"] == "DynamoDb.ConditionalCheckFailedException"
    end = run(states, "nowhere", task("aws-sdk:sqs:sendMessage", {"QueueUrl": queue + "-no", "MessageBody": "x"}))
    assert end["error"] == "Sqs.QueueDoesNotExistException", end
    end = run(states, "not-configured", task("aws-sdk:kms:listKeys", {}))
    assert end["error"] == "States.Runtime" and "AWS_ENDPOINT_URL_KMS" in end["cause"]

    server.client("s3").create_bucket(Bucket="notes")
    end = run(states, "own-s3", {"QueryLanguage": "JSONata", "StartAt": "Put", "States": {
        "Put": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Next": "Get",
                "Arguments": {"Bucket": "notes", "Key": "a/b c.json", "Body": {"x": 1}}},
        "Get": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "End": True,
                "Arguments": {"Bucket": "notes", "Key": "a/b c.json"}}}})
    assert json.loads(json.loads(end["output"])["Body"]) == {"x": 1}
    end = run(states, "no-key", task("aws-sdk:s3:getObject", {"Bucket": "notes", "Key": "missing"}))
    assert end["error"] == "S3.NoSuchKeyException"


def test_other_optimised_calls(new_server, moto):
    """One operation of a service elsewhere goes there; what is more than that is refused by name, and pointed out."""
    server = new_server()
    restart(server, **moto.variables("ECS", "ATHENA"))
    states = server.client("stepfunctions")
    end = run(states, "ask", task("athena:startQueryExecution", {
        "QueryString": "SELECT 1", "ResultConfiguration": {"OutputLocation": "s3://somewhere/"}}))
    output = json.loads(end["output"])
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200
    known = moto.client("athena").get_query_execution(QueryExecutionId=output["QueryExecutionId"])
    assert known["QueryExecution"]["Query"] == "SELECT 1"
    end = run(states, "run", task("ecs:runTask", {"Cluster": "none", "TaskDefinition": "t"}))
    assert end["error"].startswith("ECS.") and "Service: AmazonECS; Status Code: 400" in end["cause"], end
    end = run(states, "unset", task("codebuild:startBuild", {"ProjectName": "p"}))
    assert end["error"] == "States.Runtime" and "AWS_ENDPOINT_URL_CODEBUILD" in end["cause"]

    for resource, advice in {"http:invoke": "EventBridge connection", "ecs:runTask.sync": "aws-sdk task in a loop",
                             "elasticmapreduce:addStep": "aws-sdk:<service>"}.items():
        definition = task(resource, {"TaskDefinition": "t"})
        found = states.validate_state_machine_definition(definition=json.dumps(definition), severity="WARNING")
        assert found["result"] == "OK"
        (warning,) = found["diagnostics"]
        assert (warning["severity"], warning["code"], warning["location"]) == (
            "WARNING", "UNSUPPORTED_INTEGRATION", "/States/T/Resource")
        end = run(states, resource.replace(":", "-").replace(".", "-"), definition)
        assert (end["error"], end["cause"]) == ("States.Runtime", warning["message"]) and advice in end["cause"]


def test_a_callback_through_a_queue_survives_a_restart(new_server, moto):
    server = new_server()
    restart(server, **moto.variables("SQS"))
    states = server.client("stepfunctions")
    queue = moto.client("sqs").create_queue(QueueName="callbacks")["QueueUrl"]
    arn = machine(states, "ask", task("sqs:sendMessage.waitForTaskToken", {
        "QueueUrl": queue, "MessageBody": {"token": "{% $states.context.Task.Token %}"}}, HeartbeatSeconds=30))
    started = states.start_execution(stateMachineArn=arn)["executionArn"]
    body = moto.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"][0]["Body"]
    token = json.loads(body)["token"]
    states.send_task_heartbeat(taskToken=token)
    server.kill()
    server.start()
    states = server.client("stepfunctions")
    states.send_task_heartbeat(taskToken=token)
    states.send_task_success(taskToken=token, output='{"answer": 42}')
    end = wait_for_end(states, started)
    assert json.loads(end["output"]) == {"answer": 42}
    submitted = events(states, started, "TaskSubmitted")
    assert len(submitted) == 1 and submitted[0]["taskSubmittedEventDetails"]["resource"] == "sendMessage.waitForTaskToken"
    with pytest.raises(states.exceptions.ClientError):
        states.send_task_success(taskToken=token, output="{}")


def test_a_token_without_heartbeats_times_out(new_server, moto):
    server = new_server()
    restart(server, **moto.variables("SQS"))
    states = server.client("stepfunctions")
    queue = moto.client("sqs").create_queue(QueueName="silence")["QueueUrl"]
    end = run(states, "silence", task("sqs:sendMessage.waitForTaskToken", {
        "QueueUrl": queue, "MessageBody": "{% $states.context.Task.Token %}"}, HeartbeatSeconds=1))
    assert (end["status"], end["error"]) == ("FAILED", "States.Timeout"), end
    assert events(states, end["executionArn"], "TaskTimedOut")[0]["taskTimedOutEventDetails"]["error"] == "States.Timeout"


def test_status_changes_reach_the_event_bus(new_server, moto):
    server = new_server()
    queue = moto.client("sqs").create_queue(QueueName="changes")["QueueUrl"]
    rules = moto.client("events")
    rules.put_rule(Name="changes", EventPattern=json.dumps({"detail-type": ["Step Functions Execution Status Change"]}))
    rules.put_targets(Rule="changes", Targets=[{"Id": "q", "Arn": "arn:aws:sqs:us-east-1:123456789012:changes"}])
    restart(server, **moto.variables("EVENTBRIDGE"))
    states = server.client("stepfunctions")
    end = run(states, "quick", {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}, {"x": 1})
    failed = run(states, "broken", {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "C"}}})
    found = []
    deadline = time.monotonic() + 60
    while len(found) < 4 and time.monotonic() < deadline:
        for message in moto.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=2, MaxNumberOfMessages=10).get("Messages", []):
            found.append(json.loads(message["Body"]))
            moto.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert {e["source"] for e in found} == {"aws.states"}
    assert [e["resources"] for e in found if e["detail"]["status"] == "SUCCEEDED"] == [[end["executionArn"]]]
    details = {(e["detail"]["executionArn"], e["detail"]["status"]): e["detail"] for e in found}
    assert set(details) == {(end["executionArn"], "RUNNING"), (end["executionArn"], "SUCCEEDED"),
                            (failed["executionArn"], "RUNNING"), (failed["executionArn"], "FAILED")}
    last = details[end["executionArn"], "SUCCEEDED"]
    assert json.loads(last["output"]) == {"x": 1} and last["stopDate"] >= last["startDate"]
    assert details[failed["executionArn"], "FAILED"]["error"] == "E"
    assert details[end["executionArn"], "RUNNING"]["stopDate"] is None


def test_local_functions(new_server, tmp_path):
    server = new_server()
    counter = tmp_path / "count"
    (tmp_path / "work.py").write_text(textwrap.dedent(f"""
        import json, os, sys, time
        event = json.load(sys.stdin)
        with open({str(counter)!r}, "a") as f: f.write("x")
        if event.get("slow"): time.sleep(3)
        if event.get("raise"): raise ValueError("no")
        json.dump({{"got": event, "name": os.environ["AWS_LAMBDA_FUNCTION_NAME"], "home": "HOME" in os.environ,
                   "leak": os.environ.get("LEAK")}}, sys.stdout)
        """))
    config = tmp_path / "millrace.yaml"
    config.write_text("lambda:\n  work:\n    command: [python3, %s]\n" % (tmp_path / "work.py"))
    server.arguments = ("--config", str(config))
    restart(server, LEAK="secret")
    states = server.client("stepfunctions")
    end = run(states, "invoke", task("lambda:invoke", {"FunctionName": "work", "Payload": {"a": 1}}))
    assert json.loads(end["output"])["Payload"] == {"got": {"a": 1}, "name": "work", "home": True, "leak": None}
    direct = {"StartAt": "F", "States": {"F": {
        "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:work", "End": True}}}
    end = run(states, "direct", direct, {"b": 2})
    assert json.loads(end["output"])["got"] == {"b": 2}
    kinds = [e["type"] for e in states.get_execution_history(executionArn=end["executionArn"])["events"]]
    assert kinds[2:5] == ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded"]
    end = run(states, "raise", direct, {"raise": True})
    assert end["error"] == "Runtime.ExitError" and "ValueError: no" in end["cause"]
    end = run(states, "unknown", task("lambda:invoke", {"FunctionName": "nobody"}))
    assert end["error"] == "Lambda.ResourceNotFoundException"

    # A crash in the middle: the process goes on, and its answer is found again.
    counter.write_text("")
    arn = machine(states, "slow", direct)
    started = states.start_execution(stateMachineArn=arn, input='{"slow": true}')["executionArn"]
    while counter.read_text() == "":
        time.sleep(0.02)
    server.kill()
    server.start()
    states = server.client("stepfunctions")
    end = wait_for_end(states, started)
    assert json.loads(end["output"])["got"] == {"slow": True} and counter.read_text() == "x"
    # What the invocations have left is cleared away once their outcome is durable.
    deadline = time.monotonic() + 20
    while list((server.directory / "functions").iterdir()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not list((server.directory / "functions").iterdir())


@pytest.mark.parametrize("policy", ["fail", "retry"])
def test_a_call_of_unknown_outcome(new_server, tmp_path, policy):
    """The far side gets the call and never answers; the server is killed meanwhile."""
    server = new_server()
    calls, answer = [], threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            calls.append(connection.recv(65536))
            if answer.is_set():
                body = b'{"MessageId":"m","MD5OfMessageBody":"d"}'
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    threading.Thread(target=serve, daemon=True).start()
    config = tmp_path / "millrace.yaml"
    config.write_text(
        "endpoints:\n  sqs:\n    url: http://127.0.0.1:%d\n    unknown-outcome: %s\n" % (listener.getsockname()[1], policy))
    server.arguments = ("--config", str(config))
    restart(server, AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s")
    states = server.client("stepfunctions")
    arn = machine(states, "send", task("sqs:sendMessage", {"QueueUrl": "http://q", "MessageBody": "b"}))
    started = states.start_execution(stateMachineArn=arn)["executionArn"]
    while not calls:
        time.sleep(0.02)
    answer.set()
    server.kill()
    server.start()
    states = server.client("stepfunctions")
    end = wait_for_end(states, started)
    listener.close()
    if policy == "fail":
        assert (end["error"], end["cause"]) == ("States.TaskFailed", "outcome unknown") and len(calls) == 1
    else:
        assert end["status"] == "SUCCEEDED" and json.loads(end["output"])["MessageId"] == "m" and len(calls) == 2
