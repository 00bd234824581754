#!/usr/bin/env python3
"""Asks a server which operations it has, and writes them down.

    operations.py MILLRACE > docs/api.md

A server of its own is asked for every operation of AWS's service models with the least input that the model allows. An
operation is there unless the answer is that it is not: everything else, a validation error above all, is its answer.
"""
import json, pathlib, subprocess, sys, tempfile, time

import boto3, botocore.exceptions, botocore.parsers
from botocore.config import Config

SERVICES = {
    "stepfunctions": "Step Functions", "glue": "Glue", "batch": "Batch", "s3": "S3", "athena": "Athena",
    "logs": "CloudWatch Logs", "scheduler": "EventBridge Scheduler", "events": "EventBridge",
    "lakeformation": "Lake Formation", "lambda": "Lambda", "sqs": "SQS", "sns": "SNS", "dynamodb": "DynamoDB",
    "secretsmanager": "Secrets Manager", "ssm": "Systems Manager", "cloudwatch": "CloudWatch", "iam": "IAM",
    "sts": "STS"}
# The same request as ListBuckets, to an endpoint of its own.
INDISTINGUISHABLE = {"ListDirectoryBuckets"}
ABSENT = {"UnknownOperationException", "UnknownOperation", "InvalidAction", "NotImplemented", "MethodNotAllowed"}
INTRODUCTION = """\
# Operations of AWS

<!-- Written by `make reference`, which asks a server for each operation. -->

One port answers for every service. Operations that are not listed below answer `UnknownOperationException`, S3's
`NotImplemented`. What S3 keeps and does, and what it refuses, is in [s3.md](s3.md).
A state machine's tracing configuration is kept and shown; it has no effect. Encryption with a customer's key is refused.
What a Task state can call is in [integrations.md](integrations.md).
"""


def smallest(shape, depth=0):
    """The least input that a shape allows."""
    kind = shape.type_name
    if kind == "structure":
        return {name: smallest(shape.members[name], depth + 1) for name in shape.required_members} if depth < 8 else {}
    if kind == "list":
        return [smallest(shape.member, depth + 1)] if shape.metadata.get("min", 0) > 0 else []
    if kind == "map":
        return {}
    if kind == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else "x" * max(1, shape.metadata.get("min", 1))
    return {"integer": 1, "long": 1, "float": 1.0, "double": 1.0, "boolean": False, "timestamp": 0, "blob": b"x"}[kind]


def operations(service, endpoint):
    """The names that the server has, and how many there are in AWS's model."""
    client = boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False, inject_host_prefix=False,
                      read_timeout=20, s3={"addressing_style": "path"}))
    model = client.meta.service_model
    found = []
    for name in model.operation_names:
        if name in INDISTINGUISHABLE:
            continue
        shape = model.operation_model(name).input_shape
        given = smallest(shape) if shape else {}
        if service == "s3":
            given.update({k: v for k, v in (("Bucket", "probe"), ("CopySource", "probe/x")) if k in given})
        if service == "s3":  # What was asked before may have removed them.
            client.create_bucket(Bucket="probe")
            client.put_object(Bucket="probe", Key="x")
        try:
            client._make_api_call(name, given)
        except botocore.exceptions.ClientError as error:
            # A service that is not there answers in the form of no service. HEAD has no body to name an error in.
            code = error.response.get("Error", {}).get("Code")
            header = error.response["ResponseMetadata"]["HTTPHeaders"].get("x-amzn-errortype")
            if header in ABSENT or code is None or code in ABSENT or code in ("405", "501"):
                continue
        except botocore.parsers.ResponseParserError:
            continue
        except (botocore.exceptions.BotoCoreError, ValueError, KeyError, TypeError) as error:
            print(f"{service} {name}: not asked: {error}", file=sys.stderr)
            continue
        found.append(name)
    return found, len(model.operation_names)


def text(endpoint):
    parts = [INTRODUCTION]
    for service, title in SERVICES.items():
        found, known = operations(service, endpoint)
        if found:
            parts.append(f"## {title}\n\n{len(found)} of {known} operations.\n\n"
                         + "\n".join(wrapped(", ".join(f"`{name}`" for name in found))) + "\n")
    return "\n".join(parts)


def wrapped(text, width=116):
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}".lstrip()
    yield line


def main(program):
    with tempfile.TemporaryDirectory(prefix="millrace-operations-") as directory:
        server = subprocess.Popen(
            [program, "serve", "--data", directory, "--port", "0", "--console-port", "0", "--auth", "none"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        try:
            endpoints = pathlib.Path(directory) / "endpoints.json"
            deadline = time.monotonic() + 60
            while not endpoints.exists():
                if server.poll() is not None or time.monotonic() > deadline:
                    sys.exit("operations: the server did not start")
                time.sleep(0.05)
            sys.stdout.write(text(json.loads(endpoints.read_text())["api"]))
        finally:
            server.terminate()
            server.wait(30)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
