"""Bad input: every wrong request gets a clear error, changes nothing, and the server goes on."""
import base64, hashlib, http.client, json, os, pathlib, random, re, socket, struct, subprocess, tempfile, time
import urllib.error, urllib.request, uuid

import boto3, botocore.config, pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from conftest import BIN, ROOT, wait_for_end
from fuzz_http import DEEP, TARGETS, places, replaced

SEED = int(os.environ.get("MILLRACE_SEED", "20261121"))


class Wire:
    """Requests as bytes: signed as the SDKs sign them, with whatever body and headers the test wants."""

    def __init__(self, server):
        self.server = server
        self.connection = None

    def send(self, method, path, body=b"", service="s3", headers=None, secret=None, key=None, sign=True, edit=None):
        headers = dict(headers or {})
        request = AWSRequest(method=method, url=self.server.endpoint + path, data=body, headers=headers)
        if sign:
            keys = Credentials(key or self.server.key, secret or self.server.secret)
            kind = S3SigV4Auth if service == "s3" else SigV4Auth
            request.context["client_config"] = None
            request.context["payload_signing_enabled"] = True
            signer = kind(keys, service, "us-east-1")
            if "X-Amz-Content-SHA256" in headers:
                signer.payload = lambda request: headers["X-Amz-Content-SHA256"]
            signer.add_auth(request)
        headers = dict(request.headers.items())
        if edit:
            edit(headers)
        for attempt in (0, 1):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.server.api_port, timeout=20)
            try:
                self.connection.request(method, path, body=body, headers=headers)
                answer = self.connection.getresponse()
                return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
            except (ConnectionError, http.client.HTTPException):
                self.connection.close()
                self.connection = None
                if attempt or self.server.process.poll() is not None:
                    assert_alive(self.server)
                    raise

    def call(self, service, operation, body, **options):
        """One operation of a JSON service; `body` is sent as it is when it is bytes."""
        name, prefix, version = TARGETS[service]
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", "/", data, service, {
            "x-amz-target": f"{prefix}.{operation}", "content-type": f"application/x-amz-json-{version}"}, **options)

    def batch(self, operation, body, **options):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", f"/v1/{operation.lower()}", data, "batch", {"content-type": "application/json"}, **options)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"{self.status} {self.body[:600]!r}"

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def code(self):
        if self.body[:1] == b"<":
            return self.text.partition("<Code>")[2].partition("</Code>")[0]
        found = json.loads(self.body or b"{}")
        return (found.get("__type") or found.get("code") or self.headers.get("x-amzn-errortype", "")).split("#")[-1]


def assert_alive(server):
    assert server.process.poll() is None, (
        f"the server ended with {server.process.returncode}:\n"
        + (server.directory / "server.log").read_text(errors="replace")[-3000:])


def assert_serving(server):
    assert_alive(server)
    assert server.client("s3").list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert server.client("stepfunctions").list_state_machines()["ResponseMetadata"]["HTTPStatusCode"] == 200


def assert_refused(answer, what=None):
    """A client error that names itself and says something."""
    assert 400 <= answer.status < 500, (what, answer)
    assert answer.code, (what, answer)
    assert "internal" not in answer.code.lower(), (what, answer)


@pytest.fixture
def wire(server):
    yield Wire(server)
    assert_serving(server)


@pytest.fixture
def bucket(server):
    name = "bad" + os.urandom(6).hex()
    server.client("s3").create_bucket(Bucket=name)
    return name


# --- JSON bodies ----------------------------------------------------------------------------------------------

BROKEN = [
    b"{", b"}", b"[1]", b'"text"', b"null", b"1", b"{]", b'{"a":}', b'{"a":1,}', b'{"a" 1}', b'{"a":1}x', b"\xff\xfe",
    b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":"\\x"}', b'{"a":01}', b'{"a":1e}', b'{"a":nul}', b'{"a":"b', b"\x00",
    b'{"a":"\x01"}', b"<xml/>", DEEP, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"{'a':1}", b"\xef\xbb\xbf{}", b"[" * 1_000_000,
]


def everywhere(wire, body):
    yield "states", wire.call("states", "CreateStateMachine", body)
    yield "glue", wire.call("glue", "CreateDatabase", body)
    yield "logs", wire.call("logs", "GetLogEvents", body)
    yield "batch", wire.batch("SubmitJob", body)


def test_broken_json_is_refused_with_its_position(wire):
    for body in BROKEN:
        for service, answer in everywhere(wire, body):
            assert_refused(answer, (service, body[:40]))
    for service, answer in everywhere(wire, b'{"a": 1,\n "b": tru}'):
        assert answer.code == "SerializationException", answer
        assert "line 2" in answer.text, (service, answer)


