"""Fixtures: a server of our own on free ports and a throw-away data directory, and clients for it."""
import json, os, pathlib, shutil, signal, subprocess, tempfile, time

import boto3, botocore, pytest
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("MILLRACE_BIN", ROOT / ".build" / "release"))
# How operations of AWS go over the wire, for servers that call others or check mocked results.
MODELS = str(pathlib.Path(botocore.__file__).parent / "data")
SHARED = ROOT.parent / "shared"


class Server:
    """One server process. `kill` ends it without notice, `start` starts it again on the same data and ports."""

    def __init__(self, directory, *arguments, program=(BIN / "millrace",), variables=None):
        self.directory = pathlib.Path(directory)
        self.program = program
        self.arguments = arguments
        self.variables = variables or {}
        self.api_port = self.console_port = 0
        self.process = None
        self.start()

    def start(self):
        endpoints = self.directory / "endpoints.json"
        # What an earlier start has left is replaced, not written over.
        before = endpoints.stat().st_ino if endpoints.exists() else None
        self.log = open(self.directory / "server.log", "ab")
        self.process = subprocess.Popen(
            [*self.program, "serve", "--data", self.directory, "--port", str(self.api_port),
             "--console-port", str(self.console_port), *self.arguments],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
            env={**os.environ, "MILLRACE_SERVICE_MODELS": MODELS, **self.variables})
        deadline = time.monotonic() + 30
        while not endpoints.exists() or endpoints.stat().st_ino == before:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start:\n" + (self.directory / "server.log").read_text())
            time.sleep(0.01)
        found = json.loads(endpoints.read_text())
        self.endpoint, self.console = found["api"], found["console"]
        self.api_port = int(self.endpoint.rsplit(":", 1)[1])
        self.console_port = int(self.console.rsplit(":", 1)[1])
        credentials = json.loads((self.directory / "credentials").read_text())
        self.key, self.secret = credentials["accessKeyId"], credentials["secretAccessKey"]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError("the server did not stop within 20 s of SIGTERM")

    def client(self, service, region="us-east-1", **options):
        # Presigned URLs would otherwise use a signature that AWS has retired.
        config = Config(
            retries={"max_attempts": 1}, s3={"addressing_style": "path"}, inject_host_prefix=False,
            signature_version="s3v4" if service == "s3" else None)
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=region, aws_access_key_id=options.get("key", self.key),
            aws_secret_access_key=options.get("secret", self.secret), config=config)

    def environment(self):
        return {
            **os.environ, "AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}

    def storage_options(self):
        return {
            "AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true", "AWS_S3_ADDRESSING_STYLE": "path"}

    def run(self, *arguments, check=True, **options):
        """Runs a verb of the program against this server."""
        done = subprocess.run(
            [BIN / "millrace", *map(str, arguments)], env=self.environment(), capture_output=True, text=True,
            cwd=ROOT, timeout=600, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments} gave {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done


@pytest.fixture
def new_server():
    """Makes servers that this test alone uses."""
    servers = []

    def make(*arguments, **options):
        directory = tempfile.mkdtemp(prefix="millrace-test-")
        server = Server(directory, *arguments, **options)
        servers.append(server)
        return server

    yield make
    for server in servers:
        try:
            server.stop()
        finally:
            shutil.rmtree(server.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def server():
    """A server that the tests of a run share."""
    directory = tempfile.mkdtemp(prefix="millrace-test-")
    server = Server(directory)
    yield server
    try:
        server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def wait_for_end(states, arn, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = states.describe_execution(executionArn=arn)
        if answer["status"] != "RUNNING":
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{arn} did not end within {seconds} s")
