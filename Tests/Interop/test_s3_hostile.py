"""Clients that do not behave: idle and slow connections, too much of everything, broken uploads. Errors are as AWS gives
them, nothing is visible in part or left over, and others are not disturbed."""
import base64, contextlib, email.utils, hashlib, hmac, json, os, pathlib, re, resource, socket, threading, time, xml.etree.ElementTree

import pytest
from botocore.exceptions import ClientError
from conftest import BIN
from test_bad_input import Wire
from test_memory import memory


def connect(server, receive_bytes=None):
    client = socket.socket()
    if receive_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(60)
    client.connect(("127.0.0.1", server.api_port))
    return client


def answer_on(client):
    """Status, fields and body of one answer, up to the end of the connection."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(65536):
            data += piece
    if not data:
        return None
    head, _, body = data.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    return int(line.split()[1]), {n.lower(): v.strip() for n, _, v in (f.partition(":") for f in fields)}, body


def s3_code(body):
    root = xml.etree.ElementTree.fromstring(body)
    assert root.tag == "Error" and root.findtext("Message"), body
    return root.findtext("Code")


def refused(call):
    with pytest.raises(ClientError) as error:
        call()
    answer = error.value.response
    assert answer["Error"].get("Message"), answer
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def presigned(server, operation, **parameters):
    url = server.client("s3").generate_presigned_url(operation, Params=parameters, ExpiresIn=600)
    return url[len(server.endpoint):]


def head(server, method, target, *fields):
    return "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{server.api_port}", *fields, "", ""]).encode()


def staged(server):
    return list((server.directory / "objects" / "staging").iterdir())


def assert_nothing_staged(server):
    deadline = time.monotonic() + 30
    while staged(server):
        assert time.monotonic() < deadline, staged(server)
        time.sleep(0.02)


class Bystander(threading.Thread):
    """A client that nobody may disturb."""

    def __init__(self, server, bucket):
        super().__init__()
        self.s3, self.bucket, self.stopped, self.count, self.error = server.client("s3"), bucket, threading.Event(), 0, None

    def run(self):
        try:
            while not self.stopped.is_set():
                body = os.urandom(20_000)
                self.s3.put_object(Bucket=self.bucket, Key="bystander", Body=body)
                assert self.s3.get_object(Bucket=self.bucket, Key="bystander")["Body"].read() == body
                self.count += 1
        except Exception as error:
            self.error = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join()
        assert self.error is None and self.count > 0, self.error


# --- Many, and slow

def test_five_thousand_idle_connections(new_server):
    count = 5000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 500:
        pytest.skip(f"this user may open {hard} files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 1000) if hard != resource.RLIM_INFINITY else count + 1000, hard))
    idle = []
    try:
        # A shell's usual limit, which the server raises by itself.
        server = new_server(
            program=("sh", "-c", 'ulimit -Sn 1024; exec "$0" "$@"', BIN / "millrace"),
            variables={"MILLRACE_HTTP_IDLE_SECONDS": "15"})
        limits = pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()
        files = re.search(r"Max open files\s+(\d+)\s+(\d+)", limits)
        assert files[1] == files[2], files[0]
        s3, states = server.client("s3"), server.client("stepfunctions")
        s3.create_bucket(Bucket="lake")
        before = memory(server.process.pid, "VmRSS")
        for number in range(count):
            client = connect(server)
            # Some have begun to say something.
            if number % 3 == 0:
                client.sendall(b"PUT /lake/never HTTP/1.1\r\nHost: x\r\nContent-")
            elif number % 3 == 1:
                client.sendall(b"GET /lake/none HTTP/1.1\r\nHost: x\r\n\r\n")
                assert client.recv(65536).startswith(b"HTTP/1.1 403 ")
            idle.append(client)
        for number in range(20):
            s3.put_object(Bucket="lake", Key=f"k{number}", Body=os.urandom(30_000))
            assert s3.list_objects_v2(Bucket="lake")["KeyCount"] == number + 1
            states.list_state_machines()
        each = (memory(server.process.pid, "VmRSS") - before) / count
        print(f"{each / 1024:.1f} KiB for each idle connection")
        assert each < 64 * 1024
        for client in idle:
            assert answer_on(client) is None, "an idle connection was told something"
        assert s3.list_objects_v2(Bucket="lake")["KeyCount"] == 20
        # What they have used is not kept for the next crowd.
        deadline = time.monotonic() + 60
        while memory(server.process.pid, "VmRSS") - before > count * 6 * 1024:
            assert time.monotonic() < deadline, memory(server.process.pid, "VmRSS") - before
            time.sleep(0.2)
    finally:
        for client in idle:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def strict(new_server):
    """A server that has little patience."""
    server = new_server(variables={"MILLRACE_HTTP_IDLE_SECONDS": "3", "MILLRACE_HTTP_STALL_SECONDS": "2"})
    server.client("s3").create_bucket(Bucket="lake")
    return server


def trickle(client, data, pause=0.2):
    """Sends byte by byte until the other side has had enough."""
    client.settimeout(0.001)
    with contextlib.suppress(ConnectionError):
        for byte in data:
            client.sendall(bytes([byte]))
            with contextlib.suppress(TimeoutError):
                client.recv(1, socket.MSG_PEEK)
                break
            time.sleep(pause)
        else:
            raise AssertionError("a client may take as long as it likes")
    client.settimeout(60)


def test_slow_senders_are_cut_off(strict):
    with Bystander(strict, "lake"):
        client = connect(strict)
        trickle(client, head(strict, "GET", "/lake", "X: " + "x" * 1000))
        assert answer_on(client) is None
        for target, field, is_code in [
            (presigned(strict, "put_object", Bucket="lake", Key="slow"), "X: y", s3_code),
            ("/", "X-Amz-Target: AWSGlue.GetTables", lambda body: json.loads(body)["__type"]),
        ]:
            client = connect(strict)
            client.sendall(head(strict, "PUT" if "slow" in target else "POST", target, "Content-Length: 100000", field))
            trickle(client, b"x" * 1000)
            status, _, body = answer_on(client)
            assert (status, is_code(body)) == (400, "RequestTimeout"), body
        # Who sends steadily, however long it takes, gets through.
        client, body = connect(strict), os.urandom(8 * 6000)
        client.sendall(head(strict, "PUT", presigned(strict, "put_object", Bucket="lake", Key="steady"), f"Content-Length: {len(body)}", "Connection: close"))
        for at in range(0, len(body), 6000):
            client.sendall(body[at:at + 6000])
            time.sleep(0.6)
        assert answer_on(client)[0] == 200
    s3 = strict.client("s3")
    assert s3.get_object(Bucket="lake", Key="steady")["Body"].read() == body
    assert "slow" not in [o["Key"] for o in s3.list_objects_v2(Bucket="lake")["Contents"]]
    assert_nothing_staged(strict)


def test_slow_readers_are_cut_off(strict):
    size = 64 << 20
    s3 = strict.client("s3")
    s3.put_object(Bucket="lake", Key="big", Body=os.urandom(size))
    target = presigned(strict, "get_object", Bucket="lake", Key="big")
    with Bystander(strict, "lake"):
        clients = [connect(strict, 64 * 1024) for _ in range(5)]
        for client in clients:
            client.sendall(head(strict, "GET", target))
        deadline = time.monotonic() + 60
        for client in clients:
            while is_served(strict, client):
                assert time.monotonic() < deadline, "a client may hold an answer as long as it likes"
                time.sleep(0.05)
            # What the kernels had is still there.
            assert len(answer_on(client)[2]) < size
        # Who takes something now and then gets all of it.
        client, total = connect(strict, 64 * 1024), 0
        client.sendall(head(strict, "GET", target, "Connection: close"))
        while total < 4 << 20:
            total += len(client.recv(200_000))
            time.sleep(0.1)
        while piece := client.recv(1 << 20):
            total += len(piece)
        assert total > size


def is_served(server, client):
    """Whether the server's end of a connection is open."""
    established = "01"
    for line in open("/proc/net/tcp").readlines()[1:]:
        _, here, there, state, *_ = line.split()
        if (int(here[-4:], 16), int(there[-4:], 16)) == (server.api_port, client.getsockname()[1]):
            return state == established
    return False


