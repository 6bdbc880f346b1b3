"""Answers from passages that are given."""

import pytest

from agents.errors import Permanent
from evals.data_sets import Choice
from evals.given_passages import PassageSource, answers_of_step, baseline_answers, retrieved
from evals.question_set import question_sets
from tests.evals.sets import PASSAGES, QUESTIONS, write_question_set


@pytest.fixture
def asked(tmp_path):
    [asked] = question_sets(write_question_set(tmp_path / "small"), Choice())
    return asked


def nothing():
    return None


def test_the_right_passage_is_always_among_those_given(tmp_path):
    strange = {
        **QUESTIONS[0],
        "id": "q-4",
        "question": "What does the museum show?",
        "passage_id": "p-2",
    }
    wordless = {**strange, "id": "q-5", "question": "Huh?"}
    [asked] = question_sets(write_question_set(tmp_path, [*QUESTIONS, strange, wordless]), Choice())
    ids = [[one.id for one in PassageSource(asked, 1).of(question)] for question in asked.questions]
    assert ids == [["p-1"], ["p-2"], ["p-3"], ["p-3", "p-2"], ["p-2"]]
    alone = [
        [one.id for one in PassageSource(asked, 0).of(question)] for question in asked.questions
    ]
    assert alone == [["p-1"], ["p-2"], ["p-3"], ["p-2"], ["p-2"]]


def test_no_more_passages_are_given_than_wanted(tmp_path):
    same = [{**PASSAGES[0], "id": f"p-{number}"} for number in range(9)]
    [asked] = question_sets(
        write_question_set(tmp_path, [{**QUESTIONS[0], "passage_id": "p-8"}], same), Choice()
    )
    found = [one.id for one in PassageSource(asked, 3).of(asked.questions[0])]
    assert found == ["p-0", "p-1", "p-2", "p-8"]


def test_a_question_is_retrieved_as_a_search_would(asked):
    event = retrieved(asked.questions[0], PassageSource(asked, 0).of(asked.questions[0]))
    assert (event.query, event.meta.request, event.outcome) == (
        asked.questions[0].text,
        "q-1",
        "retrieved",
    )
    assert [(one.title, one.document) for one in event.passages] == [("Lighthouse", "p-1")]


async def test_the_step_answers_each_question_from_its_passages(asked):
    done = []
    answers = await answers_of_step(asked, PassageSource(asked, 2), (), {}, lambda: done.append(1))
    assert len(done) == 3
    assert "1887" in answers["q-1"].text
    assert answers["q-1"].cited[0].passage == "p-1"
    assert answers["q-1"].finish_reason == "extractive"


async def test_values_of_the_step_s_configuration_can_be_changed(asked):
    with pytest.raises(Permanent, match="configuration of generate: no modelz"):
        await answers_of_step(asked, PassageSource(asked, 0), (), {"modelz": []}, nothing)
    refused = {"asked_max": {"max_tokens": 1}}
    with pytest.raises(Permanent):
        await answers_of_step(asked, PassageSource(asked, 0), (), refused, nothing)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "The lighthouse was built in 1887."),
        (2, "The lighthouse was built in 1887. It is 31 metres high."),
    ],
)
def test_the_baseline_quotes_the_sentences_with_most_words_of_the_question(asked, count, text):
    answers = baseline_answers(asked, PassageSource(asked, 0), count, nothing)
    assert answers["q-1"].text == text
    assert {one.passage for one in answers["q-1"].cited} == {"p-1"}
    assert not answers["q-3"].abstained
