"""Millrace next to other people's S3 servers: the main job, commits, outages, and what a person reads when it fails."""
import json, os, pathlib, shutil, subprocess, sys, tempfile, threading, time

import boto3, deltalake, network, pytest, stores, test_medallion
from conftest import BIN, ROOT, Server, wait_for_end
from medallion import prepare, start
from test_documents import commands


class ServerWithStore(Server):
    """A server whose jobs use another S3 store; so do the clients that tests get from it."""

    def __init__(self, directory, store, **variables):
        self.store, self.own_variables = store, variables
        super().__init__(directory)

    def start(self):
        self.variables = {**self.store.environment(), **self.own_variables}
        super().start()

    def client(self, service, *arguments, **options):
        return self.store.client() if service == "s3" else super().client(service, *arguments, **options)

    def environment(self):
        return {**super().environment(), **self.variables}

    def storage_options(self):
        return self.store.storage_options()


@pytest.fixture(scope="session")
def running():
    """Stores by name, each started when first asked for."""
    started = {}

    def get(name):
        if why := stores.missing(name):
            pytest.skip(f"{name}: {why}")
        if name not in started:
            started[name] = stores.KINDS[name]()
        return started[name]

    yield get
    for store in started.values():
        store.stop()


@pytest.fixture(params=["ministack", "radosgw"])
def store(request, running):
    """A store without buckets."""
    store = running(request.param)
    store.empty()
    return store


@pytest.fixture
def serve():
    servers = []

    def make(store, **variables):
        servers.append(ServerWithStore(tempfile.mkdtemp(prefix="millrace-test-"), store, **variables))
        return servers[-1]

    yield make
    for server in servers:
        try:
            server.stop()
        finally:
            shutil.rmtree(server.directory, ignore_errors=True)


@pytest.fixture
def new_server(store, serve):
    return lambda: serve(store)


@pytest.fixture
def server(new_server):
    return new_server()


# The tests of the main job as they are, on the server and the store of this file's fixtures.
test_made_up_data = test_medallion.test_made_up_data
test_the_real_retail_data = test_medallion.test_the_real_retail_data
test_two_attempts_at_once_commit_once = test_medallion.test_two_attempts_at_once_commit_once
test_a_killed_attempt_is_retried_and_commits_once = test_medallion.test_a_killed_attempt_is_retried_and_commits_once


def test_the_server_dies(new_server, tmp_path):
    test_medallion.test_killed_at_any_moment(new_server, tmp_path, seed=11)


def test_the_demo(store):
    for _ in "once", "and on what the first one left":
        done = subprocess.run(
            [BIN / "millrace", "demo", "--rows", "5000", "--days", "5", "--exit"], cwd=ROOT, text=True,
            env={**os.environ, **store.environment()}, capture_output=True, timeout=120)
        assert done.returncode == 0 and "gold.top_products" in done.stdout, done.stdout + done.stderr
    table = deltalake.DeltaTable("s3://lake/warehouse/gold/top_products", storage_options=store.storage_options())
    assert table.to_pyarrow_table().num_rows > 0


# `mc`, as far as docs/minio.md uses it, for a store whose administration is not MinIO's.
MC = '''#!{python}
import boto3, json, os, pathlib, sys
words, home = [w for w in sys.argv[1:] if w != "--recursive"], pathlib.Path(os.environ["HOME"]) / "mc.json"
if words[:2] == ["alias", "set"]:
    home.write_text(json.dumps(words[3:]))
elif words[0] != "admin":
    endpoint, key, secret = json.loads(home.read_text())
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret)
    alias, bucket, *prefix = words[-1].split("/", 2)
    if words[0] == "mb":
        s3.create_bucket(Bucket=bucket)
    elif words[0] == "cp":
        assert words[-1].endswith("/") and words[1].endswith("/")
        for path in pathlib.Path(words[1]).iterdir():
            s3.upload_file(str(path), bucket, prefix[0] + path.name)
    elif words[0] == "ls":
        for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix[0])["Contents"]:
            print(found["Key"])
    else:
        sys.exit("not known: " + " ".join(words))
'''


