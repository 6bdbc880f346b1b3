"""Calls that the fake connectors answered, held against what the outcomes tell of them.

A call is told by an outcome's `meta.effects`, or by nothing where its run was cut off. So an outcome tells of no call
that was not made; a copy of an input, and a record that can't be read, lead to none; and however often a run begins
anew, one effect of one input is asked for a bounded number of times. Runs that failed for the time being begin anew
too, so the bound is above what the fakes' failures lead to.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tests.chaos.calls import CallsOf
from tests.chaos.rows import Attempts, Position, Row, winner_of

CALLS_MAX = 25
"""How often one effect of one input may be asked for."""


def recorded(attempts: Attempts) -> Counter[str]:
    """Count what the outcome of an input tells of: that of the attempt that won."""
    kinds: Counter[str] = Counter()
    for record in winner_of(attempts) or ():
        kinds.update(dict(record.effects))
    return kinds


def wrong_calls(
    step: str, rows: Sequence[Row], by_cause: Mapping[Position, Attempts], calls: CallsOf, lane: int
) -> Iterator[str]:
    """Say what is wrong with the calls for the inputs of one topic."""
    for row in rows:
        asked = calls.get(row.position, Counter())
        place = f"{row.topic}[{lane}]@{row.offset}"
        attempts = by_cause.get(row.position)
        if attempts is None:
            if asked:
                yield f"{step} asked {_spelt(asked)} for {place}, over which it wrote nothing"
            continue
        told = recorded(attempts)
        for kind in sorted(told.keys() | asked.keys()):
            if asked[kind] < told[kind]:
                yield (
                    f"the outcome of {place} tells of {told[kind]} {kind} of {step}, "
                    f"and {asked[kind]} were made"
                )
            elif asked[kind] > CALLS_MAX * max(1, told[kind]):
                yield (
                    f"{step} asked {kind} {asked[kind]} times for {place}, which tells of "
                    f"{told[kind]}: at most {CALLS_MAX} for each are work that a crash may repeat"
                )


def most_calls(
    rows: Sequence[Row], by_cause: Mapping[Position, Attempts], calls: CallsOf
) -> tuple[int, int]:
    """Return how often one effect was asked for at most, and how many calls there were."""
    most = total = 0
    for row in rows:
        asked = calls.get(row.position)
        if not asked:
            continue
        total += asked.total()
        told = recorded(by_cause.get(row.position, {}))
        most = max(most, *(-(-number // max(1, told[kind])) for kind, number in asked.items()))
    return most, total


def _spelt(asked: Counter[str]) -> str:
    return ", ".join(f"{kind} {number} times" for kind, number in sorted(asked.items()))
