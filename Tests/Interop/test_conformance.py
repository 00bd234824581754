"""Published suites beside the checkout: what they count may not fall below Tests/conformance.json.

`make conformance` prints each suite's `N passed, M failed`."""
import json, re, subprocess, sys

import pytest
from conftest import BIN, ROOT, SHARED

RECORDED = json.loads((ROOT / "Tests/conformance.json").read_text())


def judge(name, passed, total, output):
    with open(ROOT / ".build/conformance.txt", "a") as report:
        report.write(f"{name}: {passed} passed, {total - passed} failed\n")
    print(f"{name}: {passed} passed, {total - passed} failed")
    assert passed >= RECORDED[name], f"{name}: {passed} of {total} passed, {RECORDED[name]} are recorded\n{output}"


@pytest.mark.skipif(not (SHARED / "suites/s3").exists(), reason="the S3 probe is not here")
def test_s3_probe(new_server):
    server = new_server()
    done = subprocess.run(
        [sys.executable, SHARED / "suites/s3/probe_s3.py", server.endpoint, f"{server.key}:{server.secret}"],
        capture_output=True, text=True, timeout=300)
    passed, total = map(int, done.stdout.strip().splitlines()[-1].split()[0].split("/"))
    judge("s3 probe", passed, total, done.stdout)


@pytest.mark.skipif(not (SHARED / "suites/asl").exists(), reason="the recorded Step Functions cases are not here")
def test_asl(new_server):
    server = new_server()
    done = subprocess.run(
        [sys.executable, SHARED / "suites/asl/run.py", server.endpoint, "-j", "8"], env=server.environment(),
        capture_output=True, text=True, timeout=900)
    passed, failed = map(int, re.search(r"(\d+) passed, (\d+) failed", done.stdout).groups())
    judge("asl", passed, passed + failed, done.stdout[-6000:])


EXPRESSIONS = SHARED / "suites/expr"


def evaluate(language, requests, *options):
    """The answers of `millrace eval LANGUAGE --batch`, one for each request."""
    done = subprocess.run(
        [BIN / "millrace", "eval", language, "--batch", *options], input="".join(json.dumps(r) + "\n" for r in requests),
        capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    assert len(answers) == len(requests), f"{len(answers)} answers to {len(requests)} expressions"
    return answers


def same(a, b, ordered=True):
    """Whether both are one JSON value; 1 and 1.0 are, 1 and true are not."""
    if isinstance(a, list) and isinstance(b, list):
        if not ordered:
            a, b = (sorted(x, key=lambda v: json.dumps(v, sort_keys=True)) for x in (a, b))
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def jsonata_is_right(case, answer):
    wanted = case.get("v206") or case
    if wanted.get("noAnswer"):
        return True
    if "code" in wanted:
        return "error" in answer and wanted["code"] in (None, answer["error"])
    if "result" in wanted:
        return "result" in answer and same(answer["result"], wanted["result"], not case.get("unordered"))
    if "error" in case:
        return answer.get("error") == case["error"]["code"]
    return answer.get("undefined") is True


def jsonata_aws_is_right(case, answer):
    if "error" in case:
        return answer.get("error") == case["code"] if "code" in case else "result" not in answer
    if case.get("property") == "number, 0 <= n < 1":
        return 0 <= answer.get("result", -1) < 1
    if case.get("property") == "version 4 UUID":
        return re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", answer.get("result", "")) is not None
    return "result" in answer and same(answer["result"], case["result"])


def jsonpath_is_right(case, answer):
    if "error" in case:
        return "error" in answer and (answer["error"] == "invalidPath") == (case["phase"] == "compile")
    return "result" in answer and same(answer["result"], case["result"], case.get("ordered", True))


def judge_expressions(name, cases, answers, is_right):
    failed = [case["id"] for case, answer in zip(cases, answers) if not is_right(case, answer)]
    judge(name, len(cases) - len(failed), len(cases), "\n".join(failed))


@pytest.mark.skipif(not EXPRESSIONS.exists(), reason="the JSONata cases are not here")
def test_jsonata():
    datasets = json.loads((EXPRESSIONS / "jsonata-datasets.json").read_text())
    cases = [c for c in json.loads((EXPRESSIONS / "jsonata.json").read_text()) if not c.get("usesEval")]
    requests = []
    for case in cases:
        request = {"expr": case["expr"], **{k: case[k] for k in ("data", "bindings", "depth") if k in case}}
        if "dataset" in case:
            request["data"] = datasets[case["dataset"]]
        requests.append(request)
    judge_expressions("jsonata", cases, evaluate("jsonata", requests), jsonata_is_right)


@pytest.mark.skipif(not EXPRESSIONS.exists(), reason="the JSONata cases of Step Functions are not here")
def test_jsonata_aws():
    cases = json.loads((EXPRESSIONS / "jsonata-aws.json").read_text())
    requests = [
        {"expr": c["expr"], "bindings": {**c["variables"], **({"states": c["states"]} if "states" in c else {})}} for c in cases]
    judge_expressions("jsonata-aws", cases, evaluate("jsonata", requests), jsonata_aws_is_right)


@pytest.mark.skipif(not EXPRESSIONS.exists(), reason="the JSONPath cases are not here")
@pytest.mark.parametrize("tier", ["core", "oddity"])
def test_jsonpath(tier):
    cases = [c for c in json.loads((EXPRESSIONS / "jsonpath.json").read_text()) if c["tier"] == tier]
    answers = evaluate("jsonpath", [{"expr": c["selector"], "data": c["document"]} for c in cases], "--jayway")
    judge_expressions(f"jsonpath {tier}", cases, answers, jsonpath_is_right)


@pytest.mark.skipif(not EXPRESSIONS.exists(), reason="the cases of intrinsic functions are not here")
def test_intrinsics():
    cases = json.loads((EXPRESSIONS / "intrinsics.json").read_text())

    def is_right(case, answer):
        if "refused" in case:
            return answer.get("error") == "invalidDefinition"
        if "error" in case:
            return answer.get("error") == case["error"]
        return "result" in answer and ("result" not in case or same(answer["result"], case["result"]))

    # The cases suppose a state of that name.
    answers = evaluate("intrinsic", [{"expr": c["expr"], "data": c["input"], "state": "S"} for c in cases])
    judge_expressions("intrinsics", cases, answers, is_right)
