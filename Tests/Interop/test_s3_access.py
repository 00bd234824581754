"""Versions, policies, further keys and what looks after the embedded store, through boto3 and plain HTTP."""
import json, os, pathlib, re, shutil, threading, time, urllib.error, urllib.parse, urllib.request

import boto3, botocore.exceptions, pytest
from botocore.exceptions import ClientError
from test_s3 import bucket, code


def status_of(url, method="GET", data=None, headers={}):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, data=data, method=method, headers=headers)).status
    except urllib.error.HTTPError as error:
        return error.code


def test_versions_come_and_go(server, bucket):
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"zero")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"two" * 10_000)
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"]
    with pytest.raises(ClientError) as absent:
        s3.get_object(Bucket=bucket, Key="k")
    assert code(absent) == "NoSuchKey"
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"one"
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    assert [v["VersionId"] for p in pages for v in p.get("Versions", [])][1:] == [first, "null"]
    assert pages[0]["DeleteMarkers"][0]["IsLatest"]
    s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k", "VersionId": first})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"one"
    resource = boto3.resource(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=server.key,
        aws_secret_access_key=server.secret)
    resource.Bucket(bucket).object_versions.delete()
    s3.delete_bucket(Bucket=bucket)


def test_versions_survive_a_crash(new_server):
    server = new_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    ids = [s3.put_object(Bucket="kept", Key="k", Body=bytes([n]) * 40_000)["VersionId"] for n in range(5)]
    server.kill()
    server.start()
    s3 = server.client("s3")
    assert [v["VersionId"] for v in s3.list_object_versions(Bucket="kept")["Versions"]] == ids[::-1]
    assert all(s3.get_object(Bucket="kept", Key="k", VersionId=v)["Body"].read() == bytes([n]) * 40_000 for n, v in enumerate(ids))
    assert server.run("store", "scrub", "--data", server.directory).stdout.startswith("5 objects, 200000 bytes, 0 damaged")


