"""How errors speak of a program: what went wrong, and what whoever asked may do."""

import pytest

from connectors.presidio.detection_task import DETECTION
from connectors.processes.program import Limits
from connectors.readers.document_task import READING
from streams.setting_sources import known_names
from streams.settings import Settings

LIMITS = Limits(cpu_s=2.5, memory_bytes=64_000_000)


@pytest.mark.parametrize("program", [READING, DETECTION])
@pytest.mark.parametrize(
    ("of", "taken"), [("CPU time", "2.5 s of CPU time"), ("memory", "64 MB of memory")]
)
def test_a_limit_is_told_with_what_raises_it(program, of, taken):
    said = program.over(of, LIMITS)
    assert said.startswith(f"{program.task} takes more than {taken}: {program.instead}, or give")
    [setting] = [name for name in known_names(Settings) if name in said]
    assert hasattr(Settings(), setting.removeprefix("PLAYHEAD_").lower())


def test_what_is_too_much_by_its_own_count_has_words_of_its_own():
    assert "100000 paragraphs" in READING.over("blocks", LIMITS)


def test_an_end_is_told_as_often_as_it_came():
    said = READING.died(["SIGKILL", "exit status 1"])
    assert "that was reading the document ended 2 times (SIGKILL, then exit status 1)" in said


def test_an_error_is_told_by_its_place():
    assert "failed (KeyError at x.py:1): report it" in READING.broke("KeyError at x.py:1")