def test_members_of_the_main_operations_are_checked(wire):
    """Every member of a wrong type is refused, and nothing is made of the request."""
    name = "refused" + uuid.uuid4().hex[:8]
    role = "arn:aws:iam::123456789012:role/r"
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    cases = [
        ("states", "CreateStateMachine", {"name": name, "definition": definition, "roleArn": role}),
        ("glue", "CreateDatabase", {"DatabaseInput": {"Name": name, "Description": "d", "Parameters": {"a": "b"}}}),
        ("batch", "RegisterJobDefinition", {"jobDefinitionName": name, "type": "container", "containerProperties": {
            "image": "/bin/true", "command": ["a"], "vcpus": 1, "memory": 64}}),
        ("logs", "DescribeLogStreams", {"logGroupName": name, "limit": 5}),
    ]
    for service, operation, body in cases:
        for path in list(places(body))[1:]:
            old = body
            for step in path:
                old = old[step]
            wrong = [1, True, {"a": 1}, [{}]] if isinstance(old, str) else ["x", [[1]], 2**63] if not isinstance(old, int) \
                else ["x", {}, [], 2**63, -2**63, 1e300]
            for new in wrong:
                if isinstance(old, dict) and isinstance(new, dict) or isinstance(old, list) and isinstance(new, list):
                    continue
                data = replaced(body, path, new)
                answer = wire.batch(operation, data) if service == "batch" else wire.call(service, operation, data)
                assert_refused(answer, (operation, path, new))
    server = wire.server
    assert name not in json.dumps(server.client("stepfunctions").list_state_machines()["stateMachines"], default=str)
    with pytest.raises(ClientError):
        server.client("glue").get_database(Name=name)
    assert not server.client("batch").describe_job_definitions(jobDefinitionName=name)["jobDefinitions"]


# --- Routes, headers, signatures, lengths ---------------------------------------------------------------------

def test_unknown_targets_operations_and_routes(wire):
    for target in ("AWSStepFunctions.Nothing", "AWSGlue.", "AWSGlue", ".", "", "Nothing.ListTables", "AWSGlue.CreateDatabase.x",
                   "x" * 5000):
        answer = wire.send("POST", "/", b"{}", "states", {"x-amz-target": target})
        assert_refused(answer, target)
        assert answer.code == "UnknownOperationException", (target, answer)
    for path in ("/v1/nothing", "/v1/submitjob/x", "/", "//", "/v1/%00", "/v1/%zz", "/v2/submitjob"):
        assert_refused(wire.send("POST", path, b"{}", "batch"), path)
    assert_refused(wire.send("GET", "/v1/submitjob", b"", "batch"))
    assert_refused(wire.send("POST", "/", b"Action=Nothing&Version=2011-06-15", "sts"))
    assert_refused(wire.send("POST", "/", b"\xff%zz&&==&", "sts"))
    assert_refused(wire.send("POST", "/", b"{}", "nosuchservice"))
    for method in ("PATCH", "TRACE", "OPTIONS", "PURGE"):
        assert 400 <= wire.send(method, "/bucket-of-nobody/key").status < 502


def test_services_that_are_not_here_answer_as_their_clients_read(server):
    for service, operation, arguments in [
        ("ec2", "describe_instances", {}), ("iam", "list_roles", {}), ("cloudformation", "list_stacks", {}),
        ("route53", "list_hosted_zones", {}), ("lambda", "list_functions", {}), ("dynamodb", "list_tables", {}),
        ("sqs", "list_queues", {}), ("cloudwatch", "list_metrics", {}),
    ]:
        with pytest.raises(ClientError) as refused:
            getattr(server.client(service), operation)(**arguments)
        error = refused.value.response["Error"]
        assert error["Code"] in ("UnknownOperationException", "InvalidAction"), (service, error)
        name = {"cloudwatch": "monitoring"}.get(service, service)
        assert f"Millrace has no service '{name}'" in error["Message"] and "glue" in error["Message"], (service, error)
    with pytest.raises(ClientError) as refused:
        server.client("sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/a", RoleSessionName="session")
    assert "GetCallerIdentity" in refused.value.response["Error"]["Message"]


def test_version_2_signatures_are_told_what_to_use(server, bucket):
    old = boto3.client(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=server.key,
        aws_secret_access_key=server.secret, config=botocore.config.Config(signature_version="s3", s3={"addressing_style": "path"}))
    with pytest.raises(ClientError) as refused:
        old.list_objects_v2(Bucket=bucket)
    url = old.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert "AWSAccessKeyId=" in url
    with pytest.raises(urllib.error.HTTPError) as presigned:
        urllib.request.urlopen(url)
    assert presigned.value.code == 400
    for text in (refused.value.response["Error"]["Message"], presigned.value.read().decode()):
        assert "AWS4-HMAC-SHA256" in text and "s3v4" in text, text


