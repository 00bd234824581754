"""The command line on jobs: lists, details, logs followed to the end."""
import json, subprocess, threading, time, uuid

import pytest

from conftest import BIN


def submit(batch, command, **options):
    name = "j" + uuid.uuid4().hex[:10]
    properties = {
        "image": command[0], "command": command[1:],
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}]}
    batch.register_job_definition(jobDefinitionName=name, type="container", containerProperties=properties)
    return name, batch.submit_job(jobName=name, jobQueue="default", jobDefinition=name, **options)["jobId"]


def follow(server, *arguments):
    return subprocess.Popen(
        [BIN / "millrace", "logs", *arguments, "--follow"], env=server.environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)


def test_jobs_are_found_by_name_id_arn_and_beginning(server):
    batch = server.client("batch")
    name, job = submit(batch, ["/bin/sh", "-c", "echo out; echo err >&2; exit 3"])
    ended = follow(server, job)
    out, err = ended.communicate(timeout=60)
    assert out == "out\nerr\n" and ended.returncode == 0
    arn = batch.describe_jobs(jobs=[job])["jobs"][0]["jobArn"]
    for text in (name, job, job[:13], arn):
        assert json.loads(server.run("jobs", "show", text, "--json").stdout)["jobId"] == job, text
        assert server.run("logs", text).stdout == "out\nerr\n", text
    shown = server.run("jobs", "show", name).stdout
    assert "exit code 3" in shown and "echo out; echo err >&2; exit 3" in shown and f"millrace logs {job}" in shown
    listed = server.run("jobs", "ls", "--name", name).stdout
    assert job in listed and "FAILED" in listed
    assert [row["jobId"] for row in json.loads(server.run("jobs", "--name", name, "--json").stdout)] == [job]
    assert json.loads(server.run("jobs", "ls", "--name", name, "--status", "SUCCEEDED", "--json").stdout) == []
    lines = [json.loads(line) for line in server.run("logs", name, "--json").stdout.splitlines()]
    assert [(line["job"], line["attempt"], line["message"]) for line in lines] == [(job, 1, "out"), (job, 1, "err")]
    assert server.run("logs", name, "--tail", "1").stdout == "err\n"
    for arguments, status, words in [
        (("jobs", "show", "no-such-job"), 66, "millrace jobs ls"), (("logs", "no-such-job"), 66, "millrace status"),
        (("jobs", "ls", "--queue", "nowhere"), 66, "default"), (("jobs", "ls", "--status", "DONE"), 64, "RUNNABLE"),
        (("logs", job, "--exit-status"), 64, "--follow"), (("logs", str(uuid.uuid4())), 66, "no job"),
    ]:
        done = server.run(*arguments, check=False)
        assert done.returncode == status and words in done.stderr and done.stdout == "", (arguments, done)


def test_logs_follow_every_attempt_and_mirror_the_end(server, tmp_path):
    batch = server.client("batch")
    marker = tmp_path / "attempts"
    _, job = submit(
        batch, ["/bin/sh", "-c", f"echo x >> {marker}; n=$(wc -l < {marker}); echo try $n; sleep 0.3; echo more; test $n -ge 2"],
        retryStrategy={"attempts": 3})
    good = follow(server, job, "--exit-status")
    out, _ = good.communicate(timeout=60)
    assert good.returncode == 0
    assert [line for line in out.splitlines() if line and not line.startswith("==>")] == ["try 1", "more", "try 2", "more"]
    assert "attempt 2 <==" in out
    assert server.run("logs", job, "--attempt", "2").stdout.splitlines()[-2:] == ["try 2", "more"]
    _, bad = submit(batch, ["/bin/sh", "-c", "echo bye; exit 9"])
    failed = follow(server, bad, "--exit-status")
    out, err = failed.communicate(timeout=60)
    assert failed.returncode == 2 and "bye" in out and "FAILED" in err
    _, slow = submit(batch, ["/bin/sleep", "600"])
    late = server.run("logs", slow, "--follow", "--timeout", "500ms", check=False)
    assert late.returncode == 75
    assert "is being stopped" in server.run("jobs", "stop", slow, "--reason", "enough").stderr
    ended = follow(server, slow, "--exit-status")
    ended.communicate(timeout=60)
    assert ended.returncode == 2
    assert json.loads(server.run("jobs", "show", slow, "--json").stdout)["statusReason"] == "enough"