def test_the_document_works_as_written(running, serve, tmp_path):
    store = running("ministack")
    store.empty()
    server = serve(store)
    blocks = commands(ROOT / "docs/minio.md")
    begun = [block for block in blocks if block.lstrip().startswith(("export MINIO_ROOT_USER", "millrace serve"))]
    assert len(begun) == 2, "what runs already"
    script = "set -eu\n" + "\n".join(block for block in blocks if block not in begun)
    mc = tmp_path / "bin" / "mc"
    mc.parent.mkdir()
    mc.write_text(MC.format(python=sys.executable))
    mc.chmod(0o755)
    for name in ("examples", "glue-catalog", "statemachines"):
        (tmp_path / name).symlink_to(ROOT / name)
    path = f"{mc.parent}:{BIN.resolve()}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script.replace("http://127.0.0.1:9000", store.endpoint)], cwd=tmp_path, capture_output=True, text=True,
        timeout=300, env={"PATH": path, "HOME": str(tmp_path), "MILLRACE_DATA": str(server.directory)})
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    assert "stock_code" in done.stdout and "mine/warehouse/gold/top_products/_delta_log/00000000000000000000.json" in done.stdout


TABLE = "CREATE TABLE t USING delta LOCATION 's3://lake/t'"
EMPTY_TABLE = "CREATE TABLE t (n INT) USING delta LOCATION 's3://lake/t'"


def keys(store, bucket="lake"):
    pages = store.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [found["Key"] for page in pages for found in page.get("Contents", [])]


def test_bucket_in_the_host_name(store, serve):
    """MILLRACE_S3_PATH_STYLE=false: lake.localhost is loopback everywhere."""
    store.client().create_bucket(Bucket="lake")
    server = serve(
        store, MILLRACE_S3_ENDPOINT=f"http://localhost:{store.port}", MILLRACE_S3_PATH_STYLE="false")
    server.run("sql", TABLE + " AS SELECT 1 AS n")
    assert server.run("sql", "SELECT n FROM delta.`s3://lake/t`", "--format", "jsonl").stdout.strip() == '{"n":1}'
    assert "t/_delta_log/00000000000000000000.json" in keys(store)
    # Other shells learn which store it is.
    assert f"MILLRACE_S3_ENDPOINT='http://localhost:{store.port}'" in server.run("env", "--data", server.directory).stdout


