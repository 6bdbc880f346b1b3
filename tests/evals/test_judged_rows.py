import json

import pytest

from evals.data_sets import BadData, Choice, NoRows
from evals.judged_rows import JUDGEMENTS, read_judged, write_judged
from evals.question_set import question_sets
from tests.evals.judged import a_row
from tests.evals.sets import write_rows

ROWS = [
    a_row(0, "right", "right"),
    a_row(1, "right", "wrong"),
    a_row(2, "wrong", "useless"),
    a_row(3, "right", "right", finish_reason="not_found", answer="I cannot find it.", cited=()),
    a_row(4, "right", "right", finish_reason="refused", answer="No.", cited=()),
    a_row(5, "right", "right", passages=(), cited=()),
]


def test_what_was_written_reads_as_it_was(tmp_path):
    write_judged(tmp_path, ROWS)
    assert read_judged(tmp_path) == read_judged(tmp_path / JUDGEMENTS) == ROWS


def test_what_somebody_held_for_right_is_a_question_of_a_set(tmp_path):
    counts = write_judged(tmp_path / "judged", ROWS)
    assert counts == {"judged": 6, "questions": 3, "disagreements": 2, "passages": 1}
    [asked] = question_sets(tmp_path / "judged", Choice())
    first, disputed, abstained = asked.questions
    assert (first.id, first.answerable, first.passage) == ("r-0", True, "p-1")
    assert first.answers == ("The lighthouse was built in 1887.",)
    assert (first.disputed, disputed.disputed) == (False, True)
    assert (abstained.answerable, abstained.answers) == (False, ())


def test_a_later_export_takes_the_place_of_the_one_before(tmp_path):
    write_judged(tmp_path, ROWS)
    write_judged(tmp_path, ROWS[:1])
    assert read_judged(tmp_path) == ROWS[:1]
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"grades": ["right"]}, "'grades' must be 2 of"),
        ({"grades": ["right", "splendid"]}, "'grades' must be 2 of"),
        ({"grades": "right"}, "'grades' must be a list"),
        ({"citations_wrong": 3}, "'citations_wrong'"),
        ({"citations_wrong": True}, "'citations_wrong'"),
        ({"passages": [3]}, "'passages' must"),
        ({"passages": None}, "'passages' must"),
        ({"passages": [{"id": "p"}]}, "'title' must be a text"),
        ({"cited": [["p"]]}, "'cited' must"),
        ({"cited": 3}, "'cited' must"),
        ({"question_scores": {"harm": "much"}}, "'question_scores'"),
        ({"question": None}, "'question' must be a text"),
    ],
)
def test_a_bad_row_is_told_with_its_place(tmp_path, changed, told):
    path = write_rows(tmp_path / JUDGEMENTS, [a_row().as_json(), {**a_row().as_json(), **changed}])
    with pytest.raises(BadData, match=f"judgements.jsonl:2: {told}"):
        read_judged(path)


def test_no_file_and_no_rows_are_told(tmp_path):
    with pytest.raises(BadData, match="judgements"):
        read_judged(tmp_path)
    write_rows(tmp_path / JUDGEMENTS, [])
    with pytest.raises(NoRows, match="export-judgements"):
        read_judged(tmp_path)


def test_a_folder_that_can_t_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadData, match="name a folder"):
        write_judged(tmp_path / "file", ROWS)


def test_texts_stay_in_their_letters(tmp_path):
    write_judged(tmp_path, [a_row(question="Gilt die Prüfung für <PERSON_1>?")])
    assert "Prüfung für <PERSON_1>" in (tmp_path / JUDGEMENTS).read_text()
    assert json.loads((tmp_path / JUDGEMENTS).read_text())["disagreement"] is False
