"""Maps in DISTRIBUTED mode through boto3: items out of the embedded store, child executions, map runs, results."""
import gzip, json, time

import pyarrow, pytest
from botocore.exceptions import ClientError
from conftest import wait_for_end
from test_states import machine

PASS = {"One": {"Type": "Pass", "End": True}}


def definition(states=PASS, kind="STANDARD", **fields):
    return {"StartAt": "Each", "States": {"Each": {
        "Type": "Map", "Label": "each", "End": True, **fields,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}, "StartAt": "One", "States": states}}}}


def reader(resource, config=None, **parameters):
    found = {"Resource": f"arn:aws:states:::s3:{resource}", "Parameters": parameters}
    return {**found, "ReaderConfig": config} if config else found


def start(states, described, data):
    arn = machine(states, described)
    return states.start_execution(stateMachineArn=arn, input=json.dumps(data))["executionArn"]


def test_a_csv_object_and_its_results(new_server):
    server = new_server()
    s3, states = server.client("s3"), server.client("stepfunctions")
    s3.create_bucket(Bucket="lake")
    rows = "".join(f"{n},\"name, {n}\"\n" for n in range(1, 1201))
    s3.put_object(Bucket="lake", Key="in.csv", Body=("id,name\n" + rows).encode())
    checked = {
        "One": {"Type": "Choice", "Choices": [{"Variable": "$.row.id", "StringEquals": "7", "Next": "Bad"}], "Default": "Good"},
        "Bad": {"Type": "Fail", "Error": "Unlucky", "Cause": "a seven"}, "Good": {"Type": "Pass", "OutputPath": "$.row.name", "End": True}}
    execution = start(states, definition(
        checked, ToleratedFailureCount=1, ItemSelector={"row.$": "$$.Map.Item.Value", "by.$": "$.by"},
        ItemReader=reader("getObject", {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, Bucket="lake", Key="in.csv"),
        ResultWriter={"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "lake", "Prefix": "out"}}), {"by": "me"})
    end = wait_for_end(states, execution)
    assert end["status"] == "SUCCEEDED", end
    output = json.loads(end["output"])

    [run] = states.list_map_runs(executionArn=execution)["mapRuns"]
    assert run["mapRunArn"] == output["MapRunArn"] and run["executionArn"] == execution and run["stopDate"]
    described = states.describe_map_run(mapRunArn=run["mapRunArn"])
    assert described["status"] == "SUCCEEDED" and described["toleratedFailureCount"] == 1
    for counts in described["itemCounts"], described["executionCounts"]:
        assert {k: counts[k] for k in ("total", "succeeded", "failed", "running", "pending", "resultsWritten")} == {
            "total": 1200, "succeeded": 1199, "failed": 1, "running": 0, "pending": 0, "resultsWritten": 1200}

    children = []
    for page in states.get_paginator("list_executions").paginate(mapRunArn=run["mapRunArn"], PaginationConfig={"PageSize": 500}):
        children += page["executions"]
    assert len({child["executionArn"] for child in children}) == 1200
    assert all(child["mapRunArn"] == run["mapRunArn"] and child["itemCount"] == 1 for child in children)
    [failed] = states.list_executions(mapRunArn=run["mapRunArn"], statusFilter="FAILED")["executions"]
    child = states.describe_execution(executionArn=failed["executionArn"])
    assert child["error"] == "Unlucky" and child["mapRunArn"] == run["mapRunArn"]
    assert json.loads(child["input"]) == {"row": {"id": "7", "name": "name, 7"}, "by": "me"}
    types = [e["type"] for e in states.get_execution_history(executionArn=failed["executionArn"])["events"]]
    assert types == ["ExecutionStarted", "ChoiceStateEntered", "ChoiceStateExited", "FailStateEntered", "ExecutionFailed"]
    part = states.describe_state_machine_for_execution(executionArn=failed["executionArn"])
    assert part["label"] == "each" and part["mapRunArn"] == run["mapRunArn"] and set(json.loads(part["definition"])["States"]) == set(checked)
    assert [e["executionArn"] for e in states.list_executions(stateMachineArn=end["stateMachineArn"])["executions"]] == [execution]

    details = output["ResultWriterDetails"]
    manifest = json.loads(s3.get_object(Bucket=details["Bucket"], Key=details["Key"])["Body"].read())
    files = manifest["ResultFiles"]
    assert manifest["DestinationBucket"] == "lake" and files["PENDING"] == []

    def results(outcome):
        [file] = files[outcome]
        body = s3.get_object(Bucket="lake", Key=file["Key"])["Body"].read()
        assert file["Size"] == len(body) and file["Key"] == details["Key"].replace("manifest.json", outcome + "_0.json")
        return json.loads(body)

    assert [json.loads(r["Output"]) for r in results("SUCCEEDED")] == [f"name, {n}" for n in range(1, 1201) if n != 7]
    [unlucky] = results("FAILED")
    assert (unlucky["Error"], unlucky["Status"], unlucky["ExecutionArn"]) == ("Unlucky", "FAILED", failed["executionArn"])


def test_listings_and_batches(server):
    s3, states = server.client("s3"), server.client("stepfunctions")
    s3.create_bucket(Bucket="listed")
    for n in range(25):
        s3.put_object(Bucket="listed", Key=f"in/{n:02}", Body=b"x" * n)
    execution = start(states, definition(
        kind="EXPRESS", ItemReader=reader("listObjectsV2", Bucket="listed", Prefix="in/"),
        ItemBatcher={"MaxItemsPerBatch": 10, "BatchInput": {"by.$": "$.by"}}), {"by": "me"})
    output = json.loads(wait_for_end(states, execution)["output"])
    assert [len(batch["Items"]) for batch in output] == [10, 10, 5] and output[0]["BatchInput"] == {"by": "me"}
    items = [item for batch in output for item in batch["Items"]]
    listed = s3.list_objects_v2(Bucket="listed", Prefix="in/")["Contents"]
    assert [(i["Key"], i["Size"], i["Etag"]) for i in items] == [(o["Key"], o["Size"], o["ETag"]) for o in listed]


def test_a_killed_server_loses_and_doubles_nothing(new_server):
    server = new_server()
    s3, states = server.client("s3"), server.client("stepfunctions")
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key="in.jsonl", Body="".join(f'{{"n": {n}}}\n' for n in range(3000)).encode())
    waiting = {"One": {"Type": "Wait", "Seconds": 1, "End": True}}
    fields = dict(MaxConcurrency=400, ItemReader=reader("getObject", {"InputType": "JSONL"}, Bucket="lake", Key="in.jsonl"))
    executions = [start(states, definition(waiting, kind, **fields), {}) for kind in ("STANDARD", "EXPRESS")]
    for _ in range(4):
        time.sleep(1.2)
        server.kill()
        server.start()
    states = server.client("stepfunctions")
    for execution in executions:
        end = wait_for_end(states, execution, seconds=120)
        assert end["status"] == "SUCCEEDED", end
        assert [item["n"] for item in json.loads(end["output"])] == list(range(3000))
        [run] = states.list_map_runs(executionArn=execution)["mapRuns"]
        assert states.describe_map_run(mapRunArn=run["mapRunArn"])["executionCounts"]["total"] == 3000


def test_changing_and_stopping_a_run(server):
    states = server.client("stepfunctions")
    waiting = {"One": {"Type": "Wait", "Seconds": 3600, "End": True}}
    execution = start(states, definition(waiting, MaxConcurrency=1), [1, 2, 3])

    def run():
        runs = states.list_map_runs(executionArn=execution)["mapRuns"]
        return states.describe_map_run(mapRunArn=runs[0]["mapRunArn"]) if runs else {"executionCounts": {}}

    def until(reached):
        deadline = time.monotonic() + 30
        while not reached(run()):
            assert time.monotonic() < deadline, run()
            time.sleep(0.02)

    until(lambda r: r["executionCounts"].get("running") == 1)
    assert run()["itemCounts"]["pending"] == 2
    arn = run()["mapRunArn"]
    states.update_map_run(mapRunArn=arn, maxConcurrency=2, toleratedFailurePercentage=12.5, toleratedFailureCount=3)
    until(lambda r: r["executionCounts"]["running"] == 2)
    assert (run()["maxConcurrency"], run()["toleratedFailurePercentage"], run()["toleratedFailureCount"]) == (2, 12.5, 3)
    states.stop_execution(executionArn=execution)
    until(lambda r: r["status"] == "ABORTED" and r["executionCounts"]["aborted"] == 2)
    history = states.get_execution_history(executionArn=execution)["events"]
    assert [e["type"] for e in history][-2:] == ["MapRunAborted", "ExecutionAborted"]

    def code(call, **arguments):
        with pytest.raises(ClientError) as error:
            call(**arguments)
        return error.value.response["Error"]["Code"]

    assert code(states.update_map_run, mapRunArn=arn, maxConcurrency=1) == "ValidationException"
    assert code(states.update_map_run, mapRunArn=arn) == "ValidationException"
    assert code(states.describe_map_run, mapRunArn=arn[:-1] + "x") == "ResourceNotFound"
    assert code(states.describe_map_run, mapRunArn=execution) == "InvalidArn"
    assert code(states.list_executions, mapRunArn=arn[:-1] + "x") == "ResourceNotFound"
    assert code(states.list_executions, mapRunArn=arn, stateMachineArn=execution) == "ValidationException"
    assert code(states.list_map_runs, executionArn=execution + "x") == "ExecutionDoesNotExist"


def test_compressed_objects_listings_and_manifests(new_server):
    server = new_server()
    s3, states = server.client("s3"), server.client("stepfunctions")
    s3.create_bucket(Bucket="lake")
    # Expands to some megabytes, more than is read or expanded at once.
    lines = [json.dumps({"n": n, "text": f"{n * 7919 % 65537:05d}" * 400}) for n in range(3000)]
    text = "\n".join(lines).encode()
    s3.put_object(Bucket="lake", Key="data/a.jsonl.gz", Body=gzip.compress(text[:3_000_000]) + gzip.compress(text[3_000_000:]))
    s3.put_object(Bucket="lake", Key="data/b.jsonl.zst", Body=pyarrow.compress(text, codec="zstd", asbytes=True))
    s3.put_object(Bucket="lake", Key="data/", Body=b"")
    s3.put_object(Bucket="lake", Key="run-manifest.csv", Body=b"s3://lake/data/b.jsonl.zst\ns3://lake/data/a.jsonl.gz\n")
    s3.put_object(Bucket="lake", Key="inventory/0.csv.gz", Body=gzip.compress(
        b'"bucket","a/b.csv","12"\n"bucket","c%20d.csv","7"\n'))
    s3.put_object(Bucket="lake", Key="manifest.json", Body=json.dumps({
        "destinationBucket": "arn:aws:s3:::lake", "fileFormat": "CSV", "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "inventory/0.csv.gz"}]}).encode())
    expected = [json.loads(line) for line in lines]

    def items(found, **fields):
        execution = start(states, definition(
            {"One": {"Type": "Pass", "Parameters": {"n.$": "$.n", "at.$": "$.at"}, "End": True}}, "EXPRESS",
            ItemSelector={"n.$": "$$.Map.Item.Value.n", "at.$": "$$.Map.Item.Source"}, ItemReader=found, **fields), {})
        end = wait_for_end(states, execution)
        assert end["status"] == "SUCCEEDED", end
        return json.loads(end["output"])

    def of(*keys):
        return [{"n": item["n"], "at": f"S3://lake/data/{key}"} for key in keys for item in expected]

    jsonl = {"InputType": "JSONL"}
    assert items(reader("getObject", jsonl, Bucket="lake", Key="data/a.jsonl.gz")) == of("a.jsonl.gz")
    assert items(reader("getObject", jsonl, Bucket="lake", Key="data/b.jsonl.zst")) == of("b.jsonl.zst")
    flattened = {**jsonl, "Transformation": "LOAD_AND_FLATTEN"}
    assert items(reader("listObjectsV2", flattened, Bucket="lake", Prefix="data/")) == of("a.jsonl.gz", "b.jsonl.zst")
    unloaded = {**jsonl, "ManifestType": "ATHENA_DATA"}
    assert items(reader("getObject", {**unloaded, "MaxItems": 3001}, Bucket="lake", Key="run-manifest.csv")) == of(
        "b.jsonl.zst", "a.jsonl.gz")[:3001]
    execution = start(states, definition(ItemReader=reader(
        "getObject", {"InputType": "MANIFEST"}, Bucket="lake", Key="manifest.json")), {})
    assert json.loads(wait_for_end(states, execution)["output"]) == [
        {"Bucket": "bucket", "Key": "a/b.csv", "Size": "12"}, {"Bucket": "bucket", "Key": "c%20d.csv", "Size": "7"}]
