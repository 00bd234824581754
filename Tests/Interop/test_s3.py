"""The embedded store through boto3, pyarrow, deltalake and awswrangler."""
import concurrent.futures, hashlib, io, json, os, pathlib, subprocess, sys, urllib.request

import deltalake, pyarrow as pa, pyarrow.fs, pytest
from botocore.exceptions import ClientError


def code(raised):
    return raised.value.response["Error"]["Code"]


@pytest.fixture
def bucket(server):
    name = "b" + os.urandom(6).hex()
    server.client("s3").create_bucket(Bucket=name)
    return name


def test_put_get_range_list_delete(server, bucket):
    s3 = server.client("s3")
    keys = ["a", "a/b", "a b+c%", "dir/ü.txt", "../up", "z//z"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), Metadata={"note": "x"})
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == sorted(keys, key=str.encode)
    got = s3.get_object(Bucket=bucket, Key="dir/ü.txt", Range="bytes=0-2")
    assert got["Body"].read() == b"dir" and got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert s3.head_object(Bucket=bucket, Key="a")["Metadata"] == {"note": "x"}
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=2)
    assert page["IsTruncated"] and page["KeyCount"] == 2
    with pytest.raises(ClientError) as missing:
        s3.get_object(Bucket=bucket, Key="nothing")
    assert code(missing) == "NoSuchKey"
    with pytest.raises(ClientError) as full:
        s3.delete_bucket(Bucket=bucket)
    assert code(full) == "BucketNotEmpty"
    assert len(s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k} for k in keys]})["Deleted"]) == len(keys)
    s3.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError) as gone:
        s3.list_objects_v2(Bucket=bucket)
    assert code(gone) == "NoSuchBucket"


def test_multipart_and_large_bodies(server, bucket):
    s3 = server.client("s3")
    data = os.urandom(20 << 20)
    s3.upload_fileobj(io.BytesIO(data), bucket, "large")
    assert s3.head_object(Bucket=bucket, Key="large")["ETag"].strip('"').endswith("-3")
    assert hashlib.sha256(s3.get_object(Bucket=bucket, Key="large")["Body"].read()).digest() == hashlib.sha256(data).digest()
    upload = s3.create_multipart_upload(Bucket=bucket, Key="never")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="never", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket=bucket, Key="never", UploadId=upload)
    with pytest.raises(ClientError):
        s3.head_object(Bucket=bucket, Key="never")


def test_uploads_are_listed_as_folders(server, bucket):
    s3 = server.client("s3")
    keys = ["raw/a", "raw/b", "raw/2026/c", "gold/d", "top", "top", "with space/ü"]
    ids = [(key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in keys]
    for size in (1, 3, 1000):
        pages = list(s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size}))
        assert [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])] == ["gold/", "raw/", "with space/"]
        assert [(u["Key"], u["UploadId"]) for page in pages for u in page.get("Uploads", [])] == [u for u in ids if u[0] == "top"]
        below = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", Prefix="raw/")
        assert [u["Key"] for u in below["Uploads"]] == ["raw/a", "raw/b"] and below["CommonPrefixes"] == [{"Prefix": "raw/2026/"}]
    assert [(u["Key"], u["UploadId"]) for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == sorted(ids, key=lambda u: u[0])
    for key, upload in ids:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_large_objects_pass_through_the_server(server, bucket):
    """100 MiB in one put and one get; the server's memory does not grow with them."""
    def resident():
        status = open(f"/proc/{server.process.pid}/status").read()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    s3, piece = server.client("s3"), os.urandom(1 << 20)
    before = resident()
    s3.put_object(Bucket=bucket, Key="large", Body=piece * 100)
    body = s3.get_object(Bucket=bucket, Key="large")["Body"]
    digest = hashlib.sha256()
    for chunk in body.iter_chunks(1 << 20):
        digest.update(chunk)
    assert digest.digest() == hashlib.sha256(piece * 100).digest()
    assert resident() - before < 60


def test_one_of_many_conditional_writers_wins(server, bucket):
    clients = [server.client("s3") for _ in range(12)]

    def put(index):
        try:
            clients[index].put_object(Bucket=bucket, Key="once", Body=str(index).encode(), IfNoneMatch="*")
            return index
        except ClientError as error:
            assert error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict")
            return None

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        winners = [index for index in pool.map(put, range(12)) if index is not None]
    assert len(winners) == 1
    found = clients[0].get_object(Bucket=bucket, Key="once")
    assert found["Body"].read() == str(winners[0]).encode()
    with pytest.raises(ClientError) as stale:
        clients[0].put_object(Bucket=bucket, Key="once", Body=b"z", IfMatch='"0123456789abcdef0123456789abcdef"')
    assert code(stale) == "PreconditionFailed"
    clients[0].put_object(Bucket=bucket, Key="once", Body=b"z", IfMatch=found["ETag"])


def test_presigned_urls(server, bucket):
    s3 = server.client("s3")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "p"}, ExpiresIn=60)
    urllib.request.urlopen(urllib.request.Request(url, data=b"body", method="PUT"))
    assert urllib.request.urlopen(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "p"})).read() == b"body"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.endpoint}/{bucket}/p")
    assert refused.value.code == 403


def test_other_engines_write_delta_here(server, bucket):
    table = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})
    options = {**server.storage_options(), "conditional_put": "etag"}
    for _ in range(3):
        deltalake.write_deltalake(f"s3://{bucket}/t", table, mode="append", storage_options=options)
    assert deltalake.DeltaTable(f"s3://{bucket}/t", storage_options=options).to_pyarrow_table().num_rows == 9
    ours = server.run("sql", f"SELECT count(*) AS n, sum(a) AS s FROM delta.`s3://{bucket}/t`", "--format", "jsonl").stdout
    assert json.loads(ours) == {"n": 9, "s": 18}


def test_awswrangler_keeps_a_data_set_here(server, bucket):
    """In the store and in the Glue catalog; apart, as it changes pandas and boto3 for everybody."""
    done = subprocess.run(
        [sys.executable, pathlib.Path(__file__).with_name("wrangler.py"), bucket], env=server.environment(),
        capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_missing_buckets_and_wrong_keys_name_themselves(server):
    with pytest.raises(ClientError) as missing:
        server.client("s3").put_object(Bucket="no-such-bucket", Key="k", Body=b"")
    assert code(missing) == "NoSuchBucket"
    with pytest.raises(ClientError) as wrong:
        server.client("s3", secret="wrong").list_buckets()
    assert code(wrong) == "SignatureDoesNotMatch"
