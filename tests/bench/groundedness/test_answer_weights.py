"""Answer weights: when to abstain, fitted on one half of questions, reported on the other."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from agents.checking.answerability import answer_features, answerable
from bench.groundedness import answer_weights
from bench.groundedness.support_weights import area_under_roc, half_of, read_lines

SET = Path(__file__).parents[4] / "shared" / "evaldata" / "qa" / "squad2_dev"
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
    passages = {row["id"]: row["text"] for row in read_lines(SET / "passages.jsonl.gz")}
    rows = [row for row in read_lines(SET / "questions.jsonl.gz") if half_of(row["id"]) == 1]
    scores = np.array(
        [
            answerable(row["question"], [passages[row["passage_id"]]], shipped["weights"])
            for row in rows
        ]
    )
    held = np.array([bool(row["answerable"]) for row in rows])
    assert (scores[~held] < shipped["abstain"]).mean() > 0.4
    assert (scores[held] < shipped["abstain"]).mean() < 0.125
    assert area_under_roc(scores, held * 1.0) > 0.72