# --- Limits

def test_what_is_too_large_is_refused_by_name(server):
    s3, name = server.client("s3"), "limits" + os.urandom(5).hex()
    s3.create_bucket(Bucket=name)
    for fields in (["X-Long: " + "x" * 100_000], [f"X-Long-{n}: {'x' * 1000}" for n in range(100)], [f"X-{n}: y" for n in range(2000)]):
        client = connect(server)
        client.sendall(head(server, "GET", f"/{name}", *fields))
        status, answered, body = answer_on(client)
        assert (status, s3_code(body)) == (400, "RequestHeaderSectionTooLarge"), body
        assert answered["x-amzn-errortype"] == "RequestHeaderSectionTooLarge" and answered["connection"] == "close"
    for line in ("GET / HTTP/9.9", "NONSENSE", "GET / HTTP/1.1\r\nBad Header: x", "GET / HTTP/1.1\r\nContent-Length: -1"):
        client = connect(server)
        client.sendall(line.encode() + b"\r\n\r\n")
        status, answered, body = answer_on(client)
        assert (status, s3_code(body)) == (400, "BadRequest"), (line, body)
    # Behind an answer that is still due, in order.
    client = connect(server)
    client.sendall(head(server, "GET", f"/{name}") + b"garbage\r\n\r\n")
    answers = answer_on(client)[2]
    assert b"<Code>AccessDenied</Code>" in answers and answers.endswith(b"</Error>") and b"<Code>BadRequest</Code>" in answers, answers
    put = lambda **options: lambda: s3.put_object(**{"Bucket": name, "Key": "k", "Body": b"x", **options})
    assert refused(put(Key="k" * 1025)) == (400, "KeyTooLongError")
    assert refused(put(Key="ü" * 513)) == (400, "KeyTooLongError")
    assert refused(put(Metadata={"a": "x" * 2048})) == (400, "MetadataTooLarge")
    assert refused(put(Tagging="&".join(f"k{n}=v" for n in range(11)))) == (400, "BadRequest")
    tags = [{"Key": f"k{n}", "Value": "v"} for n in range(11)]
    s3.put_object(Bucket=name, Key="k")
    assert refused(lambda: s3.put_object_tagging(Bucket=name, Key="k", Tagging={"TagSet": tags})) == (400, "BadRequest")
    # Refused by what is declared, before it is sent.
    for operation, size, code in [("put_object", (5 << 30) + 1, "EntityTooLarge"), ("put_object", 1 << 62, "EntityTooLarge")]:
        client = connect(server)
        client.sendall(head(server, "PUT", presigned(server, operation, Bucket=name, Key="huge"), f"Content-Length: {size}"))
        client.shutdown(socket.SHUT_WR)
        status, _, body = answer_on(client)
        assert (status, s3_code(body)) == (400, code), body
    document = b"<Delete>" + b" " * (9 << 20) + b"</Delete>"
    digest = base64.b64encode(hashlib.md5(document).digest()).decode()
    answer = Wire(server).send("POST", f"/{name}?delete", document, headers={"Content-MD5": digest})
    assert (answer.status, answer.code) == (400, "MaxMessageLengthExceeded"), answer
    client = connect(server)
    client.sendall(head(server, "POST", "/", "X-Amz-Target: AWSGlue.GetTables", f"Content-Length: {65 << 20}"))
    client.shutdown(socket.SHUT_WR)
    status, _, body = answer_on(client)
    assert (status, json.loads(body)["__type"]) == (413, "RequestEntityTooLargeException"), body
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=name)["Contents"]] == ["k"]


