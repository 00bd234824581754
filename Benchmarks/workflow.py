#!/usr/bin/env python3
"""How fast executions run: latencies, transitions, Maps, waiting executions. Needs nothing but Python.

    workflow.py                      all of it, for .build/release; a few minutes
    workflow.py chain flow           some of it
    workflow.py --bin DIR ...        the programs of another directory
    workflow.py --peer moto_server   the same calls to moto, which keeps everything in memory; fewer of what takes it long

Clients are processes of their own that sign each request and keep their connection. The server's data is on disk, and
each answer to StartExecution waits for the disk. Every execution's end is verified. A measure is a function with its
name in MEASURES; it yields rows of (what, value, unit, bar).
"""
import argparse, contextlib, datetime, hashlib, hmac, http.client, json, multiprocessing, os, pathlib, signal
import socket, statistics, subprocess, sys, tempfile, time, uuid

ROOT = pathlib.Path(__file__).resolve().parents[1]
REGION, SERVICE = "us-east-1", "states"
ROLE = "arn:aws:iam::123456789012:role/benchmark"


class Client:
    """One connection to a server; `target` is (port, key, secret)."""

    def __init__(self, target):
        self.port, self.key, self.secret = target
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        self.day = None

    def headers(self, operation, body):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        if self.day != now[:8]:
            self.day = now[:8]
            signing = b"AWS4" + self.secret.encode()
            for part in (self.day, REGION, SERVICE, "aws4_request"):
                signing = hmac.new(signing, part.encode(), hashlib.sha256).digest()
            self.signing = signing
        fields = {"content-type": "application/x-amz-json-1.0", "host": f"127.0.0.1:{self.port}", "x-amz-date": now,
                  "x-amz-target": f"AWSStepFunctions.{operation}"}
        names = ";".join(fields)
        canonical = "\n".join(["POST", "/", "", *(f"{k}:{v}" for k, v in fields.items()), "", names,
                               hashlib.sha256(body).hexdigest()])
        scope = f"{self.day}/{REGION}/{SERVICE}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self.signing, text.encode(), hashlib.sha256).hexdigest()
        return fields | {"authorization": f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, "
                                          f"Signature={signature}"}

    def call(self, operation, **members):
        body = json.dumps(members).encode()
        self.connection.request("POST", "/", body, self.headers(operation, body))
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{operation}: {answer.status} {text[:300]!r}")
        return json.loads(text or b"{}")

    def machine(self, states, kind="STANDARD"):
        definition = {"StartAt": next(iter(states)), "States": states}
        return self.call("CreateStateMachine", name=f"b{uuid.uuid4().hex}", definition=json.dumps(definition),
                         roleArn=ROLE, type=kind)["stateMachineArn"]

    def start(self, machine, text="{}"):
        # moto takes no two executions of one machine without names.
        return self.call("StartExecution", stateMachineArn=machine, name=uuid.uuid4().hex, input=text)["executionArn"]

    def end(self, execution):
        """Waits for an execution's success."""
        pause = 0.0005
        while (status := self.call("DescribeExecution", executionArn=execution)["status"]) == "RUNNING":
            time.sleep(pause)
            pause = min(pause * 1.3, 0.05)
        assert status == "SUCCEEDED", f"{execution}: {status}"

    def seconds(self, machine, text="{}"):
        begin = time.perf_counter()
        self.end(self.start(machine, text))
        return time.perf_counter() - begin


