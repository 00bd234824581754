"""Other people's S3 servers, started on free ports of loopback (or of another network namespace) for tests.

ministack, moto and rclone are Python packages in an environment of their own (requirements-stores.txt), as ministack wants
another botocore than the clients. radosgw, Ceph's own server, comes from Debian's packages. `make peers` installs
them all."""
import os, pathlib, shutil, signal, socket, subprocess, tempfile, time, uuid

import boto3
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(os.environ.get("MILLRACE_STORES", ROOT / ".build" / "stores" / "bin"))
CEPH = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")


def missing(name):
    """Why a store cannot be started here; None when it can."""
    if name == "radosgw":
        absent = [program for program in CEPH if not shutil.which(program)]
        return f"not installed: {', '.join(absent)}; `make peers` installs Debian's packages" if absent else None
    program = TOOLS / {"ministack": "hypercorn", "rclone": "rclone", "moto": "moto_server"}[name]
    return None if program.exists() else f"{program} is missing: `make peers` installs it"


def free_port(address="127.0.0.1"):
    with socket.socket() as s:
        s.bind((address, 0))
        return s.getsockname()[1]


class Store:
    """An S3 server that is not Millrace. `kill` ends it without notice, `start` starts it again on the same port."""

    key, secret, region = "test-key", "test-secret-0123456789", "us-east-1"
    scheme = "http"

    def __init__(self, port=None, host="127.0.0.1", prefix=()):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-store-"))
        self.host, self.prefix, self.processes = host, list(prefix), []
        self.port = port or free_port()
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def endpoint(self):
        return f"{self.scheme}://{self.host}:{self.port}"

    def spawn(self, *command, environment=None):
        log = open(self.directory / "log", "ab")
        process = subprocess.Popen(
            [*self.prefix, *map(str, command)], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory,
            env={**os.environ, **(environment or {})}, start_new_session=True)
        self.processes.append(process)
        return process

    def wait(self, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if any(process.poll() is not None for process in self.processes):
                break
            if self.answers():
                return
            time.sleep(0.05)
        raise RuntimeError(f"{type(self).__name__} did not start:\n" + (self.directory / "log").read_text()[-3000:])

    def answers(self):
        try:
            with socket.create_connection((self.host, self.port), 2) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return self.scheme == "https" or connection.recv(1) != b""
        except OSError:
            return False

    def kill(self):
        for process in reversed(self.processes):
            self.end(process)
        self.processes = []

    def end(self, process):
        """With its workers: each store has a process group of its own."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

    def stop(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def client(self):
        return boto3.client(
            "s3", endpoint_url=self.endpoint, region_name=self.region, aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            config=Config(
                retries={"max_attempts": 3}, s3={"addressing_style": "path"}, request_checksum_calculation="when_required",
                response_checksum_validation="when_required"))

    def environment(self):
        """What makes Millrace use this store."""
        return {
            "MILLRACE_S3_ENDPOINT": self.endpoint, "MILLRACE_S3_ACCESS_KEY_ID": self.key,
            "MILLRACE_S3_SECRET_ACCESS_KEY": self.secret, "MILLRACE_S3_REGION": self.region}

    def storage_options(self):
        """What makes deltalake and Polars use this store."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": self.region, "AWS_ALLOW_HTTP": "true", "AWS_S3_ADDRESSING_STYLE": "path"}

    def empty(self):
        """Removes every bucket."""
        s3 = self.client()
        for bucket in s3.list_buckets()["Buckets"]:
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
                for found in page.get("Contents", []):
                    s3.delete_object(Bucket=bucket["Name"], Key=found["Key"])
            s3.delete_bucket(Bucket=bucket["Name"])


class Ministack(Store):
    """Knows AWS's conditional requests; does not look at keys and signatures."""

    def start(self):
        # Objects outlive a restart.
        self.spawn(
            TOOLS / "hypercorn", "ministack.app:app", "--bind", f"{self.host}:{self.port}", "--log-level", "warning",
            environment={
                "PERSIST_STATE": "1", "S3_PERSIST": "1", "STATE_DIR": str(self.directory / "state"),
                "S3_DATA_DIR": str(self.directory / "s3")})
        self.wait()


