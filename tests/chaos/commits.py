"""What was acknowledged when: commit positions of a step, held against the outcomes that lay on the log by then."""

from collections.abc import Iterator, Mapping, Sequence

from tests.chaos.judgement import Sample
from tests.chaos.rows import Attempts, Position, Row, complete

Closings = dict[int, list[Position] | None]
"""Offset of an input -> where its outcomes were closed; None for one of which nothing is due."""


def closings_of(rows: Sequence[Row], by_cause: Mapping[Position, Attempts]) -> Closings:
    """Find where the outcomes of one topic's inputs were closed.

    Of a copy nothing is due, nor of an input behind one of a later run over the same cause.
    """
    closings: Closings = {}
    known: set[tuple[str, int]] = set()
    newest: dict[str, int] = {}
    for row in rows:
        key = row.id, row.attempt
        of = newest.setdefault(row.cause_id, row.attempt)
        if row.readable and (key in known or (row.cause_id and row.attempt < of)):
            closings[row.offset] = None
            continue
        newest[row.cause_id] = row.attempt
        known.add(key)
        closings[row.offset] = [
            records[-1].position
            for attempt in by_cause.get(row.position, {}).values()
            if (records := complete(attempt)) is not None
        ]
    return closings


def left_behind(closings: Closings, committed: int) -> list[int]:
    """Return the offsets below a commit position whose inputs were never closed."""
    return [offset for offset, places in closings.items() if offset < committed and places == []]


def went_back(samples: Sequence[Sample], step: str, topic: str, lane: int) -> list[tuple[int, int]]:
    """Return the pairs of a commit position and a lower one that was seen later."""
    return [
        (below, reached)
        for _, below, reached in _course(samples, step, topic, lane)
        if reached < below
    ]


def too_early(
    closings: Closings, samples: Sequence[Sample], step: str, topic: str, lane: int
) -> list[int]:
    """Return the offsets that were seen acknowledged before any of their outcomes lay on the log."""
    return [
        offset
        for sample, below, reached in _course(samples, step, topic, lane)
        for offset in range(below, reached)
        if (places := closings.get(offset))
        and not any(at < sample.ends[step].get((written_to, lane), 0) for written_to, at in places)
    ]


def _course(
    samples: Sequence[Sample], step: str, topic: str, lane: int
) -> Iterator[tuple[Sample, int, int]]:
    """Go through the samples with the highest position seen before and the one of each."""
    below = 0
    for sample in samples:
        reached = sample.committed[step].get((topic, lane), 0)
        yield sample, below, reached
        below = max(below, reached)