def test_who_sends_everything_before_reading_gets_the_answer(server):
    body = b"x" * (32 << 20)
    for fields, status in ((["Connection: close"], 404), ([], 404), (["Content-Length: 1"], 400), (["X-Long: " + "x" * 100_000], 400)):
        client = connect(server)
        client.sendall(head(server, "PUT", "/nobody/k", *fields, f"Content-Length: {len(body)}") + body)
        client.shutdown(socket.SHUT_WR)
        assert answer_on(client)[0] == status, fields


# --- Broken uploads

class ChunkSigner:
    """Signs the chunks of a body as SDKs do that know its length only."""

    def __init__(self, server):
        self.server, self.date = server, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.scope = f"{self.date[:8]}/us-east-1/s3/aws4_request"
        key = ("AWS4" + server.secret).encode()
        for part in self.scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        self.key, self.last = key, None

    def sign(self, text):
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()

    def head(self, path, length, framed_length):
        host, kind = f"127.0.0.1:{self.server.api_port}", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        fields = {"host": host, "x-amz-content-sha256": kind, "x-amz-date": self.date, "x-amz-decoded-content-length": str(length)}
        canonical = "\n".join(["PUT", path, "", *(f"{n}:{v}" for n, v in fields.items()), "", ";".join(fields), kind])
        self.last = self.sign("\n".join(["AWS4-HMAC-SHA256", self.date, self.scope, hashlib.sha256(canonical.encode()).hexdigest()]))
        lines = [f"{n}: {v}" for n, v in fields.items() if n != "host"]
        lines.append(f"Authorization: AWS4-HMAC-SHA256 Credential={self.server.key}/{self.scope}, SignedHeaders={';'.join(fields)}, Signature={self.last}")
        return head(self.server, "PUT", path, *lines, "Content-Encoding: aws-chunked", f"Content-Length: {framed_length}", "Connection: close")

    def chunk(self, data):
        empty = hashlib.sha256(b"").hexdigest()
        self.last = self.sign("\n".join(
            ["AWS4-HMAC-SHA256-PAYLOAD", self.date, self.scope, self.last, empty, hashlib.sha256(data).hexdigest()]))
        return b"%x;chunk-signature=%s\r\n%s\r\n" % (len(data), self.last.encode(), data)


