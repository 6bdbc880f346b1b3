"""Which steps have a configuration file: those that read one, and no other needs it."""

import inspect
import sys

import pytest

from streams.log.configuration import FOLDER, load
from streams.topics import STEPS


def test_a_step_without_a_file_has_nothing_to_configure(tmp_path):
    assert {entry.content for entry in load(tmp_path).values()} == {"{}"}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_that_reads_its_configuration_has_a_file(step):
    source = inspect.getsource(sys.modules[step.function.__module__])
    assert "fx.configuration" not in source or (FOLDER / f"{step.name}.json").exists()
