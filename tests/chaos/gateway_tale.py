"""What a client of the gateway was told about one request, and whether that can stand.

Judged as a client sees it, with no look at the log: what was accepted has one end; its deltas are its text, in order; a
resume misses and repeats nothing; what is read back later is what was told; and no clock that a client is shown goes
back or jumps.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Frame = dict[str, Any]
NUMBERED = frozenset({"step", "delta", "completed", "redacted", "retracted"})
"""Frames that are made of records, each at a place of its own; what starts over does no harm twice."""
DONE = frozenset({"completed", "failed", "retracted", "indexed", "deleted"})
"""How a request may stand in the end."""
JUMP_MS = 900_000
"""No step takes a quarter of an hour here: more is a clock that jumped."""


@dataclass
class Tale:
    """One request, as its client lived through it."""

    key: str
    """What makes it one request however often it is sent: an Idempotency-Key, or session and name."""
    kind: str
    """question or document."""
    session: str = ""
    tenant: str = ""
    attempt: str = ""
    """The request that it is by its key, known before it was sent; empty where nobody worked it out."""
    accepted: list[str] = field(default_factory=list)
    """Request ids, one for each time that it was accepted."""
    frames: list[Frame] = field(default_factory=list)
    """What came, over all connections."""
    cuts: int = 0
    """Connections that were lost, by the client's or the gateway's doing."""
    refused: int = 0
    """Answers that said to come again: 429 and 503."""
    problems: list[str] = field(default_factory=list)
    """Answers of which nobody would know what to do."""
    late: bool = False
    """Whether the deadline passed before the answer came; the answer may come still."""
    final: Frame = field(default_factory=dict)
    """How it stands when all is quiet, read anew."""
    unread: str = ""
    """What the last look at that came to, where it told nothing."""
    given_up: bool = False
    """Whether its client was told to end before it had its answer: no loss, where it can be read by then."""

    @property
    def was_told_of_a_failure(self) -> bool:
        """Whether the stream ended with a step's dead letter: a run beside it may answer all the same."""
        return any(str(frame.get("problem", "")).endswith(":step-failed") for frame in self.frames)

    @property
    def was_answered_after_a_failure(self) -> bool:
        """Whether it was told of a failure, and is answered when all is quiet."""
        return self.was_told_of_a_failure and self.final.get("status") == "completed"

    @property
    def is_missing(self) -> bool:
        """Whether it was accepted and has no end for anybody, however patiently it is read."""
        return bool(self.accepted) and self.final.get("status") not in DONE


def place_of(cursor: str) -> dict[str, tuple[int, int]]:
    """Return how far a cursor has come on each topic; nothing of an empty one."""
    if not cursor:
        return {}
    content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return {letter: (offset, count) for letter, (offset, count) in content["p"].items()}


def wrong_in(tale: Tale) -> Iterator[str]:
    """Say what of a tale can't stand."""
    name = f"{tale.kind} {tale.accepted[0] if tale.accepted else tale.key}"
    yield from (f"{name}: {problem}" for problem in tale.problems)
    if not tale.accepted:
        if not tale.given_up:
            yield f"{name} was neither accepted nor refused"
        return
    if len(set(tale.accepted)) > 1:
        yield f"{name} was sent again under its key and became {len(set(tale.accepted))} requests"
    if tale.attempt and {*tale.accepted} != {tale.attempt}:
        yield f"{name} was accepted as another request than its key is: {tale.attempt}"
    if tale.is_missing and tale.unread:
        yield f"{name} was accepted and can't be read when all is quiet: {tale.unread}"
    elif tale.is_missing:
        yield f"{name} was accepted and is {tale.final.get('status', 'unknown')} when all is quiet"
    if tale.kind == "question":
        yield from (f"{name} {wrong}" for wrong in _wrong_frames(tale))


def _wrong_frames(tale: Tale) -> Iterator[str]:
    yield from _wrong_places(tale.frames)
    text, closed = "", ""
    for frame in tale.frames:
        match frame["type"]:
            case "delta":
                if closed:
                    yield f"was told more text after it was {closed}"
                text += frame["text"]
            case "restarted":
                text = ""
            case "completed":
                if closed:
                    yield f"was completed after it was {closed}"
                if frame["text"] != text:
                    yield f"has the deltas {text!r} and the text {frame['text']!r}"
                closed = "completed"
            case "retracted":
                text, closed = "", "retracted"
            case "step" if not 0 <= frame["took_ms"] < JUMP_MS:
                yield f"was told of a step of {frame['took_ms']} ms: a clock went back or jumped"
    gave_up = tale.late or tale.given_up or tale.was_told_of_a_failure
    if not closed and not gave_up and tale.final.get("status") == "completed":
        yield "was completed, and its client was never told"
    if closed == "completed" and tale.final.get("text") != text:
        yield f"was completed as {text!r} and is read back as {tale.final.get('text')!r}"


def _wrong_places(frames: Sequence[Frame]) -> Iterator[str]:
    """Say where a frame came again: each is one step further on one topic, back on none."""
    furthest: dict[str, tuple[int, int]] = {}
    for frame in frames:
        place = place_of(frame.get("cursor", ""))
        if any(place.get(letter, (-1, 0)) < at for letter, at in furthest.items()) and place:
            yield f"was told a {frame['type']} at a cursor behind one before it"
        elif frame["type"] in NUMBERED and place == furthest:
            yield f"was told a {frame['type']} twice"
        furthest = {**furthest, **place}