def test_logs_are_followed_over_a_restart(new_server, tmp_path):
    server = new_server()
    go = tmp_path / "go"
    _, job = submit(
        server.client("batch"), ["/bin/sh", "-c", f"echo before; while [ ! -e {go} ]; do sleep 0.1; done; echo after"])
    follower = follow(server, job, "--exit-status")
    assert follower.stdout.readline() == "before\n"
    server.kill()
    time.sleep(0.5)  # The follower meets a server that is not there.
    server.start()
    go.touch()
    out, err = follower.communicate(timeout=90)
    assert out == "after\n" and follower.returncode == 0, err


def test_logs_of_an_execution_are_its_jobs(server, tmp_path):
    batch = server.client("batch")
    names = []
    for text in ("one", "two"):
        name = "j" + uuid.uuid4().hex[:10]
        batch.register_job_definition(jobDefinitionName=name, type="container", containerProperties={
            "image": "/bin/echo", "command": [text],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}]})
        names.append(name)

    def task(name, following):
        return {"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync", **following, "Parameters": {
            "JobName": name, "JobDefinition": name, "JobQueue": "default"}}

    machine = "m" + uuid.uuid4().hex[:8]
    flow = tmp_path / f"{machine}.json"
    flow.write_text(json.dumps({"StartAt": "A", "States": {
        "A": task(names[0], {"Next": "B"}), "B": task(names[1], {"End": True})}}))
    server.run("submit", flow)
    follower = follow(server, machine, "--exit-status")
    out, err = follower.communicate(timeout=60)
    assert follower.returncode == 0, err
    assert [line for line in out.splitlines() if line and "==>" not in line] == ["one", "two"]
    assert f"==> {names[0]} " in out and f"==> {names[1]} " in out
    assert "one" in server.run("logs", machine).stdout


def test_a_failed_job_leads_to_its_logs(server, tmp_path):
    s3, glue = server.client("s3"), server.client("glue")
    bucket = "b" + uuid.uuid4().hex[:10]
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="bad.sql", Body=b"SELECT 1 AS fine;\nSELECT\n  nothing FROM range(1);\n")
    job = "g" + uuid.uuid4().hex[:8]
    glue.create_job(Name=job, Role="arn:aws:iam::123456789012:role/any", Command={
        "Name": "glueetl", "ScriptLocation": f"s3://{bucket}/bad.sql"})
    machine = "m" + uuid.uuid4().hex[:8]
    flow = tmp_path / f"{machine}.json"
    flow.write_text(json.dumps({"StartAt": "Load", "States": {"Load": {
        "Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": job}, "End": True}}}))
    failed = server.run("submit", flow, "--wait", check=False)
    assert failed.returncode == 2
    for words in ("in state Load", "UNRESOLVED_COLUMN", "bad.sql, line 2", "millrace logs jr_"):
        assert words in failed.stderr, failed.stderr
    run = failed.stderr.split("millrace logs ")[1].split()[0]
    for text in (run, run[:9], job, machine):
        log = server.run("logs", text).stdout
        assert "fine" in log and "UNRESOLVED_COLUMN" in log, (text, log)
    assert f"millrace logs {run}" in server.run("status", machine, "--json", check=False).stdout + server.run(
        "status", json.loads(server.run("status", machine, "--json").stdout)[0]["name"]).stdout
    assert run in server.run("jobs", "show", run).stdout


def test_silence_is_explained(server, tmp_path):
    batch = server.client("batch")
    _, never = submit(batch, ["no-such-program"])
    silent = follow(server, never)
    _, said = silent.communicate(timeout=60)
    reason = batch.describe_jobs(jobs=[never])["jobs"][0]
    assert f"job {never} never started: it is FAILED, {reason['statusReason']}" in said and f"millrace jobs show {never}" in said
    _, first = submit(batch, ["/bin/sleep", "60"])
    _, second = submit(batch, ["/bin/echo"], dependsOn=[{"jobId": first}])
    assert f"job {second} has not started: it is PENDING" in server.run("logs", second).stderr
    server.run("jobs", "stop", first)
    _, quiet = submit(batch, ["/bin/true"])
    done = follow(server, quiet)
    assert f"job {quiet} printed nothing: it is SUCCEEDED" in done.communicate(timeout=60)[1]
    for name, state, words in [
        ("quick", {"Type": "Succeed"}, "ran no jobs: it is SUCCEEDED"),
        ("slow", {"Type": "Wait", "Seconds": 60, "End": True}, "has run no jobs so far: it is RUNNING")]:
        path = tmp_path / f"silent-{name}.json"
        path.write_text(json.dumps({"StartAt": "A", "States": {"A": state}}))
        server.run("submit", path, *(["--wait"] if name == "quick" else []))
        assert words in server.run("logs", f"silent-{name}").stderr
    server.run("stop", "silent-slow")