def test_anybody_gets_what_a_policy_grants(server, bucket):
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="open/k", Body=b"seen")
    url = f"{server.endpoint}/{bucket}/open/k"
    assert status_of(url) == 403
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/open/*"}]}))
    assert urllib.request.urlopen(url).read() == b"seen"
    assert status_of(url, "PUT", b"x") == 403 and status_of(f"{server.endpoint}/{bucket}/closed") == 403
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    s3.delete_bucket_policy(Bucket=bucket)
    assert status_of(url) == 403


def test_users_have_keys_of_their_own(new_server, tmp_path):
    server = new_server()
    root = server.client("s3")
    root.create_bucket(Bucket="lake")
    root.put_object(Bucket="lake", Key="raw/k", Body=b"1")
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::lake/raw/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lake",
         "Condition": {"StringLike": {"s3:prefix": "raw/*"}}},
        {"Effect": "Allow", "Action": "states:List*", "Resource": "*"}]}))
    made = json.loads(server.run("keys", "add", "etl", "--policy", policy, "--data", server.directory, "--json").stdout)
    time.sleep(1.1)
    key = {"key": made["accessKeyId"], "secret": made["secretAccessKey"]}
    etl = server.client("s3", **key)
    assert etl.get_object(Bucket="lake", Key="raw/k")["Body"].read() == b"1"
    assert etl.list_objects_v2(Bucket="lake", Prefix="raw/")["KeyCount"] == 1
    for refused in [lambda: etl.list_objects_v2(Bucket="lake"), lambda: etl.put_object(Bucket="lake", Key="gold/k"),
                    lambda: etl.delete_object(Bucket="lake", Key="raw/k"), etl.list_buckets]:
        with pytest.raises(ClientError) as raised:
            refused()
        assert code(raised) == "AccessDenied"
    states = server.client("stepfunctions", **key)
    assert states.list_state_machines()["stateMachines"] == []
    with pytest.raises(ClientError) as raised:
        states.create_state_machine(name="x", definition="{}", roleArn="arn:aws:iam::123456789012:role/x")
    assert code(raised) == "AccessDeniedException"
    assert "etl\t" in server.run("keys", "ls", "--data", server.directory).stdout
    server.run("keys", "rm", "etl", "--data", server.directory)
    time.sleep(1.1)
    with pytest.raises(ClientError) as gone:
        etl.get_object(Bucket="lake", Key="raw/k")
    assert code(gone) == "InvalidAccessKeyId"


def test_pages_and_forms(server, bucket):
    s3 = server.client("s3")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [
        {"AllowedMethods": ["GET", "POST"], "AllowedOrigins": ["https://app.example"], "ExposeHeaders": ["ETag"]}]})
    asked = urllib.request.urlopen(urllib.request.Request(
        f"{server.endpoint}/{bucket}/k", method="OPTIONS",
        headers={"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}))
    assert asked.headers["Access-Control-Allow-Origin"] == "https://app.example"
    post = s3.generate_presigned_post(bucket, "up/${filename}", Conditions=[["content-length-range", 1, 100]])
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in post["fields"].items())
    body += '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
    assert status_of(post["url"], "POST", body.encode(), {"Content-Type": "multipart/form-data; boundary=x"}) == 204
    assert s3.get_object(Bucket=bucket, Key="up/a.txt")["Body"].read() == b"hello"


def test_damage_is_noticed(new_server):
    server = new_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="lake")
    stored = os.urandom(3_000_000)
    s3.put_object(Bucket="lake", Key="k", Body=stored, ChecksumAlgorithm="SHA256")
    file = next(p for p in pathlib.Path(server.directory, "objects/data").rglob("*") if p.is_file())
    data = bytearray(file.read_bytes())
    block = 2_000_000 // 16384 * 16384
    data[2_000_000] ^= 1
    file.write_bytes(data)

    def get(first, end):
        return s3.get_object(Bucket="lake", Key="k", Range=f"bytes={first}-{end - 1}")["Body"].read()

    with pytest.raises(ClientError) as refused:
        get(2_000_005, 2_000_010)
    assert refused.value.response["Error"]["Code"] == "InternalError"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert get(0, block) == stored[:block]
    assert get(block + 16384, len(stored)) == stored[block + 16384:]
    # These answers have begun when the damage is met.
    for whole in (lambda: get(0, len(stored)), lambda: s3.get_object(Bucket="lake", Key="k")["Body"].read()):
        with pytest.raises((botocore.exceptions.IncompleteReadError, botocore.exceptions.ResponseStreamingError)):
            whole()
    logged = [line for line in (server.directory / "server.log").read_text().splitlines() if "objects.damaged" in line]
    assert len(logged) >= 3 and all(file.name in line and f"offset={block}" in line for line in logged), logged
    found = server.run("store", "scrub", "--data", server.directory, check=False)
    assert found.returncode == 1, found
    assert f"s3://lake/k: the data in data/{file.parent.name}/{file.name} from byte {block} to" in found.stdout, found


def test_every_request_has_one_line_and_no_line_is_a_credential(new_server, tmp_path):
    log = tmp_path / "access.log"
    server = new_server("--access-log", str(log))
    s3 = server.client("s3")
    s3.create_bucket(Bucket="lake")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "lake", "Key": "a b/ü", "ContentType": "text/plain"})
    urllib.request.urlopen(urllib.request.Request(url, data=b"body", method="PUT", headers={"Content-Type": "text/plain", "User-Agent": 'tester "1"'}))
    get = s3.generate_presigned_url("get_object", Params={"Bucket": "lake", "Key": "a b/ü"})
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(get.replace("X-Amz-Signature", "X-Amz-S%69gnature"))
    urllib.request.urlopen(get)
    server.client("stepfunctions").list_state_machines()

    def write(index):
        client = server.client("s3")
        for number in range(50):
            client.put_object(Bucket="lake", Key=f"k{index}/{number}", Body=b"x" * number)

    threads = [threading.Thread(target=write, args=[index]) for index in range(6)]
    for thread in threads:
        thread.start()
    moved = []
    for number in range(5):  # As logrotate does, while requests come.
        time.sleep(0.1)
        if log.exists():
            moved.append(tmp_path / f"access.log.{number}")
            log.rename(moved[-1])
    for thread in threads:
        thread.join()
    s3.head_bucket(Bucket="lake")
    deadline, lines = time.monotonic() + 30, []
    while not any(line["method"] == "HEAD" for line in lines):
        assert time.monotonic() < deadline
        time.sleep(0.05)
        texts = [p.read_text() for p in [*moved, log] if p.exists()]
        lines = [json.loads(line) for text in texts for line in text.splitlines()]
    assert len(moved) > 1
    puts = sorted(line["path"] for line in lines if line["path"].startswith("/lake/k"))
    assert puts == sorted(f"/lake/k{i}/{n}" for i in range(6) for n in range(50))
    assert len({line["request"] for line in lines}) == len(lines) == 300 + 6
    for line in lines:
        assert {"time", "request", "method", "path", "status", "bytes", "ms"} <= line.keys(), line
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line["time"]), line
    first = next(line for line in lines if line["path"] == "/lake/a%20b/%C3%BC")
    assert (first["method"], first["status"], first["key"], first["agent"]) == ("PUT", 200, server.key, 'tester "1"')
    assert first["from"] == "127.0.0.1"
    assert "X-Amz-Credential" in first["query"]
    assert next(line for line in lines if "target" in line)["target"] == "AWSStepFunctions.ListStateMachines"
    signatures = [urllib.parse.parse_qs(u.partition("?")[2])["X-Amz-Signature"][0] for u in (url, get)]
    assert not any(signature in text for signature in signatures for text in texts)


def test_an_access_log_that_cannot_be_written_is_said_at_the_start_only(new_server, tmp_path):
    with pytest.raises(RuntimeError) as failed:
        new_server("--access-log", str(tmp_path / "no" / "access.log"))
    assert "access-log" in str(failed.value) and "No such file" in str(failed.value)
    folder = tmp_path / "logs"
    folder.mkdir()
    server = new_server("--access-log", str(folder / "access.log"))
    server.client("s3").list_buckets()
    shutil.rmtree(folder)
    for _ in range(3):
        server.client("s3").list_buckets()
    folder.mkdir()
    deadline = time.monotonic() + 30
    while not (folder / "access.log").exists():
        server.client("s3").list_buckets()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_policy_that_names_nothing_is_refused_where_it_is_given(server, tmp_path):
    def refused(policy):
        file = tmp_path / "policy.json"
        file.write_text(json.dumps({"Statement": [policy]}))
        done = server.run("keys", "add", "typo", "--policy", file, "--data", server.directory, check=False)
        assert done.returncode != 0
        return done.stderr

    statement = {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    assert "s3:GetObjekt in statement 'Read': did you mean s3:GetObject?" in refused({**statement, "Action": "s3:GetObjekt"})
    assert "Resource lake/* in statement 'Read' must be in ARN format" in refused({**statement, "Resource": "lake/*"})
    said = refused({**statement, "Condition": {"StringEquals": {"s3:prefx": "a"}}})
    assert "In statement 'Read'" in said and "s3:prefx is not supported: did you mean s3:prefix?" in said
    assert "operator StringEqual is not supported" in refused({**statement, "Condition": {"StringEqual": {"s3:prefix": "a"}}})
    assert "typo" not in server.run("keys", "ls", "--data", server.directory).stdout
