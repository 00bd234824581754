"""Every example as its README says to run it, and every shipped state machine."""
import json, os, pathlib, re, subprocess, sys

import deltalake
from conftest import BIN, ROOT, wait_for_end
from test_documents import commands


def run_readme(example, server, skip=()):
    """Runs the commands of an example's README in the checkout, and gives what they print."""
    blocks = [b for b in commands(ROOT / "examples" / example / "README.md") if not any(word in b for word in skip)]
    lines = "\n".join(line for block in blocks for line in block.split("\n")
                      if not line.startswith(("pip install", 'eval "$(millrace env)"')))
    environment = {**server.environment(), "HOME": str(server.directory),
                   "PATH": f"{BIN.resolve()}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", "set -eu -o pipefail\n" + lines], cwd=ROOT, env=environment,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{lines}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_boto3(new_server):
    server = new_server()
    printed = run_readme("boto3", server, skip=["SUCCEEDED"])
    expected = next(b for b in commands(ROOT / "examples/boto3/README.md") if "SUCCEEDED" in b)
    assert re.sub(r"jr_\w+", "jr_...", printed).split("\n")[:4] == expected.split("\n")
    # Once more on the same server, as its README promises.
    assert "SUCCEEDED" in run_readme("boto3", server, skip=["SUCCEEDED"])


def test_readers_agree(new_server):
    server = new_server()
    run_readme("boto3", server, skip=["SUCCEEDED"])
    done = subprocess.run(
        [sys.executable, ROOT / "examples/readers/read.py", "s3://boto3-example/warehouse/visits_by_page"],
        env=server.environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 rows by DuckDB, 3 by Polars, 3 by deltalake" in done.stdout


def test_csv_to_delta_and_table_statistics(new_server):
    server = new_server()
    printed = run_readme("csv-to-delta", server)
    assert {"location": "s3://lake/shop/fruit", "columns": ["id", "name", "price"], "rows": 2} in documents(printed)
    table = deltalake.DeltaTable("s3://lake/shop/fruit", storage_options=server.storage_options())
    assert sorted(table.to_pyarrow_table().to_pylist(), key=lambda r: r["id"]) == [
        {"id": 1, "name": "apple", "price": 0.5}, {"id": 2, "name": "pear", "price": 0.75}]
    # The backfill's tables, one for each row of its plan.
    assert "SUCCEEDED_0.json" in printed and "FAILED_0.json" not in printed
    for name, rows in [("fruit_2024", 2), ("fruit_2023", 1)]:
        table = deltalake.DeltaTable(f"s3://lake/shop/{name}", storage_options=server.storage_options())
        assert table.to_pyarrow_table().num_rows == rows
    # Files without rows are the sender's mistake: the execution says so.
    server.client("s3").put_object(Bucket="lake", Key="raw/none/none.csv", Body=b"id,name\n")
    states = server.client("stepfunctions")
    machine = next(m["stateMachineArn"] for m in states.list_state_machines()["stateMachines"] if m["name"] == "csv-to-delta")
    end = wait_for_end(states, states.start_execution(stateMachineArn=machine, input=json.dumps({
        "input": "s3://lake/raw/none/*.csv", "database": "shop", "table": "none", "location": "s3://lake/shop/none"}))["executionArn"])
    assert (end["status"], end.get("error")) == ("FAILED", "NoRows"), end

    # A row that the catalog does not know of is counted.
    server.run("sql", "INSERT INTO delta.`s3://lake/shop/fruit` VALUES (3, 'plum', 1.0)")
    printed = run_readme("table-statistics", server)
    counted = [d for d in documents(printed) if isinstance(d, list) and d and "rows" in d[0]]
    assert counted and {"table": "fruit", "rows": 3} in counted[0] and {"table": "none", "rows": 0} in counted[0]


def test_callbacks_and_lambda(new_server, tmp_path):
    folder = ROOT / "examples/callbacks-and-lambda"
    server = new_server("--config", folder / "millrace.yaml")
    text = (folder / "README.md").read_text()
    blocks = [b.replace("/tmp/approvals", str(tmp_path)) for b in commands(folder / "README.md") if "millrace serve" not in b]
    assert len(blocks) == 2 and "/tmp/approvals" in text
    environment = {**server.environment(), "PATH": f"{BIN.resolve()}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    for block, expected in zip(blocks, [
            {"order": "order-1", "price": {"cents": 150, "currency": "EUR"}, "approvedBy": "nobody"},
            {"order": "order-2", "price": {"cents": 1650, "currency": "EUR"}, "approvedBy": "Ada"}]):
        lines = block.replace('eval "$(millrace env)"', "")
        done = subprocess.run(["bash", "-c", "set -eu -o pipefail\n" + lines], cwd=ROOT, env=environment,
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        states = server.client("stepfunctions")
        arn = next(e["executionArn"] for m in states.list_state_machines()["stateMachines"]
                   for e in states.list_executions(stateMachineArn=m["stateMachineArn"])["executions"]
                   if e["name"] == expected["order"])
        end = wait_for_end(states, arn)
        assert end["status"] == "SUCCEEDED" and json.loads(end["output"]) == expected, end


def documents(text):
    """The JSON documents among what was printed."""
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def test_every_state_machine_is_run():
    """A definition that is shipped is one that a test of this folder runs."""
    tests = "".join(p.read_text() for p in pathlib.Path(__file__).parent.glob("*.py"))
    readmes = "".join(p.read_text() for p in (ROOT / "examples").glob("*/README.md"))
    for path in sorted((ROOT / "statemachines").iterdir()):
        assert f"statemachines/{path.name}" in tests or f"submit statemachines/{path.name}" in readmes, path.name
    for example in sorted(p.name for p in (ROOT / "examples").iterdir() if p.is_dir()):
        assert re.search(rf'examples/{example}\b|"{example}"', tests), example
