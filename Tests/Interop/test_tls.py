"""The server with a certificate: boto3, the AWS CLI, the program's own verbs, jobs, renewal, and files that do not do."""
import hashlib, json, os, pathlib, shutil, ssl, subprocess, sys, urllib.error, urllib.request

import boto3, pytest
from botocore.exceptions import SSLError
from conftest import BIN
from test_catalog_and_jobs import submit, wait_for_job

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, which makes certificates, is not here")


class Authority:
    def __init__(self, folder):
        self.folder, self.file = folder, folder / "ca.pem"
        self.request("ca", "-subj", "/CN=authority")

    def request(self, name, *arguments):
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-keyout", key, "-out", certificate, *arguments], check=True, capture_output=True)
        return certificate, key

    def issue(self, name, *names):
        """Files of a certificate and its key."""
        return self.request(
            name, "-subj", f"/CN={name}", "-addext", "subjectAltName=" + ",".join(names), "-CA", self.file, "-CAkey",
            self.folder / "ca.key")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def files(authority):
    return authority.issue("server", "DNS:lake.example", "DNS:localhost", "IP:127.0.0.1")


def client(server, service, **options):
    return boto3.client(
        service, endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=server.key,
        aws_secret_access_key=server.secret, **options)


def test_clients_over_tls(new_server, authority, files, tmp_path, monkeypatch):
    server = new_server("--tls-certificate", str(files[0]), "--tls-key", str(files[1]))
    assert server.endpoint == f"https://127.0.0.1:{server.api_port}"
    assert f"serves {server.endpoint}, console http://127.0.0.1:" in (server.directory / "server.log").read_text()
    s3 = client(server, "s3", verify=str(authority.file))
    s3.create_bucket(Bucket="safe")
    body = os.urandom(20 << 20)
    s3.put_object(Bucket="safe", Key="k", Body=body)
    assert s3.get_object(Bucket="safe", Key="k")["Body"].read() == body
    assert client(server, "stepfunctions", verify=str(authority.file)).list_state_machines()["stateMachines"] == []
    with pytest.raises(SSLError):
        client(server, "s3").list_buckets()
    # Everything but TLS is denied, and what jobs and verbs of this machine do counts as safe.
    s3.put_bucket_policy(Bucket="safe", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::safe/*",
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}))
    assert s3.head_object(Bucket="safe", Key="k")["ContentLength"] == len(body)
    local = json.loads((server.directory / "endpoints.json").read_text())["local"]
    assert local.startswith("http://127.0.0.1:")
    batch = client(server, "batch", verify=str(authority.file))
    s3.put_object(Bucket="safe", Key="k.csv", Body=b"a\n1\n")
    job = wait_for_job(batch, submit(batch, [str(BIN / "millrace"), "sql", "SELECT * FROM csv.`s3://safe/k.csv`"]))
    assert job["status"] == "SUCCEEDED"
    assert subprocess.run(
        [BIN / "millrace", "status", "--data", server.directory, "--json"], capture_output=True).returncode == 0
    advice = subprocess.run(
        [BIN / "millrace", "doctor", "--data", server.directory], capture_output=True, text=True,
        env={**os.environ, "MILLRACE_TLS_CERTIFICATE": str(files[0]), "MILLRACE_TLS_KEY": str(files[1])}).stdout
    assert "valid until" in advice and "renew it" in advice  # In two days.
    variables = subprocess.run(
        [BIN / "millrace", "env", "--data", server.directory], capture_output=True, text=True, check=True).stdout
    assert f"AWS_ENDPOINT_URL='{server.endpoint}'" in variables
    refused = server.run("status", check=False)
    assert refused.returncode != 0 and "AWS_CA_BUNDLE" in refused.stderr
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.file))
    server.run("status")
    subprocess.run(
        [pathlib.Path(sys.executable).parent / "aws", "s3", "cp", "--quiet", "s3://safe/k", tmp_path / "k"],
        env=server.environment(), check=True, timeout=120)
    assert hashlib.sha256((tmp_path / "k").read_bytes()).digest() == hashlib.sha256(body).digest()
    server.kill()
    server.start()
    assert json.loads((server.directory / "endpoints.json").read_text())["local"] == local


def test_plain_http_is_told_to_use_https(new_server, authority, files):
    server = new_server("--tls-certificate", str(files[0]), "--tls-key", str(files[1]))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(server.endpoint.replace("https:", "http:"), timeout=20)
    assert refused.value.code == 400 and b"https://" in refused.value.read()
    assert refused.value.headers["connection"] == "close"
    client(server, "s3", verify=str(authority.file)).list_buckets()


def test_renewed_files_are_taken_up(new_server, authority, files, tmp_path):
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    shutil.copy(files[0], certificate)
    shutil.copy(files[1], key)
    server = new_server("--tls-certificate", str(certificate), "--tls-key", str(key))

    def presented():
        return ssl.get_server_certificate(("127.0.0.1", server.api_port)).strip()

    s3 = client(server, "s3", verify=str(authority.file))
    s3.list_buckets()
    first = presented()
    assert first in certificate.read_text()
    renewed = authority.issue("renewed", "IP:127.0.0.1")
    shutil.copy(renewed[0], certificate)
    assert presented() == first  # The key is still the one before.
    shutil.copy(renewed[1], key)
    assert presented() in renewed[0].read_text()
    s3.list_buckets()
    client(server, "s3", verify=str(authority.file)).list_buckets()


def test_files_that_do_not_do_are_named(authority, files, tmp_path):
    def refusal(*arguments):
        done = subprocess.run(
            [BIN / "millrace", "serve", "--data", tmp_path / "data", "--port", "0", "--console-port", "0", *arguments],
            capture_output=True, text=True, timeout=30)
        assert done.returncode != 0
        return done.stderr

    certificate, key = map(str, files)
    other = str(authority.issue("other", "IP:127.0.0.1")[1])
    locked = str(tmp_path / "locked.key")
    subprocess.run(
        ["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:word", "-out", locked], check=True, capture_output=True)
    missing = str(tmp_path / "missing.pem")
    assert "set tls-key, too" in refusal("--tls-certificate", certificate)
    assert "set tls-certificate, too" in refusal("--tls-key", key)
    assert f"{missing} cannot be read" in refusal("--tls-certificate", missing, "--tls-key", key)
    assert f"{missing} cannot be read" in refusal("--tls-certificate", certificate, "--tls-key", missing)
    assert f"{key} has no certificate" in refusal("--tls-certificate", key, "--tls-key", key)
    assert f"{certificate} has no private key" in refusal("--tls-certificate", certificate, "--tls-key", certificate)
    assert "has a passphrase" in refusal("--tls-certificate", certificate, "--tls-key", locked)
    assert f"{other} is not the key of" in refusal("--tls-certificate", certificate, "--tls-key", other)
