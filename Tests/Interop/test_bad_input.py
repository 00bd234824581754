"""Bad input: every wrong request gets a clear error, changes nothing, and the server goes on."""
import base64, functools, hashlib, http.client, io, json, os, pathlib, random, shutil, socket, struct, subprocess, time, uuid

import boto3, botocore.session, pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from conftest import BIN, Server, wait_for_end

SEED = int(os.environ.get("MILLRACE_SEED", "20261121"))
TARGETS = {"states": ("stepfunctions", "AWSStepFunctions", "1.0"), "glue": ("glue", "AWSGlue", "1.1"),
           "logs": ("logs", "Logs_20140328", "1.1")}


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
            kind(keys, service, "us-east-1").add_auth(request)
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

DEEP = b"[" * 10_000 + b"]" * 10_000
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


# What each member of an operation is replaced by: none of these has the member's type, or is in its range.
HUGE = "x" * 300_000
WRONG = [
    None, True, 0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -2**63, 10**30, 1.5, -0.0, 1e300, "", " ", "x", "\0", "..",
    "ü" * 3, "\U0010ffff", "a" * 300, HUGE, "arn:aws:states:us-east-1:123456789012:stateMachine:", "arn:::::", ":" * 40,
    "9223372036854775808", "-1", "{", "{}", [], [None], [1], [[]], [{}], {}, {"a": None}, {"": ""}, {"a": {"a": {"a": []}}},
    ["x"] * 2000, {f"k{i}": "v" for i in range(2000)},
]
RAW = [DEEP, b"1e400", b"-0", b"1" * 5000, b"1e-400", b"0." + b"9" * 5000, b'"\\u0000"', b'"\\ud83d\\ude00"']


def sample(shape, depth=0):
    """A value of a shape of the service's model."""
    kind = shape.type_name
    if kind == "structure":
        if depth > 4:
            return {}
        return {name: sample(member, depth + 1) for name, member in shape.members.items()
                if depth < 2 or name in shape.required_members or depth < 3}
    if kind == "list":
        return [sample(shape.member, depth + 1)]
    if kind == "map":
        return {"k": sample(shape.value, depth + 1)}
    if kind == "string":
        if getattr(shape, "enum", None):
            return shape.enum[0]
        return "name"
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if kind in ("double", "float", "timestamp"):
        return 1.0
    return True if kind == "boolean" else "eA=="


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], path + (name,))
    elif isinstance(value, list) and len(path) < 6:
        for index in range(len(value)):
            yield from places(value[index], path + (index,))


def replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


@functools.cache
def model(service):
    return botocore.session.get_session().get_service_model(TARGETS[service][0] if service in TARGETS else service)


@functools.cache
def valid(service, operation):
    """An input of the operation whose members have the right types, and the places in it."""
    shape = model(service).operation_model(operation).input_shape
    value = sample(shape) if shape else {}
    return value, list(places(value))


def supported(wire, service):
    """The operations that the server has, of those of the model."""
    for name in model(service).operation_names:
        answer = wire.batch(name, {}) if service == "batch" else wire.call(service, name, {})
        if answer.code != "UnknownOperationException":
            yield name
