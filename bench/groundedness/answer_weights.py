"""Answer weights: fit when to abstain on one half of labelled questions, report the other.

    python -m bench.groundedness.answer_weights DATA/qa/squad2_dev

The folder has `questions.jsonl.gz` (id, question, passage_id, answerable) and `passages.jsonl.gz`
(id, title, text). Each question gets its passage and the OTHERS that are nearest to it by keywords.
Written to agents/configuration/answerable-1.json are the weights of the first half and `abstain`,
the score below which, with those that the step refuses by what stands in the passages, FALSE_MAX of
its answerable questions fall.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import agents
from agents.answering.abstaining import likely
from agents.answering.generation_policy import GenerationPolicy, policy_of
from agents.checking.answerability import answer_features
from agents.composer import Composer
from bench.groundedness.support_weights import (
    RESAMPLED,
    FloatVector,
    area_under_roc,
    fit,
    half_of,
    interval,
    read_lines,
)
from evals.bm25 import KeywordIndex
from evals.step_alone import meta_of
from schemas import Ask, ChunksRetrieved, Passage
from streams.log.configuration import load

BoolVector = npt.NDArray[np.bool_]
WEIGHTS = Path(agents.__file__).parent / "configuration" / "answerable-1.json"
FALSE_MAX = 0.08  # of answerable questions that may be refused: below a tenth, with room for chance
OTHERS = 3  # passages beside the right one, as the step gets several


def given(folder: Path, others: int = OTHERS) -> list[list[Passage]]:
    """Return the passages of each question, nearest first; the right one is among them."""
    rows = read_lines(folder / "passages.jsonl.gz")
    texts = [f"{row.get('title', '')} {row['text']}" for row in rows]
    index, places = KeywordIndex(texts), {row["id"]: place for place, row in enumerate(rows)}
    made = [_passage(row) for row in rows]
    found = []
    for row in read_lines(folder / "questions.jsonl.gz"):
        right, near = places[row["passage_id"]], index.search(row["question"], others + 1)
        chosen = list(near) if right in near else [*near[:others], right]
        found.append([made[place] for place in chosen])
    return found


def _passage(row: dict[str, Any]) -> Passage:
    return Passage(
        chunk=row["id"], document=row["id"], version=1, number=0, title=row.get("title", ""),
        uri="", text=row["text"], tokens=len(row["text"]) // 4,
    )  # fmt: skip


def asked_of_step(
    identity: str, question: str, passages: Sequence[Passage], policy: GenerationPolicy
) -> Composer:
    """Have the step read a question and its passages."""
    event = ChunksRetrieved(
        meta=meta_of(identity),
        outcome="retrieved",
        subject="",
        question=question,
        query=question,
        passages=tuple(passages),
        relevance=1.0,
        ask=Ask(),
    )
    return Composer(event, policy)


def abstain_below(scores: FloatVector, refused: BoolVector) -> float:
    """Return the score below which FALSE_MAX of answerable questions fall, with those `refused`."""
    room = round(FALSE_MAX * len(scores)) - int(refused.sum())
    return round(float(np.sort(scores[~refused])[max(0, room)]), 4)


def main(folder: Path, written: Path = WEIGHTS) -> None:
    """Fit, write and report."""
    questions, passages = read_lines(folder / "questions.jsonl.gz"), given(folder)
    policy = policy_of(load()["generate"].values)
    asked, told = [], []
    for row, own in zip(questions, passages, strict=True):
        composer = asked_of_step(row["id"], row["question"], own, policy)
        asked.append((composer.meant, composer.passages))
        told.append(composer.is_told_unanswerable())
    named = [answer_features(text, [one.text for one in own]) for text, own in asked]
    refused = np.array(told)
    halves = np.array([half_of(row["id"]) for row in questions])
    held = np.array([bool(row["answerable"]) for row in questions])
    weights = fit([named[i] for i in np.flatnonzero(halves == 0)], list(held[halves == 0]))
    scores = np.array([likely(*one, weights) for one in asked])
    tuned = (halves == 0) & held
    abstain = abstain_below(scores[tuned], refused[tuned])
    abstained = (scores < abstain) | refused
    written.write_text(
        json.dumps({"abstain": abstain, "weights": weights}, indent=1, sort_keys=True) + "\n"
    )
    for half, name in enumerate(("fitted half", "other half")):
        own, known, left = (one[halves == half] for one in (scores, held, abstained))
        draw = np.random.default_rng(0)
        chosen = [draw.integers(0, len(own), len(own)) for _ in range(RESAMPLED)]
        shares = [
            [left[one][known[one] == is_held].mean() for one in chosen] for is_held in (False, True)
        ]
        print(  # noqa: T201 - a report
            f"{name}, {len(own)} questions: abstains on {left[~known].mean():.3f}"
            f" {interval(shares[0])} of the unanswerable and {left[known].mean():.3f}"
            f" {interval(shares[1])} of the answerable, AUC {area_under_roc(own, known * 1.0):.3f}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