def test_bad_signatures_are_refused(wire, bucket):
    list_tables = ("glue", "GetDatabases", {})
    for number, options in enumerate((
        {"secret": "wrong"}, {"key": "AKIAUNKNOWN"}, {"sign": False},
        {"edit": lambda h: h.update({"Authorization": "AWS4-HMAC-SHA256"})},
        {"edit": lambda h: h.update({"Authorization": "AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=, Signature="})},
        {"edit": lambda h: h.update({"Authorization": "Basic eDp5"})},
        {"edit": lambda h: h.update({"Authorization": h["Authorization"][:-1] + "Z"})},
        {"edit": lambda h: h.update({"Authorization": h["Authorization"] * 50})},
        {"edit": lambda h: h.update({"X-Amz-Date": "garbage"})},
        {"edit": lambda h: h.update({"X-Amz-Date": "20000101T000000Z"})},
        {"edit": lambda h: h.update({"X-Amz-Date": "99999999T999999Z"})},
        {"edit": lambda h: h.pop("X-Amz-Date")},
        {"edit": lambda h: h.update({"Authorization": h["Authorization"].replace("us-east-1", "ü")
                                     .encode().decode("latin-1")})},
    )):
        answer = wire.call(*list_tables, **options)
        assert_refused(answer, number)
        answer = wire.send("PUT", f"/{bucket}/refused", b"x", **options)
        assert answer.status in (400, 403), answer
    s3 = wire.server.client("s3")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "refused"}, ExpiresIn=60)
    path = url[len(wire.server.endpoint):]
    for bad in (path[:-1] + ("0" if path[-1] != "0" else "1"), path.replace("X-Amz-Expires=60", "X-Amz-Expires=-1"),
                path.replace("X-Amz-Expires=60", "X-Amz-Expires=9223372036854775808"), path.replace("X-Amz-Expires=60&", ""),
                path.replace("X-Amz-Expires=60", "X-Amz-Expires=x"), path.replace("X-Amz-Expires=60", "X-Amz-Expires=604801"),
                path.replace("X-Amz-Date=", "X-Amz-Date=2"), path + "&x=y", path.replace("refused", "refused2"),
                path.replace("AWS4-HMAC-SHA256", "AWS9"), path.replace("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=")):
        answer = wire.send("PUT", bad, b"x", sign=False)
        assert answer.status in (400, 403), (bad, answer)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def raw(server, data, wait=10):
    """Sends bytes on a connection of their own; what comes back until the server closes or is silent."""
    with socket.create_connection(("127.0.0.1", server.api_port), timeout=wait) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
            return answer
        except (ConnectionError, TimeoutError):
            return b""


def test_odd_http(wire):
    server = wire.server
    host = b"Host: 127.0.0.1\r\n"
    for data in (
        b"", b"\r\n", b"\0\0\0\0", b"GET", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\n" + host * 2 + b"\r\n", b"POST / HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
        b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: gzip\r\n\r\nabc",
        b"POST / HTTP/1.1\r\n" + host + b"Expect: nonsense\r\nContent-Length: 0\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n" + host + b"\r\n", b"GET / HTTP/1.1\r\nA: " + b"b" * 200_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(5000)) + b"\r\n",
        b"GET nothing HTTP/1.1\r\n" + host + b"\r\n", b"GET http://x/y HTTP/1.1\r\n" + host + b"\r\n", b"OPTIONS * HTTP/1.1\r\n" + host + b"\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n" + host + b"\r\n", b"GET /%ff%fe/%00?%=&&=%zz HTTP/1.1\r\n" + host + b"\r\n",
        b"GET /a\xff\xfe HTTP/1.1\r\n" + host + b"\r\n", b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\nX-Amz-Target: \xff\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n", b"GET / HTTP/1.1\r\n" + host + b"Authorization: \r\nAuthorization: x\r\n\r\n",
    ):
        answer = raw(server, data)
        if answer:
            assert answer.startswith(b"HTTP/1."), (data[:80], answer[:200])
            assert answer.split(b" ")[1][:1] in b"45", (data[:80], answer[:200])
        assert_alive(server)
    rng = random.Random(SEED)
    for _ in range(50):
        raw(server, rng.randbytes(rng.randrange(1, 500)), wait=2)
    assert_serving(server)


def test_bodies_are_asked_for_when_they_are_wanted(server, bucket):
    url = server.client("s3").generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    for target, first in ((url[len(server.endpoint):], b"HTTP/1.1 100 "), (f"/{bucket}/k", b"HTTP/1.1 403 ")):
        with socket.create_connection(("127.0.0.1", server.api_port), timeout=10) as connection:
            connection.sendall(f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{server.api_port}\r\nContent-Length: 3\r\n"
                               "Expect: 100-continue\r\n\r\n".encode())
            answer = connection.recv(13, socket.MSG_WAITALL)
            assert answer == first
            # It may be sent all the same.
            connection.sendall(b"abc")
            while chunk := connection.recv(65536):
                answer += chunk
                if b"\r\netag: " in answer.lower():
                    break
            assert first.endswith(b"100 ") == (b"HTTP/1.1 200 " in answer), answer
            assert first.endswith(b"100 ") or b"\r\nconnection: close\r\n" in answer.lower()
    assert_serving(server)


