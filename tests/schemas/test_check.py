"""The offline check: what it finds wrong, and that it finds nothing wrong with what there is."""

import copy
import json

import pytest

from schemas.check import incompatibilities, main, misnamed_words, problems, release
from schemas.definitions import definitions, self_contained
from schemas.words import WORDS


def test_definitions_are_valid_and_fit_what_was_released(capsys):
    assert list(problems()) == []
    assert main([]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("edit", "direction"),
    [
        (lambda d: d["fields"].append({"name": "new", "type": "string", "doc": "d"}), "backward"),
        (lambda d: d["fields"].pop(0), "forward"),
        (lambda d: d["fields"][0].update(type="long"), "backward"),
        (lambda d: d["fields"][0].update(type="bytes", default=""), None),  # may be promoted
        (lambda d: d["fields"][0].update(type=["null", "string"]), "forward"),
        (lambda d: d["fields"][0].update(name="label"), "backward"),
        (lambda d: d["fields"][0].update(doc="another"), None),
        (
            lambda d: d["fields"].append(
                {"name": "new", "type": "string", "default": "", "doc": "d"}
            ),
            None,
        ),
        (lambda d: d["fields"].reverse(), None),
    ],
)
def test_an_incompatible_change_is_found_and_a_compatible_one_let_pass(edit, direction):
    old = self_contained("StepVersion")
    new = copy.deepcopy(old)
    edit(new)
    why = list(incompatibilities(old, new))
    assert any(one.startswith(f"{direction}: ") for one in why) if direction else why == []


def test_what_was_released_must_stay(tmp_path):
    release("0.9", tmp_path)
    path = tmp_path / "0.9.json"
    assert set(json.loads(path.read_text())) == set(definitions())
    assert list(problems(tmp_path)) == []
    kept = json.loads(path.read_text())
    kept["Gone"] = kept["Usage"]
    kept["Usage"]["fields"].append({"name": "old", "type": "string", "doc": "d"})
    path.write_text(json.dumps(kept))
    assert [one.partition(":")[0] for one in problems(tmp_path)] == [
        "Usage does not fit its version of 0.9, forward",
        "Gone was released in 0.9 and is gone",
    ]


def test_a_release_makes_its_folder(tmp_path):
    release("1.0", tmp_path / "released")
    release("1.0", tmp_path / "released")
    assert [path.name for path in (tmp_path / "released").iterdir()] == ["1.0.json"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"ChunksCut.outcome": ("cut", "cutt")}, 'ChunksCut.outcome has "cutt", but its doc says'),
        ({"ChunksCut.outcome": ("un",)}, 'has "un", but its doc says: cut, unchanged'),
        ({"ChunksCut.outcomes": ("cut",)}, "ChunksCut.outcomes is no field of strings"),
        ({"ChunkCut.outcome": ("cut",)}, "ChunkCut.outcome is no field of strings"),
        ({"ChunksCut": ("cut",)}, "ChunksCut is no field of strings"),
        ({"ChunksCut.chunks": ("cut",)}, "ChunksCut.chunks is no field of strings"),
        ({"Ask.mode": ("search",)}, 'Ask.mode lacks its default, "answer"'),
        ({"Generated.finish_reason": ("stop", "length")}, 'lacks its default, ""'),
    ],
)
def test_a_word_that_no_doc_lists_is_found(words, says):
    [problem] = misnamed_words(words)
    assert says in problem
    assert problem.startswith("schemas/words.py: ")


def test_the_words_are_those_of_the_docs():
    assert list(misnamed_words(WORDS)) == []
    assert all(len(words) == len(set(words)) > 1 for words in WORDS.values())