class Server:
    """A server with an empty directory, and how its clients reach it."""

    def __init__(self, bin, peer, directory):
        self.peer, self.data = peer, pathlib.Path(directory) / "data"
        self.port = free_port()
        if peer:
            self.command = [peer, "-p", str(self.port)]
        else:
            self.command = [str(bin / "millrace"), "serve", "--data", str(self.data), "--port", str(self.port),
                            "--console-port", str(free_port())]
        self.start()

    def start(self):
        """Starts it; the seconds until it answers a call."""
        begin = time.perf_counter()
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                self.client().call("ListStateMachines")
                seconds = time.perf_counter() - begin
                if self.peer:
                    self.let_moto_execute()
                return seconds
            except (OSError, ValueError):
                if self.process.poll() is not None or time.perf_counter() - begin > 60:
                    sys.exit(f"the server does not answer: {' '.join(self.command)}")
                time.sleep(0.001)

    def let_moto_execute(self):
        """moto leaves every execution RUNNING unless told otherwise."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/moto-api/config", json.dumps({"stepfunctions": {"execute_state_machine": True}}),
                           {"content-type": "application/json"})
        assert connection.getresponse().status == 201
        connection.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def some(self, count):
        """As many of what takes long as can be waited for."""
        return count // 20 if self.peer else count

    @property
    def target(self):
        if self.peer:
            return self.port, "key", "secret"
        keys = json.loads((self.data / "credentials").read_text())
        return self.port, keys["accessKeyId"], keys["secretAccessKey"]

    def client(self):
        return Client(self.target)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self, what="VmRSS"):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(what)) / 1024


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def in_clients(server, count, work, *arguments):
    """Runs work(client, *arguments) in `count` processes; wall seconds, and what each gave."""
    with multiprocessing.Pool(count) as pool:
        pool.map(time.sleep, [0.05] * count, chunksize=1)
        begin = time.perf_counter()
        results = pool.starmap(run, [(work, server.target, *arguments)] * count, chunksize=1)
        return time.perf_counter() - begin, results


def run(work, target, *arguments):
    return work(Client(target), *arguments)


def passes(count):
    return {f"S{i}": {"Type": "Pass", **({"Next": f"S{i + 1}"} if i + 1 < count else {"End": True})}
            for i in range(count)}


def map_of_passes(**processor):
    return {"M": {"Type": "Map", "ItemsPath": "$", "End": True, "ResultSelector": {"n.$": "States.ArrayLength($)"},
                  "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}, **processor}}}


def wait(seconds):
    return {"W": {"Type": "Wait", "Seconds": seconds, "End": True}}


def start_many(client, machine, count):
    return [client.start(machine) for _ in range(count)]


def start_and_end(client, machine, count):
    for execution in reversed(start_many(client, machine, count)):
        client.end(execution)


def latencies(client, machine, count):
    """The median and the 99th percentile of StartExecution, in milliseconds."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        client.start(machine)
        times.append((time.perf_counter() - begin) * 1000)
    times.sort()
    return statistics.median(times), times[int(count * 0.99)]


def chain(server):
    """200 Pass states, from the start to the end as the client sees it."""
    client = server.client()
    machine = client.machine(passes(200))
    times = [client.seconds(machine) * 1000 for _ in range(20)]
    yield "execution of 200 Pass states, median of 20", statistics.median(times), "ms", 4
    yield "execution of 200 Pass states, best of 20", min(times), "ms", None


def start(server):
    client = server.client()
    median, late = latencies(client, client.machine(passes(1)), 1000)
    yield "StartExecution, p50", median, "ms", 1
    yield "StartExecution, p99", late, "ms", 8


