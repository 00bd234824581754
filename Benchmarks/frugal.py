#!/usr/bin/env python3
"""What the program costs a machine: disk, start, memory. Needs nothing but Python; prints one line for each measure.

    frugal.py                        all of it, for .build/release
    frugal.py start size             some of it
    frugal.py --bin DIR ...          the programs of another directory

A measure is a function with its name in MEASURES; it yields rows of (what, value, unit, bar), where the bar is what the
value should stay under, or None. Times are the best of several: on a machine that does other things, too, the rest
tells about those.
"""
import argparse, contextlib, http.client, os, pathlib, signal, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = ROOT / ".build/release"
PORTS = (9710, 9711)


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


def call(operation, body):
    connection = http.client.HTTPConnection("127.0.0.1", PORTS[0], timeout=30)
    try:
        connection.request("POST", "/", body, {
            "X-Amz-Target": f"AWSStepFunctions.{operation}", "Content-Type": "application/x-amz-json-1.0"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        return answer.read()
    finally:
        connection.close()


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


MEASURES = [size, start, idle, help]


def main():
    global BIN
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=BIN)
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=", ".join(m.__name__ for m in MEASURES))
    arguments = parser.parse_args()
    BIN = arguments.bin
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
