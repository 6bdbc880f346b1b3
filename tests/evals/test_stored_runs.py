"""Two runs of the same rows, pair by pair."""

import json

import numpy as np
import pytest

from evals.bootstrap import mean_of
from evals.data_sets import BadData
from evals.outcome import OURS, SetOutcome, document
from evals.stored_runs import CHANGE, stored_run


def mean(column):
    return float(np.mean(column))


def share(right, wrong):
    return float(np.sum(right) / (np.sum(right) + np.sum(wrong)))


FIGURES = {"hits": (mean, ("hits",))}


def an_outcome(by_row, name="tower"):
    return SetOutcome(name, 3, by_row=by_row)


def stored(tmp_path, by_row, name="tower", **fields):
    made = document("retrieval", [an_outcome(by_row, name)], {})
    path = tmp_path / "before.json"
    path.write_text(json.dumps({**made, **fields}))
    return path


def test_a_change_is_of_the_rows_that_both_have(tmp_path):
    before = stored_run(stored(tmp_path, {"hits": {"a": 0.0, "b": 1.0, "gone": 1.0}}), "retrieval")
    outcome = an_outcome({"hits": {"b": 1.0, "a": 1.0, "new": 0.0}})
    before.add_changes(outcome, FIGURES)
    change = outcome.figure("hits", CHANGE)
    assert (change.value, change.rows) == (0.5, 2)
    assert "2 rows that both have of 3" in outcome.notes[-1]


def test_pairs_are_drawn_together_so_that_what_is_hard_for_both_does_not_blur(tmp_path):
    hard = {f"q{number}": number % 2 for number in range(100)}
    now = {name: value + 0.1 for name, value in hard.items()}
    before = stored_run(stored(tmp_path, {"hits": hard}), "retrieval")
    outcome = an_outcome({"hits": now})
    before.add_changes(outcome, FIGURES)
    change = outcome.figure("hits", CHANGE)
    assert change.low == pytest.approx(0.1)
    assert change.high == pytest.approx(0.1)
    alone = mean_of(list(now.values()))
    assert alone.high - alone.low > 0.1


def test_a_figure_of_several_columns_is_computed_of_each_run_and_taken_apart(tmp_path):
    before = stored_run(
        stored(tmp_path, {"right": {"a": 1, "b": 1}, "wrong": {"a": 3, "b": 3}}), "retrieval"
    )
    outcome = an_outcome({"right": {"a": 3, "b": 3}, "wrong": {"a": 1, "b": 1}})
    before.add_changes(outcome, {"share": (share, ("right", "wrong"))})
    assert outcome.figure("share", CHANGE).value == 0.5


def test_rows_of_a_group_are_drawn_together(tmp_path):
    rows = {f"r{number}": float(number < 50) for number in range(100)}
    before = stored_run(stored(tmp_path, {"hits": dict.fromkeys(rows, 0.0)}), "retrieval")
    wide, narrow = an_outcome({"hits": rows}), an_outcome({"hits": rows})
    before.add_changes(wide, FIGURES, {name: str(value) for name, value in rows.items()})
    before.add_changes(narrow, FIGURES)
    assert (wide.figure("hits", CHANGE).low, wide.figure("hits", CHANGE).high) == (0.0, 1.0)
    assert narrow.figure("hits", CHANGE).low > 0.3


def test_a_run_that_was_asked_otherwise_is_compared_and_says_so(tmp_path):
    path = stored(tmp_path, {"hits": {"a": 1.0}}, pool=20, depth=100)
    like = an_outcome({"hits": {"a": 1.0}})
    stored_run(path, "retrieval", {"pool": 20, "depth": 100}).add_changes(like, FIGURES)
    assert not any("otherwise" in note for note in like.notes)
    unlike = an_outcome({"hits": {"a": 1.0}})
    stored_run(path, "retrieval", {"pool": None, "depth": 100}).add_changes(unlike, FIGURES)
    assert unlike.notes[0].endswith(": pool 20 there, none here")


def test_two_stored_sets_of_one_name_are_refused(tmp_path):
    one = an_outcome({"hits": {"a": 1.0}}).as_json()
    path = stored(tmp_path, {}, sets=[one, one])
    with pytest.raises(BadData, match="two of its sets have one name"):
        stored_run(path, "retrieval")


@pytest.mark.parametrize(
    ("by_row", "name", "says"),
    [
        ({"hits": {"a": 1.0}}, "other", "has no set tower"),
        ({"others": {"a": 1.0}}, "tower", "tells no rows of hits"),
        ({"hits": {"b": 1.0}}, "tower", "shares no row of hits"),
    ],
)
def test_what_can_not_be_compared_is_said(tmp_path, by_row, name, says):
    before = stored_run(stored(tmp_path, by_row, name), "retrieval")
    outcome = an_outcome({"hits": {"a": 1.0}})
    before.add_changes(outcome, FIGURES)
    assert any(says in note for note in outcome.notes)
    with pytest.raises(KeyError):
        outcome.figure("hits", CHANGE)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no document of `playhead eval retrieval`"),
        ('{"eval": "rewriting"}', "no document of `playhead eval retrieval`"),
        ('{"eval": "retrieval"}', "tells nothing of single rows"),
        ('{"eval": "retrieval", "code": "c", "sets": [{"set": "s"}]}', "nothing of single rows"),
        (
            '{"eval":"retrieval","code":"c","sets":[{"set":"s","by_row":{"hits":{"a":NaN}}}]}',
            "nothing of single rows",
        ),
        (
            '{"eval":"retrieval","code":"c","sets":[{"set":"s","by_row":{"hits":["a"]}}]}',
            "nothing of single rows",
        ),
    ],
)
def test_a_file_that_is_no_stored_run_is_refused_with_words(tmp_path, content, says):
    path = tmp_path / "before.json"
    path.write_text(content)
    with pytest.raises(BadData, match=says):
        stored_run(path, "retrieval")


def test_a_file_that_can_not_be_read_is_named(tmp_path):
    with pytest.raises(BadData, match=r"gone\.json: No such file"):
        stored_run(tmp_path / "gone.json", "retrieval")


def test_values_of_rows_stand_in_the_document_only_where_there_are_some():
    assert an_outcome({"hits": {"a": 1.0}}).as_json()["by_row"] == {"hits": {"a": 1.0}}
    assert "by_row" not in an_outcome({}).as_json()
    assert OURS != CHANGE
