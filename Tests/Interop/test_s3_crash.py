"""The server is killed while 8 clients write: what was acknowledged is there and whole, what was not is there as a
whole or not at all, and of racing conditional writers one has won.

MILLRACE_CRASH_ROUNDS=20 is the full trial; MILLRACE_SEED repeats the operations of one.
"""
import hashlib, json, os, random, threading, time, typing

import boto3, pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ROUNDS = int(os.environ.get("MILLRACE_CRASH_ROUNDS", "3"))
SEED = int(os.environ.get("MILLRACE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
CLIENTS, KEYS, OPERATIONS = 8, 12, 1000
PART_MIN = 5 << 20


class Content(typing.NamedTuple):
    etag: str
    size: int
    md5: str


def content(body):
    digest = hashlib.md5(body).hexdigest()
    return Content(digest, len(body), digest)


class Key:
    """What the client that owns a key knows of it: its versions, newest first, as (id, content); a delete marker has
    no content. In a bucket without versions there is one with the id null, or none.

    `maybe` holds instead of `versions` if the operation under way has happened; the id None stands for any."""

    def __init__(self, bucket, name):
        self.bucket, self.name, self.versioned = bucket, name, bucket == "versioned"
        self.versions, self.maybe = [], None

    @property
    def content(self):
        return self.versions[0][1] if self.versions else None

    def after_put(self, new):
        return [(None, new), *self.versions] if self.versioned else [("null", new)]

    def after_delete(self):
        return [(None, None), *self.versions] if self.versioned else []


class Race:
    """All clients write the same key, under the condition that it does not exist."""

    def __init__(self):
        self.won, self.unknown = [], []


class Trial:
    """The server, what all clients know of it, and the clients."""

    def __init__(self, server, rng):
        self.server, self.rng = server, rng
        self.keys = {(b, f"c{n}/k{k}"): Key(b, f"c{n}/k{k}") for b in ("plain", "versioned") for n in range(CLIENTS) for k in range(KEYS)}
        self.races = {}
        # Of the key that clients change in turns: ETag before, content after, whether it was acknowledged.
        self.links, self.chain_start = [], None
        self.lock = threading.Lock()
        self.counts = {}

    def client(self):
        # Not even once: a repeated conditional write would meet its own first attempt.
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=60)
        return boto3.client("s3", endpoint_url=self.server.endpoint, region_name="us-east-1", config=config,
                            aws_access_key_id=self.server.key, aws_secret_access_key=self.server.secret)

    def prepare(self):
        s3 = self.client()
        for bucket in ("plain", "versioned"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
        body = b"the chain begins"
        s3.put_object(Bucket="plain", Key="chain", Body=body)
        self.chain_start = content(body)

    def round(self, number):
        self.done, self.is_killed, self.failures = 0, threading.Event(), []
        barrier = threading.Barrier(CLIENTS)
        threads = [threading.Thread(target=Client(self, number, index, barrier).run) for index in range(CLIENTS)]
        for thread in threads:
            thread.start()
        last = self.rng.randrange(OPERATIONS // 10, OPERATIONS)
        while self.done < last and any(thread.is_alive() for thread in threads):
            time.sleep(0.001)
        time.sleep(self.rng.random() * 0.02)
        self.is_killed.set()
        self.server.kill()
        barrier.abort()
        for thread in threads:
            thread.join(120)
        assert not self.failures, self.failures[0]
        if self.rng.random() < 0.3:  # The next one does not get far, either.
            self.server.start()
            self.server.kill()
        self.server.start()
        return self.done

    # --- What is there afterwards

    def check(self):
        s3 = self.client()
        found, listed = {}, {}
        for bucket in ("plain", "versioned"):
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 100}):
                entries = [(v["Key"], v["VersionId"], v["ETag"].strip('"'), v["Size"], v["IsLatest"]) for v in page.get("Versions", [])]
                entries += [(m["Key"], m["VersionId"], None, 0, m["IsLatest"]) for m in page.get("DeleteMarkers", [])]
                for key, *rest in entries:
                    found.setdefault((bucket, key), []).append(rest)
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 90}):
                listed.update({(bucket, o["Key"]): (o["ETag"].strip('"'), o["Size"]) for o in page.get("Contents", [])})
        for place in found:
            assert place in self.keys or place in self.races or place == ("plain", "chain"), f"nobody wrote {place}"
        for place, key in self.keys.items():
            self.settle(s3, key, found.get(place, []))
            current = (key.content.etag, key.content.size) if key.content else None
            assert listed.get(place) == current, (place, listed.get(place), current)
            self.read_current(s3, key)
        for place, race in list(self.races.items()):
            self.check_race(s3, place, race)
        self.check_chain(s3)

    def settle(self, s3, key, found):
        """Compares the versions that there are with those that there must be, and takes on what has happened."""
        for versions in (key.versions, key.maybe):
            if versions is None or len(found) != len(versions):
                continue
            # Markers and objects come in lists of their own: only the ids can tell their order.
            if key.versioned:
                known = {id: new for id, new in versions if id is not None}
                others = [entry for entry in found if entry[0] not in known]
                fresh = [new for id, new in versions if id is None]
                if len(others) != len(fresh) or any(id not in {e[0] for e in found} for id in known):
                    continue
                pairs = [(e, known[e[0]]) for e in found if e[0] in known] + list(zip(others, fresh))
            else:
                pairs = [(found[0], versions[0][1])] if found else []
            if all((e[1], e[2]) == ((new.etag, new.size) if new else (None, 0)) for e, new in pairs):
                ids = iter([e[0] for e in others] if key.versioned else [])
                settled = [(next(ids) if id is None else id, new) for id, new in versions]
                latest = [e[0] for e in found if e[3]]
                assert latest == [settled[0][0]] if settled else not found, (key.name, latest, settled)
                fresh_ids = {id for id, _ in settled} - {id for id, _ in key.versions}
                key.versions, key.maybe = settled, None
                for id, new in settled:
                    if new and (id in fresh_ids or self.rng.random() < 0.1):
                        self.read(s3, key.bucket, key.name, new, VersionId=id)
                return
        raise AssertionError(f"{key.bucket}/{key.name} has {found}, expected {key.versions} or {key.maybe}")

    def read(self, s3, bucket, name, expected, **options):
        head = s3.head_object(Bucket=bucket, Key=name, **options)
        assert (head["ETag"].strip('"'), head["ContentLength"]) == (expected.etag, expected.size), (bucket, name, head)
        body = s3.get_object(Bucket=bucket, Key=name, **options)["Body"].read()
        assert hashlib.md5(body).hexdigest() == expected.md5, (bucket, name)

    def read_current(self, s3, key):
        if key.content:
            return self.read(s3, key.bucket, key.name, key.content)
        with pytest.raises(ClientError) as absent:
            s3.head_object(Bucket=key.bucket, Key=key.name)
        assert absent.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404, key.name

    def check_race(self, s3, place, race):
        assert len(race.won) <= 1, f"{place} has {len(race.won)} winners"
        assert race.won or race.unknown, f"all have lost {place}"
        try:
            body = s3.get_object(Bucket=place[0], Key=place[1])["Body"].read()
        except s3.exceptions.NoSuchKey:
            assert not race.won, f"the winner's {place} is gone"
            del self.races[place]
            return
        there = content(body)
        assert there in (race.won or race.unknown), f"{place} is of none of those who wrote it"
        race.won, race.unknown = [there], []

    def check_chain(self, s3):
        """From the last content back to the first: each step is somebody's, and no acknowledged one is left out."""
        body = s3.get_object(Bucket="plain", Key="chain")["Body"].read()
        by_content = {new: (before, acknowledged) for before, new, acknowledged in self.links}
        at, passed = content(body), set()
        while at != self.chain_start:
            assert at in by_content, "the chain has a content that nobody wrote"
            passed.add(at)
            before = by_content[at][0]
            at = next((new for new in [self.chain_start, *by_content] if new.etag == before), None)
        lost = [new for _, new, acknowledged in self.links if acknowledged and new not in passed]
        assert not lost, f"{len(lost)} acknowledged changes of the chain are lost"
        self.links, self.chain_start = [], content(body)

    def check_files(self):
        """Nothing is damaged, and once unfinished uploads are gone nothing is left over."""
        s3, objects = self.client(), self.server.directory / "objects"
        for bucket in ("plain", "versioned"):
            for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
                for upload in page.get("Uploads", []):
                    s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        deadline = time.monotonic() + 60
        while True:
            done = self.server.run("store", "scrub", "--data", self.server.directory, "--json", check=False)
            assert done.returncode == 0, done.stdout
            report = json.loads(done.stdout)
            if report["strayFiles"] == 0 and not list((objects / "staging").iterdir()):
                break
            assert time.monotonic() < deadline, f"left over: {report}, {list((objects / 'staging').iterdir())}"
            time.sleep(0.1)
        assert {p.name for p in objects.iterdir()} <= {"data", "staging", "backup.lock", "index.sqlite", "index.sqlite-wal", "index.sqlite-shm"}


