"""Published suites beside the checkout: what they count may not fall below Tests/conformance.json.

`make conformance` prints each suite's `N passed, M failed`."""
import json, pathlib, re, subprocess, sys

import botocore
import pytest
from conftest import ROOT, SHARED

RECORDED = json.loads((ROOT / "Tests/conformance.json").read_text())


def judge(name, passed, total, output):
    with open(ROOT / ".build/conformance.txt", "a") as report:
        report.write(f"{name}: {passed} passed, {total - passed} failed\n")
    print(f"{name}: {passed} passed, {total - passed} failed")
    assert passed >= RECORDED[name], f"{name}: {passed} of {total} passed, {RECORDED[name]} are recorded\n{output}"


@pytest.mark.skipif(not (SHARED / "suites/s3").exists(), reason="the S3 probe is not here")
def test_s3_probe(new_server):
    server = new_server()
    done = subprocess.run(
        [sys.executable, SHARED / "suites/s3/probe_s3.py", server.endpoint, f"{server.key}:{server.secret}"],
        capture_output=True, text=True, timeout=300)
    passed, total = map(int, done.stdout.strip().splitlines()[-1].split()[0].split("/"))
    judge("s3 probe", passed, total, done.stdout)


@pytest.mark.skipif(not (SHARED / "suites/asl").exists(), reason="the recorded Step Functions cases are not here")
def test_asl(new_server, monkeypatch):
    # Mocked results are held to the models that boto3 has.
    monkeypatch.setenv("MILLRACE_SERVICE_MODELS", str(pathlib.Path(botocore.__file__).parent / "data"))
    server = new_server()
    done = subprocess.run(
        [sys.executable, SHARED / "suites/asl/run.py", server.endpoint, "-j", "8"], env=server.environment(),
        capture_output=True, text=True, timeout=900)
    passed, failed = map(int, re.search(r"(\d+) passed, (\d+) failed", done.stdout).groups())
    judge("asl", passed, passed + failed, done.stdout[-6000:])