def test_bad_chunk_signatures_leave_nothing(server):
    s3, name = server.client("s3"), "chunks" + os.urandom(5).hex()
    s3.create_bucket(Bucket=name)
    pieces = [os.urandom(65536) for _ in range(8)]

    def upload(key, change):
        signer, length = ChunkSigner(server), sum(map(len, pieces))
        framed = sum(len(b"%x" % len(p)) + 85 + len(p) for p in [*pieces, b""])
        client = connect(server)
        start = signer.head(f"/{name}/{key}", length, framed)
        chunks = [signer.chunk(piece) for piece in [*pieces, b""]]
        change(chunks)
        with contextlib.suppress(ConnectionError):
            client.sendall(start)
            for chunk in chunks:
                client.sendall(chunk)
            client.shutdown(socket.SHUT_WR)
        return answer_on(client)

    def flip(at, byte):
        def change(chunks):
            chunks[at] = bytearray(chunks[at])
            chunks[at][byte] ^= 1
        return change

    def swap(chunks):
        chunks[2], chunks[3] = chunks[3], chunks[2]

    assert upload("right", lambda chunks: None)[0] == 200
    assert s3.get_object(Bucket=name, Key="right")["Body"].read() == b"".join(pieces)
    for change in (flip(0, 200), flip(5, 30), flip(7, 60_000), flip(8, 40), swap):
        status, _, body = upload("wrong", change)
        assert (status, s3_code(body)) == (403, "SignatureDoesNotMatch"), body
    for change in (lambda chunks: chunks.pop(), lambda chunks: chunks.pop(4)):
        status, _, body = upload("wrong", change)
        assert status in (400, 403) and s3_code(body) in ("IncompleteBody", "SignatureDoesNotMatch"), body
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=name)["Contents"]] == ["right"]
    assert_nothing_staged(server)


def test_truncated_uploads_are_told_and_leave_nothing(server):
    s3, name = server.client("s3"), "cut" + os.urandom(5).hex()
    s3.create_bucket(Bucket=name)
    upload = s3.create_multipart_upload(Bucket=name, Key="parts")["UploadId"]
    part = presigned(server, "upload_part", Bucket=name, Key="parts", UploadId=upload, PartNumber=1)
    for target in (presigned(server, "put_object", Bucket=name, Key="cut"), part):
        for sent in (0, 1, 1000, 100_000):
            client = connect(server)
            client.sendall(head(server, "PUT", target, "Content-Length: 200000") + b"x" * sent)
            client.shutdown(socket.SHUT_WR)
            status, _, body = answer_on(client)
            assert (status, s3_code(body)) == (400, "IncompleteBody"), body
        client = connect(server)
        client.sendall(head(server, "PUT", target, "Transfer-Encoding: chunked") + b"zz\r\nbroken")
        status, _, body = answer_on(client)
        assert status in (400, 411) and s3_code(body), body
    client = connect(server)
    client.sendall(head(server, "POST", "/", "X-Amz-Target: AWSGlue.GetTables", "Content-Length: 1000") + b"{")
    client.shutdown(socket.SHUT_WR)
    status, _, body = answer_on(client)
    assert (status, json.loads(body)["__type"]) == (400, "IncompleteBody"), body
    assert s3.list_parts(Bucket=name, Key="parts", UploadId=upload).get("Parts", []) == []
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 0
    assert_nothing_staged(server)


@pytest.mark.parametrize("version, option", [("1.0", None), ("1.0", "keep-alive"), ("1.1", "close"), ("1.1", "Close")])
def test_the_last_answer_of_a_connection_ends_it(server, version, option):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="last")
    s3.put_object(Bucket="last", Key="k", Body=b"all of it")
    request = head(server, "GET", presigned(server, "get_object", Bucket="last", Key="k"), *[f"Connection: {option}"] * bool(option))
    with connect(server) as client:
        client.settimeout(10)
        client.sendall(request.replace(b"HTTP/1.1", f"HTTP/{version}".encode()))
        status, fields, body = answer_on(client)
    assert (status, body) == (200, b"all of it")
    # Clients set their clocks by it.
    assert abs(email.utils.parsedate_to_datetime(fields["date"]).timestamp() - time.time()) < 60
