"""The S3 client itself: the shared behaviour suite of the Swift tests on our server and on other people's, and what the
client finds out of their conditional requests."""
import os, pathlib, re, subprocess

import pytest, stores
from conftest import ROOT
from test_foreign_stores import running  # noqa: F401, a fixture

TESTS = pathlib.Path(os.environ.get("MILLRACE_TESTS", ROOT / ".build" / "release" / "millracePackageTests.xctest"))
COMPLETIONS = ["completionIfAbsent", "completionIfMatch"]

pytestmark = pytest.mark.skipif(not TESTS.exists(), reason=f"{TESTS} is missing: `make unit` builds it")


def run(store, tests, unsupported=(), **variables):
    """Runs the tests, in an empty bucket, of a store that does not honour the conditions in `unsupported`."""
    store.client().create_bucket(Bucket="behaviour")
    words = [store.endpoint, store.key, store.secret, "behaviour", *unsupported]
    done = subprocess.run(
        [TESTS, "--testing-library", "swift-testing", *(word for test in tests for word in ("--filter", f"S3ServerTests/{test}"))],
        env={**os.environ, "MILLRACE_TEST_S3": " ".join(words), **variables}, capture_output=True, text=True, timeout=600)
    ran = re.search(r"Test run with (\d+) tests? in 1 suites? passed", done.stdout + done.stderr)
    assert done.returncode == 0 and ran and int(ran[1]) == len(tests), (done.stdout + done.stderr)[-4000:]


class Own:
    """Our server as a store of `stores`."""

    def __init__(self, server):
        self.endpoint, self.key, self.secret = server.endpoint, server.key, server.secret
        self.client = lambda: server.client("s3")


def test_our_server(server):
    run(Own(server), ["behaves", "copiesInParts", "presignedURLsWork"])


def test_radosgw(running):
    """Release 16 ignores the conditions of completions; its If-Match has no quotes."""
    store = running("radosgw")
    store.empty()
    run(store, ["behaves", "copiesInParts", "presignedURLsWork"], COMPLETIONS)


def test_ministack(running):
    store = running("ministack")
    store.empty()
    run(store, ["behaves", "copiesInParts"])


def test_http2(tmp_path):
    """Over TLS, with a certificate of its own authority."""
    if why := stores.missing("ministack"):
        pytest.skip(why)
    store = stores.SecureMinistack(tmp_path)
    try:
        run(store, ["copiesInParts"], MILLRACE_TEST_CA=str(store.certificate))
        ours = [line for line in (store.directory / "access").read_text().splitlines() if line.endswith((" PUT", " HEAD"))]
        assert ours and all(re.search(r"(^|\s)2 \w+$", line) for line in ours[1:]), ours[:20]
    finally:
        store.stop()


@pytest.mark.parametrize("name, unsupported", [
    ("rclone", ["putIfAbsent", "putIfMatch", *COMPLETIONS]), ("moto", ["completionIfMatch"])])
def test_conditions_that_are_not_honoured(running, name, unsupported):
    store = running(name)
    store.empty()
    run(store, ["honoursConditionsAsSaid"], unsupported)
