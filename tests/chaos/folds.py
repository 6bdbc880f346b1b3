"""Whether the folds did their work: a question's step must have been told of the answers that were folded before it ran.

A fold writes no record, so what it did shows in the next question of the session alone: `rewrite` writes down how many
turns it was told of. A look at the commit positions says what had been folded by then; a question that was not on the
log yet at that look ran after it.
"""

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from schemas import AnswerReleased, QuestionRedacted
from streams.topics import topic_of
from tests.chaos.judgement import Sample
from tests.chaos.rows import Row

TURNS_MAX = 5
"""Turns that the trivial `rewrite` asks for."""
STEP = "rewrite"
ASKED, ANSWERED = topic_of(QuestionRedacted), topic_of(AnswerReleased)


class Told(NamedTuple):
    """How many turns a question's step was told of."""

    offset: int
    """Of the question, on its step's topic."""
    session: str
    request: str
    turns: int


def due(
    told: Iterable[Told], answers: Iterable[Row], samples: Sequence[Sample], lane: int
) -> Iterator[tuple[Told, int, int]]:
    """Yield each question with the fewest and the most turns that its step may have been told of."""
    ended: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in answers:
        if row.readable:
            ended[row.session].setdefault(row.request, row.offset)
    looks = [
        (sample.ends[STEP].get((ASKED, lane), 0), sample.committed[STEP].get((ANSWERED, lane), 0))
        for sample in samples
    ]
    ends = [end for end, _ in looks]
    for question in told:
        others = [
            offset for id_, offset in ended[question.session].items() if id_ != question.request
        ]
        last = bisect.bisect_right(ends, question.offset) - 1
        folded = looks[last][1] if last >= 0 else 0
        fewest = sum(offset < folded for offset in others)
        yield question, min(TURNS_MAX, fewest), min(TURNS_MAX, len(others))


def wrongly_told(
    told: Iterable[Told], answers: Iterable[Row], samples: Sequence[Sample], lane: int
) -> tuple[list[str], int]:
    """Say which questions' steps were told of too few or too many turns; and how many had any due."""
    wrong, any_due = [], 0
    for question, fewest, most in due(told, answers, samples, lane):
        any_due += fewest > 0
        if not fewest <= question.turns <= most:
            span = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            wrong.append(
                f"{STEP} was told of {question.turns} turns of {question.session} at "
                f"{ASKED}[{lane}]@{question.offset}, due are {span}: a fold lost or doubled answers"
            )
    return wrong, any_due
