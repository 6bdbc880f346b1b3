"""A conversation that is held once, and asked again in many ways: nothing of that changes it."""

import pytest

from tests.replay.whatif.mill_talk import KEY, OPENS, SHUTTLE, WHERE, held


@pytest.fixture(scope="session")
def mill(unit_path_factory):
    return held(unit_path_factory.mktemp("mill"), OPENS, KEY, SHUTTLE, WHERE)


@pytest.fixture
def changed_prompt(tmp_path):
    path = tmp_path / "prompt.txt"
    path.write_text("Speak like a miller.\n{{passages}}\nQuestion: {{question}}\n")
    return f"prompt={path}"
