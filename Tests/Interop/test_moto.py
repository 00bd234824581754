"""moto's own tests of Step Functions, run against our server.

`make moto` fetches what they need into .build/moto; MILLRACE_MOTO names another place. Tests that say what the service
does not are listed with their reasons in moto-exceptions.txt; one of them that passes fails the run until it leaves the list."""
import json, os, pathlib, socket, subprocess, sys

import botocore
import pytest
from conftest import BIN, ROOT, SHARED

RUNNER = SHARED / "suites/moto/run.sh"
MOTO = pathlib.Path(os.environ.get("MILLRACE_MOTO", ROOT / ".build/moto"))
RECORDED = json.loads((ROOT / "Tests/conformance.json").read_text())
EXCEPTIONS = {
    line.split("#")[0].strip() for line in (pathlib.Path(__file__).parent / "moto-exceptions.txt").read_text().splitlines()
    if line.split("#")[0].strip()}


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@pytest.mark.skipif(not RUNNER.exists(), reason="the suite that runs moto's tests is not here")
@pytest.mark.skipif(not (MOTO / "venv").exists(), reason="moto's tests have not been fetched: make moto")
def test_step_functions(tmp_path):
    port, control, proxy, moto, second = map(str, free_ports(5))
    # What our server calls is moto's, through the proxy.
    elsewhere = f"http://127.0.0.1:{proxy}"
    calls = {"MILLRACE_S3_ENDPOINT": elsewhere, "MILLRACE_S3_ACCESS_KEY_ID": "key", "MILLRACE_S3_SECRET_ACCESS_KEY": "secret",
             "MILLRACE_SERVICE_MODELS": str(pathlib.Path(botocore.__file__).parent / "data"),
             "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
             **{f"AWS_ENDPOINT_URL_{service}": elsewhere for service in ("DYNAMODB", "LAMBDA", "SNS", "SQS")}}
    server = subprocess.Popen(
        [sys.executable, pathlib.Path(__file__).parent / "fresh_server.py", BIN / "millrace", port, control],
        stdin=subprocess.PIPE, env={**os.environ, **calls})
    try:
        done = subprocess.run(
            ["bash", RUNNER, f"http://127.0.0.1:{port}", MOTO / "source", "stepfunctions", "sfn_parser"],
            env={**os.environ, "PYTHON": str(MOTO / "venv/bin/python"), "SERVICES": "states", "OUT": str(tmp_path),
                 "PORT": proxy, "MOTO_PORT": moto, "SECOND_PORT": second, "RESET_URL": f"http://127.0.0.1:{control}/"},
            capture_output=True, text=True, timeout=1500)
    finally:
        server.stdin.close()
        server.wait(30)
    outcomes = [line.rsplit("\t", 1) for line in (tmp_path / "outcomes.tsv").read_text().splitlines()]
    log = (tmp_path / "pytest.log").read_text()
    report = [f"{name}: {outcome}" for name, outcome in outcomes if outcome in ("failed", "error") and name not in EXCEPTIONS]
    report += [f"{name}: passes, but is listed in moto-exceptions.txt"
               for name, outcome in outcomes if outcome == "passed" and name in EXCEPTIONS]
    assert not report, "\n".join(report) + "\n" + done.stdout[-2000:] + log[-8000:]
    for suite, is_parser in (("moto stepfunctions", False), ("moto sfn_parser", True)):
        mine = [outcome for name, outcome in outcomes if ("/parser/" in name) == is_parser]
        assert mine, f"{suite}: none of its tests ran. Is {MOTO}/source all of moto's tests, as `make moto` fetches them?\n{log[-8000:]}"
        passed, failed = mine.count("passed"), mine.count("failed") + mine.count("error")
        line = f"{suite}: {passed} passed, {failed} failed"
        with open(ROOT / ".build/conformance.txt", "a") as file:
            file.write(line + "\n")
        print(line)
        assert passed >= RECORDED[suite], f"{line}; {RECORDED[suite]} are recorded"
