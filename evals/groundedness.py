"""Groundedness: is a statement that its context holds told from one that it does not hold?

A claim stands as an answer would: over the one passage that is its context. Its score is the
highest share of words that the step could ask for and still let it stand.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.answering.checking import SentenceCheck
from agents.answering.nearness import Nearness
from agents.language import sentences
from evals import curves
from evals.bootstrap import statistic_of
from evals.data_sets import Choice, EvalRow, name_of, rows_of
from evals.detector_figures import CURVES
from evals.outcome import OURS, SetOutcome
from evals.step_alone import in_force
from evals.word_overlap import FUNCTION_WORDS, words_of
from schemas import Passage

OVERLAP = "word overlap"
LABELS = ("supported", "contradicted", "not_supported")
STEPS = 16  # a score is known to a 65,536th
Scorer = Callable[[str, str], float]
"""Takes context and claim; says how well the claim stands, 0 to 1."""


@dataclass(frozen=True)
class EvalClaim:
    """A statement, what it should rest on, and whether it does."""

    id: str
    context: str
    text: str
    label: str


def claim_of(row: EvalRow) -> EvalClaim:
    """Read a row; raises BadData."""
    label: str = row.one_of("label", LABELS)
    return EvalClaim(row.text("id"), row.text("context"), row.text("claim"), label)


def passage_of(text: str, title: str = "", identity: str = "passage") -> Passage:
    """Make a passage of a text, as a search would return it."""
    return Passage(
        chunk=identity,
        document=identity,
        version=1,
        number=0,
        title=title,
        uri=f"evaluation:{identity}",
        text=text,
        tokens=max(1, len(text) // 4),
    )


@functools.lru_cache(maxsize=4)
def _check(context: str) -> SentenceCheck:
    return SentenceCheck("", Nearness("", (passage_of(context),)))


def stands(context: str, claim: str, share_min: float) -> bool:
    """Tell whether the step would let a claim stand if it asked for so large a share of words."""
    check = _check(context)
    return all(check(one, share_min, 0.0).statement >= 0 for one in sentences(claim))


def standing(context: str, claim: str) -> float:
    """Return the highest share of words at which a claim stands; 0 where it never does."""
    low, high = 0.0, 1.0
    if stands(context, claim, high):
        return high
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if stands(context, claim, middle) else (low, middle)
    return low


def word_overlap(context: str, claim: str) -> float:
    """Return the share of a claim's words that its context has: the simplest rule there is."""
    said = set(words_of(claim)) - FUNCTION_WORDS
    return len(said & set(words_of(context))) / len(said) if said else 0.0


SCORERS: dict[str, Scorer] = {OURS: standing, OVERLAP: word_overlap}


def evaluate_groundedness(
    path: Path, choice: Choice, advance: Callable[[int], Callable[[], None]]
) -> SetOutcome:
    """Evaluate one file."""
    claims = [claim_of(row) for row in rows_of(path)]
    chosen = choice.of(claims, lambda claim: claim.context, path)
    outcome = SetOutcome(name_of(path), len(chosen))
    for label in LABELS:
        outcome.counts[label] = sum(claim.label == label for claim in chosen)
    done = advance(len(chosen) * len(SCORERS))
    for system, score in SCORERS.items():
        scores = []
        for claim in chosen:
            scores.append(score(claim.context, claim.text))
            done()
        _add_curves(outcome, system, chosen, scores, choice.seed)
    _add_verdicts(outcome, chosen, choice.seed)
    return outcome


def _add_curves(
    outcome: SetOutcome,
    system: str,
    claims: Sequence[EvalClaim],
    scores: Sequence[float],
    seed: int,
) -> None:
    """Take in how well scores part the labels."""
    supported = [float(claim.label == "supported") for claim in claims]
    groups = [claim.context for claim in claims]
    for name, figure in CURVES.items():
        outcome.add(name, system, statistic_of(figure, supported, scores, groups=groups, seed=seed))
    kept = [index for index, claim in enumerate(claims) if claim.label != "not_supported"]
    if any(claim.label == "contradicted" for claim in claims):
        outcome.add(
            "ROC area, contradicted only",
            system,
            statistic_of(
                curves.roc_area,
                [supported[index] for index in kept],
                [scores[index] for index in kept],
                groups=[groups[index] for index in kept],
                seed=seed,
            ),
        )


def _add_verdicts(outcome: SetOutcome, claims: Sequence[EvalClaim], seed: int) -> None:
    """Take in what the step would let stand with the configuration in force."""
    share_min = float(in_force("generate", {}).values["share_min"])
    found = [float(stands(claim.context, claim.text, share_min)) for claim in claims]
    groups = [claim.context for claim in claims]
    for label in LABELS:
        is_it = [float(claim.label == label) for claim in claims]
        if any(is_it):
            estimate = statistic_of(curves.share, is_it, found, groups=groups, seed=seed)
            outcome.add(f"let stand, {label}", OURS, estimate)
