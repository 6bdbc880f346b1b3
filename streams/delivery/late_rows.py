"""Late rows of 0.1.0: its rows name no fence (see `fences`), so what they hold tells.

A write of that version keeps the entries behind its own. So a row that lacks what another one has
behind its newest event was written by one that knew less: a worker that has lost the lane since,
whose record was still on its way. It is not told where the two have no event in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from streams.delivery.fences import FencedRow

KNOWN = -1
"""Place of a row that was known before the changelog was read on."""
Events = Callable[[bytes], tuple[str, ...]]
"""Reads the events whose values a row holds, oldest first."""


def is_overtaken(events: Sequence[str], known: Sequence[str]) -> bool:
    """Tell whether a row was written before another, by the events whose values the two hold."""
    return bool(events) and events[-1] in known[:-1]


def without_late(
    rows: Sequence[FencedRow], known: Mapping[bytes, bytes], events: Events
) -> list[FencedRow]:
    """Leave out rows without a fence that came after one written later; `known` were there before.

    Only the newest rows of a key are read: every other one was followed by one that stands.
    """
    places: dict[bytes, list[int]] = {}
    for place, row in enumerate(rows):
        if row.value is None:  # whatever comes after it stands
            places[row.key] = []
        else:
            places.setdefault(row.key, [KNOWN] if row.key in known else []).append(place)
    late: set[int] = set()
    for key, of_key in places.items():
        if len(of_key) > 1 and not rows[of_key[-1]].fence:
            held = [known[key] if at == KNOWN else rows[at].value or b"" for at in of_key]
            late.update(of_key[_standing(held, events) + 1 :])
    return [row for place, row in enumerate(rows) if place not in late]


def _standing(rows: Sequence[bytes], events: Events) -> int:
    """Return which of a key's rows stands: the last that none before it overtakes."""
    standing = len(rows) - 1
    newest = events(rows[standing])
    for number in range(standing - 1, -1, -1):
        before = events(rows[number])
        if is_overtaken(newest, before):
            standing, newest = number, before
        elif before != newest:
            break
    return standing
