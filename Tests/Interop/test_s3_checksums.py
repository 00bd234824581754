"""Every checksum that S3 knows, as boto3 sends and reads it; hashlib, zlib and xxhash say what is right."""
import base64, hashlib, io, json, os, subprocess, sys, urllib.error, urllib.request, zlib

import pytest, xxhash
from botocore.exceptions import ClientError

HASHES = {
    "SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512, "MD5": hashlib.md5,
    "XXHASH64": xxhash.xxh64, "XXHASH3": xxhash.xxh3_64, "XXHASH128": xxhash.xxh3_128,
}
CHECKSUMS = {
    **{name: lambda data, make=make: make(data).digest() for name, make in HASHES.items()},
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "CRC32C": lambda data: reflected(data, 0x82F63B78, 32),
    "CRC64NVME": lambda data: reflected(data, 0x9A6C9329AC4BC9B5, 64),
}


def reflected(data, polynomial, width):
    crc = ones = (1 << width) - 1
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (polynomial if crc & 1 else 0)
    return (crc ^ ones).to_bytes(width // 8, "big")


def text(algorithm, data):
    return base64.b64encode(CHECKSUMS[algorithm](data)).decode()


@pytest.fixture
def bucket(server):
    name = "b" + os.urandom(6).hex()
    server.client("s3").create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_a_checksum_is_compared_kept_told_and_copied(server, bucket, algorithm):
    s3, member, data = server.client("s3"), "Checksum" + algorithm, os.urandom(3000)
    value = text(algorithm, data)
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="k", Body=data, **{member: text(algorithm, b"other")})
    assert refused.value.response["Error"]["Code"] == "BadDigest"
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="k", Body=data, **{member: base64.b64encode(b"short").decode()})
    assert refused.value.response["Error"]["Code"] == "InvalidRequest"
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    put = s3.put_object(Bucket=bucket, Key="k", Body=data, **{member: value})
    assert (put[member], put["ChecksumType"]) == (value, "FULL_OBJECT")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[member], head["ChecksumType"]) == (value, "FULL_OBJECT")
    # boto3 compares what it reads with those that it can compute.
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got[member]) == (data, value)
    assert s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum"])["Checksum"] == {
        member: value, "ChecksumType": "FULL_OBJECT"}
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ChecksumAlgorithm"] == [algorithm]
    source = {"Bucket": bucket, "Key": "k"}
    assert s3.copy_object(Bucket=bucket, Key="same", CopySource=source)["CopyObjectResult"][member] == value
    s3.put_object(Bucket=bucket, Key="plain", Body=data)
    source["Key"] = "plain"
    copy = s3.copy_object(Bucket=bucket, Key="other", CopySource=source, ChecksumAlgorithm=algorithm)
    assert copy["CopyObjectResult"][member] == value
    assert s3.head_object(Bucket=bucket, Key="other", ChecksumMode="ENABLED")[member] == value


