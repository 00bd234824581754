"""The main job, end to end: a state machine runs SQL jobs that turn CSV files into Delta tables."""
import decimal, json, os, random, subprocess, sys, time

import deltalake, duckdb, pytest
from conftest import BIN, ROOT, SHARED, wait_for_end
from medallion import WAREHOUSE, prepare, start


def read(server, table, version=None):
    """The rows of a Delta table as another engine reads them."""
    return deltalake.DeltaTable(
        f"{WAREHOUSE}/{table}", version=version, storage_options=server.storage_options()).to_pyarrow_table()


def query(server, sql, **tables):
    connection = duckdb.connect()
    for name, table in tables.items():
        connection.register(name, read(server, table))
    return connection.execute(sql).fetchall()


def generate(directory, rows, days):
    subprocess.run(
        [BIN / "millrace", "datagen", "retail", "--rows", str(rows), "--days", str(days), "--out", str(directory)],
        check=True, capture_output=True)
    return sorted(directory.glob("*.csv"))


def failure(server, end):
    """Why a run failed, with what its jobs printed."""
    if end["status"] == "SUCCEEDED":
        return ""
    return json.dumps(end, default=str) + "\n" + server.run("jobs", "ls", check=False).stdout


# The cleaning rules, once more, in another engine: the oracle for made-up data.
CLEAN = """
    with parsed as (
      select distinct InvoiceNo, StockCode, Description, try_cast(Quantity as int) Quantity,
             try_cast(InvoiceDate as timestamp) InvoiceDate, try_cast(UnitPrice as decimal(12,3)) UnitPrice,
             try_cast(try_cast(CustomerID as double) as int) CustomerID, Country
      from read_csv($files, header=true, all_varchar=true, quote='"', escape='"', ignore_errors=true, strict_mode=true))
    select * from parsed
    where regexp_matches(InvoiceNo, '^[0-9]{6}$') and Quantity > 0 and UnitPrice > 0 and CustomerID is not null
"""


def oracle(files):
    connection = duckdb.connect()
    return connection.execute(
        f"with clean as ({CLEAN}) select count(*), sum(Quantity * UnitPrice), count(distinct InvoiceNo) from clean",
        {"files": [str(f) for f in files]}).fetchone()


def summary(server):
    return query(
        server, "select count(*), sum(Revenue), count(distinct InvoiceNo) from silver", silver="silver/retail")[0]


def test_made_up_data(new_server, tmp_path):
    server = new_server()
    files = generate(tmp_path, rows=30_000, days=12)
    lines = sum(len(f.read_text().splitlines()) - 1 for f in files)
    end = wait_for_end(server.client("stepfunctions"), start(server, prepare(server, files)))
    assert end["status"] == "SUCCEEDED", failure(server, end)
    assert summary(server) == oracle(files)
    # Every delivered line is either a bronze row or kept among the bad records.
    bronze = read(server, "bronze/retail")
    s3 = server.client("s3")
    bad = [
        line for page in s3.list_objects_v2(Bucket="lake", Prefix="warehouse/bad-records/").get("Contents", [])
        for line in s3.get_object(Bucket="lake", Key=page["Key"])["Body"].read().decode().splitlines()]
    assert bronze.num_rows + len(bad) == lines and len(bad) > 0
    assert all(json.loads(line)["reason"] for line in bad)
    assert set(bronze.column("_source_file").to_pylist()) == {f"s3://lake/raw/retail/{f.name}" for f in files}
    # The catalog names what was written, and our own reader sees what the others see.
    table = server.client("glue").get_table(DatabaseName="gold", Name="top_products")["Table"]
    assert table["StorageDescriptor"]["Location"] == f"{WAREHOUSE}/gold/top_products"
    ours = server.run("sql", f"SELECT stock_code, revenue FROM delta.`{WAREHOUSE}/gold/top_products` ORDER BY revenue DESC",
                      "--format", "jsonl").stdout.splitlines()
    theirs = query(server, "select stock_code, revenue from top order by revenue desc", top="gold/top_products")
    assert [(r["stock_code"], decimal.Decimal(str(r["revenue"]))) for r in map(json.loads, ours)] == theirs


