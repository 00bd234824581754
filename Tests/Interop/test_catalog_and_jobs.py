"""Glue and Batch through boto3: what is asked for really happens."""
import time, uuid

import pytest
from botocore.exceptions import ClientError


def wait_for_job(batch, job, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = batch.describe_jobs(jobs=[job])["jobs"][0]
        if found["status"] in ("SUCCEEDED", "FAILED"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"job {job} did not end within {seconds} s")


def submit(batch, command, **options):
    name = "j" + uuid.uuid4().hex[:10]
    properties = {
        "image": command[0], "command": command[1:],
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}]}
    batch.register_job_definition(jobDefinitionName=name, type="container", containerProperties=properties)
    return batch.submit_job(jobName=name, jobQueue="default", jobDefinition=name, **options)["jobId"]


def test_a_job_runs_and_its_output_is_kept(server):
    batch, logs = server.client("batch"), server.client("logs")
    job = wait_for_job(batch, submit(batch, ["/bin/sh", "-c", "echo hello; echo $COLOUR"], containerOverrides={
        "environment": [{"name": "COLOUR", "value": "blue"}]}))
    assert job["status"] == "SUCCEEDED" and job["container"]["exitCode"] == 0
    events = logs.get_log_events(
        logGroupName="/aws/batch/job", logStreamName=job["container"]["logStreamName"], startFromHead=True)["events"]
    assert [event["message"] for event in events] == ["hello", "blue"]


def test_failures_are_told_apart(server):
    batch = server.client("batch")
    failed = wait_for_job(batch, submit(batch, ["/bin/sh", "-c", "exit 7"]))
    assert failed["status"] == "FAILED" and failed["container"]["exitCode"] == 7
    missing = wait_for_job(batch, submit(batch, ["/no/such/program"]))
    assert missing["status"] == "FAILED" and "no/such/program" in missing["statusReason"] + str(missing["attempts"])


def test_retry_and_terminate(server, tmp_path):
    batch = server.client("batch")
    marker = tmp_path / "attempts"
    job = wait_for_job(batch, submit(
        batch, ["/bin/sh", "-c", f"echo x >> {marker}; test $(wc -l < {marker}) -ge 3"], retryStrategy={"attempts": 5}))
    assert job["status"] == "SUCCEEDED" and len(job["attempts"]) == 3
    sleeper = submit(batch, ["/bin/sleep", "600"])
    while batch.describe_jobs(jobs=[sleeper])["jobs"][0]["status"] != "RUNNING":
        time.sleep(0.02)
    batch.terminate_job(jobId=sleeper, reason="enough")
    ended = wait_for_job(batch, sleeper)
    assert ended["status"] == "FAILED" and ended["statusReason"] == "enough"


def test_databases_tables_partitions(server):
    glue = server.client("glue")
    name = "db" + uuid.uuid4().hex[:8]
    glue.create_database(DatabaseInput={"Name": name, "Description": "d"})
    with pytest.raises(ClientError) as twice:
        glue.create_database(DatabaseInput={"Name": name})
    assert twice.value.response["Error"]["Code"] == "AlreadyExistsException"
    table = {
        "Name": "t", "TableType": "EXTERNAL_TABLE", "PartitionKeys": [{"Name": "day", "Type": "date"}],
        "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://b/t"}}
    glue.create_table(DatabaseName=name, TableInput=table)
    got = glue.get_table(DatabaseName=name, Name="t")["Table"]
    assert got["StorageDescriptor"]["Columns"] == [{"Name": "a", "Type": "int"}]
    for day in ("2026-01-01", "2026-01-02", "2026-02-01"):
        glue.create_partition(DatabaseName=name, TableName="t", PartitionInput={
            "Values": [day], "StorageDescriptor": {"Location": f"s3://b/t/day={day}"}})
    found = glue.get_partitions(DatabaseName=name, TableName="t", Expression="day >= '2026-01-02' AND day < '2026-02-01'")
    assert [p["Values"] for p in found["Partitions"]] == [["2026-01-02"]]
    glue.delete_database(Name=name)
    with pytest.raises(ClientError) as gone:
        glue.get_table(DatabaseName=name, Name="t")
    assert gone.value.response["Error"]["Code"] == "EntityNotFoundException"


def test_unsupported_operations_are_refused_by_name(server):
    with pytest.raises(ClientError) as refused:
        server.client("glue").list_ml_transforms()
    assert refused.value.response["Error"]["Code"] == "UnknownOperationException"
    assert "ListMLTransforms" in refused.value.response["Error"]["Message"]
