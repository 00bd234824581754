#!/usr/bin/env python3
"""How fast the S3 server and the S3 client are, next to other people's in the same run. Needs curl.

    objects.py                   all of it, for .build/release; some minutes
    objects.py peers page        some of it: peers, page, client
    objects.py --bin DIR ...     the programs of another directory
    objects.py --stores DIR ...  where rclone and hypercorn (with ministack) are; `make peers` installs them

peers   small and large objects at our server, rclone and ministack, turn by turn. Clients are 8 processes whose signed
        requests are written before the clock starts, so that what is measured is the server. Every body is compared.
        Ours has synchronised the disk before it answers a PUT; the others do not.
page    pages of 1,000 keys out of 1,000,000, which have been stored in no order.
client  our client next to curl, as whole processes: a large object up and down, 4,000 objects of 4 KiB by 8 clients. curl
        has presigned URLs and checks nothing; the client signs, sends a CRC64NVME and compares what it gets. Large: both
        read one stream; curl sends one, the client parts, some at a time. The best of the rounds counts.

A measure is a function with its name in MEASURES; it yields rows of (what, value, unit, remark).
"""
import argparse, contextlib, datetime, filecmp, hashlib, hmac, json, multiprocessing, os, pathlib, re, signal
import socket, sqlite3, statistics, subprocess, sys, tempfile, time, urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[1]
MIB = 1 << 20
SMALL, CLIENTS = 4000, 8
ALONE = 1000  # small objects when there is one client
REGION, BUCKET = "us-east-1", "bench"


# MARK: servers

