"""A plugin of pytest: the tests of this process see a mutant in the place of a file, and name one that fails."""

import json
import os
from pathlib import Path

import pytest

from tests.golden.mutant_runs import FAILED, MUTANT, install

PLACE = Path(os.environ[MUTANT])
install(**json.loads(PLACE.read_text()))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name a test that failed, or whose fixtures did."""
    if report.failed:
        PLACE.with_name(FAILED).write_text(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Name a file of tests that can't be read."""
    if report.failed:
        PLACE.with_name(FAILED).write_text(report.nodeid)
