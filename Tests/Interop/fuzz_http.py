"""Odd requests for a server that checks no signatures: `services` are those with JSON, `s3` is the object store.

Whatever comes, the server lives, its memory is bounded, and each answer is well-formed; a refusal has a code and a
message and is the client's fault."""
import base64, functools, hashlib, http.client, json, pathlib, random, re, socket, time, xml.etree.ElementTree

import botocore.session

PATIENCE_SECONDS, RESIDENT_MAX = 90, 1200 << 20
TARGETS = {"states": ("stepfunctions", "AWSStepFunctions", "1.0"), "glue": ("glue", "AWSGlue", "1.1"),
           "logs": ("logs", "Logs_20140328", "1.1"), "batch": ("batch", None, None)}
DEEP = b"[" * 10_000 + b"]" * 10_000


class Failure(Exception):
    pass


# --- Inputs of operations, from the services' models

HUGE = "x" * 300_000
WRONG = [
    None, True, 0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -2**63, 10**30, 1.5, -0.0, 1e300, "", " ", "x", "\0", "..",
    "ü" * 3, "\U0010ffff", "a" * 300, HUGE, "arn:aws:states:us-east-1:123456789012:stateMachine:", "arn:::::", ":" * 40,
    "9223372036854775808", "-1", "{", "{}", [], [None], [1], [[]], [{}], {}, {"a": None}, {"": ""}, {"a": {"a": {"a": []}}},
    ["x"] * 2000, {f"k{i}": "v" for i in range(2000)},
]
# As they stand in the text.
RAW = [DEEP, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"1e400", b"-0", b"1" * 400, b"1" * 5000, b"1e-400", b"0." + b"9" * 5000, b'"\\u0000"', b'"\\ud83d\\ude00"',
       b'"\\ud800"', b'"\xff\xfe"', b"NaN", b"", b'"', b"{", b'"' + b"y" * 3_000_000 + b'"', b"[" + b"0," * 100_000 + b"0]"]


@functools.cache
def model(service):
    return botocore.session.get_session().get_service_model(TARGETS[service][0])


def sample(shape, known, name="", depth=0):
    """A value of a shape of a service's model; `known` has texts by the members' names."""
    kind = shape.type_name
    if kind == "structure":
        if depth > 4:
            return {}
        return {n: sample(member, known, n, depth + 1) for n, member in shape.members.items()
                if depth < 3 or n in shape.required_members}
    if kind == "list":
        return [sample(shape.member, known, name, depth + 1)]
    if kind == "map":
        return {"k": sample(shape.value, known, name, depth + 1)}
    if kind == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else known.get(name, "name")
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


# --- Requests as bytes

def request(method, target, fields, body, framing="length"):
    """`fields` are pairs of texts or bytes."""
    def raw(text):
        return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")

    lines = [b"%s %s HTTP/1.1" % (raw(method), raw(target)), *(raw(n) + b": " + raw(v) for n, v in fields)]
    if framing == "length" and not any(raw(n).lower() == b"content-length" for n, _ in fields):
        lines.append(b"Content-Length: %d" % len(body))
    elif framing == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(rng, body):
    """A body in pieces, in one of the forms that are allowed."""
    out, at = b"", 0
    while at < len(body):
        size = rng.choice([1, 7, 1000, 65_536, len(body)])
        piece, at = body[at:at + size], at + size
        length = rng.choice(["%x", "%X", "0000%x"]) % len(piece)
        out += length.encode() + rng.choice([b"", b"", b";a=b", b';a="b;c"']) + b"\r\n" + piece + b"\r\n"
    return out + rng.choice([b"0", b"000", b"0;x"]) + b"\r\n" + rng.choice([b"", b"", b"X-After: y\r\n", b"A:\r\nB: \r\n"]) + b"\r\n"