class Server:
    """Millrace on an empty directory of its own."""

    name, durable = "millrace", True

    def __init__(self, options, directory):
        self.directory = pathlib.Path(directory)
        self.port, self.key, self.secret = free_port(), "test-key", "test-secret-0123456789"
        self.options = options
        self.start()

    def command(self):
        return [self.options.bin / "millrace", "serve", "--data", self.directory / "data", "--port", self.port,
                "--console-port", free_port()]

    def start(self):
        self.process = subprocess.Popen(
            list(map(str, self.command())), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.directory)
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                break
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start: {self.command()}")
            time.sleep(0.01)
        credentials = self.directory / "data" / "credentials"
        if self.durable:
            keys = json.loads(credentials.read_text())
            self.key, self.secret = keys["accessKeyId"], keys["secretAccessKey"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def processes(self):
        """Its process id, and those of its children."""
        found, parents = [self.process.pid], {}
        for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parents[int(status.parent.name)] = int(status.read_text().rsplit(")", 1)[1].split()[1])
        for process in found:
            found += [child for child, parent in parents.items() if parent == process]
        return found

    def cpu_seconds(self):
        ticks = 0
        for process in self.processes():
            fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def forget_peak(self):
        for process in self.processes():
            pathlib.Path(f"/proc/{process}/clear_refs").write_text("5")

    def peak_megabytes(self):
        texts = [pathlib.Path(f"/proc/{process}/status").read_text() for process in self.processes()]
        return sum(int(re.search(r"VmHWM:\s+(\d+)", text)[1]) for text in texts) / 1024


class Rclone(Server):
    name, durable, program = "rclone", False, "rclone"

    def command(self):
        (self.directory / "objects").mkdir(exist_ok=True)
        return [self.options.stores / "rclone", "--config", os.devnull, "serve", "s3", "--addr", f"127.0.0.1:{self.port}",
                "--auth-key", f"{self.key},{self.secret}", self.directory / "objects"]


class Ministack(Server):
    name, durable, program = "ministack", False, "hypercorn"

    def command(self):
        return [self.options.stores / "hypercorn", "ministack.app:app", "--bind", f"127.0.0.1:{self.port}", "--log-level",
                "warning"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# MARK: requests

def request(server, method, path, query="", body=b""):
    """A signed request as it goes over the wire."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    key = b"AWS4" + server.secret.encode()
    scope = (now[:8], REGION, "s3", "aws4_request")
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    fields = {"host": f"127.0.0.1:{server.port}", "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "x-amz-date": now}
    names = ";".join(fields)
    canonical = "\n".join([method, path, query, *(f"{k}:{v}" for k, v in fields.items()), "", names, "UNSIGNED-PAYLOAD"])
    text = f"AWS4-HMAC-SHA256\n{now}\n{'/'.join(scope)}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    fields["authorization"] = (f"AWS4-HMAC-SHA256 Credential={server.key}/{'/'.join(scope)}, SignedHeaders={names}, "
                               f"Signature={hmac.new(key, text.encode(), hashlib.sha256).hexdigest()}")
    if method == "PUT":
        fields["content-length"] = len(body)
    head = f"{method} {path}{'?' + query if query else ''} HTTP/1.1\r\n"
    return (head + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n").encode()


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(MIB)

    def call(self, *parts):
        """Sends a request; the answer's body. Only the last answer's bytes are valid, until the next call."""
        for part in parts:
            self.socket.sendall(part)
        got = 0
        while (end := self.buffer.find(b"\r\n\r\n", 0, got)) < 0:
            got += self.receive(got)
        head = bytes(self.buffer[:end]).lower()
        if not head.startswith((b"http/1.1 200", b"http/1.1 204")):
            raise RuntimeError(f"{parts[0][:80]!r} gave {bytes(self.buffer[:got])[:400]!r}")
        length = re.search(rb"content-length: *(\d+)", head)
        if length is None:
            raise RuntimeError(f"an answer without length: {head!r}")
        size = end + 4 + int(length[1])
        if size > len(self.buffer):
            self.buffer.extend(bytes(size - len(self.buffer)))
        while got < size:
            got += self.receive(got)
        return memoryview(self.buffer)[end + 4:size]

    def receive(self, offset):
        count = self.socket.recv_into(memoryview(self.buffer)[offset:])
        if count == 0:
            raise RuntimeError("the server closed the connection")
        return count


def small_body(number):
    return number.to_bytes(8, "little") + bytes(i * 37 & 255 for i in range(4088))


def small_requests(port, requests, numbers, barrier):
    """One client: PUTs or GETs of small objects."""
    connection, bodies = Connection(port), [small_body(number) for number in numbers]
    barrier.wait()
    for head, body in zip(requests, bodies):
        if head.startswith(b"PUT"):
            connection.call(head + body)
        elif connection.call(head) != body:
            raise RuntimeError(f"{head[:60]!r} gave other bytes")


def small(server, method, total, count):
    """`total` objects by `count` clients: seconds of wall time, and of the server's processors."""
    barrier, clients = multiprocessing.Barrier(count + 1), []
    for client in range(count):
        numbers = range(client, total, count)
        requests = [request(server, method, f"/{BUCKET}/small/{number}", body=bytes(4096)) for number in numbers]
        clients.append(multiprocessing.Process(target=small_requests, args=(server.port, requests, numbers, barrier)))
    for client in clients:
        client.start()
    barrier.wait()
    cpu, begin = server.cpu_seconds(), time.perf_counter()
    for client in clients:
        client.join()
    seconds = time.perf_counter() - begin
    if any(client.exitcode != 0 for client in clients):
        raise RuntimeError(f"{server.name}: a client failed")
    return seconds, server.cpu_seconds() - cpu


def large(server, method, body):
    connection, path = Connection(server.port), f"/{BUCKET}/large"
    cpu = server.cpu_seconds()
    if method == "PUT":
        head = request(server, method, path, body=body)
        begin = time.perf_counter()
        connection.call(head, body)
    else:
        head = request(server, method, path)
        connection.buffer = bytearray(len(body) + MIB)
        begin = time.perf_counter()
        answer = connection.call(head)
    seconds = time.perf_counter() - begin
    if method == "GET" and answer != body:
        raise RuntimeError(f"{server.name}: other bytes")
    return seconds, server.cpu_seconds() - cpu


def written(file, body):
    """Seconds for a new file, which is then removed."""
    begin = time.perf_counter()
    with open(file, "wb", buffering=0) as stream:
        for start in range(0, len(body), MIB):
            stream.write(memoryview(body)[start:start + MIB])
        os.fsync(stream.fileno())
    seconds = time.perf_counter() - begin
    file.unlink()
    return seconds


# MARK: measures

def peers(options):
    """Small and large objects, beside other servers."""
    body = os.urandom(MIB) * 100
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as work, contextlib.ExitStack() as stack:
        servers = []
        for kind in (Server, Rclone, Ministack):
            if kind is not Server and not (options.stores / kind.program).exists():
                yield kind.name, 0, "", f"left out: {options.stores / kind.program} is missing; `make peers` installs it"
                continue
            directory = pathlib.Path(work, kind.name)
            directory.mkdir()
            servers.append(kind(options, directory))
            stack.callback(servers[-1].stop)
            connection = Connection(servers[-1].port)
            connection.call(request(servers[-1], "PUT", f"/{BUCKET}"))
            # rclone fails when several clients at once have it make the folder that a key begins with.
            connection.call(request(servers[-1], "PUT", f"/{BUCKET}/small/first"))
        works = {
            f"PUT {SMALL} x 4 KiB, {CLIENTS} clients": (SMALL, lambda server: small(server, "PUT", SMALL, CLIENTS)),
            f"GET {SMALL} x 4 KiB, {CLIENTS} clients": (SMALL, lambda server: small(server, "GET", SMALL, CLIENTS)),
            f"PUT {ALONE} x 4 KiB, one client": (ALONE, lambda server: small(server, "PUT", ALONE, 1)),
            f"GET {ALONE} x 4 KiB, one client": (ALONE, lambda server: small(server, "GET", ALONE, 1)),
            "PUT 100 MiB": (0, lambda server: large(server, "PUT", body)),
            "GET 100 MiB": (0, lambda server: large(server, "GET", body)),
        }
        for what, (count, run) in works.items():
            best, disk = {}, float("inf")
            for _ in range(options.rounds):
                if what == "PUT 100 MiB":
                    disk = min(disk, written(pathlib.Path(work, "plain"), body))
                for server in servers:
                    server.forget_peak()
                    taken = run(server)
                    peak = max(server.peak_megabytes(), best.get(server, (0, 0, 0))[2])
                    best[server] = (*min(taken, best.get(server, taken)[:2]), peak)
            for server, (seconds, cpu, peak) in best.items():
                durable = ", durable" if server.durable and "PUT" in what else ""
                if count == 0:
                    yield f"{what}, {server.name}", len(body) / 1e6 / seconds, "MB/s", f"server at most {peak:.0f} MB{durable}"
                else:
                    yield (f"{what}, {server.name}", count / seconds, "/s",
                           f"server {cpu / count * 1000:.3f} s of processor time per 1,000{durable}")
            if what == "PUT 100 MiB":
                yield f"{what}, the disk alone", len(body) / 1e6 / disk, "MB/s", "write and fsync of a new file, durable"


def page(options):
    """Pages of 1,000 keys out of 1,000,000."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as work:
        server = Server(options, work)
        try:
            Connection(server.port).call(request(server, "PUT", f"/{BUCKET}"))
            Connection(server.port).call(request(server, "PUT", f"/{BUCKET}/seed", body=b"seed"), b"seed")
            server.stop()
            fill(pathlib.Path(work, "data"))
            server.start()
            connection = Connection(server.port)

            def listed(**query):
                query = {"list-type": "2", "max-keys": "1000"} | {k.replace("_", "-"): v for k, v in query.items()}
                text = "&".join(f"{k}={urllib.parse.quote(v, safe='')}" for k, v in sorted(query.items()))
                begin = time.perf_counter()
                answer = connection.call(request(server, "GET", f"/{BUCKET}", text))
                seconds = time.perf_counter() - begin
                answer = bytes(answer).decode()
                token = re.search("<NextContinuationToken>(.*)</NextContinuationToken>", answer)
                keys = re.findall("<Contents><Key>(.*?)</Key>", answer)
                return seconds, keys, re.findall("<CommonPrefixes><Prefix>(.*?)</Prefix>", answer), token and token[1]

            middle = listed(start_after="p5/499/00099")[3]
            pages = {
                "the first page": ({}, 1000, 0),
                "in the middle, by start-after": ({"start_after": "p5/499/00050"}, 1000, 0),
                "in the middle, by token": ({"continuation_token": middle}, 1000, 0),
                "with a prefix": ({"prefix": "p7/1"}, 1000, 0),
                "10 groups of 100,000 keys": ({"delimiter": "/"}, 0, 10),
                "1,000 groups of 100 keys": ({"delimiter": "/", "prefix": "p3/"}, 0, 1000),
                "1,000 keys, none of which is in a group": ({"delimiter": "|", "prefix": "p3/"}, 1000, 0),
            }
            for what, (query, keys, groups) in pages.items():
                cpu, times = server.cpu_seconds(), []
                for _ in range(20):
                    seconds, found, prefixes, _ = listed(**query)
                    if (len(found), len(prefixes)) != (keys, groups) or found != sorted(found):
                        raise RuntimeError(f"{what}: {len(found)} keys and {len(prefixes)} groups")
                    times.append(seconds)
                cpu = (server.cpu_seconds() - cpu) / len(times)
                yield (f"page, {what}", statistics.median(times) * 1000, "ms",
                       f"worst {max(times) * 1000:.1f} ms, {cpu * 1000:.1f} ms of processor time; bar: under 15")
            count, token, begin = 0, None, time.perf_counter()
            while count == 0 or token:
                _, found, _, token = listed(**({"continuation_token": token} if token else {}))
                count += len(found)
            if count != 1_000_000:
                raise RuntimeError(f"{count} keys were listed")
            yield "all keys, page by page", count / (time.perf_counter() - begin), "/s", "1,000,000 keys, none lost"
        finally:
            server.stop()


def fill(data):
    """Makes 1,000,000 objects of the one that is there: its row again and again under other keys, which are p0/000/00000 to
    p9/999/00099, stored in no order."""
    with contextlib.closing(sqlite3.connect(data / "objects" / "index.sqlite")) as index, index:
        columns = [row[1] for row in index.execute("PRAGMA table_info(object)") if row[1] not in ("id", "key")]
        row = index.execute(f"SELECT id, {', '.join(columns)} FROM object").fetchone()
        index.execute("DELETE FROM object")
        numbers = (number * 611_953 % 1_000_000 for number in range(1_000_000))
        keys = (f"p{n // 100_000}/{n // 100 % 1000:03}/{n % 100:05}".encode() for n in numbers)
        index.executemany(
            f"INSERT INTO object (id, key, {', '.join(columns)}) VALUES ({', '.join('?' * (len(columns) + 2))})",
            ((row[0] + number, key, *row[1:]) for number, key in enumerate(keys)))


def client(options):
    """Our client beside curl, at our server."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as work:
        work = pathlib.Path(work)
        server = Server(options, work)
        words = [options.bin / "objects-benchmark", f"http://127.0.0.1:{server.port}", server.key, server.secret, BUCKET]

        def urls(*more):
            return subprocess.run([*words, *more], check=True, capture_output=True, text=True).stdout.split()

        try:
            timed([*words, "bucket", "x"])
            file, back = work / "large", work / "back"
            with open(file, "wb") as stream:
                for _ in range(options.mib):
                    stream.write(os.urandom(MIB))
            numbers = range(SMALL)
            for number in numbers:
                (work / f"{number}").write_bytes(small_body(number))
            (work / "puts").write_text("".join(
                f'upload-file = "{work / str(n)}"\nurl = "{url}"\n' for n, url in zip(numbers, urls("urls", "PUT", str(SMALL)))))
            (work / "gets").write_text("".join(
                f'output = "/dev/null"\nurl = "{url}"\n' for url in urls("urls", "GET", str(SMALL))))
            curl = ["curl", "-fsS"]
            parallel = [*curl, "--parallel", "--parallel-immediate", "--parallel-max", str(CLIENTS), "-K"]
            pairs = {
                f"PUT {options.mib} MiB": ([*words, "put", file, "large"], [*curl, "-T", file, urls("url", "PUT", "large-by-curl")[0]]),
                f"GET {options.mib} MiB": ([*words, "get", "large", "/dev/null"], [*curl, "-o", "/dev/null", urls("url", "GET", "large")[0]]),
                f"PUT {SMALL} x 4 KiB": ([*words, "puts", str(SMALL), str(CLIENTS)], [*parallel, work / "puts"]),
                f"GET {SMALL} x 4 KiB": ([*words, "gets", str(SMALL), str(CLIENTS)], [*parallel, work / "gets"]),
            }
            for what, commands in pairs.items():
                best = [(float("inf"), 0), (float("inf"), 0)]
                for turn in range(options.rounds):
                    for index in (0, 1) if turn % 2 == 0 else (1, 0):
                        best[index] = min(best[index], timed(commands[index]))
                (ours, our_cpu), (theirs, their_cpu) = best
                yield (f"client, {what}", theirs / ours, "times curl",
                       f"{ours:.2f} s, curl {theirs:.2f} s; processor time {our_cpu:.2f} s, curl {their_cpu:.2f} s; bar: over 0.85")
            for name in ("large", "large-by-curl"):
                timed([*words, "get", name, back])
                if not filecmp.cmp(file, back, shallow=False):
                    raise RuntimeError(f"{name} came back changed")
        finally:
            server.stop()


def timed(command):
    """Seconds of wall time, and of processor time."""
    before, begin = os.times(), time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    seconds, after = time.perf_counter() - begin, os.times()
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return seconds, sum(after[2:4]) - sum(before[2:4])


MEASURES = {f.__name__: f for f in (peers, page, client)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measures", nargs="*", choices=[[], *MEASURES], metavar="MEASURE", help=", ".join(MEASURES))
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / ".build/release", help="the directory of the programs")
    parser.add_argument("--stores", type=pathlib.Path, default=ROOT / ".build/stores/bin", help="the directory of rclone and hypercorn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=256, help="of the large object of client")
    options = parser.parse_args()
    options.bin, options.stores = options.bin.absolute(), options.stores.absolute()
    for name in options.measures or MEASURES:
        try:
            for what, value, unit, remark in MEASURES[name](options):
                print(f"{what:56} {value:>10,.{2 if value < 100 else 0}f} {unit:10} {remark}", flush=True)
        except RuntimeError as error:
            sys.exit(f"{name}: {error}")


if __name__ == "__main__":
    main()