def test_too_long_bodies_are_refused(wire):
    server = wire.server
    long = b"".join([
        b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSGlue.GetTables\r\nContent-Length: ", str(65 << 20).encode(), b"\r\n\r\n"])
    assert b" 413 " in raw(server, long).split(b"\r\n")[0]
    for framing in ("length", "chunked"):
        connection = socket.create_connection(("127.0.0.1", server.api_port), timeout=30)
        head = "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSGlue.GetTables\r\n"
        head += f"Content-Length: {80 << 20}\r\n\r\n" if framing == "length" else "Transfer-Encoding: chunked\r\n\r\n"
        block = b"x" * (1 << 20)
        try:
            connection.sendall(head.encode())
            for _ in range(80):
                connection.sendall(b"%x\r\n%s\r\n" % (len(block), block) if framing == "chunked" else block)
            if framing == "chunked":
                connection.sendall(b"0\r\n\r\n")
        except (ConnectionError, TimeoutError):
            pass
        try:
            answer = connection.recv(4096)
            assert b" 413 " in answer.split(b"\r\n")[0], (framing, answer)
        except ConnectionError:
            pass
        connection.close()
        assert_serving(server)


# --- Objects --------------------------------------------------------------------------------------------------

def test_bad_bucket_names_and_keys(wire, bucket):
    for name in ("..", ".", "A", "ab", "a" * 64, "a..b", "-ab", "ab-", "a_b", "192.168.0.1", "%00ab", "%2e%2e", "a%2fb", "ü", "a b",
                 "xn--a", "a\\b"):
        path = "/" + "".join(c if c.isascii() and c not in " \\" else "%" + c.encode().hex("%") for c in name)
        answer = wire.send("PUT", path)
        assert_refused(answer, name)
    for key in ("%ff", "%zz", "a%", "k" * 1025, "%C3%BC" * 513):
        answer = wire.send("PUT", f"/{bucket}/{key}", b"x")
        assert_refused(answer, key)
        assert_refused(wire.send("GET", f"/{bucket}/{key}"), key)
    kept = ["..", "../../../etc/passwd", "a/../b", "%2e%2e/%2e%2e/x", "k" * 1024, "/", "//", ".", "a/./b"]
    for key in kept:
        assert wire.send("PUT", f"/{bucket}/{key}", key.encode()).status == 200, key
    for key in kept:
        assert wire.send("GET", f"/{bucket}/{key}").body == key.encode(), key
    answer = wire.send("PUT", f"/{bucket}/a%00b", b"x")
    assert answer.status == 200 or 400 <= answer.status < 500
    assert not pathlib.Path("/etc/passwd").read_bytes().startswith(b"..")


def test_bad_digests_leave_nothing(wire, bucket):
    s3 = wire.server.client("s3")
    body = b"payload" * 20_000
    wrong = hashlib.sha256(b"other").digest()
    for fields, code in (
        ({"Content-MD5": base64.b64encode(hashlib.md5(b"other").digest()).decode()}, "BadDigest"),
        ({"Content-MD5": "x"}, "InvalidDigest"), ({"Content-MD5": ""}, "InvalidDigest"),
        ({"x-amz-checksum-sha256": base64.b64encode(wrong).decode()}, "BadDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"), ({"x-amz-checksum-crc32c": "AAAAAA=="}, "BadDigest"),
        ({"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="}, "BadDigest"), ({"x-amz-checksum-sha1": "AA=="}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "!"}, "InvalidRequest"), ({"x-amz-checksum-md9": "AA=="}, "NotImplemented"),
        ({"x-amz-sdk-checksum-algorithm": "CRC99"}, "InvalidRequest"),
    ):
        for data in (b"small", body):
            answer = wire.send("PUT", f"/{bucket}/digest", data, headers=fields)
            assert 400 <= answer.status <= 501 and answer.code == code, (fields, answer)
    answer = wire.send("PUT", f"/{bucket}/digest", body, edit=lambda h: h.update({"X-Amz-Content-SHA256": wrong.hex()}))
    assert answer.status in (400, 403), answer
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_broken_chunks_and_cut_uploads_leave_nothing(wire, bucket):
    server, s3 = wire.server, wire.server.client("s3")
    payload = b"z" * 200_000
    named = b"3;chunk-signature=" + b"0" * 64 + b"\r\nabc\r\n0;chunk-signature=" + b"0" * 64 + b"\r\n\r\n"
    for body in (b"zz\r\nabc", b"", b"ffffffffffffffff;chunk-signature=" + b"0" * 64 + b"\r\nabc\r\n", b"3\r\nabc\r\n", b"0\r\n",
                 named,
                 b"3;chunk-signature=x\r\nabc\r\n", b"-3;chunk-signature=" + b"0" * 64 + b"\r\n", b"5\r\nabc\r\n0\r\n\r\n", b"x" * 100_000):
        for kind in ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                     "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-NOTHING"):
            for decoded in ("3", "0", "-1", "9223372036854775808", "x", None):
                headers = {"X-Amz-Content-SHA256": kind, "Content-Encoding": "aws-chunked"}
                if decoded is not None:
                    headers["X-Amz-Decoded-Content-Length"] = decoded
                answer = wire.send("PUT", f"/{bucket}/chunks", body, headers=headers)
                # Some senders leave out the empty line that ends the trailing fields.
                # So do those that name a signature where none is asked for.
                whole = "UNSIGNED" in kind and (body, decoded) in (
                    (b"0\r\n", "0"), (b"0\r\n", None), (named, "3"), (named, None))
                assert whole or answer.status in (400, 403, 411, 501), (body[:40], kind, decoded, answer)
    s3.delete_object(Bucket=bucket, Key="chunks")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "cut"}, ExpiresIn=60)
    path = url[len(server.endpoint):]
    for sent in (0, 1, 100, 199_999):
        for framing in (f"Content-Length: {len(payload)}", "Transfer-Encoding: chunked\r\nX-Amz-Decoded-Content-Length: 200000"):
            for reset in (False, True):
                connection = socket.create_connection(("127.0.0.1", server.api_port), timeout=10)
                connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.api_port}\r\n{framing}\r\n\r\n".encode())
                connection.sendall(payload[:sent] if "Length: 200" in framing and "chunked" not in framing
                                   else b"%x\r\n%s" % (len(payload), payload[:sent]))
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()
    time.sleep(0.3)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    data = pathlib.Path(server.directory) / "objects"
    assert not [f for f in data.rglob("*") if f.is_file() and f.stat().st_size == 199_999]


