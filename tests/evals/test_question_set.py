"""Folders of questions and passages."""

import pytest

from evals.data_sets import BadData, Choice, NoRows
from evals.question_set import question_sets
from tests.evals.sets import (
    PASSAGES,
    PUBLIC,
    QUESTIONS,
    needs_public_sets,
    write_question_set,
    write_rows,
)


def test_questions_come_with_the_passages_they_were_asked_of(tmp_path):
    [asked] = question_sets(write_question_set(tmp_path / "small"), Choice())
    assert asked.name == "small"
    assert [one.id for one in asked.questions] == ["q-1", "q-2", "q-3"]
    assert asked.questions[0].answers == ("1887", "in 1887")
    assert asked.questions[2].answers == ()
    assert asked.passages["p-2"].title == "Ferry"


def test_each_file_of_questions_is_a_set(tmp_path):
    write_rows(tmp_path / "de_questions.jsonl", QUESTIONS[:1])
    write_rows(tmp_path / "en_questions.jsonl", QUESTIONS)
    write_rows(tmp_path / "en_passages.jsonl", PASSAGES)
    sets = question_sets(tmp_path, Choice())
    assert [(one.name.rpartition("/")[2], len(one.questions)) for one in sets] == [
        ("de", 1),
        ("en", 3),
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"passage_id": "p-9"}, "no passage 'p-9' in the file of passages"),
        ({"answers": []}, "'answers' is empty, though the question is answerable"),
        ({"answers": "1887"}, "'answers' must be a list of texts"),
        ({"answerable": 1}, "'answerable' is 1: it must be one of True, False"),
    ],
)
def test_a_question_that_cannot_be_used_is_named(tmp_path, changed, said):
    write_question_set(tmp_path, [QUESTIONS[1], {**QUESTIONS[0], **changed}])
    with pytest.raises(BadData) as error:
        question_sets(tmp_path, Choice())
    assert f"questions.jsonl:2: {said}" in error.value.message


def test_a_passage_twice_is_named(tmp_path):
    write_question_set(tmp_path, passages=[*PASSAGES, PASSAGES[0]])
    with pytest.raises(BadData, match=r"passages\.jsonl\.gz:4: a second passage 'p-1'"):
        question_sets(tmp_path, Choice())


def test_a_folder_with_two_files_of_passages_or_none_is_refused(tmp_path):
    write_question_set(tmp_path)
    write_rows(tmp_path / "more_passages.jsonl", PASSAGES)
    with pytest.raises(
        BadData, match=r"several files of passages \(more_passages.jsonl, passages.jsonl.gz\)"
    ):
        question_sets(tmp_path, Choice())
    with pytest.raises(BadData, match="name the folder"):
        question_sets(tmp_path / "questions.jsonl", Choice())
    with pytest.raises(BadData, match="holds no file"):
        question_sets(tmp_path / "..", Choice())


def test_an_empty_set_is_an_error_of_its_own(tmp_path):
    with pytest.raises(NoRows):
        question_sets(write_question_set(tmp_path, questions=[]), Choice())


def test_questions_of_a_passage_stay_in_one_half(tmp_path):
    passages = [{**PASSAGES[0], "id": f"p-{number}"} for number in range(40)]
    questions = [
        {**QUESTIONS[0], "id": f"{number}-{again}", "passage_id": f"p-{number}"} for number in range(40) for again in range(3)
    ]  # fmt: skip
    write_question_set(tmp_path, questions, passages)
    [first] = question_sets(tmp_path, Choice(half="first"))
    [second] = question_sets(tmp_path, Choice(half="second"))
    of_first, of_second = ({one.passage for one in half.questions} for half in (first, second))
    assert not of_first & of_second
    assert len(first.questions) + len(second.questions) == 120


@needs_public_sets
@pytest.mark.parametrize(("name", "counts"), [("squad2_dev", [3_038]), ("xquad", [1_018] * 3)])
def test_public_sets_are_read_whole(name, counts):
    sets = question_sets(PUBLIC / "qa" / name, Choice())
    assert [len(one.questions) for one in sets] == counts
