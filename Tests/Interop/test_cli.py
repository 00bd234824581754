"""The command line as a new user meets it: executions, exit statuses, and what goes where."""
import json, os, subprocess, uuid

import pytest

from conftest import BIN, ROOT, wait_for_end

HELLO = {"StartAt": "Greet", "States": {
    "Greet": {"Type": "Pass", "Result": {"hello": "world"}, "Next": "Done"}, "Done": {"Type": "Succeed"}}}
FAILS = {"StartAt": "Check", "States": {
    "Check": {"Type": "Pass", "Next": "Explode"}, "Explode": {"Type": "Fail", "Error": "Broken", "Cause": "on purpose"}}}
WAITS = {"StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 600, "End": True}}}


def write(tmp_path, definition, name=None):
    """A definition in a file whose name, and so the state machine's, nobody else uses."""
    name = name or "m" + uuid.uuid4().hex[:8]
    path = tmp_path / f"{name}.asl.json"
    path.write_text(json.dumps(definition))
    return name, path


def millrace(*arguments, **options):
    """Runs a verb that shall find no server."""
    return subprocess.run(
        [BIN / "millrace", *map(str, arguments)], capture_output=True, text=True, timeout=120,
        env={"PATH": os.environ["PATH"], **options.pop("env", {})}, **options)


def test_submit_wait_history(server, tmp_path):
    name, flow = write(tmp_path, HELLO)
    assert json.loads(server.run("submit", flow, "--wait").stdout) == {"hello": "world"}
    again = server.run("submit", flow, "--name", name + "b", "--input", '{"n": 1}', "--wait", "--json")
    end = json.loads(again.stdout)
    assert end["status"] == "SUCCEEDED" and end["stateMachineArn"].endswith(":" + name + "b")
    assert json.loads(end["input"]) == {"n": 1} and again.stderr == ""
    events = [json.loads(line) for line in server.run("history", end["executionArn"], "--json").stdout.splitlines()]
    assert [event["type"] for event in events][-1] == "ExecutionSucceeded"
    shown = server.run("history", name + "b").stdout
    assert "PassStateEntered" in shown and "Greet" in shown
    started = server.run("submit", flow, "--json")
    arn = json.loads(started.stdout)["executionArn"]
    assert wait_for_end(server.client("stepfunctions"), arn)["status"] == "SUCCEEDED"


def test_input_comes_from_arguments_files_and_pipes(server, tmp_path):
    name, flow = write(tmp_path, {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    (tmp_path / "input.json").write_text('{"from": "file"}')
    assert json.loads(server.run("submit", flow, "--wait", "--input", f"@{tmp_path}/input.json").stdout) == {"from": "file"}
    assert json.loads(server.run("submit", flow, "--wait", "--input", "-", input='{"from": "pipe"}').stdout) == {"from": "pipe"}
    piped = server.run("submit", "-", "--name", name, "--wait", input=flow.read_text())
    assert json.loads(piped.stdout) == {}
    for arguments, status, words in [
        (("submit", flow, "--input", "{"), 65, "--input is not JSON"),
        (("submit", flow, "--input", tmp_path / "input.json"), 65, "@"),
        (("submit", flow, "--input", "@" + str(tmp_path / "none.json")), 66, "none.json"),
        (("submit", tmp_path), 66, "directory"),
        (("submit", "-"), 64, "--name"),
        (("submit", flow, "--timeout", "5s"), 64, "--wait"),
        (("submit", flow, "--wait", "--timeout", "soon"), 64, "soon"),
    ]:
        done = server.run(*arguments, check=False, input="")
        assert done.returncode == status and words in done.stderr and done.stdout == "", (arguments, done)
    flow.write_text('{"StartAt": "X", "States": {"A": {"Type": "Pass", "End": true}}}')
    invalid = server.run("submit", flow, check=False)
    assert invalid.returncode == 65 and "/StartAt" in invalid.stderr, invalid.stderr


def test_status_takes_names_arns_and_beginnings(server, tmp_path):
    name, flow = write(tmp_path, HELLO)
    first = json.loads(server.run("submit", flow, "--wait", "--json").stdout)
    second = json.loads(server.run("submit", flow, "--wait", "--json", "--execution-name", "zweite").stdout)
    assert f"{name}:zweite" in server.run("status").stdout
    rows = json.loads(server.run("status", name, "--json").stdout)
    assert {row["name"] for row in rows} == {first["name"], "zweite"}
    assert len(json.loads(server.run("status", name, "--limit", "1", "--json").stdout)) == 1
    assert json.loads(server.run("status", name, "--status", "failed", "--json").stdout) == []
    for text in (second["executionArn"], "zweite", f"{name}:zwei", f"{name}/zweite"):
        found = json.loads(server.run("status", text, "--json").stdout)
        assert found["executionArn"] == second["executionArn"], text
    shown = server.run("status", first["name"][:8]).stdout
    assert first["executionArn"] in shown and "SUCCEEDED" in shown and '{"hello":"world"}' in shown
    server.run("submit", flow, "--wait", "--execution-name", "zweifel")
    several = server.run("status", f"{name}:zwei", check=False)
    assert several.returncode == 66 and "zweite" in several.stderr and "zweifel" in several.stderr
    for text, status, words in [
        ("nobody", 66, "millrace status"), ("nobody:x", 66, "no state machine nobody"),
        ("arn:aws:s3:::bucket", 64, "expected the ARN"),
        (first["executionArn"] + "x", 66, "ExecutionDoesNotExist"),
    ]:
        done = server.run("status", text, check=False)
        assert done.returncode == status and words in done.stderr, done


def test_a_failure_names_state_error_cause_and_logs(server, tmp_path):
    name, flow = write(tmp_path, FAILS)
    failed = server.run("submit", flow, "--wait", check=False)
    assert failed.returncode == 2 and failed.stdout == ""
    for words in ("in state Explode", "Broken", "on purpose", f"millrace history {name}:"):
        assert words in failed.stderr, failed.stderr
    shown = server.run("status", json.loads(server.run("status", name, "--json").stdout)[0]["name"]).stdout
    assert "Explode" in shown and "on purpose" in shown
    assert server.run("status", name, "--wait", check=False).returncode == 2
    as_json = server.run("submit", flow, "--wait", "--json", check=False)
    assert as_json.returncode == 2 and json.loads(as_json.stdout)["error"] == "Broken" and as_json.stderr == ""


def test_waiting_can_time_out_and_stop_stops(server, tmp_path):
    name, flow = write(tmp_path, WAITS)
    late = server.run("submit", flow, "--wait", "--timeout", "300ms", check=False)
    assert late.returncode == 75 and "goes on" in late.stderr and f"millrace stop {name}:" in late.stderr
    stopped = server.run("stop", name, "--cause", "enough")
    assert "stopped" in stopped.stderr
    assert "enough" in server.run("status", name, "--json").stdout or "ABORTED" in server.run("status", name).stdout
    assert server.run("stop", name, check=False).returncode == 66
    arn = json.loads(server.run("status", name, "--json").stdout)[0]["executionArn"]
    assert "had ended already: ABORTED" in server.run("stop", arn, check=False).stderr
    for _ in range(2):
        server.run("submit", flow)
    several = server.run("stop", name, check=False)
    assert several.returncode == 66 and "fits 2" in several.stderr
    for row in json.loads(server.run("status", name, "--status", "RUNNING", "--json").stdout):
        assert json.loads(server.run("stop", row["executionArn"], "--json").stdout)["executionArn"] == row["executionArn"]


def test_progress_stays_out_of_pipes_unless_asked_for(server, tmp_path):
    _, flow = write(tmp_path, HELLO)
    assert server.run("submit", flow, "--wait").stderr == ""
    asked = server.run("submit", flow, "--wait", "--progress")
    assert "Greet" in asked.stderr and json.loads(asked.stdout) == {"hello": "world"}


def test_no_server_is_said_with_the_next_step(tmp_path):
    alone = millrace("status", cwd=tmp_path)
    assert alone.returncode == 69 and "millrace serve" in alone.stderr
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "credentials").write_text('{"accessKeyId": "a", "secretAccessKey": "b"}')
    stopped = millrace("jobs", "ls", "--data", tmp_path / "d")
    assert stopped.returncode == 69 and f"millrace serve --data {tmp_path}/d" in stopped.stderr
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    unreachable = millrace("catalog", "ls", env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9", **keys})
    assert unreachable.returncode == 69 and "AWS_ENDPOINT_URL" in unreachable.stderr
    assert millrace("status", "--endpoint", "nonsense", env=keys).returncode == 64
    assert millrace("frobnicate").returncode == 64


def test_a_wrong_key_is_refused(server):
    wrong = {**server.environment(), "AWS_SECRET_ACCESS_KEY": "wrong"}
    done = subprocess.run([BIN / "millrace", "status"], env=wrong, capture_output=True, text=True)
    assert done.returncode == 77 and "millrace env" in done.stderr and "another secret" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    done = subprocess.run([BIN / "millrace", "sql", "SELECT * FROM gold.t"], env=wrong, capture_output=True, text=True)
    assert done.returncode == 1 and "another secret" in done.stderr
    unknown = {**server.environment(), "AWS_ACCESS_KEY_ID": "AKIANOBODY"}
    done = subprocess.run([BIN / "millrace", "status"], env=unknown, capture_output=True, text=True)
    assert done.returncode == 77 and "does not know this key" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_closed_pipe_ends_quietly(server, tmp_path):
    for command in ("sql 'SELECT * FROM range(200000)'", "sql 'SELECT * FROM range(200000)' --format csv", "help exit-codes"):
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; '{BIN}/millrace' {command} | head -1 > /dev/null"], capture_output=True, text=True)
        assert done.stderr == "" and done.returncode in (0, 141), (command, done)
    full = subprocess.run(
        ["bash", "-c", f"'{BIN}/millrace' sql 'SELECT * FROM range(3)' > /dev/full"], capture_output=True, text=True)
    assert full.returncode == 74 and "No space left" in full.stderr


def test_validate_needs_no_server(tmp_path):
    def validate(text):
        (tmp_path / "m.json").write_text(text)
        return millrace("validate", tmp_path / "m.json")

    shipped = sorted((ROOT / "statemachines").glob("*.json"))
    assert millrace("validate", *shipped).returncode == 0
    broken = validate('{"StartAt": "A",\n "States": {"A": {"Type": "Pass", "End": true},}}')
    assert broken.returncode == 1 and "line 2" in broken.stdout
    many = validate('{"StartAt": "X", "States": {"A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Wait", "Seconds": -1, "End": true}}}')
    assert many.returncode == 1 and len(many.stdout.splitlines()) >= 3
    piped = millrace("validate", "-", "--json", input=json.dumps(HELLO))
    assert piped.returncode == 0 and json.loads(piped.stdout)["result"] == "OK"
    assert millrace("validate", tmp_path / "none.json").returncode == 66


def test_environment(server):
    text = server.run("env", "--data", server.directory).stdout
    done = subprocess.run(["bash", "-c", text + "\necho $AWS_ENDPOINT_URL"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == server.endpoint
    values = json.loads(server.run("env", "--data", server.directory, "--json").stdout)
    assert values["AWS_ENDPOINT_URL"] == server.endpoint and values["AWS_ACCESS_KEY_ID"] == server.key
    nowhere = millrace("env", "--data", "/nowhere")
    assert nowhere.returncode == 69 and "millrace serve" in nowhere.stderr
