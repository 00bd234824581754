"""The command line as a new user meets it."""
import json, subprocess

from conftest import BIN, ROOT, wait_for_end


def test_submit_wait_history_logs(server, tmp_path):
    flow = tmp_path / "hello.asl.json"
    flow.write_text(json.dumps({
        "StartAt": "Greet", "States": {"Greet": {"Type": "Pass", "Result": {"hello": "world"}, "Next": "Done"},
                                       "Done": {"Type": "Succeed"}}}))
    assert json.loads(server.run("submit", flow, "--wait").stdout) == {"hello": "world"}
    again = server.run("submit", flow, "--name", "hello", "--input", '{"n": 1}', "--wait", "--json")
    end = json.loads(again.stdout)
    assert end["status"] == "SUCCEEDED" and end["stateMachineArn"].endswith(":hello")
    events = [json.loads(line) for line in server.run("history", end["executionArn"], "--json").stdout.splitlines()]
    assert [event["type"] for event in events][-1] == "ExecutionSucceeded"
    assert end["executionArn"] in server.run("status").stdout
    assert "SUCCEEDED" in server.run("status", end["executionArn"]).stdout


def test_failures_have_status_and_say_the_next_step(server, tmp_path):
    flow = tmp_path / "fails.json"
    flow.write_text('{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Broken", "Cause": "on purpose"}}}')
    failed = server.run("submit", flow, "--wait", check=False)
    assert failed.returncode == 1 and "Broken" in failed.stderr and "millrace history" in failed.stderr
    missing = server.run("submit", tmp_path / "none.json", check=False)
    assert missing.returncode == 1 and "none.json" in missing.stderr
    assert server.run("jobs", "show", "no-such-job", check=False).returncode == 1
    alone = subprocess.run([BIN / "millrace", "status"], capture_output=True, text=True, cwd=tmp_path, env={"PATH": "/usr/bin"})
    assert alone.returncode == 1 and "millrace serve" in alone.stderr
    assert subprocess.run([BIN / "millrace", "frobnicate"], capture_output=True).returncode == 64


def test_validate_needs_no_server(tmp_path):
    def validate(text):
        (tmp_path / "m.json").write_text(text)
        return subprocess.run([BIN / "millrace", "validate", tmp_path / "m.json"], capture_output=True, text=True, env={})

    for path in sorted((ROOT / "statemachines").glob("*.json")):
        assert validate(path.read_text()).returncode == 0
    broken = validate('{"StartAt": "A",\n "States": {"A": {"Type": "Pass", "End": true},}}')
    assert broken.returncode == 1 and "line: 2" in broken.stdout
    many = validate('{"StartAt": "X", "States": {"A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Wait", "Seconds": -1, "End": true}}}')
    assert many.returncode == 1 and len(many.stdout.splitlines()) >= 3


def test_catalog_is_applied_and_shown(server):
    assert "definitions applied" in server.run("catalog", "apply", "glue-catalog").stdout
    assert "definitions applied" in server.run("catalog", "apply", "glue-catalog").stdout
    assert "silver" in server.run("catalog", "ls").stdout
    assert json.loads(server.run("catalog", "show", "raw.retail").stdout)["Name"] == "retail"


def test_sql_on_local_files_needs_no_server(tmp_path):
    (tmp_path / "a.csv").write_text("id,name,amount\n1,Ann,2.50\n2,\"B, ob\",3\n3,,\n")

    def sql(text, *arguments):
        return subprocess.run([BIN / "millrace", "sql", text, *arguments], capture_output=True, text=True, cwd=tmp_path,
                              env={"PWD": str(tmp_path)})

    view = "CREATE TEMP VIEW a USING csv OPTIONS (path 'a.csv', header 'true', inferSchema 'true');"
    done = sql(view + "SELECT name, amount * 2 AS twice FROM a ORDER BY id", "--format", "jsonl")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"name": "Ann", "twice": 5.0}, {"name": "B, ob", "twice": 6.0}, {"name": None, "twice": None}], done.stderr
    made = sql(view + "CREATE TABLE t USING delta LOCATION 'table' AS SELECT * FROM a; SELECT count(*) AS n FROM delta.`./table`", "--format", "csv")
    assert made.stdout.splitlines() == ["n", "3"], made.stderr
    assert "3 rows written" in made.stderr
    wrong = sql("SELECT nothing FROM delta.`./table`")
    assert wrong.returncode == 1 and "UNRESOLVED_COLUMN" in wrong.stderr and "Traceback" not in wrong.stderr
    syntax = sql("SELECT 1 +\n  FROM")
    assert syntax.returncode == 1 and "PARSE_SYNTAX_ERROR" in syntax.stderr and "line 2" in syntax.stderr
    assert subprocess.run([BIN / "millrace", "table", "history", "table"], capture_output=True, text=True, cwd=tmp_path,
                          env={"PWD": str(tmp_path)}).stdout.count("CREATE") >= 1


def test_help_has_examples():
    for verb in ("serve", "submit", "sql", "datagen retail", "table show", "catalog apply", "demo", "env"):
        text = subprocess.run([BIN / "millrace", "help", *verb.split()], capture_output=True, text=True, check=True).stdout
        assert "EXAMPLE" in text, verb
