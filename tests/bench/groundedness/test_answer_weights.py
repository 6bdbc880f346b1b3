"""Answer weights: when to abstain, fitted on one half of questions, reported on the other."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from agents.answering.abstaining import likely
from agents.answering.generation_policy import policy_of
from agents.checking.answerability import answer_features
from bench.groundedness import answer_weights
from bench.groundedness.support_weights import area_under_roc, half_of, read_lines
from schemas import Passage
from streams.log.configuration import load

SET = Path(__file__).parents[4] / "shared" / "evaldata" / "qa" / "squad2_dev"
POLICY = policy_of(load()["generate"].values)
needs_data = pytest.mark.skipif(not SET.exists(), reason="the evaluation sets are not here")


def gzipped(path, rows):
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


def test_when_to_abstain_is_written_and_reported(tmp_path, capsys):
    gzipped(
        tmp_path / "passages.jsonl.gz", [{"id": "p", "text": "Jane Miller built the Atlas pump."}]
    )
    asked = [("Who built the Atlas pump?", True), ("Who built the Zeus car in 1988?", False)]
    rows = [
        {
            "id": f"q{n}",
            "question": asked[n % 2][0],
            "passage_id": "p",
            "answerable": asked[n % 2][1],
        }
        for n in range(80)
    ]
    gzipped(tmp_path / "questions.jsonl.gz", rows)
    answer_weights.main(tmp_path, tmp_path / "weights.json")
    written = json.loads((tmp_path / "weights.json").read_text())
    assert set(written["weights"]) == {"bias", *answer_features("Who?", [])}
    assert (
        "abstains on 1.000 [1.000, 1.000] of the unanswerable and 0.000" in capsys.readouterr().out
    )


def test_shipped_weights_do_not_reward_what_speaks_against_an_answer():
    weights = json.loads(answer_weights.WEIGHTS.read_text())["weights"]
    for name in ("against_direction", "against_polarity", "against_number", "missing"):
        assert weights[name] < 0.0
    assert weights["kind_missing"] < 0.0 < weights["kind_found"]
    assert weights["share"] > 0.0


@pytest.mark.slow  # reads all of a set
@needs_data
def test_shipped_weights_abstain_on_many_near_misses_and_few_questions_that_are_answered():
    shipped = json.loads(answer_weights.WEIGHTS.read_text())
    rows, passages = read_lines(SET / "questions.jsonl.gz"), answer_weights.given(SET)
    asked = [
        (answer_weights.asked_of_step(row["id"], row["question"], own, POLICY), row["answerable"])
        for row, own in zip(rows, passages, strict=True)
        if half_of(row["id"]) == 1
    ]
    held = np.array([bool(known) for _, known in asked])
    scores = np.array([likely(one.meant, one.passages, shipped["weights"]) for one, _ in asked])
    told = np.array([one.is_told_unanswerable() for one, _ in asked])
    abstained = (scores < shipped["abstain"]) | told
    assert abstained[~held].mean() > 0.43  # how-tos are never abstained from (decision 0049)
    assert abstained[held].mean() < 0.1
    assert area_under_roc(scores, held * 1.0) > 0.71


def test_a_question_gets_its_passage_among_those_that_are_nearest(tmp_path):
    texts = {"a": "The lake is deep.", "b": "The lake is wide.", "c": "A hill.", "d": "The lake."}
    gzipped(tmp_path / "passages.jsonl.gz", [{"id": k, "text": v} for k, v in texts.items()])
    asked = [("How wide is the lake?", "b"), ("How wide is the lake?", "c")]
    rows = [{"id": "q", "question": text, "passage_id": own} for text, own in asked]
    gzipped(tmp_path / "questions.jsonl.gz", rows)
    near, far = answer_weights.given(tmp_path, others=1)
    assert near[0].chunk == "b"
    assert len(near) == 2
    assert [one.chunk for one in far] == ["b", "c"]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("Who built the Atlas pump?", False),
        ("Who built the Zeus pump?", True),  # a name that stands nowhere
        ("Who built the Atlsa pump?", False),  # but for its spelling
        ("Who never built the Atlas pump?", True),  # nothing is negated there
        ("How many built the Atlas pump?", True),  # nothing is counted there
    ],
)
def test_what_the_step_refuses_by_rules_is_what_is_measured(question, told):
    passage = Passage(
        chunk="p", document="p", version=1, number=0, title="", uri="",
        text="Jane Miller built the Atlas pump.", tokens=8,
    )  # fmt: skip
    asked = answer_weights.asked_of_step("q", question, [passage], POLICY)
    assert asked.is_told_unanswerable() is told


def test_those_that_are_refused_are_counted_among_the_false():
    scores, none = np.arange(100) / 100, np.zeros(100, bool)
    assert answer_weights.abstain_below(scores, none) == 0.08
    refused = none.copy()
    refused[:3] = True
    assert answer_weights.abstain_below(scores, refused) == 0.08
    refused[3:20] = True
    assert answer_weights.abstain_below(scores, refused) == 0.2  # none more than those
