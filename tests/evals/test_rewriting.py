"""`eval rewriting`: conversations are replayed turn by turn, and figures are those of the words."""

import pytest

from evals.data_sets import BadData, Choice, EvalRow
from evals.outcome import OURS
from evals.rewriting import GIVEN, RAW, Rewriter, evaluate_rewriting, rewriting_row
from evals.step_alone import in_force
from tests.evals.sets import PUBLIC, needs_public_sets, write_rows

FIRST = {
    "id": "c1_1",
    "history": [],
    "question": "Who kept the Lindesnes lighthouse?",
    "rewrites": ["Who kept the Lindesnes lighthouse?"],
}
SECOND = {
    "id": "c1_2",
    "history": [{"role": "context", "text": "Towers"}, {"role": "user", "text": FIRST["question"]}, {"role": "assistant", "text": "Anna"}, {"role": "assistant", "text": "Holm."}],
    "question": "How high is it?",
    "rewrites": ["How high is the Lindesnes lighthouse?"],
    "auto_rewrite": "How high is the tower?",
}  # fmt: skip
THIRD = {
    "id": "c1_3",
    "history": [*SECOND["history"], {"role": "user", "text": SECOND["question"]}],
    "question": "When was it built?",
    "rewrites": ["When was the Lindesnes lighthouse built?"],
}


def a_row(values, tmp_path):
    return rewriting_row(EvalRow(tmp_path / "a.jsonl", 1, values))


def advance(_total):
    return lambda: None


def test_a_row_pairs_questions_with_the_answers_after_them(tmp_path):
    row = a_row(THIRD, tmp_path)
    assert row.said == ((FIRST["question"], "Anna Holm."), (SECOND["question"], ""))
    assert row.conversation == "c1"
    assert row.changed
    assert not a_row(FIRST, tmp_path).changed
    assert a_row({**THIRD, "dialog": "d"}, tmp_path).conversation == "d"
    assert a_row({**FIRST, "id": "alone"}, tmp_path).conversation == "alone"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rewrites": []}, "'rewrites' is empty"),
        ({"history": "x"}, "'history' must be a list"),
        ({"history": ["x"]}, "'history' must be a list"),
        ({"history": [{"role": "user"}]}, "'history' must be a list"),
        ({"history": [{"role": "bot", "text": "x"}]}, "role 'bot' in 'history'"),
        ({"question": None}, "'question' must be a text"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path, changed, said):
    with pytest.raises(BadData) as error:
        a_row({**THIRD, **changed}, tmp_path)
    assert error.value.message.startswith(f"{tmp_path / 'a.jsonl'}:1: {said}")


async def test_a_turn_is_rewritten_over_what_those_before_it_became(tmp_path):
    rewriter = Rewriter()
    query = await rewriter.query(a_row(THIRD, tmp_path))
    assert "Lindesnes" in query
    # through the second turn, which names the lighthouse only once it is rewritten
    turns = await rewriter._turns_of(a_row(THIRD, tmp_path).said)
    assert "Lindesnes" in turns[1].question
    assert [turn.answer for turn in turns] == ["Anna Holm.", ""]


async def test_no_more_turns_are_read_than_the_step_asks_for(tmp_path):
    limit = in_force("rewrite", {}).values["turns"]
    fillers = [
        {"role": "user", "text": f"What does a ticket of the {name} cost in winter?"}
        for name in ("ferry", "museum", "harbour", "bridge", "hotel", "school", "church", "market")
    ]
    row = a_row({**THIRD, "history": [*THIRD["history"], *fillers]}, tmp_path)
    assert len(row.said) > limit
    assert "Lindesnes" not in await Rewriter().query(row)


async def test_a_conversation_does_not_leak_into_another(tmp_path):
    rewriter = Rewriter()
    await rewriter.query(a_row(THIRD, tmp_path))
    assert await rewriter.query(a_row({**SECOND, "history": []}, tmp_path)) == SECOND["question"]


def test_a_set_has_figures_of_ours_beside_the_raw_question(tmp_path):
    path = write_rows(tmp_path / "cast.jsonl", [FIRST, SECOND, THIRD])
    counted = []

    def count(total):
        return lambda: counted.append(total)

    outcome = evaluate_rewriting(path, Choice(seed=1), count)
    assert counted == [3, 3, 3]
    assert (outcome.name, outcome.rows) == ("cast", 3)
    assert outcome.counts == {"changed": 2, "to be changed": 2}
    raw = outcome.figure("ROUGE-1 recall", RAW)
    assert raw.value == pytest.approx((1 + 3 / 6 + 3 / 6) / 3)
    assert raw.low <= raw.value <= raw.high
    assert outcome.figure("recall of words to be added", RAW).value == 0
    assert outcome.figure("recall of words to be added").value > 0
    assert outcome.figure("ROUGE-1 recall").value > raw.value
    assert outcome.figure("recall, turns to be left").value == 1
    assert outcome.figure("precision, turns to be left", OURS).rows == 1
    assert outcome.figure("the same words", RAW).value == pytest.approx(1 / 3)
    assert outcome.figure("recall of words to be added", GIVEN).value == 0


def test_a_set_without_rewrites_of_its_own_has_no_column_for_them(tmp_path):
    path = write_rows(tmp_path / "cast.jsonl", [FIRST, THIRD])
    outcome = evaluate_rewriting(path, Choice(), advance)
    assert {one.system for one in outcome.figures} == {OURS, RAW}


@needs_public_sets
def test_a_public_set_is_read_whole_and_rewriting_beats_the_raw_question():
    outcome = evaluate_rewriting(PUBLIC / "rewrite" / "cast2020.jsonl", Choice(), advance)
    assert outcome.rows == 216
    assert outcome.figure("ROUGE-1 recall", RAW).value == pytest.approx(0.657, abs=0.0005)
    assert outcome.figure("ROUGE-1 recall").value > outcome.figure("ROUGE-1 recall", RAW).high