def due(server):
    """StartExecution while 50,000 waiting executions fall due."""
    client = server.client()
    machine, waiting, ahead = client.machine(passes(1)), client.machine(
        {"W": {"Type": "Wait", "TimestampPath": "$", "End": True}}), 90
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=ahead)
    in_clients(server, 4, start_due, waiting, 12_500, at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    left = (at - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    if left < 0:
        yield f"50,000 executions were not started within {ahead} s", -left, "s late", None
        return
    time.sleep(left)
    median, late = latencies(client, machine, 1000)
    yield "StartExecution while 50,000 timers fall due, p50", median, "ms", 1
    yield "StartExecution while 50,000 timers fall due, p99", late, "ms", 8
    while client.call("ListExecutions", stateMachineArn=waiting, statusFilter="RUNNING", maxResults=1)["executions"]:
        time.sleep(0.1)
    late = datetime.datetime.now(datetime.timezone.utc) - at
    yield "until the last of them had ended, the clients' last seconds without calls", late.total_seconds(), "s", None


def start_due(client, machine, count, at):
    for _ in range(count):
        client.start(machine, json.dumps(at))


def flow(server):
    """Executions of 100 Pass states, started by 4 clients that share the machine."""
    machine, each = server.client().machine(passes(100)), server.some(300)
    before = server.cpu_seconds()
    wall, _ = in_clients(server, 4, start_and_end, machine, each)
    used, transitions = server.cpu_seconds() - before, 4 * each * 100
    yield "transitions per second, 4 clients on the same machine", transitions / wall, "/s", -40_000
    yield "transitions per second of the server's processor time", transitions / used, "/s", -60_000


def maps(server):
    client = server.client()
    machine, many = client.machine(map_of_passes()), server.some(100_000)
    small = [client.seconds(machine, json.dumps(list(range(100)))) * 1000 for _ in range(20)]
    yield "inline Map of 100 items, median of 20", statistics.median(small), "ms", 20
    yield f"inline Map of {many:,} items", client.seconds(machine, json.dumps(list(range(many)))), "s", 10


def distributed(server):
    client = server.client()
    for kind, bar in (("EXPRESS", 30), ("STANDARD", None)):
        if server.peer and kind == "EXPRESS":
            continue  # moto's grammar has STANDARD alone.
        machine = client.machine(map_of_passes(ProcessorConfig={"Mode": "DISTRIBUTED", "ExecutionType": kind}))
        count = server.some(100_000 if kind == "EXPRESS" else 20_000)
        took = client.seconds(machine, json.dumps(list(range(count))))
        yield f"distributed Map of {count:,} {kind} children", took, "s", bar
        yield "resident at most", server.megabytes("VmHWM"), "MB", None


def waiting(server):
    """100,000 executions that wait: memory, and a restart with them."""
    machine = server.client().machine(wait(86_400))
    before = server.megabytes()
    in_clients(server, 4, start_many, machine, 25_000)
    yield "resident before, with 100,000 waiting executions", before, "MB", None
    yield "resident with 100,000 waiting executions", server.megabytes(), "MB", None
    server.stop()
    yield "start with 100,000 waiting executions to the first answer", server.start(), "s", 2
    yield "resident after that start", server.megabytes(), "MB", None


def express(server):
    machine = server.client().machine(passes(10), "EXPRESS")
    each = server.some(1000)
    wall, _ = in_clients(server, 4, start_sync, machine, each)
    yield "StartSyncExecution of 10 Pass states, 4 clients", 4 * each / wall, "/s", None


def start_sync(client, machine, count):
    for _ in range(count):
        status = client.call("StartSyncExecution", stateMachineArn=machine, name=uuid.uuid4().hex, input="{}")["status"]
        assert status == "SUCCEEDED", status


MEASURES = {f.__name__: f for f in (chain, start, flow, maps, distributed, express, due, waiting)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measures", nargs="*", choices=[[], *MEASURES], metavar="MEASURE", help=", ".join(MEASURES))
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / ".build/release", help="the directory of millrace")
    parser.add_argument("--peer", metavar="PROGRAM", help="measure moto_server at this path instead")
    options = parser.parse_args()
    # moto has a thread for each execution that waits, and forgets them when it stops.
    for name in options.measures or [m for m in MEASURES if not options.peer or m not in ("due", "waiting")]:
        with tempfile.TemporaryDirectory() as directory:
            server = Server(options.bin, options.peer, directory)
            try:
                for what, value, unit, bar in MEASURES[name](server):
                    limit = "" if bar is None else f"  (bar: {'over' if bar < 0 else 'under'} {abs(bar):,})"
                    print(f"{name:12} {what:62} {value:>10,.{2 if value < 100 else 0}f} {unit}{limit}", flush=True)
            except RuntimeError as error:
                print(f"{name:12} {error}", flush=True)
            finally:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.stop()


if __name__ == "__main__":
    main()