def test_two_servers_write_one_table(store, serve):
    """Each version has one winner, and every acknowledged row is there."""
    store.client().create_bucket(Bucket="lake")
    servers, writers, rounds = [serve(store), serve(store)], 3, 4
    for server in servers:
        server.run("sql", "CREATE TABLE IF NOT EXISTS t (n INT) USING delta LOCATION 's3://lake/t'")
    failures = []

    def write(server, writer):
        for turn in range(rounds):
            done = server.run("sql", f"INSERT INTO t VALUES ({writer * 100 + turn})", check=False)
            if done.returncode != 0:
                failures.append(done.stderr)

    threads = [
        threading.Thread(target=write, args=(servers[writer % 2], writer)) for writer in range(2 * writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    table = deltalake.DeltaTable("s3://lake/t", storage_options=store.storage_options())
    expected = [writer * 100 + turn for writer in range(2 * writers) for turn in range(rounds)]
    assert sorted(table.to_pyarrow_table().column("n").to_pylist()) == expected
    assert table.version() == len(expected), "the table's creation is version 0, each insert one more"


def test_a_store_that_ignores_conditions_is_refused(running, serve):
    """Commits there could be lost, so nothing is written, and the reason is said."""
    store = running("rclone")
    store.client().create_bucket(Bucket="lake")
    server = serve(store)
    for statement in (TABLE + " AS SELECT 1 AS n", EMPTY_TABLE):
        done = server.run("sql", statement, check=False)
        assert done.returncode == 1 and "If-None-Match" in done.stderr and "Nothing was written" in done.stderr, done.stderr
        assert keys(store) == []
    # A table that came there otherwise can be read, but not written.
    deltalake.write_deltalake(
        "s3://lake/t", test_medallion.duckdb.sql("SELECT 7 AS n").to_arrow_table(),
        storage_options={**store.storage_options(), "AWS_S3_ALLOW_UNSAFE_RENAME": "true"})
    before = keys(store)
    assert server.run("sql", "SELECT n FROM delta.`s3://lake/t`", "--format", "jsonl").stdout.strip() == '{"n":7}'
    cause = failed_job(server, TABLE + "; INSERT INTO t VALUES (8);")
    assert "If-None-Match" in cause and "Nothing was written" in cause, cause
    assert [key for key in keys(store) if key != "job.sql"] == before


# What a person reads.

def failed_job(server, script, location="s3://lake/job.sql"):
    """The cause that an execution ends with whose job fails."""
    if script is not None:
        server.client("s3").put_object(Bucket="lake", Key="job.sql", Body=script.encode())
    glue, states = Server.client(server, "glue"), Server.client(server, "stepfunctions")
    glue.create_job(Name="job", Role="arn:aws:iam::123456789012:role/r", Command={"Name": "glueetl", "ScriptLocation": location})
    definition = {"StartAt": "Job", "States": {"Job": {
        "Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": "job"}, "End": True}}}
    machine = states.create_state_machine(
        name="job", definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/r")["stateMachineArn"]
    end = wait_for_end(states, states.start_execution(stateMachineArn=machine)["executionArn"])
    assert end["status"] == "FAILED", end
    return end["cause"]


@pytest.mark.parametrize("variables, bucket, said", [
    ({"MILLRACE_S3_ACCESS_KEY_ID": "nobody"}, "lake", ["InvalidAccessKeyId", "'nobody'", "MILLRACE_S3_ACCESS_KEY_ID"]),
    ({"MILLRACE_S3_SECRET_ACCESS_KEY": "wrong"}, "lake", ["SignatureDoesNotMatch", "MILLRACE_S3_SECRET_ACCESS_KEY"]),
    ({}, "nowhere", ["NoSuchBucket", "'nowhere'", "s3 mb s3://nowhere"]),
], ids=["key", "secret", "bucket"])
def test_refusals_say_what_to_do(running, serve, variables, bucket, said):
    store = running("radosgw")
    store.empty()
    store.client().create_bucket(Bucket="lake")
    server = serve(store, **variables)
    place = f"s3://{bucket}/job.sql"
    for words in (["sql", f"SELECT * FROM csv.`s3://{bucket}/x.csv`"], ["sql", f"SELECT * FROM delta.`s3://{bucket}/t`"],
                  ["sql", f"CREATE TABLE t USING delta LOCATION 's3://{bucket}/t' AS SELECT 1 AS n"]):
        done = server.run(*words, check=False)
        missing = [part for part in [store.endpoint, *said] if part not in done.stderr]
        assert done.returncode == 1 and not missing, f"{words}: {missing} not in: {done.stderr}"
    cause = failed_job(server, None, place)
    assert not [part for part in [store.endpoint, *said] if part not in cause], cause


def test_the_region_is_found_out(running, serve):
    """The store names it when it refuses."""
    store = running("ministack")
    store.empty()
    boto3.client(
        "s3", endpoint_url=store.endpoint, region_name="eu-west-1", aws_access_key_id="k", aws_secret_access_key="s",
    ).create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    server = serve(store)
    server.run("sql", TABLE + " AS SELECT 1 AS n")
    assert server.run("sql", "SELECT n FROM delta.`s3://lake/t`", "--format", "jsonl").stdout.strip() == '{"n":1}'


def test_nobody_listens(running, serve):
    store = running("ministack")
    nobody = f"http://127.0.0.1:{stores.free_port()}"
    server = serve(store, MILLRACE_S3_ENDPOINT=nobody)
    done = server.run("sql", "SELECT * FROM csv.`s3://lake/x.csv`", check=False)
    assert done.returncode == 1 and nobody in done.stderr and "MILLRACE_S3_ENDPOINT" in done.stderr, done.stderr


def test_a_console_is_no_store(running, serve):
    """The port beside the one that was meant."""
    server = serve(running("ministack"))
    server.variables["MILLRACE_S3_ENDPOINT"] = server.console
    done = server.run("sql", "SELECT * FROM csv.`s3://lake/x.csv`", check=False)
    assert done.returncode == 1 and "web page" in done.stderr and server.console in done.stderr, done.stderr


def test_certificates(serve, tmp_path):
    """https: refused when the authority is unknown, at once; taken with MILLRACE_S3_CA_FILE."""
    if why := stores.missing("ministack"):
        pytest.skip(why)
    store = stores.SecureMinistack(tmp_path)
    try:
        server = serve(store)
        done = server.run("sql", "SELECT * FROM csv.`s3://lake/x.csv`", check=False)
        assert done.returncode == 1 and store.endpoint in done.stderr and "MILLRACE_S3_CA_FILE" in done.stderr, done.stderr
        trusting = serve(store, MILLRACE_S3_CA_FILE=str(store.certificate))
        trusting.client("s3").create_bucket(Bucket="lake")
        trusting.run("sql", TABLE + " AS SELECT 1 AS n")
        trusting.client("s3").put_object(
            Bucket="lake", Key="job.sql", Body=b"INSERT INTO t SELECT 2; SELECT * FROM nothing.here;")
        cause = failed_job(trusting, None)
        assert "nothing" in cause, f"the job reached the store and failed at its second statement: {cause}"
        rows = trusting.run("sql", "SELECT n FROM delta.`s3://lake/t` ORDER BY n", "--format", "jsonl").stdout.split()
        assert rows == ['{"n":1}', '{"n":2}']
    finally:
        store.stop()
    missing = subprocess.run(
        [BIN / "millrace", "serve", "--data", tmp_path / "data", "--port", "0", "--console-port", "0"], text=True,
        env={**os.environ, **store.environment(), "MILLRACE_S3_CA_FILE": "/no/such.pem"},
        capture_output=True, timeout=60)
    assert missing.returncode == 1 and "/no/such.pem" in missing.stderr, missing.stderr


# Another machine.

def test_the_store_is_on_another_machine(serve, tmp_path):
    """A slow link that loses packets; it is cut for a while, and the store dies and comes back, while jobs run."""
    if why := network.missing() or stores.missing("ministack"):
        pytest.skip(why)
    link = network.Network()
    store = None
    try:
        store = stores.Ministack(host=link.there, port=9000, prefix=link.prefix)
        server = serve(store)
        files = test_medallion.generate(tmp_path, rows=6_000, days=4)
        arn = start(server, prepare(server, files))
        time.sleep(1.5)
        link.cut()
        time.sleep(5)
        link.mend()
        time.sleep(1.5)
        store.kill()
        time.sleep(2)
        store.start()
        end = wait_for_end(server.client("stepfunctions"), arn, seconds=240)
        assert end["status"] == "SUCCEEDED", test_medallion.failure(server, end)
        assert test_medallion.summary(server) == test_medallion.oracle(files)
        for table, column in (("ops/medallion_runs", "execution"), ("gold/top_products", "stock_code")):
            rows = test_medallion.read(server, table).column(column).to_pylist()
            assert len(rows) == len(set(rows)) > 0, f"{table} has rows twice"
        bronze = test_medallion.read(server, "bronze/retail")
        assert deltalake.DeltaTable(
            "s3://lake/warehouse/bronze/retail", storage_options=server.storage_options()).version() == 0
        assert bronze.num_rows > 0
    finally:
        if store:
            store.stop()
        link.close()
