"""A few seconds of each fuzzer; `make fuzz` runs them for as long as one likes."""
import os

import pytest
from fuzz import fuzz_definitions, fuzz_expressions

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