class Rclone(Store):
    """Replaces objects despite If-None-Match."""

    def start(self):
        (self.directory / "data").mkdir(exist_ok=True)
        self.spawn(
            TOOLS / "rclone", "--config", os.devnull, "serve", "s3", "--addr", f"{self.host}:{self.port}", "--auth-key",
            f"{self.key},{self.secret}", self.directory / "data")
        self.wait()


class Moto(Store):
    """Knows conditions of puts, and of completions only If-None-Match; does not look at keys and signatures."""

    def start(self):
        self.spawn(TOOLS / "moto_server", "-H", self.host, "-p", self.port)
        self.wait()


class Radosgw(Store):
    """Ceph with one monitor and one disk in memory. Checks every signature; its If-Match is not AWS's."""

    def start(self):
        if not self.processes:
            self.make_cluster()
        self.gateway = self.spawn("radosgw", "-f", "-n", "client.rgw", "--no-mon-config", environment=self.variables)
        self.wait()

    def kill_gateway(self):
        """Ends the S3 server; the objects stay in the cluster."""
        self.end(self.gateway)
        self.processes.remove(self.gateway)

    def make_cluster(self):
        at, cluster = self.directory, uuid.uuid4()
        for folder in ("mon", "osd", "rgw", "run"):
            (at / folder).mkdir()
        monitor = f"[v2:127.0.0.1:{free_port()},v1:127.0.0.1:{free_port()}]"
        (at / "ceph.conf").write_text(f"""
[global]
fsid = {cluster}
mon host = {monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc secure
mon allow pool size one = true
mon data avail crit = 1
mon max pg per osd = 1000
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 2147483648
osd class load list = *
osd class default list = *
keyring = {at}/keyring
run dir = {at}/run
admin socket = {at}/run/$name.asok
log file = /dev/null
crash dir = {at}/run
mon data = {at}/mon
osd data = {at}/osd
[client.rgw]
ms mon client mode = crc secure
auth client required = none
rgw frontends = beast endpoint={self.host}:{self.port} tcp_nodelay=1
rgw data = {at}/rgw
rgw dns name = localhost
""")
        (at / "keyring").touch()
        self.variables = {"CEPH_CONF": str(at / "ceph.conf")}

        def run(*command):
            done = subprocess.run(
                command, cwd=at, env={**os.environ, **self.variables}, capture_output=True, text=True, timeout=60)
            if done.returncode != 0:
                raise RuntimeError(f"{command} gave {done.returncode}:\n{done.stdout}{done.stderr}")

        run("monmaptool", "--create", "--clobber", "--fsid", str(cluster), "--addv", "a", monitor, "monmap")
        run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap")
        self.spawn("ceph-mon", "-f", "-i", "a", environment=self.variables)
        disk = str(uuid.uuid4())
        run("ceph", "--connect-timeout", "30", "osd", "new", disk, "0")
        run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        self.spawn("ceph-osd", "-f", "-i", "0", environment=self.variables)
        run("radosgw-admin", "-n", "client.rgw", "user", "create", "--uid", "tester", "--display-name", "tester",
            "--access-key", self.key, "--secret", self.secret)


KINDS = {"ministack": Ministack, "moto": Moto, "radosgw": Radosgw, "rclone": Rclone}


class SecureMinistack(Ministack):
    """With a certificate of its own making, for localhost."""

    scheme = "https"

    def __init__(self, folder):
        self.certificate, self.certificate_key = folder / "public.crt", folder / "private.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-keyout", self.certificate_key, "-out", self.certificate],
            check=True, capture_output=True)
        super().__init__(host="localhost")

    def start(self):
        self.spawn(
            TOOLS / "hypercorn", "ministack.app:app", "--bind", f"127.0.0.1:{self.port}", "--certfile", self.certificate,
            "--keyfile", self.certificate_key, "--access-logfile", self.directory / "access", "--access-logformat", "%(H)s %(m)s")
        self.wait()

    def client(self):
        return boto3.client(
            "s3", endpoint_url=self.endpoint, region_name=self.region, aws_access_key_id=self.key,
            aws_secret_access_key=self.secret, verify=str(self.certificate), config=Config(s3={"addressing_style": "path"}))
