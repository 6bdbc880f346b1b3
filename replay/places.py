"""Whether records lie as their writers put them: offsets without gaps, headers, lanes."""

from __future__ import annotations

from collections import defaultdict

from replay.log import Stored
from schemas import Event, EventRejected
from streams.delivery.history import RETRY
from streams.log.addressing import address_of
from streams.log.lanes import lane_of
from streams.log.offsets import Extent
from streams.log.producer_signature import PRODUCER
from streams.topics import STEPS

STEP_NAMES = frozenset(step.name for step in STEPS)
DIGITS_MAX = 30  # of an attempt and an offset together: both fit 64 bits


NO_LETTER = "its header retry names no dead letter over such a record"


def is_marked(stored: Stored) -> bool:
    """Say whether a record claims that it was rejected and put back."""
    return any(name == RETRY for name, _ in stored.headers)


class OffsetWatch:
    """Sees the offsets of a partition go by, and says what is wrong with them."""

    def __init__(self, extent: Extent, *, compacted: bool) -> None:
        self._extent = extent
        self._compacted = compacted
        """Whether offsets may be missing."""
        self._next = extent.begin

    def see(self, offset: int) -> str:
        """Say what speaks against the next offset; nothing where it follows the one before."""
        expected = self._next
        self._next = max(offset + 1, expected)
        if offset < expected:
            return f"offset {offset} lies where offset {expected} should: it repeats, or goes back"
        if offset >= self._extent.end:
            return f"it lies behind the end of its partition, which is offset {self._extent.end}"
        if offset > expected and not self._compacted:
            return f"{_missing(expected, offset)} before it"
        return ""

    def end(self) -> str:
        """Say what speaks against the end; nothing where the last offset was seen."""
        if self._next < self._extent.end and not self._compacted:
            return f"{_missing(self._next, self._extent.end)} at the end of its partition"
        return ""


def _missing(first: int, end: int) -> str:
    if end == first + 1:
        return f"offset {first} is missing"
    return f"offsets {first} to {end - 1} are missing"


def against_headers(stored: Stored, event: Event) -> str:
    """Say how the headers of a record that a step wrote differ from what the record says.

    A copy that was put back has one more; whether a dead letter explains it is asked elsewhere.
    """
    headers = sorted(one for one in stored.headers if one[0] != RETRY)
    expected = sorted(address_of(event).headers)
    if headers == expected:
        return ""
    for name, value in expected:
        told = [other for known, other in headers if known == name]
        if told != [value]:
            shown = " and ".join(repr(one) for one in told) or "nothing"
            return f"its header {name} says {shown}, the record {value!r}"
    return "it has headers that no step writes"


def against_headers_of_request(stored: Stored, event: Event) -> str:
    """Say how the headers of what came from outside differ from what the record says.

    Who writes to a topic without the edge may leave them out, or add others. Whose signature is
    among them is asked elsewhere.
    """
    told = {name: value for name, value in stored.headers if name != PRODUCER}
    if not told:
        return ""
    for name, value in address_of(event).headers:
        if told.get(name) != value:
            return f"its header {name} says {told.get(name, b'nothing')!r}, the record {value!r}"
    return ""


def against_request(stored: Stored, event: Event) -> str:
    """Say what speaks against the meta and the place of a record that came from outside.

    No step wrote it, no run led to it, and it lies where its tenant's records lie.
    """
    meta = event.meta
    if meta.step.name in STEP_NAMES or meta.step.configuration or meta.effects:
        return f"it says that {meta.step.name} wrote it, over nothing"
    if (meta.attempt, meta.ordinal, meta.last) != (1, 0, True):
        return "it says that it is one of several outcomes, and has no cause"
    if stored.key != meta.tenant.encode() or stored.partition != meta.lane:
        return "it lies under another key than its tenant, or in another lane than its own"
    return against_headers_of_request(stored, event)


class Lanes:
    """Which lane a request may lie in: one of its tenant's, however many these are."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._counts: dict[str, int] = {}
        """Tenant -> lanes that it must have at least, where that is more than one."""

    def against(self, event: Event) -> str:
        """Say what speaks against the lane that an event says it lies in."""
        tenant, session, lane = event.meta.tenant, event.meta.session, event.meta.lane
        least = self._counts.get(tenant, 1)
        for count in (*range(least, self._partitions + 1), *range(1, least)):
            if lane_of(tenant, session, self._partitions, count) == lane:
                self._counts[tenant] = max(count, least)
                return ""
        return f"lane {lane} is none of its tenant's for this session"


class Letters:
    """The dead letters of a lane, by what they reject: they explain what was put back."""

    def __init__(self) -> None:
        self._by_place: defaultdict[tuple[str, int], list[EventRejected]] = defaultdict(list)

    def add(self, letter: EventRejected) -> None:
        """Take a letter in."""
        self._by_place[letter.topic, letter.offset].append(letter)

    def explain(self, stored: Stored) -> bool:
        """Say whether a record is the copy of a rejected one that its mark names."""
        attempt, _, offset = dict(stored.headers).get(RETRY, b"").partition(b"@")
        if not attempt.isdigit() or not offset.isdigit() or len(attempt + offset) > DIGITS_MAX:
            return False
        return int(offset) < stored.offset and any(
            int(attempt) in {0, letter.meta.attempt} and letter.value in {None, stored.value}
            for letter in self._by_place.get((stored.topic, int(offset)), ())
        )