def test_bad_ranges_queries_and_xml(wire, bucket):
    assert wire.send("PUT", f"/{bucket}/r", b"0123456789").status == 200
    for text in ("bytes=10-", "bytes=99999999999999999999-", "bytes=20-30", "bytes=-0"):
        assert wire.send("GET", f"/{bucket}/r", headers={"Range": text}).status == 416, text
    for text in ("bytes=5-2", "bytes=a-b", "bytes=", "items=0-1", "bytes=0-1,3-4", "bytes=--1", "bytes=-", "x" * 4000,
                 "bytes=0-99999999999999999999", "bytes=-99999999999999999999", "bytes=0-9223372036854775807"):
        assert wire.send("GET", f"/{bucket}/r", headers={"Range": text}).status in (200, 206, 416), text
    for query in ("max-keys=-1", "max-keys=x", "max-keys=9223372036854775808", "list-type=2&continuation-token=%ff",
                  "list-type=2&continuation-token=garbage", "prefix=%ff", "encoding-type=x", "max-keys=2147483648", "list-type=9"):
        answer = wire.send("GET", f"/{bucket}?{query}")
        assert answer.status == 200 and "list-type=9" in query or answer.status == 400, (query, answer)
    for query in ("uploadId=garbage&partNumber=1", "uploadId=garbage&partNumber=0", "uploadId=&partNumber=99999999999999999999",
                  "uploadId=%ff&partNumber=1", "uploadId=../../x&partNumber=1"):
        assert_refused(wire.send("PUT", f"/{bucket}/r?{query}", b"x"), query)
    upload = wire.server.client("s3").create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    deep = b"<a>" * 10_000 + b"</a>" * 10_000
    bodies = [
        b"", b"<", b"<a>", b"<a></b>", b"<Delete/>", b"garbage", b"\xff\xfe<a/>", deep, b"<a" * 10_000, b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        b"<Delete><Object></Object></Delete>", b"<Delete><Object><Key></Key></Object></Delete>", b"<a>&#xD800;</a>", b"<a>&#99999999999;</a>",
        b"<CompleteMultipartUpload/>", b"<CompleteMultipartUpload><Part/></CompleteMultipartUpload>",
        b"<CompleteMultipartUpload><Part><PartNumber>99999999999999999999</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
        b"<CompleteMultipartUpload><Part><PartNumber>-1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
        b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>", b"<a b='" + b"x" * 1_000_000 + b"'/>",
    ]
    for body in bodies:
        md5 = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}
        for method, path in (("POST", f"/{bucket}?delete"), ("POST", f"/{bucket}/m?uploadId={upload}"),
                             ("PUT", f"/{bucket}/r?tagging"), ("PUT", f"/{bucket}?versioning"), ("PUT", f"/{bucket}?lifecycle"),
                             ("PUT", f"/{bucket}?cors")):
            answer = wire.send(method, path, body, headers=md5)
            assert 400 <= answer.status <= 501 and answer.status != 500 and answer.code, (method, path, body[:80], answer)
    assert wire.send("PUT", "/" + "bad" + os.urandom(4).hex(), b"<CreateBucketConfiguration>").status == 400
    assert_refused(wire.send("PUT", f"/{bucket}/c", headers={"x-amz-copy-source": "%ff"}))
    for source in ("", "/", "nothing", "/nothing/x", f"/{bucket}/", f"/{bucket}/nothing", "?versionId=1", f"/{bucket}/r?versionId=9"):
        assert_refused(wire.send("PUT", f"/{bucket}/c", headers={"x-amz-copy-source": source}), source)
    assert [o["Key"] for o in wire.server.client("s3").list_objects_v2(Bucket=bucket)["Contents"]] == ["r"]


# --- SQL, files and tables ------------------------------------------------------------------------------------