@pytest.mark.parametrize("algorithm", HASHES)
def test_hashes_of_parts_make_a_composite_one(server, bucket, algorithm):
    s3, member = server.client("s3"), "Checksum" + algorithm
    with pytest.raises(ClientError) as refused:
        s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    assert refused.value.response["Error"]["Code"] == "InvalidRequest"
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm)
    assert (begun["ChecksumAlgorithm"], begun["ChecksumType"]) == (algorithm, "COMPOSITE")
    upload = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"]}
    pieces = [os.urandom(5 << 20), os.urandom(5 << 20), b"copied" * 100]
    s3.put_object(Bucket=bucket, Key="source", Body=pieces[2])
    parts = []
    for number, piece in enumerate(pieces[:2], 1):
        with pytest.raises(ClientError) as refused:
            s3.upload_part(**upload, PartNumber=number, Body=piece, **{member: text(algorithm, b"other")})
        assert refused.value.response["Error"]["Code"] == "BadDigest"
        done = s3.upload_part(**upload, PartNumber=number, Body=piece, **{member: text(algorithm, piece)})
        parts.append({"PartNumber": number, "ETag": done["ETag"], member: done[member]})
    parts.append({"PartNumber": 3, **{
        name: value for name, value in s3.upload_part_copy(
            **upload, PartNumber=3, CopySource={"Bucket": bucket, "Key": "source"})["CopyPartResult"].items()
        if name in ("ETag", member)}})
    values = [text(algorithm, piece) for piece in pieces]
    assert [part[member] for part in parts] == values
    assert [part[member] for part in s3.list_parts(**upload)["Parts"]] == values
    wrong = [{**parts[0], member: values[1]}, *parts[1:]]
    with pytest.raises(ClientError) as refused:
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": wrong})
    assert refused.value.response["Error"]["Code"] == "InvalidPart"
    whole = text(algorithm, b"".join(CHECKSUMS[algorithm](piece) for piece in pieces)) + "-3"
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **{member: whole})
    assert (done[member], done["ChecksumType"]) == (whole, "COMPOSITE")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[member], head["ChecksumType"]) == (whole, "COMPOSITE")
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectParts"])
    assert attributes["Checksum"] == {member: whole, "ChecksumType": "COMPOSITE"}
    assert [part[member] for part in attributes["ObjectParts"]["Parts"]] == values
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(pieces)


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256", "SHA512"])
def test_clients_compute_checksums_themselves(server, bucket, tmp_path, algorithm):
    """Those that need no library of AWS's own, and compare what they read, too."""
    s3, member, data = server.client("s3"), "Checksum" + algorithm, os.urandom(9 << 20)
    assert s3.put_object(Bucket=bucket, Key="k", Body=data, ChecksumAlgorithm=algorithm)[member] == text(algorithm, data)
    s3.upload_fileobj(io.BytesIO(data), bucket, "parts", ExtraArgs={"ChecksumAlgorithm": algorithm})
    whole = text(algorithm, CHECKSUMS[algorithm](data[:8 << 20]) + CHECKSUMS[algorithm](data[8 << 20:])) + "-2"
    head = s3.head_object(Bucket=bucket, Key="parts", ChecksumMode="ENABLED")
    assert (head[member], head["ChecksumType"]) == (whole, "COMPOSITE")
    file = tmp_path / "file"
    file.write_bytes(data)

    def aws(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "awscli", *arguments], env=server.environment(), capture_output=True, check=True).stdout
    put = json.loads(aws("s3api", "put-object", "--bucket", bucket, "--key", "cli", "--body", file, "--checksum-algorithm", algorithm))
    assert put[member] == text(algorithm, data)
    aws("s3", "cp", file, f"s3://{bucket}/copied", "--checksum-algorithm", algorithm)
    assert aws("s3", "cp", f"s3://{bucket}/copied", "-", "--checksum-mode", "ENABLED") == data


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_forms_bring_checksums(server, bucket, algorithm):
    s3, data, field = server.client("s3"), b"from a page", f"x-amz-checksum-{algorithm.lower()}"
    for value, status in ((text(algorithm, data), 204), (text(algorithm, b"other"), 400)):
        form = s3.generate_presigned_post(bucket, "form", Fields={field: value}, Conditions=[{field: value}])
        line = "boundary"
        body = "".join(
            f'--{line}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in form["fields"].items())
        body += f'--{line}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n{data.decode()}\r\n--{line}--\r\n'
        request = urllib.request.Request(
            form["url"], body.encode(), {"Content-Type": f"multipart/form-data; boundary={line}"})
        try:
            assert urllib.request.urlopen(request).status == status
        except urllib.error.HTTPError as error:
            assert error.code == status and b"<Code>BadDigest</Code>" in error.read()
    head = s3.head_object(Bucket=bucket, Key="form", ChecksumMode="ENABLED")
    assert head["Checksum" + algorithm] == text(algorithm, data)


def test_scrub_reads_with_every_checksum(new_server):
    server = new_server()
    s3, data = server.client("s3"), os.urandom(300_000)
    s3.create_bucket(Bucket="scrubbed")
    for algorithm in HASHES:
        s3.put_object(Bucket="scrubbed", Key=algorithm, Body=data, **{"Checksum" + algorithm: text(algorithm, data)})
    assert f"{len(HASHES)} objects, " in server.run("store", "scrub", "--data", server.directory).stdout
    for file in (server.directory / "objects" / "data").rglob("*"):
        if file.is_file():
            with file.open("r+b") as opened:
                opened.seek(1000)
                opened.write(bytes([data[1000] ^ 1]))
    report = server.run("store", "scrub", "--data", server.directory, check=False)
    assert report.returncode != 0 and f"{len(HASHES)} damaged" in report.stdout
