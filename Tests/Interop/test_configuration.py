"""Where settings come from, what `millrace doctor` finds, and how the server says that it cannot start."""
import json, os, shutil, socket, sqlite3, subprocess, tempfile, pathlib

import pytest
from conftest import BIN, Server


@pytest.fixture
def empty(tmp_path):
    """A directory to run in, and an environment without settings."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MILLRACE_", "AWS_"))}

    def run(*arguments, check=None, **variables):
        done = subprocess.run(
            [BIN / "millrace", *map(str, arguments)], env={**environment, **variables}, cwd=tmp_path,
            capture_output=True, text=True, timeout=120)
        if check is not None:
            assert done.returncode == check, f"{arguments} gave {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    run.path = tmp_path
    return run


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def shown(run, *arguments, **variables):
    return json.loads(run("config", "show", "--json", *arguments, check=0, **variables).stdout)


def test_sources_and_their_order(empty):
    assert shown(empty)["port"] == {"value": "9400", "from": "default"}
    (empty.path / "millrace.yaml").write_text("port: 1\nconsole-port: 2\ns3:\n  secret-access-key: hidden\n")
    found = shown(empty, MILLRACE_CONSOLE_PORT="3")
    assert found["port"] == {"value": "1", "from": "millrace.yaml:1"}
    assert found["console-port"] == {"value": "3", "from": "$MILLRACE_CONSOLE_PORT"}
    assert found["s3.secret-access-key"] == {"value": "********", "from": "millrace.yaml:4"}
    assert "hidden" not in empty("config", "show", check=0).stdout
    other = empty.path / "other.yaml"
    other.write_text("port: 4\n")
    assert shown(empty, MILLRACE_CONFIG=str(other))["port"]["value"] == "4"
    assert shown(empty, "--config", other, MILLRACE_CONFIG="none.yaml")["port"]["value"] == "4"
    (empty.path / "millrace.yaml").unlink()
    (empty.path / "data").mkdir()
    (empty.path / "data" / "millrace.yaml").write_text("port: 5\n")
    assert shown(empty, "--data", "data")["port"] == {"value": "5", "from": "data/millrace.yaml:1"}


def test_mistakes_are_named(empty):
    (empty.path / "millrace.yaml").write_text("s3:\n  endpont: http://x\n")
    done = empty("serve", check=1)
    assert "millrace.yaml, line 2, column 3: 's3.endpont' is no setting. Did you mean 's3.endpoint'?" in done.stderr
    assert "no configuration file none.yaml" in empty("config", "show", "--config", "none.yaml", check=1).stderr
    (empty.path / "millrace.yaml").unlink()
    assert "--port must be a whole number from 0 to 65535, found 'x'" in empty("serve", "--port", "x", check=64).stderr
    assert "MILLRACE_AUTH must be one of keys, none" in empty("serve", check=1, MILLRACE_AUTH="maybe").stderr
    done = empty("serve", "--auth", "none", "--host", "0.0.0.0", check=1)
    assert "loopback" in done.stderr and not (empty.path / "millrace-data").exists()


def test_a_server_from_a_file(empty):
    api, console = free_port(), free_port()
    (empty.path / "millrace.yaml").write_text(f"data: ./kept\nport: {api}\nconsole-port: {console}\naccount: '210987654321'\n")
    log = open(empty.path / "log", "wb")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MILLRACE_", "AWS_"))}
    process = subprocess.Popen([BIN / "millrace", "serve"], cwd=empty.path, env=environment, stdout=log, stderr=log)
    try:
        endpoints = empty.path / "kept" / "endpoints.json"
        while not endpoints.exists():
            assert process.poll() is None, (empty.path / "log").read_text()
        assert json.loads(endpoints.read_text())["api"] == f"http://127.0.0.1:{api}"
        # Verbs in the same directory find it by the same file.
        assert f"export AWS_ENDPOINT_URL='http://127.0.0.1:{api}'" in empty("env", check=0).stdout
        taken = empty("serve", "--data", "other", check=1)
        assert f"port {api} of 127.0.0.1 is taken by process {process.pid} (millrace serve)" in taken.stderr
        assert "--port" in taken.stderr
        second = empty("serve", "--port", "0", check=1)
        assert f"another server (process {process.pid}, http://127.0.0.1:{api}) uses" in second.stderr
    finally:
        process.terminate()
        assert process.wait(30) == 0
    assert "stopping" in (empty.path / "log").read_text()


def test_a_directory_that_cannot_be_used(empty):
    (empty.path / "file").write_text("")
    done = empty("serve", "--data", empty.path / "file" / "data", "--port", "0", "--console-port", "0", check=1)
    assert "cannot make the directory" in done.stderr and "--data" in done.stderr
    data = empty.path / "newer"
    data.mkdir()
    with sqlite3.connect(data / "state.sqlite") as database:
        database.execute("PRAGMA user_version = 9999")
    done = empty("serve", "--data", data, "--port", "0", "--console-port", "0", check=1)
    assert "has format 9999" in done.stderr and "later release" in done.stderr


# MARK: doctor


def findings(done):
    return json.loads(done.stdout)["findings"]


def failed(done):
    return [finding for finding in findings(done) if finding["status"] == "fail"]


def test_a_sound_set_up(new_server, empty):
    server = new_server()
    done = empty("doctor", "--data", server.directory, "--json", check=0)
    texts = " / ".join(f"{f['check']}: {f['found']}" for f in findings(done))
    for part in ("is whole, format", "mode 600", "millrace-shim runs", "it answers requests signed with the root key",
                 "linked, locked, mapped", "jobs use the embedded store"):
        assert part in texts, texts
    server.stop()
    done = empty("doctor", "--data", server.directory, "--json", MILLRACE_PORT="0", MILLRACE_CONSOLE_PORT="0", check=0)
    assert any(f["found"].startswith("no server runs") for f in findings(done))
    # A place where there is nothing yet is no failure either.
    empty("doctor", "--data", empty.path / "nothing", MILLRACE_PORT="0", MILLRACE_CONSOLE_PORT="0", check=0)
    assert not (empty.path / "nothing").exists()


def test_what_is_wrong_is_found_and_how_to_mend_it(new_server, empty):
    server = new_server()
    (server.directory / "credentials").chmod(0o644)
    done = empty("doctor", "--data", server.directory, "--json", check=1)
    assert [f["fix"] for f in failed(done)] == [f"chmod 600 {server.directory}/credentials"]
    (server.directory / "credentials").chmod(0o600)
    server.stop()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = empty("doctor", "--data", server.directory, "--json", MILLRACE_PORT=str(port), MILLRACE_CONSOLE_PORT="0", check=1)
        assert [f["check"] for f in failed(done)] == ["ports"] and f"process {os.getpid()}" in failed(done)[0]["found"]
    state = server.directory / "state.sqlite"
    with sqlite3.connect(state) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(state.read_bytes())
    for place in range(4096, len(content), 4096):
        content[place:place + 64] = b"\xaa" * 64
    state.write_bytes(content)
    for ending in ("-wal", "-shm"):
        pathlib.Path(f"{state}{ending}").unlink(missing_ok=True)
    done = empty("doctor", "--data", server.directory, "--json", MILLRACE_PORT="0", MILLRACE_CONSOLE_PORT="0", check=1)
    assert [f["check"] for f in failed(done)] == ["state"] and "restore" in failed(done)[0]["fix"]
    state.write_bytes(b"")
    done = empty("doctor", "--data", server.directory, "--json", MILLRACE_PORT="0", MILLRACE_CONSOLE_PORT="0", check=1)
    assert "without its -wal file" in failed(done)[0]["found"]
    (empty.path / "millrace.yaml").write_text("prot: 1\n")
    assert "Did you mean 'port'?" in empty("doctor", check=1).stdout


def test_the_s3_store(new_server, empty):
    store = new_server()
    variables = {
        "MILLRACE_S3_ENDPOINT": store.endpoint, "MILLRACE_S3_ACCESS_KEY_ID": store.key,
        "MILLRACE_S3_SECRET_ACCESS_KEY": store.secret, "MILLRACE_PORT": "0", "MILLRACE_CONSOLE_PORT": "0"}
    done = empty("doctor", "--json", check=0, **variables)
    texts = [f["found"] for f in findings(done) if f["check"] == "s3"]
    assert any("takes the key" in t for t in texts) and any("If-None-Match" in t for t in texts)
    assert any("order of their bytes" in t for t in texts) and any("uploads in parts" in t for t in texts)
    assert store.client("s3").list_buckets()["Buckets"] == []
    store.client("s3").create_bucket(Bucket="lake")
    empty("doctor", "--bucket", "lake", check=0, **variables)
    assert "Contents" not in store.client("s3").list_objects_v2(Bucket="lake")
    assert store.client("s3").list_multipart_uploads(Bucket="lake").get("Uploads", []) == []

    def fails(**changes):
        return " / ".join(f["found"] for f in failed(empty("doctor", "--json", check=1, **{**variables, **changes})))

    assert "the secret does not belong" in fails(MILLRACE_S3_SECRET_ACCESS_KEY="wrong")
    assert "does not know the key" in fails(MILLRACE_S3_ACCESS_KEY_ID="AKIAUNKNOWN")
    assert "does not answer" in fails(MILLRACE_S3_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    done = empty("doctor", "--bucket", "absent", "--json", check=1, **variables)
    assert "there is no such bucket" in failed(done)[0]["found"]
