"""Words: mypy refuses one that no field has."""

import re
import sys
from pathlib import Path

import pytest

import schemas
from schemas.generate.shapes import words_type
from schemas.words import WORDS

ROOT = Path(schemas.__file__).parent.parent


@pytest.mark.parametrize("place", WORDS)
def test_every_field_of_words_has_a_type_that_is_exported(place):
    name = words_type(*place.split("."))
    assert name in schemas.__all__
    assert getattr(schemas, name) is str  # at run time any word passes
    [literal] = re.findall(
        rf"^    {name} = Literal\[(.*?)\]",
        (ROOT / "schemas/records.py").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert tuple(re.findall(r'"(\w*)"', literal)) == WORDS[place]


def test_a_misspelt_word_is_found_where_it_is_written_and_where_it_is_compared(tmp_path):
    api = pytest.importorskip("mypy.api")
    program = tmp_path / "program.py"
    program.write_text(
        "from schemas import Ask, ChunksCut, ChunksIndexed\n"
        'Ask(mode="serach")\n'
        "def passes(cut: ChunksCut) -> bool:\n"
        '    return cut.outcome == "unchanged"\n'
        "def fails(cut: ChunksCut) -> bool:\n"
        '    return cut.outcome == "unchangd"\n'
        "def other(cut: ChunksCut, indexed: ChunksIndexed) -> None:\n"
        "    indexed.outcome == cut.outcome\n"
    )
    report, _, _ = api.run([
        str(program), "--strict", "--follow-imports=silent", "--no-incremental",
        "--config-file", str(ROOT / "pyproject.toml"), f"--python-executable={sys.executable}",
    ])  # fmt: skip
    lines = [int(line.split(":")[1]) for line in report.splitlines() if ": error: " in line]
    assert lines == [2, 6], report
