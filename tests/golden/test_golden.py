"""Logs of earlier releases verify as they did when they were written."""

import json
from pathlib import Path

import pytest

from streams.version import CODE
from tests.golden.make_golden import PRESENT
from tests.golden.packing import unpacked
from tests.golden.verifying import LATER, verify

HERE = Path(__file__).parent
WHAT_TO_DO = """
An outcome of a step is not what the log holds. If that was meant: declare the change in agents/changes.py, raise CODE
in streams/version.py, keep the old rule under `fx.has`, then run `make golden`. If it was not: mend it."""
RELEASES = sorted(path.name for path in HERE.iterdir() if (path / "report.json").exists())


@pytest.fixture
def copied(tmp_path):
    """Return what unpacks a release's log."""
    return lambda release: unpacked(HERE / release, tmp_path / release)


@pytest.mark.parametrize("release", RELEASES)
def test_a_log_of_an_earlier_release_verifies(copied, release):
    folder = copied(release)
    code, report = verify(folder, "--archive", str(folder / "log"), "--jobs", "2")
    written = json.loads((folder / "report.json").read_text())
    written.pop("code", None)
    assert (code, report["diverged"]) == (0, []), WHAT_TO_DO
    assert report == LATER | written


def test_the_golden_log_of_the_present_is_of_the_present_code():
    written = json.loads((HERE / PRESENT / "report.json").read_text())
    assert written["code"] == CODE, "run `make golden`"


@pytest.mark.parametrize("release", RELEASES)
def test_what_a_machine_lacks_is_no_difference(copied, release):
    folder = copied(release)
    code, report = verify(folder, "--archive", str(folder / "log"), PLAYHEAD_TOKENIZER="/nowhere")
    assert (code, report["diverged"]) == (3, [])
    assert {entry["step"] for entry in report["unverifiable"]} == {"ingest"}
    assert all("PLAYHEAD_TOKENIZER" in entry["reason"] for entry in report["unverifiable"])
