"""moto's server: SQS, SNS, DynamoDB, EventBridge and Lambda that are not Millrace's."""
import os, pathlib, subprocess, time, urllib.request

import boto3
from botocore.config import Config

from stores import TOOLS, free_port

PROGRAM = TOOLS / "moto_server"
MISSING = None if PROGRAM.exists() else f"{PROGRAM} is missing: `make peers` installs it"


class Moto:
    def __init__(self, directory):
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = pathlib.Path(directory) / "moto.log"
        self.process = subprocess.Popen(
            [PROGRAM, "-H", "127.0.0.1", "-p", str(self.port)], stdout=open(self.log, "ab"), stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, cwd=directory)
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(self.endpoint + "/moto-api/data.json", timeout=5)
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("moto did not start:\n" + self.log.read_text())
                time.sleep(0.1)

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="test-key",
            aws_secret_access_key="test-secret", config=Config(retries={"max_attempts": 1}))

    def variables(self, *services):
        return {f"AWS_ENDPOINT_URL_{service}": self.endpoint for service in services} | {
            "AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret"}

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