def sql(text, seconds=20, **options):
    """Runs statements without a server. Whatever they are, the program ends by itself, without a signal."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql", errors="surrogatepass") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([BIN / "millrace", "sql", "--file", file.name, "--format", "jsonl"], timeout=seconds,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", **options)
    assert 0 <= done.returncode <= 64, (text[:300], done.returncode, done.stderr[-2000:])
    return done


def refused_sql(text, *words):
    done = sql(text)
    assert done.returncode == 1 and done.stderr.startswith("Error: "), (text[:200], done)
    for word in words:
        assert word in done.stderr, (text[:200], word, done.stderr[:1000])
    return done.stderr


def test_deep_and_large_statements_are_refused():
    for text in (
        "SELECT " + "(" * 10_000 + "1" + ")" * 10_000, "SELECT " + "1+" * 20_000 + "1", "SELECT " + "NOT " * 10_000 + "true",
        "SELECT " + "abs(" * 10_000 + "1" + ")" * 10_000, "SELECT " + "- " * 10_000 + "1", "SELECT 1" + "::int" * 20_000,
        "SELECT * FROM " + "(SELECT * FROM " * 5000 + "a" + ")" * 5000, "SELECT CAST(NULL AS " + "array<" * 5000 + "int" + ">" * 5000 + ")",
        "SELECT 1 " + "BETWEEN 0 AND 1 " * 60, "SELECT " + "nullif(" * 60 + "1" + ",2)" * 60, "SELECT " + "nullifzero(" * 60 + "1" + ")" * 60,
        "SELECT " + "case " * 60 + "1" + " when 1 then 2 when 3 then 4 end" * 60, "SELECT 'a'" + " LIKE ANY ('a', 'b')" * 60,
        "WITH a0 AS (SELECT 1)" + "".join(f", a{i} AS (SELECT 1 FROM a{i-1} x, a{i-1} y)" for i in range(1, 40)) + " SELECT * FROM a39",
        "SELECT 1" + "0" * 100_000,
    ):
        refused_sql(text)
    for text in ("SELECT 1" + ", 1" * 20_000, "SELECT '" + "x" * 1_000_000 + "' = 'a'", "SELECT 1 IN (1" + ", 1" * 50_000 + ")",
                 "SELECT 5 BETWEEN 1 AND 9 AND " * 500 + "true", "SELECT 1 " + "UNION ALL SELECT 1 " * 500):
        assert sql(text.replace(" AND SELECT", " AND")).returncode == 0, text[:100]


def test_values_out_of_range_are_errors():
    low = "CAST('-9223372036854775808' AS BIGINT)"
    for expression, condition in {
        "1/0": "DIVIDE_BY_ZERO", "1 % 0": "REMAINDER_BY_ZERO", "1 div 0": "DIVIDE_BY_ZERO", "9223372036854775807 + 1": "ARITHMETIC_OVERFLOW",
        f"abs({low})": "ARITHMETIC_OVERFLOW", f"-{low}": "ARITHMETIC_OVERFLOW", f"{low} div -1": "ARITHMETIC_OVERFLOW",
        "CAST('x' AS INT)": "CAST_INVALID_INPUT", "CAST(1e300 AS INT)": "CAST_OVERFLOW", "CAST(200 AS TINYINT)": "CAST_OVERFLOW",
        "CAST(double('nan') AS BIGINT)": "CAST_OVERFLOW", "CAST('2020-13-45' AS DATE)": "CAST_INVALID_INPUT", "128Y": "INVALID_NUMERIC_LITERAL",
        "date_add(DATE'2020-01-01', 2147483647)": "OVERFLOW", "add_months(DATE'2020-01-01', 2147483647)": "OVERFLOW",
        "repeat('x', 2147483647)": "COLLECTION_SIZE_LIMIT", "array(1)[7]": "INVALID_ARRAY_INDEX", "element_at(array(1), 0)": "INVALID",
        "CAST(99999999999999999999999999999999999999 AS DECIMAL(38,0)) * 10": "NUMERIC_VALUE_OUT_OF_RANGE",
        "timestamp_seconds(9223372036854775807)": "OVERFLOW", "regexp_replace('a', '(', 'b')": "PATTERN", "X'zz'": "INVALID_TYPED_LITERAL",
    }.items():
        refused_sql(f"SELECT {expression}", condition)
        refused_sql(f"SELECT {expression} FROM range(3000)", condition)


def test_random_statements_never_end_by_a_signal():
    rng = random.Random(SEED)
    words = """SELECT FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET UNION ALL INTERSECT EXCEPT WITH AS JOIN LEFT ON USING AND OR NOT IN
        BETWEEN LIKE IS NULL CASE WHEN THEN ELSE END CAST INTERVAL DATE TIMESTAMP OVER PARTITION ROWS RANGE CREATE TABLE VIEW DROP INSERT
        INTO VALUES MERGE UPDATE DELETE SET DESCRIBE EXPLAIN SHOW t a b id count sum min max avg abs round substring concat coalesce split
        date_add array map struct explode row_number rank lag range ( ) ( ) ( ) , , , . * + - / % = < > <= <> || :: [ ] ; ' " ` -- /* */ $ ${x}
        ? : := -> => @ # \\ ! & | ^ ~ 0 1 -1 2147483648 9223372036854775808 1e308 1e-400 .5 1. 1BD 5Y 1L 0x1F 'x' 'é' '\\u0000' "s" `q` true
        false current_date delta csv parquet delta.`/nope` csv.`/nope` int bigint decimal(38,38) array<int> struct<a:int>""".split()
    heads = ["SELECT ", "SELECT a FROM range(5) t(a) WHERE ", "SELECT * FROM VALUES (1,'x'),(2,NULL) t(a,b) ", "WITH t AS (SELECT 1 AS a) SELECT ", ""]
    functions = re.findall(r'add\("(\w+)"', "".join(p.read_text() for p in (ROOT / "Sources/SparkPlan").glob("FunctionTable*.swift"))) or ["abs"]
    values = ["NULL", "-1", "0", "2147483647", "-2147483648", "9223372036854775807", "CAST('-9223372036854775808' AS BIGINT)", "''", "'x'", "1e308D",
              "double('nan')", "double('inf')", "DATE'9999-12-31'", "DATE'0001-01-01'", "TIMESTAMP'9999-12-31 23:59:59'", "true", "X'00ff'", "array(1, NULL)",
              "map('a', 1)", "struct(1 AS a)", "99999999999999999999999999999999999999BD", "0.00000000000000000000000000000000000001BD", "'\\U0001F600é'", "a",
              "INTERVAL '1' DAY", "INTERVAL '178956970' YEAR", "timestamp_micros(-9223372036854775808)", "timestamp_micros(9223372036854775807)", "repeat('ab', 1000)"]
    deadline = time.monotonic() + 12
    while time.monotonic() < deadline:
        if rng.random() < 0.4:
            text = rng.choice(heads) + " ".join(rng.choice(words) for _ in range(rng.randrange(1, 25)))
        else:
            # Statements of a script stop at the first error: one call of many functions each.
            name = rng.choice(functions)
            call = lambda: f"{name}({', '.join(rng.choice(values) for _ in range(rng.randrange(0, 5)))})"
            text = f"SELECT {call()} FROM VALUES (1), (NULL), (-5) t(a)"
            if rng.random() < 0.3:
                text = f"SELECT {call()} {rng.choice('+ - * / % = < || div'.split())} {rng.choice(values)} FROM VALUES (1) t(a)"
        sql(text)


def test_bad_csv_files(tmp_path):
    def read(name, data, rest=""):
        path = tmp_path / name
        path.write_bytes(data)
        return f"SELECT * FROM csv.`{path}` {rest}"

    for name, data in {
        "bad-rows.csv": b"a,b,c\n1,2,3\n1\n1,2,3,4,5,6\n\n,,\n", "invalid-utf8.csv": b"a,b\n\xff\xfe,\xc3\nx,\xed\xa0\x80\n",
        "unclosed.csv": b'a,b\n"x,1\ny,2\n' + b"z,3\n" * 1000, "nul.csv": b"a,b\n\0,\0\0\n", "empty.csv": b"", "newline.csv": b"\n",
        "quote.csv": b'"', "bom.csv": b"\xef\xbb\xbfa,b\n1,2\n", "utf16.csv": "a,b\n1,2\n".encode("utf-16"), "cr.csv": b"a,b\r1,2\r\r\n",
        "wide.csv": b",".join(b"c%d" % i for i in range(100_000)) + b"\n" + b",".join(b"1" for _ in range(100_000)) + b"\n",
        "long-field.csv": b"a,b\n" + b"x" * 5_000_000 + b",1\n", "same-names.csv": b"a,a,A,\n1,2,3,4\n", "escapes.csv": b'a\n"x\\"\n"\\\n',
        "random.csv": random.Random(SEED).randbytes(200_000),
    }.items():
        done = sql(read(name, data))
        assert done.returncode in (0, 1) and (done.returncode == 0 or done.stderr.startswith("Error: ")), (name, done.stderr[:500])
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"\x1f\x8b\x08\0garbage")
    refused_sql(f"SELECT * FROM csv.`{broken}`", "broken.csv.gz")
    refused_sql("SELECT * FROM csv.`/nowhere/x.csv`", "/nowhere/x.csv")


def test_broken_parquet_and_delta(tmp_path):
    import deltalake, pyarrow as pa, pyarrow.parquet as pq
    table = pa.table({"a": list(range(3000)), "s": [f"text {i % 7}" for i in range(3000)], "l": [[i, None] for i in range(3000)]})
    rng = random.Random(SEED)
    deadline = time.monotonic() + 12
    for codec in ("snappy", "zstd", "none", "gzip"):
        pq.write_table(table, tmp_path / "good.parquet", compression=codec, row_group_size=1000)
        good = (tmp_path / "good.parquet").read_bytes()
        path = tmp_path / "broken.parquet"
        for data in (b"", b"PAR1", b"PAR1PAR1", good[:-1], good[:-4], good[: len(good) // 2], good[:4] + b"\xff" * (len(good) - 8) + good[-4:],
                     b"PAR1" + b"\xff\xff\xff\x7fPAR1", b"PAR1" + b"\0" * 100 + struct.pack("<i", -1) + b"PAR1", good[-300:]):
            path.write_bytes(data)
            refused_sql(f"SELECT sum(a), max(s), count(l) FROM parquet.`{path}`", "broken.parquet")
        for _ in range(25):
            if time.monotonic() > deadline:
                break
            data = bytearray(good)
            footer = struct.unpack("<I", good[-8:-4])[0] + 8
            for _ in range(rng.choice((1, 1, 3, 20))):
                place = len(data) - rng.randrange(1, footer) if rng.random() < 0.6 else rng.randrange(len(data))
                data[place] = rng.randrange(256)
            path.write_bytes(data)
            done = sql(f"SELECT sum(a), max(s), count(l), max(l[0]) FROM parquet.`{path}`")
            assert done.returncode in (0, 1) and (done.returncode == 0 or done.stderr.startswith("Error: ")), done.stderr[:500]
    root = tmp_path / "t"
    deltalake.write_deltalake(root, table.select(["a", "s"]))
    deltalake.write_deltalake(root, table.select(["a", "s"]), mode="append")
    log = root / "_delta_log"
    first, second = sorted(log.glob("*.json"))
    texts = {path: path.read_bytes() for path in (first, second)}
    query = f"SELECT count(*) AS n FROM delta.`{root}`"
    assert json.loads(sql(query).stdout) == {"n": 6000}
    for data in (b"{", b"not json\n", b"[1]\n", b'{"add":1}\n', b'{"add":{}}\n', b'{"add":{"path":5,"size":"x"}}\n', DEEP + b"\n", b"\xff\xfe\n",
                 b'{"add":{"path":"%zz","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true}}\n',
                 b'{"protocol":{"minReaderVersion":9999,"minWriterVersion":9999}}\n', b'{"metaData":{"id":"x","schemaString":"{"}}\n',
                 b'{"protocol":{"minReaderVersion":-1,"minWriterVersion":9223372036854775808}}\n'):
        second.write_bytes(data)
        message = refused_sql(query)
        assert str(root) in message or second.name in message or "eaderVersion" in message or "%zz" in message or "version" in message, (data[:80], message)
    for _ in range(20):
        if time.monotonic() > deadline + 6:
            break
        victim = rng.choice((first, second))
        data = bytearray(texts[victim])
        for _ in range(rng.choice((1, 5))):
            data[rng.randrange(len(data))] = rng.randrange(32, 127)
        victim.write_bytes(data)
        sql(query)
        victim.write_bytes(texts[victim])
    for victim, data in texts.items():
        victim.write_bytes(data)
    gone = next(root.glob("*.parquet"))
    gone.rename(tmp_path / "gone")
    refused_sql(f"SELECT sum(a) FROM delta.`{root}`", gone.name)
    (tmp_path / "gone").rename(gone)
    first.rename(tmp_path / "log0")
    refused_sql(query)
    (tmp_path / "log0").rename(first)
    (log / "_last_checkpoint").write_text('{"version": 99999, "size": -1')
    (log / "00000000000000000001.checkpoint.parquet").write_bytes(b"PAR1garbagePAR1")
    done = sql(query)
    assert done.returncode == 1 or json.loads(done.stdout) == {"n": 6000}


# --- Jobs, and the disk ---------------------------------------------------------------------------------------


def run_job(server, script, table="x"):
    """Runs a Glue job from a state machine; the ended execution."""
    glue, states = server.client("glue"), server.client("stepfunctions")
    name = "job" + uuid.uuid4().hex[:8]
    glue.create_job(Name=name, Role="arn:aws:iam::123456789012:role/r", Command={"Name": "glueetl", "ScriptLocation": script})
    machine = states.create_state_machine(
        name=name, roleArn="arn:aws:iam::123456789012:role/r", definition=json.dumps({"StartAt": "A", "States": {"A": {
            "Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": name}, "End": True}}}))
    started = states.start_execution(stateMachineArn=machine["stateMachineArn"])
    return name, wait_for_end(states, started["executionArn"], 60)


def test_jobs_that_cannot_work_say_why(wire, bucket):
    server = wire.server
    s3, glue = server.client("s3"), server.client("glue")
    _, missing = run_job(server, f"s3://{bucket}/no-script.sql")
    assert missing["status"] == "FAILED" and "no-script.sql" in missing["cause"], missing
    _, nowhere = run_job(server, "s3://no-such-bucket-at-all/x.sql")
    assert nowhere["status"] == "FAILED" and "no-such-bucket-at-all" in nowhere["cause"], nowhere
    s3.put_object(Bucket=bucket, Key="bad.sql", Body=b"SELECT 1;\n\nSELECT\n  nothing\nFROM range(3) t(a);\n")
    name, failed = run_job(server, f"s3://{bucket}/bad.sql")
    cause = json.loads(failed["cause"])["ErrorMessage"]
    assert failed["status"] == "FAILED" and f"s3://{bucket}/bad.sql, line 3, statement 2: [UNRESOLVED_COLUMN" in cause, failed
    assert "line 4" in cause, cause
    run = glue.get_job_runs(JobName=name)["JobRuns"][0]
    assert run["JobRunState"] == "FAILED" and "bad.sql" in run["ErrorMessage"], run
    log = server.run("logs", run["Id"], check=False)
    assert "bad.sql" in log.stdout + log.stderr, log
    s3.put_object(Bucket=bucket, Key="data.sql", Body=f"SELECT * FROM csv.`s3://{bucket}/no-data.csv`;".encode())
    _, nodata = run_job(server, f"s3://{bucket}/data.sql")
    assert nodata["status"] == "FAILED" and "no-data.csv" in nodata["cause"], nodata
