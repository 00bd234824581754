"""What a user does to run the medallion pipeline: upload, apply, register, start. Shared by the tests."""
import json, pathlib

from conftest import ROOT

WAREHOUSE = "s3://lake/warehouse"
INPUT = {
    "input": "s3://lake/raw/retail/", "warehouse": WAREHOUSE, "scripts": "s3://lake/scripts",
    "gold": ["medallion-revenue-by-day", "medallion-top-products", "medallion-customer-value"],
}


def prepare(server, files):
    """Uploads the scripts and `files`, applies the catalog, registers what the state machine needs.

    Returns the state machine's ARN."""
    s3, batch, states = server.client("s3"), server.client("batch"), server.client("stepfunctions")
    s3.create_bucket(Bucket="lake")
    for path in files:
        s3.upload_file(str(path), "lake", f"raw/retail/{pathlib.Path(path).name}")
    for path in sorted((ROOT / "examples/medallion").glob("*.sql")):
        s3.upload_file(str(path), "lake", f"scripts/{path.name}")
    server.run("catalog", "apply", "glue-catalog")
    batch.register_job_definition(**json.loads((ROOT / "examples/medallion/job-definition.json").read_text()))
    return states.create_state_machine(
        name="medallion", definition=(ROOT / "statemachines/medallion.asl.json").read_text(),
        roleArn="arn:aws:iam::123456789012:role/millrace")["stateMachineArn"]


def start(server, machine, name="run"):
    return server.client("stepfunctions").start_execution(
        stateMachineArn=machine, name=name, input=json.dumps(INPUT))["executionArn"]
