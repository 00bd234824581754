"""Memory that does not follow the size of what passes through: of the server, and of a job. No times are asserted."""
import contextlib, hashlib, json, os, socket, time, uuid
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from boto3.s3.transfer import TransferConfig

MB = 1 << 20
SIZE = 300 * MB
GROWTH = 60 * MB


def memory(pid, field):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


@contextlib.contextmanager
def bounded(server, growth=GROWTH):
    """The server's peak inside is at most `growth` above what it has at the beginning."""
    pid = server.process.pid
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")  # The peak becomes what is used now.
    before = memory(pid, "VmRSS")
    yield
    peak = memory(pid, "VmHWM")
    assert peak - before < growth, f"from {before // MB} to {peak // MB} MiB"


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A file of 300 MiB that nothing can compress or guess, and its MD5."""
    path = tmp_path_factory.mktemp("big") / "big"
    blocks = [os.urandom(MB) for _ in range(30)]
    digest = hashlib.md5()
    with open(path, "wb") as file:
        for number in range(SIZE // MB):
            block = number.to_bytes(8) + blocks[number % len(blocks)][8:]
            file.write(block)
            digest.update(block)
    return path, digest.hexdigest()


@pytest.fixture
def store(new_server):
    server = new_server()
    server.client("s3").create_bucket(Bucket="lake")
    return server


def digest_of(stream):
    digest = hashlib.md5()
    while piece := stream.read(MB):
        digest.update(piece)
    return digest.hexdigest()


def test_one_put_and_one_get(store, big):
    path, digest = big
    s3 = store.client("s3")
    with bounded(store):
        with open(path, "rb") as file:
            assert s3.put_object(Bucket="lake", Key="k", Body=file)["ETag"] == f'"{digest}"'
    with bounded(store):
        assert digest_of(s3.get_object(Bucket="lake", Key="k")["Body"]) == digest


def test_parts_copies_and_ranges(store, big):
    path, digest = big
    s3 = store.client("s3")
    with bounded(store):
        s3.upload_file(str(path), "lake", "k", Config=TransferConfig(multipart_chunksize=16 * MB, max_concurrency=8))
    with bounded(store):
        s3.copy({"Bucket": "lake", "Key": "k"}, "lake", "copy", Config=TransferConfig(multipart_threshold=50 * MB, multipart_chunksize=50 * MB))
        assert digest_of(s3.get_object(Bucket="lake", Key="copy")["Body"]) == digest
    with bounded(store):
        s3.download_file("lake", "k", str(path) + ".again", Config=TransferConfig(max_concurrency=8))
    with open(str(path) + ".again", "rb") as file:
        assert digest_of(file) == digest
    os.unlink(str(path) + ".again")


def connection(server, method, url, length=None):
    """A connection on which a presigned request has been made, its body left to the caller."""
    parts = urlsplit(url)
    client = socket.create_connection((parts.hostname, parts.port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    head = f"{method} {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    client.sendall((head + (f"Content-Length: {length}\r\n" if length is not None else "") + "\r\n").encode())
    return client


def settle(pid):
    """Waits until the process has stopped working."""
    def used():
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:13]

    still, last = 0, used()
    while still < 10:
        time.sleep(0.05)
        now = used()
        still, last = (still + 1 if now == last else 0), now


def test_readers_that_do_not_read(store, big):
    path, digest = big
    s3 = store.client("s3")
    s3.upload_file(str(path), "lake", "k")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "lake", "Key": "k"})
    with bounded(store):
        readers = [connection(store, "GET", url) for _ in range(60)]
        for reader in readers:
            assert reader.recv(1000).startswith(b"HTTP/1.1 200")
        settle(store.process.pid)
        for reader in readers:
            reader.close()
    # Who reads late gets all of it.
    slow = connection(store, "GET", url)
    settle(store.process.pid)
    head, total, hashed = b"", 0, hashlib.md5()
    while b"\r\n\r\n" not in head:
        head += slow.recv(1)
    while total < SIZE and (rest := slow.recv(MB)):
        hashed.update(rest)
        total += len(rest)
    assert (total, hashed.hexdigest()) == (SIZE, digest)


def test_writers_that_stop_in_the_middle_leave_nothing(store):
    s3 = store.client("s3")
    staging = store.directory / "objects" / "staging"
    with bounded(store):
        writers = []
        for number in range(40):
            url = s3.generate_presigned_url("put_object", Params={"Bucket": "lake", "Key": f"k{number}"})
            writer = connection(store, "PUT", url, 50 * MB)
            writer.sendall(os.urandom(3 * MB))
            writers.append(writer)
        settle(store.process.pid)
        assert len(list(staging.iterdir())) == 40
        for writer in writers:
            writer.close()
        deadline = time.monotonic() + 60
        while list(staging.iterdir()):
            assert time.monotonic() < deadline, "what was staged for lost uploads is still there"
            time.sleep(0.05)
    assert s3.list_objects_v2(Bucket="lake")["KeyCount"] == 0


def test_an_object_replaced_while_it_is_read_stays_readable(store, big):
    path, digest = big
    s3 = store.client("s3")
    s3.upload_file(str(path), "lake", "k")
    body = s3.get_object(Bucket="lake", Key="k")["Body"]
    first = body.read(MB)
    s3.put_object(Bucket="lake", Key="k", Body=b"new")
    hashed = hashlib.md5(first)
    while piece := body.read(MB):
        hashed.update(piece)
    assert hashed.hexdigest() == digest
    with pytest.raises(ClientError) as changed:
        s3.get_object(Bucket="lake", Key="k", IfMatch='"other"')
    assert changed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412


@pytest.mark.parametrize("partitioned", [False, True])
def test_ingest_of_one_large_csv(store, partitioned):
    s3, glue = store.client("s3"), store.client("glue")
    lines = "".join(f"{n},name {n % 977},{n % 12},{n / 8},2026-01-{n % 28 + 1:02} 10:00:00,\"a, b {n % 7}\"\n" for n in range(100_000))
    rows = 40 * 100_000
    parts = s3.create_multipart_upload(Bucket="lake", Key="in/one.csv")["UploadId"]
    done = []
    for number in range(1, 41):
        body = ("id,name,kind,amount,at,note\n" if number == 1 else "") + lines
        assert len(body) >= 5 * MB
        answer = s3.upload_part(Bucket="lake", Key="in/one.csv", UploadId=parts, PartNumber=number, Body=body.encode())
        done.append({"PartNumber": number, "ETag": answer["ETag"]})
    s3.complete_multipart_upload(Bucket="lake", Key="in/one.csv", UploadId=parts, MultipartUpload={"Parts": done})
    s3.put_object(Bucket="lake", Key="ingest.sql", Body=f"""
        CREATE TEMPORARY VIEW c (id BIGINT, name STRING, kind INT, amount DOUBLE, at TIMESTAMP, note STRING)
        USING csv OPTIONS (path 's3://lake/in/', header 'true');
        CREATE TABLE t USING delta {'PARTITIONED BY (kind)' if partitioned else ''} LOCATION 's3://lake/t' AS SELECT * FROM c;""".encode())
    name = "ingest" + uuid.uuid4().hex[:8]
    glue.create_job(Name=name, Role="arn:aws:iam::123456789012:role/r", Command={"Name": "glueetl", "ScriptLocation": "s3://lake/ingest.sql"})
    with bounded(store):
        run = glue.start_job_run(JobName=name)["JobRunId"]
        while (job := glue.get_job_run(JobName=name, RunId=run)["JobRun"])["JobRunState"] not in ("SUCCEEDED", "FAILED"):
            time.sleep(0.1)
    assert job["JobRunState"] == "SUCCEEDED", job
    exits = list((store.directory / "work").glob("*/*/exit.json"))
    assert len(exits) == 1
    peak = json.loads(exits[0].read_text())["maxResidentKiB"] * 1024
    assert peak < 300 * MB, f"the job took {peak // MB} MiB"
    import deltalake
    table = deltalake.DeltaTable("s3://lake/t", storage_options=store.storage_options()).to_pyarrow_dataset()
    assert table.count_rows() == rows
