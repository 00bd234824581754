"""The way of a first user's queries to a store: certificate, profile, key, host names and regions, and what each says when it
is wrong. The store is a server of our own, with a certificate of its own authority."""
import pathlib, shutil, subprocess

import boto3, pytest
from conftest import BIN
from test_tls import Authority

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, which makes certificates, is not here")


class Store:
    def __init__(self, server, authority):
        self.server, self.authority = server, authority
        self.keys = {"AWS_ACCESS_KEY_ID": server.key, "AWS_SECRET_ACCESS_KEY": server.secret}
        for name, region, where in (("lake", "us-east-1", {}), ("west", "eu-west-1", {"LocationConstraint": "eu-west-1"})):
            s3 = boto3.client(
                "s3", endpoint_url=server.endpoint, region_name=region, aws_access_key_id=server.key,
                aws_secret_access_key=server.secret, verify=str(authority.file))
            s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
            s3.put_object(Bucket=name, Key="k.csv", Body=b"1,2\n3,4\n")

    def query(self, variables, bucket="lake"):
        """What a query prints, or why it fails, without any of the caller's own variables."""
        home = pathlib.Path(self.authority.folder)
        done = subprocess.run(
            [BIN / "millrace", "sql", "--format", "csv", f"SELECT count(*) AS n FROM csv.`s3://{bucket}/k.csv`"], capture_output=True,
            text=True, timeout=120, cwd=home, env={"PATH": "/usr/bin:/bin", "HOME": str(home), **variables})
        return done.stdout.split() if done.returncode == 0 else done.stderr


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    from conftest import Server
    authority = Authority(tmp_path_factory.mktemp("walk"))
    certificate, key = authority.issue("server", "DNS:localhost", "DNS:lake.localhost", "IP:127.0.0.1")
    server = Server(
        tmp_path_factory.mktemp("walk-data"), "--tls-certificate", str(certificate), "--tls-key", str(key))
    yield Store(server, authority)
    server.stop()


def test_certificates(store):
    place = {**store.keys, "AWS_ENDPOINT_URL": store.server.endpoint}
    assert store.query({**place, "AWS_CA_BUNDLE": str(store.authority.file)}) == ["n", "2"]
    assert "Set AWS_CA_BUNDLE to the file" in store.query(place)
    assert "/nope.pem" in store.query({**place, "AWS_CA_BUNDLE": "/nope.pem"})
    assert "This port speaks HTTPS" in store.query({**place, "AWS_ENDPOINT_URL": store.server.endpoint.replace("https", "http")})


def test_profiles_and_keys(store):
    home = pathlib.Path(store.authority.folder) / ".aws"
    home.mkdir()
    (home / "credentials").write_text(
        f"[lake]\naws_access_key_id = {store.server.key}\naws_secret_access_key = {store.server.secret}\n")
    (home / "config").write_text(
        f"[profile lake]\nregion = us-east-1\nendpoint_url = {store.server.endpoint}\nca_bundle = {store.authority.file}\n")
    assert store.query({"AWS_PROFILE": "lake"}) == ["n", "2"]
    # What is set counts more than the profile.
    assert "SignatureDoesNotMatch" in store.query({"AWS_PROFILE": "lake", **store.keys, "AWS_SECRET_ACCESS_KEY": "x"})
    assert "AWS_PROFILE is 'nix'" in store.query({"AWS_PROFILE": "nix"})
    place = {"AWS_ENDPOINT_URL": store.server.endpoint, "AWS_CA_BUNDLE": str(store.authority.file)}
    assert "check AWS_SECRET_ACCESS_KEY" in store.query({**place, **store.keys, "AWS_SECRET_ACCESS_KEY": "x"})
    assert "check AWS_ACCESS_KEY_ID" in store.query({**place, **store.keys, "AWS_ACCESS_KEY_ID": "AKIANOBODY"})
    assert "sent without a key: set AWS_ACCESS_KEY_ID" in store.query(place)


def test_hosts_of_buckets(store):
    """libcurl knows what is before `localhost` without a name server."""
    place = {
        "MILLRACE_S3_ENDPOINT": f"https://localhost:{store.server.api_port}", "MILLRACE_S3_ACCESS_KEY_ID": store.server.key,
        "MILLRACE_S3_SECRET_ACCESS_KEY": store.server.secret, "MILLRACE_S3_CA_FILE": str(store.authority.file)}
    for style in ("true", "false"):
        assert store.query({**place, "MILLRACE_S3_PATH_STYLE": style}) == ["n", "2"]
    # A host that is not in the certificate.
    assert "use the name that stands in it" in store.query({**place, "MILLRACE_S3_PATH_STYLE": "false"}, "west")
    assert store.query({**place, "MILLRACE_S3_PATH_STYLE": "true"}, "west") == ["n", "2"]


def test_regions_are_found_out(store):
    place = {**store.keys, "AWS_ENDPOINT_URL": store.server.endpoint, "AWS_CA_BUNDLE": str(store.authority.file)}
    for bucket in ("lake", "west"):
        for region in ("us-east-1", "eu-west-1", "ap-south-1"):
            assert store.query({**place, "AWS_REGION": region}, bucket) == ["n", "2"]
