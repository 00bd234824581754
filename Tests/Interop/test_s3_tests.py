"""Those of the S3 tests of Ceph's developers (s3-tests) that a data lake depends on, run against our server.

`make s3-tests` fetches them into .build/s3-tests; MILLRACE_S3_TESTS names another place. Tests that ask for what S3 does
not do, or for what is refused by name, are listed with their reasons in s3-tests-exceptions.txt; one of them that passes
fails the run until it leaves the list."""
import json, os, pathlib, subprocess

import pytest
from conftest import ROOT, SHARED

RUNNER = SHARED / "suites/s3/run.sh"
TESTS = pathlib.Path(os.environ.get("MILLRACE_S3_TESTS", ROOT / ".build/s3-tests"))
RECORDED = json.loads((ROOT / "Tests/conformance.json").read_text())["s3-tests"]
EXCEPTIONS = {
    line.split("#")[0].strip()
    for line in (pathlib.Path(__file__).parent / "s3-tests-exceptions.txt").read_text().splitlines()
    if line.split("#")[0].strip()}
# The suite's second account: another user of the one account there is, to whom no bucket belongs.
SECOND_USER = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["s3:CreateBucket", "s3:ListAllMyBuckets"], "Resource": "*"}]}


@pytest.mark.skipif(not RUNNER.exists(), reason="the suite that runs s3-tests is not here")
@pytest.mark.skipif(not (TESTS / "venv").exists(), reason="s3-tests have not been fetched: make s3-tests")
def test_s3_tests(new_server, monkeypatch, tmp_path):
    # Many of the tests set access control lists, which buckets of today refuse.
    monkeypatch.setenv("MILLRACE_OBJECTS_OWNERSHIP", "ObjectWriter")
    server = new_server()
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(SECOND_USER))
    second = json.loads(
        server.run("keys", "add", "second", "--policy", policy, "--data", server.directory, "--json").stdout)
    done = subprocess.run(
        ["bash", RUNNER, "-e", server.endpoint, "-k", f"{server.key}:{server.secret}",
         "-a", f"{second['accessKeyId']}:{second['secretAccessKey']}", "-d", TESTS / "source", "-T", "lake",
         "-o", tmp_path / "outcomes.json"],
        env={**os.environ, "PYTHON": str(TESTS / "venv/bin/python"), "S3T_VERBOSE": "1"}, capture_output=True, text=True,
        timeout=1500)
    assert (tmp_path / "outcomes.json").exists(), done.stdout[-4000:] + done.stderr[-4000:]
    outcomes = {name: test["outcome"] for name, test in json.loads((tmp_path / "outcomes.json").read_text())["tests"].items()}
    report = [f"{name}: {outcome}" for name, outcome in outcomes.items()
              if outcome in ("fail", "error") and name not in EXCEPTIONS]
    report += [f"{name}: {outcomes.get(name, 'is no test')}, but is listed in s3-tests-exceptions.txt"
               for name in sorted(EXCEPTIONS) if outcomes.get(name) not in ("fail", "error")]
    passed = list(outcomes.values()).count("pass")
    line = f"s3-tests: {passed} passed, {len(outcomes) - passed} failed"
    with open(ROOT / ".build/conformance.txt", "a") as file:
        file.write(line + "\n")
    print(line)
    assert not report, "\n".join(report) + "\n" + done.stdout[-30_000:]
    assert passed >= RECORDED, f"{line}; {RECORDED} are recorded"
