"""Disks that are full or read-only: clear errors, nothing in part, and service goes on when there is space again."""
import contextlib, hashlib, json, os, pathlib, shutil, subprocess, time

import pytest
from botocore.exceptions import ClientError
from conftest import BIN, Server, wait_for_end
from test_s3_hostile import assert_nothing_staged, refused

ROLE = "arn:aws:iam::123456789012:role/r"


def scrubbed(server):
    """What a scrub finds once garbage is gone."""
    deadline = time.monotonic() + 30
    while True:
        report = json.loads(server.run("store", "scrub", "--data", server.directory, "--json").stdout)
        if not report["strayFiles"] or time.monotonic() > deadline:
            return report
        time.sleep(0.1)


@contextlib.contextmanager
def small_disk(directory, kind, mib):
    """A file system of its own for a server."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    directory.mkdir()
    if kind == "tmpfs":
        mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", directory]
    else:
        image = directory.with_suffix(".image")
        with open(image, "wb") as file:
            file.truncate(mib << 20)
        made = subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], capture_output=True, text=True) if shutil.which("mkfs.ext4") else None
        if made is None or made.returncode != 0:
            pytest.skip("mkfs.ext4 is missing or does not work")
        mount = ["mount", "-o", "loop,errors=remount-ro", image, directory]
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"mounting a small file system is not permitted here: {mounted.stderr.strip()}")
    server = None
    try:
        server = Server(directory)
        yield server
    finally:
        if server:
            with contextlib.suppress(RuntimeError):
                server.stop()
            server.log.close()
        subprocess.run(["umount", "-l", directory])


def fill(path):
    """Takes all the space that is left."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
        with contextlib.suppress(OSError):
            os.fsync(file.fileno())


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_full_disk_is_said_and_survived(tmp_path, kind):
    with small_disk(tmp_path / "small", kind, 48) as server:
        s3, states, glue, batch, logs = (server.client(n) for n in ("s3", "stepfunctions", "glue", "batch", "logs"))
        for bucket in ("full", "versions"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
        kept = os.urandom(300_000)
        s3.put_object(Bucket="full", Key="kept", Body=kept)
        upload = s3.create_multipart_upload(Bucket="full", Key="parts")["UploadId"]
        first = s3.upload_part(Bucket="full", Key="parts", UploadId=upload, PartNumber=1, Body=os.urandom(5 << 20))
        wait = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 2, "Next": "P"}, "P": {"Type": "Pass", "End": True}}})
        machine = states.create_state_machine(name="waits", definition=wait, roleArn=ROLE)["stateMachineArn"]
        under_way = states.start_execution(stateMachineArn=machine)["executionArn"]
        batch.register_job_definition(jobDefinitionName="true", type="container", containerProperties={
            "image": "/bin/true", "vcpus": 1, "memory": 64})
        ballast = server.directory / "ballast"
        fill(ballast)
        document = "x" * 60_000
        writes = {
            "small object": lambda n: s3.put_object(Bucket="full", Key=f"small{n}", Body=os.urandom(12_000)),
            "object": lambda n: s3.put_object(Bucket="full", Key=f"large{n}", Body=os.urandom(1 << 20)),
            "version": lambda n: s3.put_object(Bucket="versions", Key="v", Body=os.urandom(100_000)),
            "overwriting": lambda n: s3.put_object(Bucket="full", Key="kept", Body=os.urandom(200_000)),
            "part": lambda n: s3.upload_part(Bucket="full", Key="parts", UploadId=upload, PartNumber=2, Body=os.urandom(1 << 20)),
            "tags": lambda n: s3.put_object_tagging(Bucket="full", Key="kept", Tagging={"TagSet": [{"Key": "a" * 99, "Value": "b" * 200}]}),
            "CreateStateMachine": lambda n: states.create_state_machine(name=f"m{n}", roleArn=ROLE, definition=json.dumps(
                {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}, "Comment": document})),
            "StartExecution": lambda n: states.start_execution(stateMachineArn=machine, input=json.dumps(document)),
            "CreateDatabase": lambda n: glue.create_database(DatabaseInput={"Name": f"d{n}", "Parameters": {str(k): "x" * 5000 for k in range(9)}}),
            "RegisterJobDefinition": lambda n: batch.register_job_definition(jobDefinitionName=f"j{n}", type="container", containerProperties={
                "image": "/bin/true", "vcpus": 1, "memory": 64, "environment": [{"name": "A", "value": document}]}),
            "SubmitJob": lambda n: batch.submit_job(jobName=f"s{n}", jobQueue="default", jobDefinition="true",
                                                    containerOverrides={"environment": [{"name": "A", "value": document}]}),
            "CreateLogGroup": lambda n: logs.create_log_group(logGroupName=f"g{n}", tags={str(k): "x" * 250 for k in range(40)}),
        }
        # The journals of SQLite have room of their own: how much, nobody knows, but it ends.
        sure = {"object", "version", "overwriting", "part", "small object", "StartExecution", "CreateStateMachine"}
        refusals, number = {}, 0
        while not sure <= refusals.keys():
            number += 1
            assert number < 100, sure - refusals.keys()
            for what, write in writes.items():
                try:
                    write(number)
                except ClientError as error:
                    answer = error.response
                    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503, (what, answer)
                    assert answer["Error"]["Code"] in ("ServiceUnavailable", "ServerException"), (what, answer)
                    assert "full" in answer["Error"]["Message"], (what, answer)
                    refusals[what] = answer
                assert server.process.poll() is None, (what, (server.directory / "server.log").read_text()[-2000:])
        print(f"refused after {number} rounds: {sorted(refusals)}")
        # Reading goes on, and nothing that was refused is visible.
        for item in s3.list_objects_v2(Bucket="full")["Contents"]:
            body = s3.get_object(Bucket="full", Key=item["Key"])["Body"].read()
            assert len(body) == item["Size"] and hashlib.md5(body).hexdigest() == item["ETag"].strip('"')
        assert f"large{number}" not in [o["Key"] for o in s3.list_objects_v2(Bucket="full")["Contents"]]
        states.list_executions(stateMachineArn=machine)
        assert_nothing_staged(server)
        time.sleep(3)  # The execution under way wants to go on now.
        assert states.describe_execution(executionArn=under_way)["status"] in ("RUNNING", "SUCCEEDED")
        ballast.unlink()
        s3.put_object(Bucket="full", Key="after", Body=os.urandom(1 << 20))
        s3.complete_multipart_upload(Bucket="full", Key="parts", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": first["ETag"]}]})
        assert wait_for_end(states, under_way, 60)["status"] == "SUCCEEDED"
        assert wait_for_end(states, states.start_execution(stateMachineArn=machine)["executionArn"], 60)["status"] == "SUCCEEDED"
        glue.create_database(DatabaseInput={"Name": "after"})
        server.stop()
        server.start()
        report = scrubbed(server)
        assert (report["damaged"], report["strayFiles"]) == (0, 0)
        assert server.client("s3").get_object(Bucket="full", Key="after")["ContentLength"] == 1 << 20


def test_a_job_ends_once_there_is_space_again(tmp_path):
    with small_disk(tmp_path / "small", "tmpfs", 32) as server:
        batch = server.client("batch")
        batch.register_job_definition(jobDefinitionName="sleep", type="container", containerProperties={
            "image": "/bin/sleep", "command": ["2"], "vcpus": 1, "memory": 64})
        job = batch.submit_job(jobName="sleeps", jobQueue="default", jobDefinition="sleep")["jobId"]
        deadline = time.monotonic() + 60
        status = lambda: batch.describe_jobs(jobs=[job])["jobs"][0]["status"]
        while status() != "RUNNING":
            assert time.monotonic() < deadline, status()
            time.sleep(0.05)
        log = server.directory / "server.log"
        fill(server.directory / "ballast")
        size = log.stat().st_size
        time.sleep(5)
        assert log.stat().st_size - size < 100_000, "the log is filled with repetitions"
        (server.directory / "ballast").unlink()
        while status() not in ("SUCCEEDED", "FAILED"):
            assert time.monotonic() < deadline, status()
            time.sleep(0.05)


def test_a_disk_that_fails_is_read_and_nothing_shows_in_part(tmp_path):
    """The kernel stops writing to a file system that it found damaged."""
    with small_disk(tmp_path / "small", "ext4", 48) as server:
        s3, states, glue, batch, logs = (server.client(n) for n in ("s3", "stepfunctions", "glue", "batch", "logs"))
        s3.create_bucket(Bucket="lake")
        s3.put_object(Bucket="lake", Key="k", Body=b"x" * 100_000)
        machine = states.create_state_machine(
            name="m", roleArn=ROLE, definition='{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}')["stateMachineArn"]
        device = next(line.split()[0] for line in open("/proc/mounts") if line.split()[1] == str(server.directory))
        trigger = pathlib.Path("/sys/fs/ext4", pathlib.Path(device).name, "trigger_fs_error")
        if not trigger.exists():
            pytest.skip("this kernel does not let a file system be declared damaged")
        trigger.write_text("test")
        for write in (
            lambda: s3.put_object(Bucket="lake", Key="new", Body=b"y" * 100_000), lambda: s3.put_object(Bucket="lake", Key="new", Body=b"y"),
            lambda: s3.put_object(Bucket="lake", Key="k", Body=b"y" * 100_000), lambda: s3.delete_object(Bucket="lake", Key="k"),
            lambda: s3.create_bucket(Bucket="other"), lambda: s3.create_multipart_upload(Bucket="lake", Key="parts"),
            lambda: glue.create_database(DatabaseInput={"Name": "d"}), lambda: states.create_activity(name="a"),
            lambda: states.start_execution(stateMachineArn=machine), lambda: logs.create_log_group(logGroupName="g"),
            lambda: batch.register_job_definition(jobDefinitionName="j", type="container", containerProperties={
                "image": "/bin/true", "vcpus": 1, "memory": 64}),
        ):
            with pytest.raises(ClientError, match="cannot be written to.*try again") as error:
                write()
            answer = error.value.response
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503, answer
            assert answer["Error"]["Code"] in ("ServiceUnavailable", "ServerException"), answer
        assert s3.get_object(Bucket="lake", Key="k")["Body"].read() == b"x" * 100_000
        assert s3.list_objects_v2(Bucket="lake")["KeyCount"] == 1
        assert glue.get_databases()["DatabaseList"] == [] and states.list_activities()["activities"] == []


def test_a_read_only_disk_is_said_and_survived(tmp_path, new_server):
    if os.geteuid() != 0:
        pytest.skip("only root can make a directory read-only for root")
    server = new_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key="k", Body=b"x" * 100_000)
    staging = server.directory / "objects" / "staging"
    mounted = subprocess.run(["mount", "--bind", staging, staging], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"mounting is not permitted here: {mounted.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", staging], check=True)
        for key in ("k", "new"):
            assert refused(lambda: s3.put_object(Bucket="lake", Key=key, Body=os.urandom(100_000))) == (503, "ServiceUnavailable")
            assert refused(lambda: s3.copy_object(Bucket="lake", Key="new", CopySource="lake/k")) == (503, "ServiceUnavailable")
        assert s3.get_object(Bucket="lake", Key="k")["Body"].read() == b"x" * 100_000
        assert s3.list_objects_v2(Bucket="lake")["KeyCount"] == 1
    finally:
        subprocess.run(["umount", "-l", staging], check=True)
    s3.put_object(Bucket="lake", Key="new", Body=os.urandom(100_000))
    assert_nothing_staged(server)
    assert scrubbed(server)["damaged"] == 0


def test_a_server_does_not_start_on_a_read_only_disk(tmp_path):
    with small_disk(tmp_path / "small", "tmpfs", 16) as server:
        server.client("s3").create_bucket(Bucket="lake")
        server.stop()
        server.log.close()
        subprocess.run(["mount", "-o", "remount,ro", server.directory], check=True)
        done = subprocess.run([BIN / "millrace", "serve", "--data", server.directory, "--port", "0", "--console-port", "0"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode not in (0, -6, -11) and str(server.directory) in done.stderr, done
        assert "read-only" in done.stderr.lower() or "not writable" in done.stderr, done.stderr
        subprocess.run(["mount", "-o", "remount,rw", server.directory], check=True)
        server.start()
        assert [b["Name"] for b in server.client("s3").list_buckets()["Buckets"]] == ["lake"]
