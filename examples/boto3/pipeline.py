#!/usr/bin/env python3
"""A pipeline from Python: a bucket, a SQL job, a state machine, an execution, and its table read back.

    eval "$(millrace env)"
    pip install boto3 deltalake
    python examples/boto3/pipeline.py

Nothing here is Millrace's own: with AWS's credentials and no AWS_ENDPOINT_URL, boto3 would do the same there.
"""
import json, os, sys, time

import boto3
from deltalake import DeltaTable, QueryBuilder

BUCKET = "boto3-example"
ROLE = "arn:aws:iam::123456789012:role/any"  # AWS wants a role here; Millrace takes any.
TABLE = f"s3://{BUCKET}/warehouse/visits_by_page"

VISITS = """\
page,visitor,seconds
/,ann,12
/,bob,3
/prices,ann,44
/prices,cid,7
/about,bob,never left
"""

JOB = """\
CREATE OR REPLACE TEMPORARY VIEW visits (page STRING, visitor STRING, seconds STRING)
  USING csv OPTIONS (path '${input}', header 'true');

CREATE OR REPLACE TABLE web.visits_by_page USING delta LOCATION '${table}' AS
SELECT page, count(*) AS visits, sum(TRY_CAST(seconds AS INT)) AS seconds FROM visits GROUP BY page;
"""

MACHINE = {
    "StartAt": "Count visits",
    "States": {
        "Count visits": {
            "Type": "Task",
            "Resource": "arn:aws:states:::glue:startJobRun.sync",
            "Parameters": {"JobName": "visits-by-page", "Arguments": {"--input.$": "$.input", "--table.$": "$.table"}},
            "ResultSelector": {"run.$": "$.Id", "state.$": "$.JobRunState"},
            "Retry": [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 2, "MaxAttempts": 2}],
            "End": True,
        }
    },
}


def prepare(s3, glue, states):
    """Makes what the execution needs; doing it again changes nothing. Returns the state machine's ARN."""
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="raw/visits.csv", Body=VISITS.encode())
    s3.put_object(Bucket=BUCKET, Key="scripts/visits_by_page.sql", Body=JOB.encode())
    try:
        glue.create_database(DatabaseInput={"Name": "web"})
        glue.create_job(
            Name="visits-by-page", Role=ROLE,
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/scripts/visits_by_page.sql"})
    except glue.exceptions.AlreadyExistsException:
        pass
    return states.create_state_machine(
        name="visits", definition=json.dumps(MACHINE), roleArn=ROLE)["stateMachineArn"]


def wait_for_end(states, execution):
    while (answer := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.2)
    return answer


def main():
    s3, glue, states = boto3.client("s3"), boto3.client("glue"), boto3.client("stepfunctions")
    machine = prepare(s3, glue, states)
    started = states.start_execution(
        stateMachineArn=machine, input=json.dumps({"input": f"s3://{BUCKET}/raw/*.csv", "table": TABLE}))
    end = wait_for_end(states, started["executionArn"])
    print(end["status"], end.get("output") or f"{end.get('error')}: {end.get('cause')}")
    if end["status"] != "SUCCEEDED":
        return 1

    # deltalake reads the variables that boto3 reads, but has to be told that http and path-style addresses are fine.
    options = {"AWS_ALLOW_HTTP": "true", "AWS_S3_ADDRESSING_STYLE": "path", "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"]}
    table = DeltaTable(TABLE, storage_options=options)
    rows = QueryBuilder().register("visits", table).execute("SELECT page, visits, seconds FROM visits ORDER BY page").read_all()
    for page, visits, seconds in zip(*(rows[name].to_pylist() for name in ("page", "visits", "seconds"))):
        print(f"{page:10} {visits:3} visits {seconds or 0:4} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