def broken(rng, method, target, fields, body):
    """A request whose framing is wrong somewhere; nobody knows how many requests that is."""
    lie = rng.choice([0, 1, len(body) // 2, len(body) - 1, len(body) + 1, len(body) + 100_000, 2**31, 2**63 - 1, 2**63, 10**30, -1])
    whole = request(method, target, fields, chunked(rng, body), "chunked")
    return rng.choice([
        lambda: request(method, target, [*fields, ("Content-Length", str(lie))], body),
        lambda: request(method, target, [*fields, ("Content-Length", "1"), ("Content-Length", "2")], body),
        lambda: request(method, target, [*fields, ("Content-Length", rng.choice(["", " ", "x", "0x10", "1,1", "+5", "1 1", "9" * 400]))], body),
        lambda: request(method, target, [*fields, ("Transfer-Encoding", rng.choice(["gzip", "chunked, chunked", "identity", "xchunked", "", "Chunked "]))], body),
        lambda: request(method, target, [*fields, ("Content-Length", str(len(body)))], chunked(rng, body), "chunked"),
        lambda: whole[:rng.randrange(len(whole))],
        lambda: request(method, target, fields, rng.choice([b"zz\r\n", b"-1\r\n", b"f" * 17 + b"\r\n", b"5\r\nab\r\n", b"\r\n\r\n", b"1\nx\n0\n\n", b"1;" + b"x" * 100_000 + b"\r\na\r\n"]), "chunked"),
        lambda: whole.replace(b"HTTP/1.1", rng.choice([b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.", b"http/1.1", b"HTTP/11.1", b""]), 1),
        lambda: whole.replace(b"\r\n", b"\n"),
        lambda: whole.replace(b"\r\n", rng.choice([b"\r\n folded: x\r\n", b"\r\n: empty\r\n", b"\r\nNo-Colon\r\n", b"\r\nSp ace: x\r\n", b"\r\nA\0B: x\r\n", b"\r\nA: \0\r\n", b"\r\nA: \x7f\x01\r\n", b"\r\n\xff: x\r\n", b"\r", b"\r\nHost: a\r\n"]), 1),
        lambda: whole.replace(b" ", rng.choice([b"  ", b"\t", b"", b"\0"]), 1),
        lambda: b"\r\n" * rng.choice([1, 100]) + whole,
        lambda: whole + rng.choice([b"\r\n", b"GET", b"\0" * 100, b"garbage\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]),
        lambda: rng.choice([b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"GET nothing HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET http://[::1/ HTTP/1.1\r\n\r\n", b"GET //// HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"]),
        lambda: bytes(b if rng.random() > 0.01 else rng.randrange(256) for b in whole[:3000]) + whole[3000:],
    ])()


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def check(self, method):
        """Raises for what no client could read, and for what is the server's own fault."""
        if self.status >= 500 and self.status != 501:
            raise Failure(f"status {self.status}: {self.body[:500]!r}")
        if not any(n in self.fields for n in ("x-amz-request-id", "x-amzn-requestid")):
            raise Failure(f"no request id: {self.status} {self.fields}")
        if method == "HEAD" or self.status in (204, 304) or not self.body and (self.status < 400 or not method):
            return
        kind = self.fields.get("content-type", "")
        code = message = None
        try:
            if "json" in kind:
                found = json.loads(self.body)
                code, message = found.get("__type"), found.get("message")
            elif "xml" in kind:
                root = xml.etree.ElementTree.fromstring(self.body)
                error = root if root.tag == "Error" else next((e for e in root.iter() if e.tag.rpartition("}")[2] == "Error"), root)
                code, message = (next((e.text for e in error if e.tag.rpartition("}")[2] == n), None) for n in ("Code", "Message"))
            elif self.status < 400:
                return
        except (ValueError, xml.etree.ElementTree.ParseError) as error:
            raise Failure(f"{self.status} with a {kind} that cannot be read: {error}: {self.body[:500]!r}") from None
        if self.status >= 400 and not (code and message):
            raise Failure(f"{self.status} without code and message: {self.fields} {self.body[:500]!r}")


class Wire:
    """A connection; opened anew when it has been closed."""

    def __init__(self, port):
        self.port, self.socket, self.buffer = port, None, b""

    def open(self):
        self.close()
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
        self.buffer = b""

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def fill(self):
        try:
            piece = self.socket.recv(1 << 20)
        except TimeoutError:
            raise Failure(f"no answer within {PATIENCE_SECONDS} s") from None
        self.buffer += piece
        return bool(piece)

    def answer(self, method):
        """The next answer; None when the connection is closed before one begins."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.fill():
                if self.buffer:
                    raise Failure(f"half an answer: {self.buffer[:200]!r}")
                return None
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        found = re.fullmatch(r"HTTP/1\.[01] (\d{3}) ?.*", lines[0])
        if not found:
            raise Failure(f"no status line: {lines[0]!r}")
        fields = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
                raise Failure(f"no field: {line!r}")
            fields[name.lower()] = value.strip()
        status = int(found[1])
        if status == 100:
            return self.answer(method)
        length = int(fields.get("content-length", 0))
        if method == "HEAD" or status in (204, 304):
            length = 0
        while len(self.buffer) < length:
            if not self.fill():
                raise Failure(f"{len(self.buffer)} of {length} bytes of an answer: {head[:300]!r}")
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        if fields.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, fields, body)

    def exchange(self, requests):
        """Sends well-framed requests, (method, bytes), at once; each has its answer, in order."""
        for attempt in (0, 1):
            if self.socket is None:
                self.open()
            try:
                self.socket.sendall(b"".join(data for _, data in requests))
                answers = [self.answer(requests[0][0])]
                if answers[0] is None and attempt == 0:  # Closed since the last time.
                    self.close()
                    continue
                for method, _ in requests[1:]:
                    if self.socket is None or answers[-1] is None:
                        break
                    answers.append(self.answer(method))
                return answers
            except ConnectionError:
                self.close()
                if attempt:
                    raise Failure("the connection was lost") from None

    def last(self, data):
        """Sends what may not be well-framed, and ends the connection. Gives all answers."""
        self.open()
        method = "HEAD" if data.lstrip(b"\r\n").startswith(b"HEAD ") else "GET"
        answers = []
        try:
            self.socket.sendall(data)
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket and (answer := self.answer(method)):
                answers.append(answer)
        except (ConnectionError, BrokenPipeError):
            pass  # Refused while it was still being sent.
        self.close()
        return answers


# --- The services with JSON

class Services:
    def __init__(self, server):
        states, glue, batch = (server.client(n) for n in ("stepfunctions", "glue", "batch"))
        definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
        role = "arn:aws:iam::123456789012:role/r"
        machine = states.create_state_machine(name="name", definition=definition, roleArn=role)["stateMachineArn"]
        execution = states.start_execution(stateMachineArn=machine, name="name")["executionArn"]
        activity = states.create_activity(name="name")["activityArn"]
        glue.create_database(DatabaseInput={"Name": "name"})
        glue.create_table(DatabaseName="name", TableInput={"Name": "name", "PartitionKeys": [{"Name": "name", "Type": "string"}]})
        batch.register_job_definition(jobDefinitionName="name", type="container", containerProperties={"image": "/bin/true", "vcpus": 1, "memory": 64})
        self.known = {"definition": definition, "roleArn": role, "stateMachineArn": machine, "executionArn": execution, "resourceArn": machine,
                      "input": "{}", "activityArn": activity, "jobQueue": "default", "Expression": "name = 'a'", "CatalogId": "123456789012"}
        wire = Wire(server.api_port)
        self.operations = [
            (service, name) for service in TARGETS for name in model(service).operation_names
            # It waits for a minute, as it should.
            if name != "GetActivityTask"
            and b"UnknownOperation" not in wire.exchange([("POST", request("POST", *self.address(service, name), b"{}"))])[0].body]
        if len(self.operations) < 60:
            raise Failure(f"only {self.operations}")

    def address(self, service, operation):
        """Target and fields of a request."""
        _, prefix, version = TARGETS[service]
        if prefix is None:
            http = model(service).operation_model(operation).http["requestUri"]
            return re.sub(r"\{\w+\}", "name", http), [("Host", "x"), ("Content-Type", "application/json")]
        return "/", [("Host", "x"), ("X-Amz-Target", f"{prefix}.{operation}"), ("Content-Type", f"application/x-amz-json-{version}")]

    @functools.lru_cache(None)
    def valid(self, service, operation):
        shape = model(service).operation_model(operation).input_shape
        value = sample(shape, self.known) if shape else {}
        return value, list(places(value))

    def draw(self, rng):
        """Method, target, fields and body of a request."""
        service, operation = rng.choice(self.operations)
        method = model(service).operation_model(operation).http["method"] if service == "batch" else "POST"
        target, fields = self.address(service, operation)
        value, found = self.valid(service, operation)
        raw = {}
        for _ in range(rng.choice([0, 1, 1, 1, 2, 4])):
            path, new = rng.choice(found), rng.choice(WRONG + RAW)
            if isinstance(new, bytes):
                token = f"@@{len(raw)}@@"
                raw[json.dumps(token).encode()] = new
                new = token
            try:
                value = replaced(value, path, new)
            except (KeyError, IndexError, TypeError):
                pass  # An earlier one took the place away.
        if isinstance(value, dict) and rng.random() < 0.1:
            value = {**value, rng.choice(["", "unknown", "Unknown" * 1000, "__type", "\ud83d\ude00"]): rng.choice(WRONG)}
        body = json.dumps(value).encode("utf-8", "surrogatepass")
        for token, new in raw.items():
            body = body.replace(token, new)
        if rng.random() < 0.05:
            body = rng.choice([body[:rng.randrange(len(body) + 1)], b"", b"\xff\xfe", b"null", b"[]", rng.randbytes(100), b"\xef\xbb\xbf{}", b"Action=GetCallerIdentity"])
        if rng.random() < 0.1:
            wrong = rng.choice(["", ".", "AWSGlue", "AWSGlue.", ".GetTables", "AWSStepFunctions.Nothing", "x" * 5000, "AWSGlue.GetTables.x", "\xff", "Logs_20140328.\u00e9", "DynamoDB_20120810.ListTables"])
            fields = [(n, wrong if n == "X-Amz-Target" else v) for n, v in fields]
        if rng.random() < 0.1:
            target = rng.choice(["/v1/", "/v1/submitjob/", "/v1/%zz", "/v1/tags/%ff", "/v1/tags/" + "a/" * 500, "/v1/tags/" + "%2f" * 2000, "/?Action=GetCallerIdentity", "/?Action=%ff",
                                 "//v1//submitjob", "/v1/tags/x?tagKeys=a&tagKeys=%zz&tagKeys=", "/v1/describejobqueues?" + "a=b&" * 5000, "/v2/x", "/v1/tags/a?tagKeys", "/../v1/submitjob"])
            method = rng.choice(["POST", "GET", "DELETE", "PUT"])
        if rng.random() < 0.1:
            scope = rng.choice(["glue", "batch", "states", "sts", "nothing", "", "s3", "ec2", "iam"])
            fields = [*fields, ("Authorization", rng.choice([
                f"AWS4-HMAC-SHA256 Credential=A/20260101/{rng.choice(['us-east-1', '', 'x' * 500])}/{scope}/aws4_request, SignedHeaders=host, Signature=x",
                "AWS4-HMAC-SHA256", "AWS a:b", "", "Basic x", "AWS4-HMAC-SHA256 Credential=////,,,===", "=" * 5000]))]
        if rng.random() < 0.1:
            fields = [*fields, (rng.choice(["Content-Type", "X-Amz-Date", "Host", "X-Amz-Security-Token", "Expect", "Accept-Encoding", "X-Amz-Content-Sha256", "X-Amz-Target"]),
                                rng.choice(["", "x", "100-continue", "\xff" * 10, "application/x-www-form-urlencoded", "application/x-amz-json-1.0; charset=utf-16", "UNSIGNED-PAYLOAD"]))]
        return method, target, fields, body


# --- The object store

XML_BOMB = b'<!DOCTYPE a [<!ENTITY a0 "ha">' + b"".join(b'<!ENTITY a%d "&a%d;&a%d;">' % (n, n - 1, n - 1) for n in range(1, 40)) + b"]><Delete><Object><Key>&a39;</Key></Object></Delete>"
DOCUMENTS = [
    b"<Delete><Quiet>true</Quiet><Object><Key>a</Key><VersionId>null</VersionId></Object><Object><Key>b</Key><ETag>x</ETag><Size>1</Size></Object></Delete>",
    b'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Part><PartNumber>1</PartNumber><ETag>"x"</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part></CompleteMultipartUpload>',
    b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
    b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    b"<CORSConfiguration><CORSRule><ID>i</ID><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin><AllowedHeader>*</AllowedHeader><MaxAgeSeconds>3</MaxAgeSeconds></CORSRule></CORSConfiguration>",
    b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>",
    b"<AccessControlPolicy><Owner><ID>x</ID></Owner><AccessControlList><Grant><Grantee><ID>x</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
    b"<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>",
    b"<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>",
    b'{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::*", "Condition": {"StringLike": {"aws:Referer": "*"}}}]}',
    XML_BOMB, b"<a>" * 10_000 + b"</a>" * 10_000, b"<Delete>" + b"<Object><Key>k</Key></Object>" * 2000 + b"</Delete>", b"<a b='" + b"x" * 1_000_000 + b"'/>",
    b"<Delete><Object><Key>" + b"k" * 2000 + b"</Key></Object></Delete>", b"<" * 50_000, b"&" * 50_000, b"<!--" * 10_000, b"<![CDATA[" * 1000, b"<?" * 10_000,
]
TOKENS = re.compile(rb"<[^<>]*>|&[^;&]*;|[^<&]+|.", re.S)
ODD_TEXTS = ["", " ", "0", "-1", "1", "2147483648", "9223372036854775807", "9223372036854775808", "9" * 400, "1e3", "x", "true", "null", "*", "%", "%zz", "%00", "%ff", "%C3%BC", "..", "/",
             "a" * 3000, "\xff", "bytes=0-", "bytes=-1", "bytes=5-2", "bytes=0-9223372036854775807", "bytes=9223372036854775807-9223372036854775807", "bytes=" + "0-1," * 500, "bytes=-9223372036854775808",
             "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 99999 23:59:60 GMT", "0001-01-01T00:00:00Z", "9999-99-99T99:99:99Z", "/fuzz/a", "fuzz/a?versionId=null", "fuzz/%ff", "/fuzz/../x", "AAAAAA==", "1B2M2Y8AsgTpgAmY7PhCfg==",
             "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "UNSIGNED-PAYLOAD", "REPLACE", "COPY", "CRC32", "CRC64NVME", "COMPOSITE", "a=b&c=d", "a=b&a=b", "a" * 200 + "=b", "public-read", "url", "100-continue",
             "multipart/form-data; boundary=b", "multipart/form-data; boundary=", "text/html", '"', '"x"', 'W/"x"', "http://example.com", "http://\x01", "id=x"]
QUERIES = ["acl", "cors", "delete", "policy", "policyStatus", "tagging", "uploads", "uploadId", "partNumber", "versionId", "versioning", "versions", "location", "lifecycle", "website", "publicAccessBlock", "ownershipControls",
           "list-type", "prefix", "delimiter", "marker", "start-after", "continuation-token", "max-keys", "encoding-type", "key-marker", "version-id-marker", "upload-id-marker", "max-uploads", "max-parts", "part-number-marker",
           "attributes", "append", "select", "select-type", "restore", "torrent", "encryption", "notification", "logging", "analytics", "session", "fetch-owner", "response-content-type", "response-expires", "x-id",
           "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Expires", "X-Amz-Date", "Signature", "AWSAccessKeyId", "", "%00", "object-lock", "renameObject"]
FIELDS = ["Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Content-MD5", "Content-Type", "Content-Encoding", "Cache-Control", "Expires", "Expect", "Host", "Origin", "Access-Control-Request-Method",
          "Access-Control-Request-Headers", "x-amz-copy-source", "x-amz-copy-source-range", "x-amz-copy-source-if-match", "x-amz-copy-source-if-modified-since", "x-amz-metadata-directive", "x-amz-tagging", "x-amz-tagging-directive", "x-amz-acl",
          "x-amz-grant-read", "x-amz-meta-a", "x-amz-meta-\xfc", "x-amz-checksum-crc32", "x-amz-checksum-crc64nvme", "x-amz-checksum-sha256", "x-amz-checksum-xxhash128", "x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode", "x-amz-sdk-checksum-algorithm",
          "x-amz-trailer", "x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-storage-class", "x-amz-server-side-encryption", "x-amz-object-attributes", "x-amz-max-parts", "x-amz-part-number-marker", "x-amz-expected-bucket-owner",
          "x-amz-date", "x-amz-security-token", "x-amz-if-match-size", "x-amz-if-match-last-modified-time", "x-amz-mfa", "x-amz-object-lock-mode", "x-amz-bypass-governance-retention", "x-amz-write-offset-bytes", "Authorization", "x-amz-object-ownership"]
KEYS = ["a", "b", "dir/c", "multi", "..", "../../etc/passwd", "%2e%2e/%2e%2e/x", "%00", "a%00b", "%ff", "%zz", "%", "a%2", "k" * 1024, "k" * 1025, "%C3%BC" * 600, "/", "//", "./.", "a b", "a+b", "a?b", "%0d%0a", "%01", "%7f", "\xff", "ü", "a" * 70_000,
        "%ed%a0%80", "%f0%9f%98%80", "%c0%80", ";", "*", "[", "\\", "%5c..%5c", "dir/", "%20"]
BUCKETS = ["fuzz", "versions", "none", "..", ".", "%2e%2e", "%00", "%ff", "A", "a" * 64, "a..b", "192.168.0.1", "", "%zz", "fuzz%2fa", "\xff", "xn--x", "v1", "fuzz.s3.amazonaws.com"]


def changed_document(rng, body):
    parts = TOKENS.findall(body[:200_000])
    for _ in range(rng.choice([0, 0, 1, 2, 5])):
        at = rng.randrange(len(parts) + 1) if parts else 0
        choice = rng.randrange(6)
        if choice == 0 and parts:
            del parts[at % len(parts)]
        elif choice == 1 and parts:
            parts[at % len(parts)] = rng.choice(ODD_TEXTS).encode("latin-1", "replace")
        elif choice == 2 and parts:
            parts[at:at] = parts[at:at + 4] * rng.choice([1, 3, 300])
        elif choice == 3:
            parts.insert(at, rng.choice([b"\0", b"\xff", b"&x;", b"&#0;", b"&#xD800;", b"&#99999999999999;", b"<a>", b"</a>", b"<a/>", b"<!---->", b"<![CDATA[]]>", b"<?x?>", b"<!DOCTYPE a>", b"]]>", b"&lt;" * 1000]))
        elif choice == 4:
            parts.insert(at, rng.choice(DOCUMENTS))
        else:
            parts = parts[:at]
    return b"".join(parts)


class ObjectStore:
    def __init__(self, server):
        s3 = server.client("s3")
        for bucket in ("fuzz", "versions"):
            s3.create_bucket(Bucket=bucket)
            for key in ("a", "b", "dir/c"):
                s3.put_object(Bucket=bucket, Key=key, Body=key.encode() * 30_000, Tagging="a=b", Metadata={"a": "b"})
        s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
        self.upload = s3.create_multipart_upload(Bucket="fuzz", Key="multi")["UploadId"]
        s3.upload_part(Bucket="fuzz", Key="multi", UploadId=self.upload, PartNumber=1, Body=b"x" * 100)
        self.s3 = s3

    def draw(self, rng):
        method = rng.choice(["GET", "GET", "GET", "PUT", "PUT", "PUT", "POST", "POST", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE", "PURGE"])
        bucket = rng.choice(["fuzz"] * 12 + ["versions"] * 4 + BUCKETS)
        target = f"/{bucket}"
        if rng.random() < 0.7:
            target += "/" + rng.choice(["a", "b", "multi", "dir/c", *KEYS])
        query = []
        for _ in range(rng.choice([0, 0, 1, 1, 2, 4])):
            name = rng.choice(QUERIES)
            value = self.upload if name == "uploadId" and rng.random() < 0.6 else rng.choice(ODD_TEXTS).replace(" ", "%20")
            query.append(name if rng.random() < 0.5 else f"{name}={value}")
        if query:
            target += "?" + "&".join(query)
        fields = [("Host", rng.choice(["x", "x", "127.0.0.1", "fuzz.localhost", "..localhost", "\xff", "a" * 300 + ".localhost", "[::1]:99999999999", ":", "fuzz.s3.us-east-1.amazonaws.com"]))]
        for _ in range(rng.choice([0, 0, 1, 1, 2, 3, 6])):
            fields.append((rng.choice(FIELDS).encode("latin-1"), rng.choice(ODD_TEXTS).encode("latin-1", "replace").replace(b"\x01", b"")))
        if rng.random() < 0.05 and len(fields) > 1:
            fields += [fields[-1]] * rng.choice([1, 50])
        kind = rng.random()
        if method in ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE") and rng.random() < 0.9:
            body = b""
        elif kind < 0.5:
            body = changed_document(rng, rng.choice(DOCUMENTS))
            if rng.random() < 0.7:
                fields.append(("Content-MD5", base64.b64encode(hashlib.md5(body).digest()).decode()))
        elif kind < 0.65:
            body = chunked(rng, rng.randbytes(rng.choice([0, 10, 40_000])))
            fields += [("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), ("x-amz-decoded-content-length", rng.choice(["0", "10", "40000", "-1", "9" * 30]))]
        elif kind < 0.8:
            parts = [b'Content-Disposition: form-data; name="key"\r\n\r\n' + rng.choice([b"form", b"${filename}" * 50, b"", b"\xff", b"k" * 2000]),
                     b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % (rng.choice([b"tagging", b"policy", b"acl", b"x-amz-meta-a", b"success_action_redirect", b"success_action_status", b"x" * 300]), rng.choice(ODD_TEXTS).encode("latin-1", "replace")),
                     b'Content-Disposition: form-data; name="file"; filename="../a"\r\nContent-Type: x\r\n\r\n' + rng.randbytes(rng.choice([0, 100, 70_000]))]
            rng.shuffle(parts)
            body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts[:rng.choice([1, 2, 3, 3, 3])]) + rng.choice([b"--b--\r\n", b"--b", b"", b"--b\r\n\r\n--b--"])
            fields.append(("Content-Type", "multipart/form-data; boundary=b"))
            method, target = "POST", target if rng.random() < 0.2 else "/fuzz"
        else:
            body = rng.randbytes(rng.choice([0, 1, 100, 16_384, 16_385, 100_000, 1_000_000]))
        return method, target.replace(" ", "%20"), fields, body


# --- Cases

KINDS = {"services": Services, "s3": ObjectStore}


def fuzz_requests(kind, server, seed, seconds):
    """Sends requests until the time is over or ten have failed. Gives their number and the failures as texts."""
    source = KINDS[kind](server)
    wire, count, failures = Wire(server.api_port), 0, []
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(failures) < 10:
        count += 1
        rng = random.Random(f"{kind} {seed} {count}")
        cases = [source.draw(rng) for _ in range(rng.choice([1] * 12 + [2, 5]))]
        form = rng.random()
        sent = b""
        try:
            if form < 0.12:
                sent = broken(rng, *cases[0])
                for answer in wire.last(sent):
                    answer.check("")
            else:
                requests = [(case[0], request(*case[:3], chunked(rng, case[3]), "chunked") if form < 0.2 else request(*case)) for case in cases]
                sent = b"".join(data for _, data in requests)
                answers = wire.exchange(requests)
                for (method, _), answer in zip(requests, answers):
                    if answer is None:
                        raise Failure("the connection was closed without an answer")
                    answer.check(method)
                if len(answers) < len(requests) and answers[-1].fields.get("connection") != "close":
                    raise Failure(f"{len(answers)} answers to {len(requests)} requests")
        except Failure as failure:
            failures.append(f"{kind}, seed {seed}, case {count}: {failure}\n  {sent[:1500]!r}")
            wire.close()
        except Exception as error:  # Of ours: the case is worth seeing all the same.
            failures.append(f"{kind}, seed {seed}, case {count}: {type(error).__name__}: {error}\n  {sent[:1500]!r}")
            wire.close()
        if server.process.poll() is not None:
            failures.append(f"case {count}: the server ended with {server.process.returncode}:\n{(server.directory / 'server.log').read_text(errors='replace')[-3000:]}\n  {sent[:1500]!r}")
            break
        if count % 100 == 0:
            failures += unhealthy(server, f"{kind}, seed {seed}, case {count}")
    if server.process.poll() is None:
        failures += unhealthy(server, f"{kind}, seed {seed}, at the end")
    for failure in failures:
        print(failure, flush=True)
    return count, failures


def unhealthy(server, when):
    peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{server.process.pid}/status").read_text())[1]) << 10
    if peak > RESIDENT_MAX:
        return [f"{when}: {peak >> 20} MiB of memory"]
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.console_port, timeout=PATIENCE_SECONDS)
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
        if status != 200:
            return [f"{when}: /healthz gives {status}"]
        server.client("s3").list_buckets()
        server.client("stepfunctions").list_state_machines()
    except Exception as error:
        return [f"{when}: no longer serving: {error}"]
    return []