class Client:
    def __init__(self, trial, round, index, barrier):
        self.trial, self.index, self.round, self.barrier = trial, index, round, barrier
        self.rng = random.Random(f"{SEED} {round} {index}")
        self.s3 = trial.client()
        self.own = [key for key in trial.keys.values() if key.name.startswith(f"c{index}/")]
        self.races = 0

    def run(self):
        kinds = {"put": 30, "put_large": 6, "put_if_absent": 8, "put_if_match": 8, "chain": 8, "multipart": 6, "copy": 10,
                 "delete": 8, "delete_version": 6, "delete_many": 4, "read": 6}
        names, weights = list(kinds), list(kinds.values())
        count = 0
        try:
            while True:
                count += 1
                kind = "race" if count % 20 == 0 else self.rng.choices(names, weights)[0]
                getattr(self, kind)()
                with self.trial.lock:
                    self.trial.done += 1
                    self.trial.counts[kind] = self.trial.counts.get(kind, 0) + 1
        except Exception as error:
            self.barrier.abort()
            # Only the kill may end a client.
            if not self.trial.is_killed.is_set() or isinstance(error, (AssertionError, ClientError)):
                self.trial.failures.append(f"{kind} of client {self.index}: {type(error).__name__}: {error}")

    def body(self, size=None):
        if size is None:
            size = self.rng.choice([0, 1, 100, 4096, 16 * 1024, 16 * 1024 + 1, 60_000, 300_000])
        return self.rng.randbytes(size)

    def attempt(self, expected, call, refusal=None):
        """Makes a call that leaves keys with the versions `expected`, or is refused with the status `refusal`."""
        for key, versions in expected:
            key.maybe = versions
        try:
            answer = call()
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == refusal, error
            for key, _ in expected:
                key.maybe = None
            return None
        assert refusal is None, f"a condition that does not hold was accepted: {[key.name for key, _ in expected]}"
        for key, versions in expected:
            key.versions, key.maybe = versions, None
        return answer

    def fill(self, key, version):
        """The id of the version that has just been made."""
        if key.versions and key.versions[0][0] is None:
            assert version, key.name
            key.versions[0] = (version, key.versions[0][1])

    def write(self, key, new, call, refusal=None):
        answer = self.attempt([(key, key.after_put(new))], call, refusal)
        if answer:
            self.fill(key, answer.get("VersionId"))

    def put(self, size=None, refusal=None, **options):
        key, body = options.pop("key", None) or self.rng.choice(self.own), self.body(size)
        self.write(key, content(body), lambda: self.s3.put_object(Bucket=key.bucket, Key=key.name, Body=body, **options), refusal)

    def put_large(self):
        self.put(size=self.rng.randrange(1 << 20, 3 << 20))

    def put_if_absent(self):
        key = self.rng.choice(self.own)
        self.put(key=key, IfNoneMatch="*", refusal=412 if key.content else None)

    def put_if_match(self):
        key = self.rng.choice(self.own)
        if key.content and self.rng.random() < 0.7:
            self.put(key=key, IfMatch=f'"{key.content.etag}"')
        else:
            self.put(key=key, IfMatch='"00000000000000000000000000000000"', refusal=412 if key.content else 404)

    def multipart(self):
        key = self.rng.choice(self.own)
        bodies = [self.body()]
        if self.rng.random() < 0.15:
            bodies.insert(0, self.body(PART_MIN))
        upload = self.s3.create_multipart_upload(Bucket=key.bucket, Key=key.name)["UploadId"]
        parts = []
        for number, body in enumerate(bodies, 1):
            answer = self.s3.upload_part(Bucket=key.bucket, Key=key.name, UploadId=upload, PartNumber=number, Body=body)
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        if self.rng.random() < 0.1:
            self.s3.abort_multipart_upload(Bucket=key.bucket, Key=key.name, UploadId=upload)
            return
        whole = content(b"".join(bodies))
        etag = hashlib.md5(b"".join(hashlib.md5(body).digest() for body in bodies)).hexdigest() + f"-{len(bodies)}"
        self.write(key, whole._replace(etag=etag), lambda: self.s3.complete_multipart_upload(
            Bucket=key.bucket, Key=key.name, UploadId=upload, MultipartUpload={"Parts": parts}))

    def copy(self):
        there = [key for key in self.own if key.content]
        if not there:
            return self.put()
        source = self.rng.choice(there)
        key = self.rng.choice([key for key in self.own if key is not source])
        new = source.content._replace(etag=source.content.md5)
        self.write(key, new, lambda: self.s3.copy_object(
            Bucket=key.bucket, Key=key.name, CopySource={"Bucket": source.bucket, "Key": source.name}))

    def delete(self):
        key = self.rng.choice(self.own)
        answer = self.attempt([(key, key.after_delete())], lambda: self.s3.delete_object(Bucket=key.bucket, Key=key.name))
        self.fill(key, answer.get("VersionId"))

    def delete_version(self):
        there = [key for key in self.own if key.versions]
        if not there:
            return self.put()
        key = self.rng.choice(there)
        at = self.rng.randrange(len(key.versions))
        left = key.versions[:at] + key.versions[at + 1:]
        self.attempt([(key, left)], lambda: self.s3.delete_object(Bucket=key.bucket, Key=key.name, VersionId=key.versions[at][0]))

    def delete_many(self):
        bucket = self.rng.choice(["plain", "versioned"])
        keys = self.rng.sample([key for key in self.own if key.bucket == bucket], 4)
        answer = self.attempt([(key, key.after_delete()) for key in keys], lambda: self.s3.delete_objects(
            Bucket=bucket, Delete={"Objects": [{"Key": key.name} for key in keys]}))
        assert not answer.get("Errors"), answer
        markers = {d["Key"]: d.get("DeleteMarkerVersionId") for d in answer["Deleted"]}
        for key in keys:
            self.fill(key, markers[key.name])

    def read(self):
        key = self.rng.choice(self.own)
        self.trial.read_current(self.s3, key)

    def race(self):
        """At the same moment as all others."""
        self.races += 1
        place = "versioned" if self.races % 3 == 0 else "plain", f"race/{self.round}/{self.races}"
        body = self.body() + bytes([self.index])
        mine = content(body)
        try:
            self.barrier.wait(60)
        except threading.BrokenBarrierError:
            raise ConnectionError("the server was killed") from None
        with self.trial.lock:
            race = self.trial.races.setdefault(place, Race())
            race.unknown.append(mine)
        try:
            self.s3.put_object(Bucket=place[0], Key=place[1], Body=body, IfNoneMatch="*")
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412), error
            with self.trial.lock:
                race.unknown.remove(mine)
            return
        with self.trial.lock:
            race.unknown.remove(mine)
            race.won.append(mine)

    def chain(self):
        """Replaces what is there, unless somebody else was faster."""
        before = self.s3.head_object(Bucket="plain", Key="chain")["ETag"].strip('"')
        body = self.rng.randbytes(self.rng.choice([64, 20_000]))
        link = [before, content(body), False]
        with self.trial.lock:
            self.trial.links.append(link)
        try:
            self.s3.put_object(Bucket="plain", Key="chain", Body=body, IfMatch=f'"{before}"')
            link[2] = True
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412), error
            with self.trial.lock:
                self.trial.links.remove(link)


def test_what_was_acknowledged_survives_a_kill_and_nothing_else_shows(new_server):
    server = new_server()
    trial = Trial(server, random.Random(SEED))
    print(f"seed {SEED}, {ROUNDS} rounds")
    trial.prepare()
    total = 0
    for number in range(ROUNDS):
        total += trial.round(number)
        try:
            trial.check()
            trial.check_files()
        except AssertionError as failure:
            raise AssertionError(f"round {number}, MILLRACE_SEED={SEED}: {failure}") from failure
    decided = sum(bool(race.won) for race in trial.races.values())
    print(f"{total} operations, {len(trial.races)} races, {decided} of them won, {trial.counts}")
    assert decided > 0 and len(trial.counts) == 12
