"""A few seconds of each fuzzer; `make fuzz` runs them for as long as one likes."""
import os

import pytest
from fuzz import fuzz_definitions, fuzz_expressions
from fuzz_http import KINDS, fuzz_requests

SEED = int(os.environ.get("MILLRACE_SEED", "20261121"))


@pytest.mark.parametrize("kind", ["jsonata", "jsonpath", "intrinsic"])
def test_expressions_give_values_or_errors(kind):
    count, failures = fuzz_expressions(kind, SEED, 10)
    assert not failures
    assert count > 100


def test_definitions_give_findings_or_run(new_server):
    count, started, failures = fuzz_definitions(new_server(), SEED, 15)
    assert not failures
    assert started > 10


@pytest.mark.parametrize("kind", KINDS)
def test_odd_requests_are_answered_and_harm_nobody(new_server, kind):
    count, failures = fuzz_requests(kind, new_server("--auth", "none"), SEED, 15)
    assert not failures
    assert count > 200
