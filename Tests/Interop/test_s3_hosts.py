"""Buckets with hosts of their own under configured domains, as boto3's virtual style addresses them."""
import os, shutil, socket, subprocess, urllib.request

import boto3, pytest
from botocore.config import Config
from conftest import BIN
from test_tls import Authority

DOMAIN = "s3.millrace.test"


@pytest.fixture
def names(monkeypatch):
    """Every name of the domain leads to this machine, as a wildcard of the name server would have it."""
    real = socket.getaddrinfo

    def lookup(host, *arguments, **options):
        return real("127.0.0.1" if str(host).endswith(DOMAIN) else host, *arguments, **options)
    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def client(server, scheme, domain=DOMAIN, **options):
    return boto3.client(
        "s3", endpoint_url=f"{scheme}://{domain}:{server.api_port}", region_name="us-east-1", aws_access_key_id=server.key,
        aws_secret_access_key=server.secret,
        config=Config(s3={"addressing_style": "virtual"}, signature_version="s3v4", retries={"max_attempts": 1}), **options)


def use(s3, bucket):
    """Every way to address: signed fields, signed query, forms, copies; with keys that are no plain words."""
    s3.create_bucket(Bucket=bucket)
    for key in ("a", "v1/jobs", "dir/ü +%.txt", f"{bucket}/x"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 4
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a"})
    assert bucket in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "copy"})
    assert f"://{bucket}.{DOMAIN}" in url
    return url


def test_buckets_before_the_domain(new_server, names):
    server = new_server(variables={"MILLRACE_OBJECTS_DOMAINS": f"millrace.test, {DOMAIN.upper()}"})
    s3 = client(server, "http")
    url = use(s3, "lake")
    assert urllib.request.urlopen(url).read() == b"a"
    # The longest name counts, and the path still does.
    assert server.client("s3").get_object(Bucket="lake", Key="a")["Body"].read() == b"a"
    use(s3, "with.point")
    done = s3.create_multipart_upload(Bucket="lake", Key="parts")
    part = s3.upload_part(Bucket="lake", Key="parts", UploadId=done["UploadId"], PartNumber=1, Body=b"x")
    done = s3.complete_multipart_upload(Bucket="lake", Key="parts", UploadId=done["UploadId"], MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert done["Location"] == f"http://lake.{DOMAIN}:{server.api_port}/parts"
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.get_object(Bucket="none", Key="a")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, which makes certificates, is not here")
def test_a_wildcard_certificate_serves_them(new_server, names, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server", f"DNS:{DOMAIN}", f"DNS:*.{DOMAIN}", "DNS:localhost", "IP:127.0.0.1")
    variables = {"MILLRACE_OBJECTS_DOMAINS": DOMAIN, "MILLRACE_TLS_CERTIFICATE": str(certificate), "MILLRACE_TLS_KEY": str(key)}
    server = new_server(variables=variables)
    use(client(server, "https", verify=str(authority.file)), "lake")

    def doctor(domains):
        return subprocess.run(
            [BIN / "millrace", "doctor", "--skip-s3", "--data", server.directory], capture_output=True, text=True,
            env={**os.environ, **variables, "MILLRACE_OBJECTS_DOMAINS": domains}).stdout
    # No name server knows the domain.
    assert f"let the name server answer *.{DOMAIN}" in doctor(DOMAIN)
    assert "get a certificate for other.test and *.other.test" in doctor("other.test")


@pytest.mark.parametrize("domains, fault", [
    ("https://s3.test", "is a URL"), ("s3.test:9400", "has a port"), ("*.s3.test", "has a wildcard"), ("10.0.0.1", "is an address"),
    ("s3.test,", "is empty"), ("s3_x.test", "is no domain name"), ("-s3.test", "is no domain name"), ("a" * 64, "is no domain name")])
def test_what_is_no_domain_is_refused_at_the_start(tmp_path, domains, fault):
    done = subprocess.run(
        [BIN / "millrace", "serve", "--data", tmp_path, "--port", "0", "--console-port", "0"], capture_output=True, text=True,
        env={**os.environ, "MILLRACE_OBJECTS_DOMAINS": domains}, timeout=60)
    assert done.returncode != 0
    assert "MILLRACE_OBJECTS_DOMAINS must be domain names" in done.stderr and fault in done.stderr
