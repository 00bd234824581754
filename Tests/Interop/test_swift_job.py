"""examples/swift-job: the README's commands as they stand, and what they must leave behind."""
import contextlib, csv, json, os, pathlib, re, shutil, subprocess, sys, time

import deltalake, duckdb, pytest
from conftest import BIN, ROOT

EXAMPLE = ROOT / "examples" / "swift-job"
# The program shares the build of Millrace, so that its modules are not compiled once more.
BUILD = BIN.parent
pytestmark = pytest.mark.skipif(
    shutil.which("swift") is None or not (BUILD / "checkouts").exists(), reason="no Swift toolchain, or no build to share")


def sections():
    """The README's commands: section title to code blocks."""
    found, title, block = {}, None, []
    for line in (EXAMPLE / "README.md").read_text().splitlines() + ["# end"]:
        if line.startswith("    "):
            block.append(line[4:])
            continue
        if block and line.strip():
            found.setdefault(title, []).append("\n".join(block))
            block = []
        if line.startswith("#"):
            title = line.lstrip("# ")
    return found


def environment(server):
    path = f"{BIN}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**server.environment(), "PATH": path}


def built(block):
    return block.replace(".build/release/daily-sales", f"{BUILD}/release/daily-sales")


def run(server, block, timeout=120):
    """One block in a shell, in the example's directory."""
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", built(block)], cwd=EXAMPLE, env=environment(server), capture_output=True,
        text=True, timeout=timeout)


