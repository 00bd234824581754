"""The command line on the catalog and on tables."""
import json, uuid

import pytest

from conftest import ROOT


def actions(done):
    """What was created, changed and left, as the last line counts it."""
    words = done.stdout.splitlines()[-1].split(": ")[-1].replace(",", "").split()
    return {words[i + 1]: int(words[i]) for i in range(0, len(words), 2)}


def tree(directory):
    return {str(path.relative_to(directory)): json.loads(path.read_text()) for path in sorted(directory.rglob("*.json"))}


def test_apply_says_what_it_does_and_does_nothing_twice(new_server, tmp_path):
    server = new_server()
    total = len(list((ROOT / "glue-catalog").rglob("*.json")))
    dry = server.run("catalog", "apply", "glue-catalog", "--dry-run")
    assert actions(dry) == {"created": total, "changed": 0, "left": 0}
    assert server.client("glue").get_databases()["DatabaseList"] == []
    assert actions(server.run("catalog", "apply", "glue-catalog")) == {"created": total, "changed": 0, "left": 0}
    again = server.run("catalog", "apply", "glue-catalog/")
    assert actions(again) == {"created": 0, "changed": 0, "left": total}, again.stdout
    glue = server.client("glue")
    table = glue.get_table(DatabaseName="raw", Name="retail")["Table"]
    glue.update_table(DatabaseName="raw", TableInput={
        "Name": "retail", "Description": "another", "StorageDescriptor": table["StorageDescriptor"]})
    changes = json.loads(server.run("catalog", "apply", "glue-catalog", "--json").stdout)
    assert [(c["kind"], c["name"]) for c in changes if c["action"] == "changed"] == [("table", "raw.retail")]
    assert glue.get_table(DatabaseName="raw", Name="retail")["Table"]["Description"] != "another"
    assert actions(server.run("catalog", "apply", "glue-catalog")) == {"created": 0, "changed": 0, "left": total}


def test_export_is_what_apply_reads(new_server, tmp_path):
    first = new_server()
    first.run("catalog", "apply", "glue-catalog")
    glue = first.client("glue")
    glue.create_database(DatabaseInput={"Name": "odd", "Parameters": {"a": "b"}})
    column = {"Name": "n", "Type": "int"}
    storage = {"Columns": [column], "Location": "s3://lake/odd/", "SerdeInfo": {"Parameters": {"path": "s3://lake/odd/"}}}
    glue.create_table(DatabaseName="odd", TableInput={
        "Name": "parts", "StorageDescriptor": storage, "PartitionKeys": [{"Name": "day", "Type": "string"}],
        "Parameters": {"classification": "parquet"}})
    days = [f"2026-{i // 28 + 1:02}-{i % 28 + 1:02}" for i in range(130)]
    for start in range(0, 130, 100):
        glue.batch_create_partition(DatabaseName="odd", TableName="parts", PartitionInputList=[
            {"Values": [day], "StorageDescriptor": {**storage, "Location": f"s3://lake/odd/day={day}/"}}
            for day in days[start:start + 100]])
    out = tmp_path / "out"
    first.run("catalog", "export", "--out", out)
    assert {"databases/odd.json", "tables/odd.parts.json", "partitions/odd.parts.json", "jobs/medallion-silver.json"} <= set(tree(out))
    second = new_server()
    assert actions(second.run("catalog", "apply", out))["created"] == len(tree(out))
    assert actions(second.run("catalog", "apply", out))["left"] == len(tree(out))
    found = second.client("glue").get_paginator("get_partitions").paginate(DatabaseName="odd", TableName="parts")
    assert [p["Values"][0] for page in found for p in page["Partitions"]] == days
    other = tmp_path / "other"
    second.run("catalog", "export", "--out", other)
    assert tree(other) == tree(out)
    # What is exported over itself is left, and what was shipped comes back as it is.
    assert {c["action"] for c in json.loads(first.run("catalog", "export", "--out", out, "--json").stdout)} == {"left"}
    assert tree(out)["jobs/medallion-silver.json"] == tree(ROOT / "glue-catalog")["jobs/medallion-silver.json"]
    parts = tmp_path / "parts"
    second.run("catalog", "export", "odd", "--out", parts)
    assert set(tree(parts)) == {"databases/odd.json", "tables/odd.parts.json", "partitions/odd.parts.json"}
    one = tmp_path / "one"
    second.run("catalog", "export", "raw.retail", "--out", one)
    assert set(tree(one)) == {"tables/raw.retail.json"}
    missing = second.run("catalog", "export", "nothing", "--out", one, check=False)
    assert missing.returncode == 66 and "nothing" in missing.stderr


