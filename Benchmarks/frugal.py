#!/usr/bin/env python3
"""What the program costs a machine: disk, start, memory. Needs nothing but Python; prints one line for each measure.

    frugal.py                        all of it, for .build/release
    frugal.py start size             some of it
    frugal.py --bin DIR ...          the programs of another directory
    frugal.py objects ingest         large data: some minutes, and 11 GB below $TMPDIR

A measure is a function with its name in MEASURES; it yields rows of (what, value, unit, bar), where the bar is what the
value should stay under, or None. Times are the best of several: on a machine that does other things, too, the rest
tells about those.
"""
import argparse, concurrent.futures, contextlib, http.client, json, os, pathlib, signal, socket, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = ROOT / ".build/release"
PORTS = (9710, 9711)
MIB = 1 << 20


@contextlib.contextmanager
def server(data, *options):
    """A server on `data` that has answered one API call, and the seconds that took."""
    command = [BIN / "millrace", "serve", "--data", data, "--port", str(PORTS[0]), "--console-port", str(PORTS[1]),
               "--auth", "none", *options]
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                call("ListStateMachines", b"{}")
                break
            except ConnectionRefusedError:
                if process.poll() is not None:
                    sys.exit(f"the server ended with status {process.returncode}: {' '.join(map(str, command))}")
                time.sleep(0.0002)
        yield process, time.perf_counter() - begin
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def call(operation, body, target="AWSStepFunctions"):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", PORTS[0], timeout=30)
    try:
        connection.request("POST", "/", body, {
            "X-Amz-Target": f"{target}.{operation}", "Content-Type": "application/x-amz-json-1.0"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        return answer.read()
    finally:
        connection.close()


def request(method, path, body, length=None):
    """A request to S3; the answer's body."""
    connection = http.client.HTTPConnection("127.0.0.1", PORTS[0], timeout=600)
    try:
        connection.request(method, path, body, {} if length is None else {"Content-Length": str(length)})
        answer = connection.getresponse()
        read = answer.read()
        assert answer.status in (200, 204), read
        return read
    finally:
        connection.close()


def put(path, body, length=None):
    return request("PUT", path, body, length)


def text_of(xml, name):
    return xml.decode().split(f"<{name}>")[1].split("<")[0]


def peak(process, body):
    """Megabytes that the process has resident at most while `body` runs."""
    with open(f"/proc/{process.pid}/clear_refs", "w") as file:
        file.write("5")
    body()
    line, = [line for line in open(f"/proc/{process.pid}/status") if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def resident(pid):
    """Megabytes: all resident pages, and those that no other process could share."""
    fields = dict(line.split(":", 1) for line in open(f"/proc/{pid}/smaps_rollup").read().splitlines()[1:])
    megabytes = {name: int(value.split()[0]) / 1024 for name, value in fields.items()}
    return megabytes["Rss"], megabytes["Private_Dirty"]


# MARK: measures

def size():
    """The programs as `make install` puts them: without symbols."""
    for name, bar in (("millrace", 60), ("millrace-shim", 1)):
        with tempfile.TemporaryDirectory() as folder:
            stripped = os.path.join(folder, name)
            subprocess.run(["strip", "-o", stripped, BIN / name], check=True)
            yield f"{name}, stripped", os.path.getsize(stripped) / 1e6, "MB", bar


def start():
    """From exec to the first answered API call, on a fresh directory and on one that was used before."""
    with tempfile.TemporaryDirectory() as folder:
        fresh, again = [], []
        for number in range(8):
            data = f"{folder}/{number}"
            for times in (fresh, again):
                with server(data) as (_, seconds):
                    times.append(seconds)
        yield "serve, fresh directory, to first answer", min(fresh) * 1000, "ms", 50
        yield "serve, used directory, to first answer", min(again) * 1000, "ms", 50


def idle():
    """A server that has answered one call and then had nothing to do for two seconds."""
    with tempfile.TemporaryDirectory() as data, server(data) as (process, _):
        time.sleep(2)
        rss, dirty = resident(process.pid)
        threads = len(os.listdir(f"/proc/{process.pid}/task"))
        yield "idle server, resident", rss, "MB", 30
        yield "idle server, private and written", dirty, "MB", None
        yield "idle server, threads", threads, "", None


def help():
    """`--help` of the program, and of the slowest of its verbs."""
    def best(*arguments):
        taken = []
        for _ in range(20):
            begin = time.perf_counter()
            subprocess.run([BIN / "millrace", *arguments, "--help"], stdout=subprocess.DEVNULL, check=True)
            taken.append(time.perf_counter() - begin)
        return min(taken) * 1000

    verbs, inside = [], False
    for line in subprocess.run([BIN / "millrace", "--help"], capture_output=True, text=True, check=True).stdout.splitlines():
        inside = line.endswith("SUBCOMMANDS:") or inside and line != ""
        if inside and line.startswith("  ") and line[2:3].isalpha():
            verbs.append(line.split()[0])
    yield "millrace --help", best(), "ms", 10
    slowest = max((best(verb), verb) for verb in verbs)
    yield f"millrace {slowest[1]} --help, slowest of {len(verbs)} verbs", slowest[0], "ms", 10


def objects():
    """An object of 5 GiB in one piece and in parts, both ways, and many clients that do not read. Needs 11 GB of disk."""
    with tempfile.TemporaryDirectory() as data, server(data) as (process, _):
        put("/lake", b"")
        block = os.urandom(MIB)
        size = 5 * 1024 * MIB

        def blocks(first, count):
            for number in range(first, first + count):
                yield number.to_bytes(8, "big") + block[8:]

        def send_parts():
            upload = text_of(request("POST", "/lake/parts?uploads", b""), "UploadId")
            def part(number):
                with contextlib.closing(http.client.HTTPConnection("127.0.0.1", PORTS[0])) as connection:
                    connection.request(
                        "PUT", f"/lake/parts?partNumber={number + 1}&uploadId={upload}", b"".join(blocks(number * 8, 8)))
                    answer = connection.getresponse()
                    assert answer.status == 200, answer.read()
                    answer.read()
                    return f"<Part><PartNumber>{number + 1}</PartNumber><ETag>{answer.headers['ETag']}</ETag></Part>"
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                parts = "".join(pool.map(part, range(size // (8 * MIB))))
            request("POST", f"/lake/parts?uploadId={upload}", f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode())

        def read(key):
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", PORTS[0])) as connection:
                connection.request("GET", f"/lake/{key}")
                answer = connection.getresponse()
                for number, wanted in enumerate(blocks(0, size // MIB)):
                    assert answer.read(MIB) == wanted, f"other bytes in MiB {number}"
                assert answer.read() == b""

        def stall():
            clients = [socket.create_connection(("127.0.0.1", PORTS[0])) for _ in range(64)]
            for client in clients:
                client.sendall(b"GET /lake/parts HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(5)
            for client in clients:
                client.close()

        yield "server, 5 GiB in one PUT, peak resident", peak(process, lambda: put("/lake/one", blocks(0, size // MIB), size)), "MB", 80
        yield "server, 5 GiB in one GET, peak resident", peak(process, lambda: read("one")), "MB", 80
        request("DELETE", "/lake/one", b"")
        yield "server, 5 GiB in parts, 8 at a time, peak resident", peak(process, send_parts), "MB", 80
        yield "server, 5 GiB of parts in one GET, peak resident", peak(process, lambda: read("parts")), "MB", 80
        yield "server, 64 clients that do not read, peak resident", peak(process, stall), "MB", 100


def ingest():
    """One CSV file of 2 GB in the embedded store, typed, to a Delta table there, by a SQL job of the server."""
    with tempfile.TemporaryDirectory() as folder, server(f"{folder}/data") as (process, _):
        subprocess.run([BIN / "millrace", "datagen", "retail", "--rows", "26000000", "--days", "34", "--out", f"{folder}/csv"],
                       check=True, capture_output=True)
        files = sorted(pathlib.Path(folder, "csv").iterdir())
        header = open(files[0], "rb").readline()
        size = sum(file.stat().st_size for file in files) - len(header) * (len(files) - 1)

        def lines():
            for number, file in enumerate(files):
                with open(file, "rb") as stream:
                    if number > 0:
                        stream.readline()
                    while piece := stream.read(MIB):
                        yield piece

        put("/lake", b"")
        yield f"server, upload of a CSV of {size / 1e9:.2f} GB, peak resident", peak(process, lambda: put("/lake/in/one.csv", lines(), size)), "MB", 80
        columns = "InvoiceNo STRING, StockCode STRING, Description STRING, Quantity INT, InvoiceDate TIMESTAMP, UnitPrice DOUBLE, CustomerID DOUBLE, Country STRING"
        for name, clause in (("plain", ""), ("partitioned", "PARTITIONED BY (Country)")):
            put(f"/lake/{name}.sql", f"""
                CREATE TEMPORARY VIEW c ({columns}) USING csv OPTIONS (path 's3://lake/in/', header 'true', escape '"');
                CREATE TABLE {name} USING delta {clause} LOCATION 's3://lake/{name}' AS SELECT * FROM c;""".encode())
            call("CreateJob", {"Name": name, "Role": "arn:aws:iam::123456789012:role/r",
                               "Command": {"Name": "glueetl", "ScriptLocation": f"s3://lake/{name}.sql"}}, "AWSGlue")
            began = time.perf_counter()

            def run():
                known = set(pathlib.Path(folder, "data/work").glob("*/*/exit.json"))
                job = json.loads(call("StartJobRun", {"JobName": name}, "AWSGlue"))["JobRunId"]
                while True:
                    found = json.loads(call("GetJobRun", {"JobName": name, "RunId": job}, "AWSGlue"))["JobRun"]
                    if found["JobRunState"] not in ("STARTING", "RUNNING", "WAITING"):
                        break
                    time.sleep(0.5)
                assert found["JobRunState"] == "SUCCEEDED", found
                ended, = set(pathlib.Path(folder, "data/work").glob("*/*/exit.json")) - known
                return json.loads(ended.read_text())["maxResidentKiB"] / 1024

            resident = []
            yield f"server, CSV to Delta, {name}, peak resident", peak(process, lambda: resident.append(run())), "MB", 80
            yield f"job, CSV to Delta, {name}, peak resident", resident[0], "MB", 600
            yield f"job, CSV to Delta, {name}", time.perf_counter() - began, "s", None


MEASURES = [size, start, idle, help, objects, ingest]


def main():
    global BIN, PORTS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=BIN)
    parser.add_argument("--port", type=int, default=PORTS[0], help="this one and the next are used")
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=", ".join(m.__name__ for m in MEASURES))
    arguments = parser.parse_args()
    BIN, PORTS = arguments.bin, (arguments.port, arguments.port + 1)
    if unknown := set(arguments.measures) - {m.__name__ for m in MEASURES}:
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    print(f"{'measure':<56} {'value':>10}       bar")
    for measure in MEASURES:
        if arguments.measures and measure.__name__ not in arguments.measures:
            continue
        for what, value, unit, bar in measure():
            verdict = "" if bar is None else f"< {bar:g}" + ("" if value < bar else "  MISSED")
            print(f"{what:<56} {value:>10.1f} {unit:<3}   {verdict}", flush=True)


if __name__ == "__main__":
    main()