def test_a_failing_step_leaves_a_report(new_server, tmp_path):
    server = new_server()
    machine = prepare(server, generate(tmp_path, rows=200, days=1))
    server.client("s3").delete_object(Bucket="lake", Key="scripts/silver.sql")
    end = wait_for_end(server.client("stepfunctions"), start(server, machine, "broken"))
    assert (end["status"], end["error"]) == ("FAILED", "MedallionFailed"), end
    assert query(server, "select execution, error from f", f="ops/medallion_failures") == [("broken", "States.TaskFailed")]


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_moment(new_server, tmp_path, seed):
    """The server dies without notice at random moments; the run ends as if nothing had happened."""
    server = new_server()
    files = generate(tmp_path, rows=12_000, days=6)
    arn = start(server, prepare(server, files))
    moments = random.Random(seed)
    for _ in range(3):
        time.sleep(moments.uniform(0.02, 1.2))
        server.kill()
        time.sleep(moments.uniform(0, 0.3))
        server.start()
    end = wait_for_end(server.client("stepfunctions"), arn)
    assert end["status"] == "SUCCEEDED", failure(server, end)
    assert summary(server) == oracle(files)
    for table, column in (("ops/medallion_runs", "execution"), ("gold/top_products", "stock_code")):
        rows = read(server, table).column(column).to_pylist()
        assert len(rows) == len(set(rows)) > 0, f"{table} has rows twice"
    events = server.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)["events"]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    entered = [e["stateEnteredEventDetails"]["name"] for e in events if e["type"].endswith("StateEntered")]
    assert entered.count("Bronze") == entered.count("Silver") == 1


