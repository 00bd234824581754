#!/usr/bin/env python3
"""How fast the S3 client is next to curl, against our own server in the same run. Needs curl.

    objects.py              for .build/release
    objects.py --bin DIR    the programs of another directory

Both do the same work as whole processes: one object of 1 GiB up and down, 4,000 objects of 4 KiB by 8 clients. curl has
presigned URLs; it sends the large object as one stream, the client in parts and ranges, some at a time. What has been
stored is compared with what was sent; the client's gets compare each object. The best of the rounds counts.
"""
import argparse, filecmp, json, os, pathlib, subprocess, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[1]
SMALL, CLIENTS = 4000, 8


class Server:
    def __init__(self, programs, directory):
        self.directory = pathlib.Path(directory)
        self.process = subprocess.Popen(
            [programs / "millrace", "serve", "--data", directory, "--port", "0", "--console-port", "0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        endpoints = self.directory / "endpoints.json"
        while not endpoints.exists():
            if self.process.poll() is not None:
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        keys = json.loads((self.directory / "credentials").read_text())
        self.words = [json.loads(endpoints.read_text())["api"], keys["accessKeyId"], keys["secretAccessKey"], "bench"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def timed(command):
    start = time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return time.perf_counter() - start


def measure(programs, rounds, mib):
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as work:
        work = pathlib.Path(work)
        server = Server(programs, work / "data")
        client = [programs / "objects-benchmark", *server.words]

        def urls(*words):
            return subprocess.run([*client, *words], check=True, capture_output=True, text=True).stdout.split()

        try:
            timed([*client, "bucket", "x"])
            large, back = work / "large", work / "back"
            with open(large, "wb") as file:
                for _ in range(mib):
                    file.write(os.urandom(1 << 20))
            numbers = range(SMALL)
            for number in numbers:
                body = bytes((number >> 8 * i if i < 8 else i * 37) & 255 for i in range(4096))
                (work / f"{number}").write_bytes(body)
            (work / "puts").write_text("".join(
                f'upload-file = "{work / str(n)}"\nurl = "{url}"\n' for n, url in zip(numbers, urls("urls", "PUT", str(SMALL)))))
            (work / "gets").write_text("".join(
                f'output = "/dev/null"\nurl = "{url}"\n' for url in urls("urls", "GET", str(SMALL))))
            curl = ["curl", "-fsS"]
            parallel = [*curl, "--parallel", "--parallel-max", str(CLIENTS), "-K"]
            pairs = {
                f"PUT {mib} MiB": ([*client, "put", large, "large"], [*curl, "-T", large, urls("url", "PUT", "large-by-curl")[0]]),
                f"GET {mib} MiB": ([*client, "get", "large", "/dev/null"], [*curl, "-o", "/dev/null", urls("url", "GET", "large")[0]]),
                f"PUT {SMALL} x 4 KiB, {CLIENTS} clients": ([*client, "puts", str(SMALL), str(CLIENTS)], [*parallel, work / "puts"]),
                f"GET {SMALL} x 4 KiB, {CLIENTS} clients": ([*client, "gets", str(SMALL), str(CLIENTS)], [*parallel, work / "gets"]),
            }
            for what, (ours, theirs) in pairs.items():
                best = [float("inf"), float("inf")]
                for turn in range(rounds):
                    for index in (0, 1) if turn % 2 == 0 else (1, 0):
                        best[index] = min(best[index], timed((ours, theirs)[index]))
                amount = f"{mib / best[0]:.0f} MB/s" if "MiB" in what else f"{SMALL / best[0]:.0f}/s"
                print(f"{what:32} ours {best[0]:6.2f} s ({amount}), curl {best[1]:6.2f} s: curl's throughput times "
                      f"{best[1] / best[0]:.2f}", flush=True)
            for name in ("large", "large-by-curl"):
                timed([*client, "get", name, back])
                if not filecmp.cmp(large, back, shallow=False):
                    raise RuntimeError(f"{name} came back changed")
            print("contents verified")
        finally:
            server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / ".build" / "release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=1024)
    given = parser.parse_args()
    measure(given.bin, given.rounds, given.mib)
