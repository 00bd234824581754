"""Backups that are taken while the server works, and the servers that come of them."""
import hashlib, json, os, pathlib, random, signal, subprocess, tarfile, threading, time

import pytest
from botocore.exceptions import ClientError
from conftest import BIN, Server, wait_for_end

ROLE = "arn:aws:iam::123456789012:role/any"


def self_checking(random_source, size):
    """Bytes that begin with the hash of the rest."""
    rest = random_source.randbytes(size)
    return hashlib.sha256(rest).digest() + rest


def is_whole(body):
    return hashlib.sha256(body[32:]).digest() == body[:32]


class Churn(threading.Thread):
    """Puts, replaces and deletes objects until told to stop."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.s3, self.random, self.ended, self.rounds = server.client("s3"), random.Random(seed), False, 0
        self.prefix, self.failure = f"churn-{seed}/", None

    def run(self):
        try:
            while not self.ended:
                key = f"{self.prefix}{self.random.randrange(40):02}"
                if self.random.random() < 0.4:
                    self.s3.delete_object(Bucket="lake", Key=key)
                else:
                    self.s3.put_object(Bucket="lake", Key=key, Body=self_checking(self.random, self.random.randrange(100_000)))
                self.rounds += 1
        except Exception as error:
            self.failure = error


@pytest.fixture
def restored(tmp_path):
    servers = []

    def make(file, name="restored"):
        directory = tmp_path / name
        done = subprocess.run([BIN / "millrace", "restore", file, "--data", directory], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "next:  millrace serve --data" in done.stdout
        servers.append(Server(directory))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def machine(states, name, definition):
    return states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]


def test_a_backup_under_load_is_of_one_moment(new_server, restored, tmp_path):
    server = new_server()
    s3, states, batch = server.client("s3"), server.client("stepfunctions"), server.client("batch")
    s3.create_bucket(Bucket="lake")
    source = random.Random(1)
    kept = {f"kept/{n:03}": self_checking(source, source.choice([100, 20_000, 300_000])) for n in range(60)}
    for key, body in kept.items():
        s3.put_object(Bucket="lake", Key=key, Body=body)
    upload = s3.create_multipart_upload(Bucket="lake", Key="kept/parts")["UploadId"]
    parts = [source.randbytes(5 << 20), source.randbytes(1000)]
    etags = [s3.upload_part(Bucket="lake", Key="kept/parts", UploadId=upload, PartNumber=n + 1, Body=part)["ETag"]
             for n, part in enumerate(parts)]
    s3.complete_multipart_upload(Bucket="lake", Key="kept/parts", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": n + 1, "ETag": etag} for n, etag in enumerate(etags)]})
    kept["kept/parts"] = b"".join(parts)

    batch.register_job_definition(
        jobDefinitionName="slow", type="container",
        containerProperties={"image": "/bin/sh", "command": ["-c", "echo began; sleep 4; echo done"], "resourceRequirements": [
            {"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]})
    waits = machine(states, "waits", {"StartAt": "W", "States": {
        "W": {"Type": "Wait", "Seconds": 4, "Next": "P"}, "P": {"Type": "Pass", "End": True}}})
    works = machine(states, "works", {"StartAt": "J", "States": {"J": {
        "Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync", "End": True,
        "Parameters": {"JobName": "slow", "JobQueue": "default", "JobDefinition": "slow"}}}})
    executions = [states.start_execution(stateMachineArn=waits, input=json.dumps({"n": n}))["executionArn"] for n in range(20)]
    working = states.start_execution(stateMachineArn=works)["executionArn"]

    churns = [Churn(server, seed) for seed in (1, 2, 3)]
    for churn in churns:
        churn.start()
    time.sleep(0.5)
    archives = []
    for round in range(3):
        archives.append(tmp_path / f"backup-{round}.tar")
        server.run("backup", archives[-1], "--data", server.directory)
    for churn in churns:
        churn.ended = True
        churn.join()
        assert churn.failure is None and churn.rounds > 10

    # Other people's tar reads it, and the sums in it are right.
    with tarfile.open(archives[0]) as tar:
        for line in tar.extractfile("SHA256SUMS").read().decode().splitlines():
            digest, name = line.split("  ")
            assert hashlib.sha256(tar.extractfile(name).read()).hexdigest() == digest, name
    assert archives[0].stat().st_mode & 0o777 == 0o600

    for round, archive in enumerate(archives):
        copy = restored(archive, f"restored-{round}")
        s3 = copy.client("s3")
        for key, body in kept.items():
            assert s3.get_object(Bucket="lake", Key=key)["Body"].read() == body, key
        listed = [entry for page in s3.get_paginator("list_objects_v2").paginate(Bucket="lake")
                  for entry in page.get("Contents", [])]
        assert len(listed) > len(kept)
        for entry in listed:
            body = s3.get_object(Bucket="lake", Key=entry["Key"])["Body"].read()
            assert len(body) == entry["Size"], entry
            if entry["Key"].startswith("churn"):
                assert is_whole(body) and entry["ETag"] == f'"{hashlib.md5(body).hexdigest()}"', entry
        states = copy.client("stepfunctions")
        for arn in executions + [working]:
            end = wait_for_end(states, arn)
            assert end["status"] == "SUCCEEDED", end
        assert [e["type"] for e in states.get_execution_history(executionArn=executions[0])["events"]][-1] == "ExecutionSucceeded"
        # It takes new work, and removes what it replaces.
        s3.put_object(Bucket="lake", Key="kept/000", Body=b"new")
        assert s3.get_object(Bucket="lake", Key="kept/000")["Body"].read() == b"new"
    for arn in executions + [working]:
        assert wait_for_end(server.client("stepfunctions"), arn)["status"] == "SUCCEEDED"


def test_a_stopped_server_and_its_ended_jobs_come_back(new_server, restored, tmp_path):
    server = new_server()
    batch = server.client("batch")
    batch.register_job_definition(
        jobDefinitionName="say", type="container",
        containerProperties={"image": "/bin/sh", "command": ["-c", "echo what it said"], "resourceRequirements": [
            {"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]})
    job = batch.submit_job(jobName="say", jobQueue="default", jobDefinition="say")["jobId"]
    while batch.describe_jobs(jobs=[job])["jobs"][0]["status"] not in ("SUCCEEDED", "FAILED"):
        time.sleep(0.05)
    server.stop()
    server.run("backup", tmp_path / "b.tar", "--data", server.directory)
    copy = restored(tmp_path / "b.tar")
    found = copy.client("batch").describe_jobs(jobs=[job])["jobs"][0]
    assert found["status"] == "SUCCEEDED"
    events = copy.client("logs").get_log_events(
        logGroupName="/aws/batch/job", logStreamName=found["container"]["logStreamName"], startFromHead=True)["events"]
    assert [event["message"] for event in events] == ["what it said"]


def test_an_altered_archive_changes_nothing(new_server, tmp_path):
    server = new_server()
    server.client("s3").create_bucket(Bucket="lake")
    server.client("s3").put_object(Bucket="lake", Key="k", Body=b"x" * 100_000)
    archive = tmp_path / "b.tar"
    server.run("backup", archive, "--data", server.directory)
    again = server.run("backup", archive, "--data", server.directory, check=False)
    assert again.returncode == 1 and "--force" in again.stderr
    good = archive.read_bytes()
    places = random.Random(3).sample(range(len(good)), 25)
    for bad in [good[:p] + bytes([good[p] ^ 4]) + good[p + 1:] for p in places] + [good[:p] for p in places] + [good + b"\0"]:
        archive.write_bytes(bad)
        done = server.run("restore", archive, "--data", tmp_path / "never", check=False)
        assert done.returncode == 1 and str(archive) in done.stderr, done
        assert not list(tmp_path.glob("never*"))
    archive.write_bytes(good)
    assert "is whole" in server.run("restore", archive, "--check").stdout
    served = server.run("restore", archive, "--data", server.directory, "--force", check=False)
    assert served.returncode == 1 and "a server uses" in served.stderr
    target = tmp_path / "full"
    target.mkdir()
    (target / "precious").write_text("mine")
    refused = server.run("restore", archive, "--data", target, check=False)
    assert refused.returncode == 1 and "not empty" in refused.stderr and [p.name for p in target.iterdir()] == ["precious"]
    done = json.loads(server.run("restore", archive, "--data", target, "--force", "--json").stdout)
    assert (pathlib.Path(done["aside"]) / "precious").read_text() == "mine" and (target / "state.sqlite").exists()


def test_a_killed_backup_leaves_the_server_alone(new_server, tmp_path):
    server = new_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="lake")
    body = os.urandom(8 << 20)
    for n in range(40):
        s3.put_object(Bucket="lake", Key=f"k{n}", Body=body)
    archive, partial = tmp_path / "b.tar", tmp_path / "b.tar.partial"
    backup = subprocess.Popen(
        [BIN / "millrace", "backup", archive, "--data", server.directory], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (partial.exists() and partial.stat().st_size > 16 << 20):
        assert backup.poll() is None, "the backup ended before it could be killed"
    backup.send_signal(signal.SIGSTOP)
    # What is deleted now is kept for the backup.
    s3.delete_object(Bucket="lake", Key="k39")
    time.sleep(0.5)
    assert len(data_files(server)) == 40
    backup.kill()
    backup.wait()
    assert not archive.exists()
    for n in range(40):
        s3.delete_object(Bucket="lake", Key=f"k{n}")
    deadline = time.monotonic() + 60
    while data_files(server):
        assert time.monotonic() < deadline, "deleted objects' files were not removed"
        time.sleep(0.1)
    with pytest.raises(ClientError):
        s3.get_object(Bucket="lake", Key="k0")
    server.run("backup", archive, "--data", server.directory)
    assert "is whole" in server.run("restore", archive, "--check").stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.tar"]


def data_files(server):
    return [p for p in (server.directory / "objects" / "data").glob("*/*")]