def test_a_loop_commits_once_a_visit(new_server):
    """A state that is entered three times writes three times; a killed attempt does not write twice."""
    server = new_server()
    s3, states, glue = server.client("s3"), server.client("stepfunctions"), server.client("glue")
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key="append.sql", Body=b"""
        CREATE TABLE IF NOT EXISTS log (visit STRING) USING delta LOCATION 's3://lake/log';
        INSERT INTO log SELECT '${visit}';""")
    glue.create_job(Name="append", Role="arn:aws:iam::123456789012:role/r", Command={
        "Name": "glueetl", "ScriptLocation": "s3://lake/append.sql"})
    definition = {
        "StartAt": "Append",
        "States": {
            "Append": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync",
                       "Parameters": {"JobName": "append", "Arguments": {"--visit.$": "States.Format('{}', $.n)"}},
                       "ResultPath": None, "Next": "Count"},
            "Count": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Again?"},
            "Again?": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 3, "Next": "Append"}],
                       "Default": "Done"},
            "Done": {"Type": "Succeed"},
        },
    }
    arn = states.create_state_machine(
        name="loop", definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/r")["stateMachineArn"]
    end = wait_for_end(states, states.start_execution(stateMachineArn=arn, input='{"n": 0}')["executionArn"])
    assert end["status"] == "SUCCEEDED", failure(server, end)
    table = deltalake.DeltaTable("s3://lake/log", storage_options=server.storage_options())
    assert sorted(table.to_pyarrow_table().column("visit").to_pylist()) == ["0", "1", "2"]


APPEND = "CREATE TABLE IF NOT EXISTS log (n INT) USING delta LOCATION 's3://lake/log';\n" + "".join(
    f"INSERT INTO log VALUES ({n});\n" for n in range(12))


def numbers(server):
    table = deltalake.DeltaTable("s3://lake/log", storage_options=server.storage_options())
    return sorted(table.to_pyarrow_table().column("n").to_pylist())


def attempts():
    """Processes that run a script of this test's."""
    found = []
    for name in os.listdir("/proc"):
        try:
            words = open(f"/proc/{name}/cmdline", "rb").read().split(b"\0") if name.isdigit() else []
        except OSError:
            continue
        if words[1:4] == [b"job", b"sql", b"s3://lake/append.sql"]:
            found.append(int(name))
    return found


def test_a_killed_attempt_is_retried_and_commits_once(new_server):
    server = new_server()
    s3, glue = server.client("s3"), server.client("glue")
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key="append.sql", Body=APPEND.encode())
    glue.create_job(Name="append", Role="arn:aws:iam::123456789012:role/r", MaxRetries=9, Command={
        "Name": "glueetl", "ScriptLocation": "s3://lake/append.sql"})
    run = glue.start_job_run(JobName="append")["JobRunId"]
    moments, killed = random.Random(4), 0
    while killed < 4:
        time.sleep(moments.uniform(0.01, 0.15))
        for process in attempts()[:1]:
            os.kill(process, 9)
            killed += 1
        if glue.get_job_run(JobName="append", RunId=run)["JobRun"]["JobRunState"] == "SUCCEEDED":
            break
    deadline = time.monotonic() + 60
    while (state := glue.get_job_run(JobName="append", RunId=run)["JobRun"]["JobRunState"]) not in ("SUCCEEDED", "FAILED"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert state == "SUCCEEDED" and killed > 0
    assert numbers(server) == list(range(12))


def test_two_attempts_at_once_commit_once(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key="append.sql", Body=APPEND.encode())
    environment = {**server.environment(), "MILLRACE_COMMIT_SCOPE": "one execution, one visit", "MILLRACE_CATALOG": "memory"}
    both = [
        subprocess.Popen([BIN / "millrace", "job", "sql", "s3://lake/append.sql"], env=environment,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert numbers(server) == list(range(12))
    assert "already committed" in outputs[0] + outputs[1]


@pytest.mark.skipif(not (SHARED / "data/retail").exists(), reason="the shared retail data set is not here")
def test_the_real_retail_data(new_server):
    server = new_server()
    files = sorted((SHARED / "data/retail/by-day").glob("*.csv"))
    expected = json.loads((SHARED / "data/expected.json").read_text())["retail"]
    end = wait_for_end(server.client("stepfunctions"), start(server, prepare(server, files)), seconds=300)
    assert end["status"] == "SUCCEEDED", failure(server, end)
    raw, clean = expected["raw"], expected["clean"]

    bronze = dict(query(server, "select split_part(_source_file, '/', -1), count(*) from b group by 1", b="bronze/retail"))
    assert bronze == raw["rows_per_file"] and sum(bronze.values()) == raw["rows"]
    total = query(server, """
        select count(*), sum(Revenue)::varchar, sum(Quantity), count(distinct InvoiceNo), count(distinct StockCode),
               count(distinct CustomerID), count(distinct Country), strftime(min(InvoiceDate), '%Y-%m-%d %H:%M:%S'),
               strftime(max(InvoiceDate), '%Y-%m-%d %H:%M:%S') from s""", s="silver/retail")[0]
    distinct, dates = clean["distinct"], clean["invoice_date"]
    assert total == (
        clean["rows"], clean["revenue_total"], clean["quantity_sum"], distinct["InvoiceNo"], distinct["StockCode"],
        distinct["CustomerID"], distinct["Country"], dates["min"], dates["max"])
    by_day = dict(query(server, "select day::varchar, sum(lines)::bigint from g group by 1", g="gold/revenue_by_day"))
    assert by_day == clean["rows_by_day"]
    countries = dict(query(
        server, "select country, sum(revenue)::varchar from g group by 1", g="gold/revenue_by_day"))
    assert countries == {name: found["revenue"] for name, found in clean["by_country"].items()}
    months = dict(query(
        server, "select strftime(day, '%Y-%m'), sum(revenue)::varchar from g group by 1", g="gold/revenue_by_day"))
    assert months == {name: found["revenue"] for name, found in clean["by_month"].items()}
    top = query(server, "select stock_code, revenue::varchar, quantity, description from t order by revenue desc, 1",
                t="gold/top_products")
    assert top == [(p["StockCode"], p["revenue"], p["quantity"], p["description_min"])
                   for p in clean["top10_products_by_revenue"]]
    customers = query(server, """
        select customer_id, revenue::varchar, invoices from c order by revenue desc, 1 limit 10""",
                      c="gold/customer_value")
    assert customers == [(c["CustomerID"], c["revenue"], c["invoices"]) for c in clean["top10_customers_by_revenue"]]

    check = SHARED / "suites/delta/check_delta.py"
    for table in ("bronze/retail", "silver/retail", "gold/revenue_by_day", "gold/top_products", "gold/customer_value",
                  "ops/medallion_runs"):
        done = subprocess.run(
            [sys.executable, check, f"{WAREHOUSE}/{table}", "--storage-options",
             json.dumps({k: v for k, v in server.storage_options().items() if k != "AWS_S3_ADDRESSING_STYLE"}),
             "--require", "deltalake,polars,duckdb"], capture_output=True, text=True)
        assert done.returncode == 0, f"{table}:\n{done.stdout}\n{done.stderr}"


def test_the_demo_keeps_its_data_below_tmpdir(tmp_path):
    def demo(directory, *options):
        return subprocess.Popen(
            [BIN / "millrace", "demo", *options], cwd=ROOT, text=True, env={**os.environ, "TMPDIR": str(directory)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    missing = demo(tmp_path / "missing")
    _, said = missing.communicate(timeout=60)
    assert missing.returncode == 1 and str(tmp_path / "missing") in said and "TMPDIR" in said
    running = demo(tmp_path, "--rows", "2000", "--days", "2", "--exit")
    found = set()
    while running.poll() is None:
        found |= set(tmp_path.glob("millrace-demo-*"))
        time.sleep(0.05)
    assert running.returncode == 0, running.communicate()
    assert len(found) == 1 and not list(tmp_path.iterdir())
