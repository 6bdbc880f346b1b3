"""Answer weights: fit when to abstain on one half of labelled questions, report the other.

    python -m bench.groundedness.answer_weights DATA/qa/squad2_dev

The folder has `questions.jsonl.gz` (id, question, passage_id, answerable) and `passages.jsonl.gz`
(id, text). Written to agents/configuration/answerable-1.json are the weights of the first half and
`abstain`, the score below which FALSE_MAX of its answerable questions fall.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

import agents
from agents.checking.answerability import answer_features
from agents.checking.support_head import probability
from bench.groundedness.support_weights import (
    RESAMPLED,
    area_under_roc,
    fit,
    half_of,
    interval,
    read_lines,
)

WEIGHTS = Path(agents.__file__).parent / "configuration" / "answerable-1.json"
FALSE_MAX = 0.08  # of answerable questions that may be refused: below a tenth, with room for chance


def main(folder: Path, written: Path = WEIGHTS) -> None:
    """Fit, write and report."""
    passages = {row["id"]: row["text"] for row in read_lines(folder / "passages.jsonl.gz")}
    questions = read_lines(folder / "questions.jsonl.gz")
    named = [answer_features(row["question"], [passages[row["passage_id"]]]) for row in questions]
    halves = np.array([half_of(row["id"]) for row in questions])
    held = np.array([bool(row["answerable"]) for row in questions])
    weights = fit([named[i] for i in np.flatnonzero(halves == 0)], list(held[halves == 0]))
    scores = np.array([probability(one, weights) for one in named])
    abstain = round(float(np.quantile(scores[(halves == 0) & held], FALSE_MAX)), 4)
    written.write_text(
        json.dumps({"abstain": abstain, "weights": weights}, indent=1, sort_keys=True) + "\n"
    )
    for half, name in enumerate(("fitted half", "other half")):
        own, known = scores[halves == half], held[halves == half]
        draw = np.random.default_rng(0)
        chosen = [draw.integers(0, len(own), len(own)) for _ in range(RESAMPLED)]
        shares = [
            [(own[one][known[one] == is_held] < abstain).mean() for one in chosen]
            for is_held in (False, True)
        ]
        print(  # noqa: T201 - a report
            f"{name}, {len(own)} questions: abstains on {(own[~known] < abstain).mean():.3f}"
            f" {interval(shares[0])} of the unanswerable and {(own[known] < abstain).mean():.3f}"
            f" {interval(shares[1])} of the answerable, AUC {area_under_roc(own, known * 1.0):.3f}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
