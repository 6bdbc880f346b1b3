"""Answers to sets by two configurations, and what is kept of them."""

import contextlib
import json

import pytest

from evals.answering_sets import (
    AnswersAsked,
    answers_file,
    changed_values,
    compared_with,
    from_given_passages,
    keep_answers,
)
from evals.data_sets import BadData, Choice
from evals.outcome import OURS
from evals.over_gateway import kept_answers
from evals.question_set import question_sets
from streams.log.configuration import load
from tests.evals.sets import write_question_set


@contextlib.contextmanager
def counting(_label):
    yield lambda _total: lambda: None


@pytest.fixture
def wish(tmp_path):
    sets = question_sets(write_question_set(tmp_path / "small"), Choice())
    return AnswersAsked(sets, 0, tmp_path / "kept", None, 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1]", "it must be a JSON object of values"),
        ("{", "it must be a JSON object of values"),
        (None, "No such file"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_named(tmp_path, content, said):
    path = tmp_path / "other.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadData, match=said):
        changed_values(path)


async def test_two_configurations_answer_the_same_questions(tmp_path, wish):
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"not_found": "Nothing."}))
    [outcome] = await from_given_passages(wish, 2, other, None, counting)
    assert outcome.figure("wins against other").value == 0.5
    assert outcome.counts[f"{OURS} tied"] == 3
    assert outcome.figure("contains", "other") == outcome.figure("contains")


async def test_arms_are_compared_with_the_control(tmp_path, wish):
    experiment = {
        "experiment": "tone-1",
        "near_min": 0.7,
        "arms": [
            {"name": "mute", "share": 0.5, "answerable": SILENT},
            {"name": "same", "share": 0.5},
        ],
    }
    file = tmp_path / "experiment.json"
    file.write_text(json.dumps(experiment))
    assert compared_with(file) == {
        OURS: {"near_min": 0.7},
        "mute": {"near_min": 0.7, "answerable": SILENT},
        "same": {"near_min": 0.7},
    }
    [outcome] = await from_given_passages(wish, 2, file, None, counting)
    assert outcome.figure("wins against same").value == 0.5
    assert outcome.counts[f"{OURS} tied against same"] == 3
    assert outcome.figure("abstained, answerable", "mute").value == 1.0
    assert outcome.figure("wins against mute").value > 0.5
    assert outcome.figure("prompt holds the answer", "mute").value > 0


SILENT = {"abstain": 2.0, "weights": load()["generate"].values["answerable"]["weights"]}
"""Says of everything that it can't be answered."""


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"passage_tokns": 1}, "did you mean `passage_tokens`"),
        ({"arms": [{"name": "a", "share": 1}]}, "`experiment` is missing"),
    ],
)
def test_what_can_not_be_compared_is_named_with_its_file(tmp_path, values, says):
    file = tmp_path / "experiment.json"
    file.write_text(json.dumps(values))
    with pytest.raises(BadData, match=f"experiment.json: .*{says}"):
        compared_with(file)


async def test_answers_are_kept_to_be_looked_at(wish):
    [outcome] = await from_given_passages(wish, 2, None, None, counting)
    kept = kept_answers(answers_file(wish.folder, "small"))
    assert set(kept) == {"q-1", "q-2", "q-3"}
    with pytest.raises(KeyError):
        outcome.figure("wins against other")


def test_a_set_of_a_folder_is_one_file(tmp_path):
    assert answers_file(tmp_path, "xquad/de").name == "xquad-de.answers.jsonl"
    keep_answers(tmp_path / "new", "a", {})
    assert answers_file(tmp_path / "new", "a").read_text() == ""
