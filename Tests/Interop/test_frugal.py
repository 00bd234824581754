"""What the program may not grow back: libraries and tables that were taken out of it on purpose."""
import shutil, subprocess

import pytest
from conftest import BIN

MEGABYTE = 1_000_000


def needs(tool):
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


@needs("strip")
def test_the_program_is_small(tmp_path):
    stripped = tmp_path / "millrace"
    subprocess.run(["strip", "-o", stripped, BIN / "millrace"], check=True)
    assert stripped.stat().st_size < 60 * MEGABYTE


@needs("readelf")
def test_nothing_is_loaded_that_few_commands_need():
    """libcurl, and the two dozen libraries behind it, come with the first request."""
    dynamic = subprocess.run(["readelf", "-dW", BIN / "millrace"], check=True, capture_output=True, text=True).stdout
    needed = [line for line in dynamic.splitlines() if "(NEEDED)" in line]
    assert needed
    assert not [line for line in needed if "libcurl" in line or "libFoundation" in line or "libicu" in line]
