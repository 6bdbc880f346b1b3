"""How often one input was run: work may be repeated after a crash, but not without bound.

What bounds it in the product is that each run over an input begins where a worker came or its lane changed hands. The
bounds here are above what a kill every three seconds leads to, and far below what a worker would do that runs an input
again and again.
"""

from collections.abc import Mapping

from tests.chaos.rows import Attempts, Position, complete

ATTEMPTS_MAX = 25
"""Attempts over one input that left a record."""
REPEATED_MAX = 6
"""Complete ones among them."""


def counted(attempts: Attempts) -> tuple[int, int]:
    """Return how many attempts an input has, and how many of them are complete."""
    return len(attempts), sum(complete(records) is not None for records in attempts.values())


def too_often(step: str, lane: int, by_cause: Mapping[Position, Attempts]) -> list[str]:
    """Say which inputs of a step were run too often."""
    wrong = []
    for (topic, offset), attempts in by_cause.items():
        begun, ended = counted(attempts)
        if begun > ATTEMPTS_MAX or ended > REPEATED_MAX:
            wrong.append(
                f"{step} ran {topic}[{lane}]@{offset} {begun} times, {ended} of them to the end: "
                f"at most {ATTEMPTS_MAX} and {REPEATED_MAX} are work that a crash may repeat"
            )
    return wrong