def succeed(server, block, timeout=120):
    done = run(server, block, timeout)
    assert done.returncode == 0, f"{block}\ngave {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def executable():
    [build] = sections()["Build"]
    # The same versions of all dependencies, or their modules would be compiled once more.
    shutil.copy(ROOT / "Package.resolved", EXAMPLE / "Package.resolved")
    done = subprocess.run(
        f"{build} --scratch-path '{BUILD}'", shell=True, cwd=EXAMPLE, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return BUILD / "release/daily-sales"


def table(server, name):
    return deltalake.DeltaTable(f"s3://lake/warehouse/sales/{name}", storage_options=server.storage_options())


def rows(server, name, sql):
    connection = duckdb.connect()
    connection.register("t", table(server, name).to_pyarrow_table())
    return connection.execute(sql).fetchall()


def expected_orders(files):
    """The job's rules once more, in another engine."""
    connection = duckdb.connect()
    connection.execute(f"""
        create table orders as
        select distinct on (order_id) order_id, cast(ordered_at as date) as day, coalesce(c.country, 'unknown') as country,
               customer_id, quantity, cast(quantity * price as decimal(12, 2)) as revenue
        from (select try_cast(order_id as bigint) order_id, try_cast(ordered_at as timestamp) ordered_at,
                     try_cast(customer_id as int) customer_id, try_cast(quantity as int) quantity,
                     try_cast(price as decimal(10, 2)) price
              from read_csv({[str(f) for f in files]}, header=true, all_varchar=true))
        left join (select customer_id::int customer_id, country
                   from read_csv('{EXAMPLE}/data/customers.csv', header=true, all_varchar=true)) c using (customer_id)
        where order_id is not null and quantity > 0 and price > 0""")
    return connection


DAILY = """
    select day, country, n, items, revenue, customers, row_number() over (partition by day order by revenue desc, country),
           case when revenue >= 100 then 'large' when revenue >= 20 then 'medium' else 'small' end
    from (select day, country, count(*) n, sum(quantity) items, sum(revenue) revenue, count(distinct customer_id) customers
          from orders group by day, country)
    order by day, country"""


def check(server, files, runs):
    expected = expected_orders(files)
    assert rows(server, "orders", "select order_id, day, country, revenue from t order by 1") == expected.execute(
        "select order_id, day, country, revenue from orders order by 1").fetchall()
    assert rows(server, "daily", """
        select day, country, orders, items, revenue, customers, rank, size from t order by day, country""") == expected.execute(
        DAILY).fetchall()
    assert rows(server, "runs", "select orders from t order by finished_at") == runs
    assert table(server, "orders").metadata().partition_columns == ["country"]


def test_the_readme(executable, new_server):
    server, readme = new_server(), sections()
    files = sorted((EXAMPLE / "data/orders").glob("*.csv"))
    for block in readme["Upload"] + readme["Run it in a state machine"]:
        output = succeed(server, block)
    assert "CREATE TABLE AS SELECT" in output
    check(server, files, [(7,)])
    shown = server.client("glue").get_table(DatabaseName="sales", Name="daily")["Table"]
    assert shown["StorageDescriptor"]["Location"] == "s3://lake/warehouse/sales/daily"
    batch = server.client("batch")
    [job] = batch.list_jobs(jobQueue="default", jobStatus="SUCCEEDED")["jobSummaryList"]
    stream = batch.describe_jobs(jobs=[job["jobId"]])["jobs"][0]["container"]["logStreamName"]
    lines = [e["message"] for e in server.client("logs").get_log_events(
        logGroupName="/aws/batch/job", logStreamName=stream, startFromHead=True)["events"]]
    assert lines[:2] == ["cleaning orders", "summing up 7 orders"]
    assert [word.strip() for word in lines[3].split("|")[1:5]] == ["day", "country", "orders", "items"]
    assert "summing up 7 orders" in server.run("jobs", "ls", "--json").stdout

    again, why = readme["A failure"]
    failed = run(server, again)
    assert failed.returncode == 2 and "DailySalesFailed" in failed.stdout + failed.stderr
    reason = "there is no new order in s3://lake/raw/orders/"
    assert succeed(server, why).splitlines()[-1] == "Error: " + reason
    [job] = batch.list_jobs(jobQueue="default", jobStatus="FAILED")["jobSummaryList"]
    assert job["container"]["exitCode"] == 1
    check(server, files, [(7,)])

    [glue] = readme["Run it as a Glue job"]
    succeed(server, glue)
    client = server.client("glue")
    assert (found := last_run(client))["JobRunState"] == "SUCCEEDED", found
    check(server, files + [EXAMPLE / "data/2026-11-03.csv"], [(7,), (2,)])
    client.start_job_run(JobName="daily-sales")
    found = last_run(client)
    assert found["JobRunState"] == "FAILED" and reason in found["ErrorMessage"]


def last_run(glue):
    deadline = time.monotonic() + 60
    while (found := glue.get_job_runs(JobName="daily-sales")["JobRuns"][0])["JobRunState"] in ("STARTING", "RUNNING", "WAITING"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_the_program_alone(executable, server, tmp_path):
    [block] = sections()["Run it here"]
    shutil.copytree(EXAMPLE / "data", tmp_path / "data")
    alone = {k: v for k, v in environment(server).items() if not k.startswith("AWS_")}
    done = subprocess.run(built(block), shell=True, cwd=tmp_path, env=alone, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "|2026-11-01|" in done.stdout.replace(" ", "")
    found = deltalake.DeltaTable(str(tmp_path / "out/sales/orders")).to_pyarrow_table()
    assert sorted(found.column("order_id").to_pylist()) == [100, 101, 102, 104, 106, 107, 108]
    wrong = subprocess.run([executable, "--orders", "x"], cwd=tmp_path, env=alone, capture_output=True, text=True)
    assert (wrong.returncode, wrong.stderr) == (64, "Error: the argument --warehouse is missing; given: --orders\n")
    missing = subprocess.run(
        [executable, "--orders", "none", "--customers", "none", "--warehouse", "w"], cwd=tmp_path, env=alone,
        capture_output=True, text=True)
    assert missing.returncode == 1 and missing.stderr.startswith("Error: [PATH_NOT_FOUND] "), missing.stderr


def test_only_the_libraries_that_the_readme_names(executable):
    """Static: the Swift runtime is inside, and nothing of the server's dependencies."""
    needed = re.findall(r"^\s*(\S+) =>", subprocess.run(
        ["ldd", executable], capture_output=True, text=True, check=True).stdout, re.M)
    assert not [name for name in needed if "swift" in name.lower() or "Foundation" in name]
    linked = (BUILD / "release/daily-sales.product/Objects.LinkFileList").read_text()
    modules = set(re.findall(r"/([^/]+)\.build/", linked))
    assert "Millrace" in modules and "Crypto" in modules
    assert not [name for name in modules if name.startswith(("NIO", "Hummingbird", "GRDB", "Argument", "AWSServer", "StateStore"))]


def write_orders(path, count):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["order_id", "ordered_at", "customer_id", "product", "quantity", "price"])
        for n in range(count):
            writer.writerow([n, f"2026-11-{1 + n % 28:02} 10:00:00", 1 + n % 6, f"p{n % 100}", n % 5, f"{n % 90}.25"])


def attempt(server, last):
    """The process of an attempt after `last`."""
    for name in os.listdir("/proc"):
        try:
            target = os.readlink(f"/proc/{name}/exe") if name.isdigit() else ""
        except OSError:
            continue
        if target.endswith("/executable") and target.startswith(str(server.directory)) and int(name) != last:
            return int(name)
    return None


def test_killed_attempts_write_once(executable, new_server, tmp_path):
    """kill -9 between the job's first commit and its last: the queue starts it again, every row is there once."""
    server = new_server()
    s3, batch = server.client("s3"), server.client("batch")
    s3.create_bucket(Bucket="lake")
    s3.upload_file(str(executable), "lake", "jobs/daily-sales")
    s3.upload_file(str(EXAMPLE / "data/customers.csv"), "lake", "raw/customers.csv")
    write_orders(tmp_path / "orders.csv", 200_000)
    s3.upload_file(str(tmp_path / "orders.csv"), "lake", "raw/orders/orders.csv")
    definition = json.loads((EXAMPLE / "job-definition.json").read_text())
    definition["retryStrategy"] = {"attempts": 10}
    batch.register_job_definition(**definition)

    def committed(name):
        found = s3.list_objects_v2(Bucket="lake", Prefix=f"warehouse/sales/{name}/_delta_log/")
        return any(item["Key"].endswith(".json") for item in found.get("Contents", []))

    job = batch.submit_job(jobName="killed", jobQueue="default", jobDefinition="daily-sales")["jobId"]
    process = None
    for table_name in ("orders", "daily"):
        last, process = process, None
        deadline = time.monotonic() + 60
        while not committed(table_name):
            assert time.monotonic() < deadline, batch.describe_jobs(jobs=[job])["jobs"][0]
            process = process or attempt(server, last)
        if process:
            with contextlib.suppress(ProcessLookupError):  # Too late for this one.
                os.kill(process, 9)
    deadline = time.monotonic() + 60
    while (found := batch.describe_jobs(jobs=[job])["jobs"][0])["status"] not in ("SUCCEEDED", "FAILED"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert found["status"] == "SUCCEEDED", found
    assert len(found["attempts"]) > 1, "no attempt was killed in time"
    usable = 200_000 * 4 // 5  # a fifth has no quantity
    check(server, [tmp_path / "orders.csv"], [(usable,)])