def test_catalog_is_shown(server):
    server.run("catalog", "apply", "glue-catalog")
    assert "silver" in server.run("catalog", "ls").stdout
    assert "retail" in server.run("catalog", "ls", "raw").stdout
    assert "medallion-silver" in server.run("catalog", "ls", "--jobs").stdout
    assert json.loads(server.run("catalog", "show", "raw.retail", "--json").stdout)["Name"] == "retail"
    shown = server.run("catalog", "show", "raw.retail").stdout
    assert "s3://lake/raw/retail/" in shown and "InvoiceNo" in shown and "csv" in shown
    assert json.loads(server.run("catalog", "show", "raw", "--json").stdout)["Name"] == "raw"
    for arguments, status, words in [
        (("ls", "nowhere"), 66, "nowhere"), (("show", "raw.nothing"), 66, "nothing"), (("show", "raw."), 64, "DATABASE"),
        (("apply", "Sources"), 66, "databases/"), (("apply", "/nowhere"), 66, "/nowhere"),
    ]:
        done = server.run("catalog", *arguments, check=False)
        assert done.returncode == status and words in done.stderr and done.stdout == "", (arguments, done)


def test_broken_definitions_are_named(server, tmp_path):
    folder = tmp_path / "databases"
    folder.mkdir()
    for text, status, words in [
        ("{", 65, "line 1"), ("[]", 65, "object"), ("{}", 65, "DatabaseInput"),
        ('{"DatabaseInput": {"Name": 5}}', 65, "NUMBER_VALUE"), ('{"DatabaseInput": {"Name": ""}}', 1, "ame"),
    ]:
        (folder / "x.json").write_text(text)
        done = server.run("catalog", "apply", tmp_path, check=False)
        assert done.returncode == status and "x.json" in done.stderr and words in done.stderr, done


def test_tables_by_location_path_and_catalog_name(server, tmp_path):
    bucket, database = "b" + uuid.uuid4().hex[:10], "d" + uuid.uuid4().hex[:8]
    server.client("s3").create_bucket(Bucket=bucket)
    uri = f"s3://{bucket}/t"
    server.run("sql", f"CREATE DATABASE {database}; CREATE TABLE {database}.t USING delta LOCATION '{uri}' AS "
                      "SELECT id, concat('text ', id) AS name FROM range(12); "
                      f"INSERT INTO {database}.t VALUES (99, NULL)")
    path = tmp_path / "local"
    server.run("sql", f"CREATE TABLE {database}.local USING delta LOCATION '{path}' AS SELECT * FROM range(3)")
    for name in (uri, f"{database}.t"):
        found = json.loads(server.run("table", "show", name, "--json", "--rows", "2").stdout)
        assert found["count"] == 13 and len(found["rows"]) == 2
        assert [(c["name"], c["type"]) for c in found["columns"]] == [("id", "bigint"), ("name", "string")]
        text = server.run("table", "show", name).stdout
        assert "13 rows" in text and "name" in text
        history = [json.loads(line) for line in server.run("table", "history", name, "--json").stdout.splitlines()]
        assert [commit["version"] for commit in history] == [1, 0]
        assert "WRITE" in server.run("table", "history", name).stdout
        assert len(server.run("table", "history", name, "--limit", "1", "--json").stdout.splitlines()) == 1
    assert json.loads(server.run("table", "show", path, "--json").stdout)["count"] == 3
    for name in (f"s3://{bucket}/nothing", f"{database}.nothing", "/nowhere/t", "nodatabase.t"):
        for verb in ("show", "history"):
            done = server.run("table", verb, name, check=False)
            assert done.returncode == 66 and "there is no table" in done.stderr, (verb, name, done)
