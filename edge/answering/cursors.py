"""Cursors: where a reader stands, as a position in the log.

For each topic of results, a cursor holds the last record whose frames were sent and how many of
them. To resume, the records are turned into frames again from the request's first, and those at or
before the cursor are left out.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from edge.listening.entries import Entry
from edge.problems import Problem
from edge.requests.limits import INT64_MAX
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    ChunksRetrieved,
    Event,
    EventRejected,
    TokensReleased,
)

Frame = dict[str, Any]
FramesSent = dict[str, tuple[int, int]]
"""Topic's letter -> (offset of its last record, number of its frames that were sent)."""
NONE_SENT = (-1, 0)
MARK = 8
"""Characters of a request's id by which a cursor is known to be of it."""

LETTERS: dict[type[Event], str] = {
    ChunksRetrieved: "k",
    TokensReleased: "t",
    AnswerReleased: "a",
    AnswerRetracted: "r",
    EventRejected: "e",
}

PLACES = {"restarted": 1, "delta": 2, "completed": 3}
"""The number of each frame of a closing record, whether those before it are there or not.

Which of them are follows from what text was read by then, on this connection."""


def opaque(content: bytes) -> str:
    """Spell bytes as a text that goes into any header or address."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def opaque_read(spelt: str) -> bytes:
    """Read such a text back; raises ValueError for another."""
    padded = spelt + "=" * (-len(spelt) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)


def cursor_of(lane: int, sent: FramesSent, request: str) -> str:
    """Spell a place in an answer as an opaque cursor."""
    content = {
        "l": lane,
        "p": {letter: list(sent[letter]) for letter in sorted(sent)},
        "r": request[:MARK],
    }
    return opaque(orjson.dumps(content))


def sent_by(cursor: str, lane: int, request: str) -> FramesSent:
    """Read a cursor back; raises Problem for one that is not ours, or of another answer.

    By another answer's a reader would be told of none of what lies before it. Gateways of before
    named no request.
    """
    try:
        content = json.loads(opaque_read(cursor))
        place = {letter: (offset, count) for letter, (offset, count) in content["p"].items()}
        is_ours = (
            content["l"] == lane
            and content.get("r", request[:MARK]) == request[:MARK]
            and set(place) <= set(LETTERS.values())
            and all(_is_position(number) for pair in place.values() for number in pair)
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        is_ours = False
    if not is_ours:
        raise Problem(
            422,
            "bad-cursor",
            "the cursor is not one of this request: send the last one received, or none to begin "
            "at the start",
        )
    return place


def _is_position(number: Any) -> bool:
    """Tell whether a number can be an offset or a count; a client may send any JSON."""
    return type(number) is int and NONE_SENT[0] <= number <= INT64_MAX


def in_reading_order(entries: Iterable[Entry], seen: FramesSent) -> list[Entry]:
    """Order what was read back as a reader would have seen it.

    The end that the reader has seen comes first, as a retraction does: what was told with it, or
    taken away, is not told again.
    """
    end = seen.get("a", NONE_SENT)[0]

    def rank(entry: Entry) -> tuple[int, int]:
        letter = LETTERS.get(type(entry.event), "")
        if letter == "a" and entry.offset == end:
            return -1, entry.offset
        if letter == "r" and entry.offset <= seen.get("r", NONE_SENT)[0]:
            return -1, entry.offset
        return "ktare".find(letter), entry.offset

    return sorted(entries, key=rank)


class Bookmark:
    """How far a reader has come: numbers frames, and knows those that it has seen already."""

    def __init__(self, request: str, lane: int, seen: FramesSent | None = None) -> None:
        self.seen: FramesSent = dict(seen or {})
        """What the cursor said with which the reader came."""
        closed, place = self.seen.get("a", NONE_SENT)
        if place == PLACES["restarted"]:
            # told twice it does no harm; in cursors of before it may be any first frame of an end
            self.seen["a"] = closed, 0
        self._request = request
        self._lane = lane
        self._sent: FramesSent = {}
        self._read: dict[str, int] = {}

    def is_new(self, entry: Entry) -> bool:
        """Tell whether a result was not read before, and note that it is read now."""
        letter = LETTERS.get(type(entry.event))
        if letter is None or entry.offset <= self._read.get(letter, -1):
            return False  # of no interest, or known from reading back
        self._read[letter] = entry.offset
        return True

    def has_gap(self, kind: type[Event], before: int | None = None) -> bool:
        """Tell whether the reader saw more of a topic than was read here, of what lies before.

        Reading back goes by the broker's times, and a worker's clock may be ahead.
        """
        letter = LETTERS[kind]
        seen = self.seen.get(letter, NONE_SENT)
        lies_before = before is None or seen[0] < before
        return lies_before and seen > self._sent.get(letter, NONE_SENT)

    def has_seen_end(self, entry: Entry) -> bool:
        """Tell whether an entry closes the answer, and the reader saw any of the frames for it."""
        is_end = isinstance(entry.event, AnswerReleased)
        return is_end and entry.offset == self.seen.get("a", NONE_SENT)[0]

    def number(self, kind: type[Event], offset: int, frames: Sequence[Frame]) -> list[Frame]:
        """Give the frames of a record their cursors; leave out those that the reader has seen."""
        letter = LETTERS[kind]
        fresh = []
        for number, frame in enumerate(frames, start=1):
            count = PLACES[frame["type"]] if kind is AnswerReleased else number
            self._sent[letter] = (offset, count)
            if (offset, count) > self.seen.get(letter, NONE_SENT):
                fresh.append(self.mark(frame))
        return fresh

    def mark(self, frame: Frame) -> Frame:
        """Give a frame its request and the cursor that leads on from it."""
        furthest = {
            letter: max(self.seen.get(letter, NONE_SENT), self._sent.get(letter, NONE_SENT))
            for letter in {**self.seen, **self._sent}
        }
        cursor = cursor_of(self._lane, furthest, self._request)
        return {"type": frame["type"], "request_id": self._request, "cursor": cursor} | frame
