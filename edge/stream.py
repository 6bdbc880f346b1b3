"""One request's records, turned into the frames that a reader sees.

The frames follow from the records alone, in the order of `playhead.tokens.released`; the record
that closes an answer lies on another topic, so it may be read early and then waits for the text
that it closes. Hence a cursor can be a position in the log: for each topic, the last record whose
frames were sent and how many of them. To resume, the records are turned into frames again from the
request's first, and those at or before the cursor are left out.

Of two records with one id the first wins, unless the second is of a later attempt: then what the
earlier attempt said is void, and the reader is told to start over.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.placeholders import held_back, restore
from edge.entries import Entry
from edge.problems import Problem
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    ChunksRetrieved,
    Citation,
    EventRejected,
    MapEntry,
    TokensReleased,
)
from streams.watching.tracing import trace_id_of

Frame = dict[str, Any]
Reveal = Callable[[Sequence[MapEntry]], Mapping[str, str]]
"""Opens the values that this reader may see; leaves all others out."""
Positions = dict[str, tuple[int, int]]
"""Topic's letter -> (offset of its last record, number of its frames that were sent)."""

LETTERS: dict[type[Any], str] = {
    ChunksRetrieved: "k",
    TokensReleased: "t",
    AnswerReleased: "a",
    AnswerRetracted: "r",
    EventRejected: "e",
}


def cursor_of(lane: int, positions: Positions) -> str:
    """Spell positions as an opaque cursor."""
    content = {"l": lane, "p": {letter: list(positions[letter]) for letter in sorted(positions)}}
    text = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def positions_of(cursor: str, lane: int) -> Positions:
    """Read a cursor back; raises Problem for one that is not ours or of another lane."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        positions = {
            letter: (int(offset), int(count)) for letter, (offset, count) in content["p"].items()
        }
        known = content["l"] == lane and set(positions) <= set(LETTERS.values())
    except (binascii.Error, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        known = False
    if not known:
        raise Problem(
            422,
            "bad-cursor",
            "the cursor is not one of this request: send the last one received, or none to begin "
            "at the start",
        )
    return positions


def in_reading_order(entries: Iterable[Entry], seen: Positions) -> list[Entry]:
    """Order what was read back as a reader would have seen it.

    A retraction that the reader has seen comes first: what it took away is not told again.
    """

    def rank(entry: Entry) -> tuple[int, int]:
        letter = LETTERS.get(type(entry.event), "")
        if letter == "r" and entry.offset <= seen.get("r", (-1, 0))[0]:
            return -1, entry.offset
        return "ktare".find(letter), entry.offset

    return sorted(entries, key=rank)


@dataclass
class _Released:
    attempt: int
    cause: int
    text: str


class Answering:
    """The records of one question so far, and the frames that they make."""

    def __init__(
        self, request: str, session: str, lane: int, reveal: Reveal, seen: Positions | None = None
    ) -> None:
        self.request = request
        self.session = session
        self.lane = lane
        self.status = "accepted"
        """accepted, answering, completed, retracted or failed."""
        self.text = ""
        """What the reader has been shown."""
        self.closing: Frame = {}
        """Fields of the frame that closed the answer."""
        self._reveal = reveal
        self.seen: Positions = seen or {}
        self._positions: Positions = {}
        self._through: dict[str, int] = {}
        self._values: dict[str, str] = {}
        self._released: dict[str, _Released] = {}
        self._floor = -1
        self._void = -1
        self._tail = ""
        self._held: tuple[int, AnswerReleased] | None = None

    @property
    def settled(self) -> bool:
        """Whether the answer was closed, one way or another."""
        return self.status in ("completed", "retracted", "failed")

    @property
    def held(self) -> bool:
        """Whether the closing record has come before some of its text."""
        return self._held is not None

    def accepted(self, **more: Any) -> Frame:
        """Return the first frame of a stream."""
        return self._frame("accepted", session_id=self.session, **more)

    def failed(self, problem: Problem, trace_id: str = "") -> Frame:
        """Return the frame for an error of the edge itself; the log knows nothing of it."""
        return self._frame(**problem.frame(self.request, trace_id))

    def cancelled(self) -> Frame:
        """Return the closing frame for a reader that wants no more."""
        return self._frame(
            "completed",
            text=self.text,
            citations=[],
            usage={"prompt_tokens": 0, "completion_tokens": 0},
            finish_reason="cancelled",
            degraded=[],
        )

    def take(self, entry: Entry) -> list[Frame]:
        """Turn an entry into the frames that the reader has not seen yet."""
        letter = LETTERS.get(type(entry.event))
        if letter is None or entry.offset <= self._through.get(letter, -1):
            return []  # of no interest, or known from reading back
        self._through[letter] = entry.offset
        event = entry.event
        match event:
            case ChunksRetrieved():
                frames = self._number(letter, entry.offset, self._retrieved(event))
            case TokensReleased():
                frames = self._number(letter, entry.offset, self._tokens(event))
                frames += self._close_if_complete()
            case AnswerReleased():
                if self._cause_of(event) < self._floor or self.settled:
                    return []
                self._held = (entry.offset, event)
                frames = self._close_if_complete()
            case AnswerRetracted():
                frames = self._number(letter, entry.offset, self._retracted(event))
            case EventRejected():
                frames = self._number(letter, entry.offset, self._rejected(event))
            case _:
                frames = []
        return frames

    def settle(self) -> list[Frame]:
        """Close although the text is incomplete: the closing record's text is what counts."""
        if self._held is None:
            return []
        offset, event = self._held
        self._held = None
        frames: list[Frame] = []
        if self.text or self._tail:
            frames.append({"type": "restarted"})
        self._tail = ""
        self._values.update(self._reveal(event.entries))
        self.text = restore(event.text, self._values)
        frames.append({"type": "delta", "text": self.text})
        return self._number("a", offset, [*frames, self._completed(event)])

    def snapshot(self) -> dict[str, Any]:
        """Return the answer so far, in the shape of an answer."""
        return {
            "request_id": self.request,
            "session_id": self.session,
            "status": self.status,
            "text": self.text,
            "citations": [],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0},
            "finish_reason": None,
            "degraded": [],
            **self.closing,
        }

    # ------------------------------------------------------------------ record by record

    def _retrieved(self, event: ChunksRetrieved) -> list[Frame]:
        known = self._released.get(event.meta.id)
        if known is not None and known.attempt >= event.meta.attempt:
            return []
        self._released[event.meta.id] = _Released(event.meta.attempt, -1, "")
        began = event.meta.effects[0].started if event.meta.effects else event.meta.at
        took_ms = max(0, round((event.meta.at - began) / 1_000))
        return [{"type": "step", "step": "retrieve", "took_ms": took_ms}]

    def _tokens(self, event: TokensReleased) -> list[Frame]:
        cause, known = self._cause_of(event), self._released.get(event.meta.id)
        if cause < self._floor or cause <= self._void:
            return []
        frames: list[Frame] = []
        again = False
        if event.restart and not (
            known and known.cause == cause and known.attempt >= event.meta.attempt
        ):
            frames = self._start_over(above=-1, floor=cause)
        elif known is not None:
            if known.attempt >= event.meta.attempt or known.text == event.text:
                known.attempt = max(known.attempt, event.meta.attempt)
                return []  # the first record with an id wins
            frames, again = self._start_over(above=known.cause, floor=self._floor), True
        self._released[event.meta.id] = _Released(event.meta.attempt, cause, event.text)
        if event.entries:
            if event.restart:
                self._values.clear()  # the new answer numbers its values anew
            self._values.update(self._reveal(event.entries))
        if not self.settled:
            self.status = "answering"
        return frames + self._delta(self._raw() if again else self._tail + event.text)

    def _start_over(self, above: int, floor: int) -> list[Frame]:
        """Void what was released from inputs at or above a position or below a floor."""
        shown = bool(self.text)
        self._released = {
            key: one
            for key, one in self._released.items()
            if one.cause < 0 or (above >= 0 and one.cause < above)
        }
        self._floor = floor
        self._tail = self.text = ""
        self.status, self.closing = "answering", {}
        if self._held is not None and self._cause_of(self._held[1]) < floor:
            self._held = None
        return [{"type": "restarted"}] if shown else []

    def _delta(self, raw: str) -> list[Frame]:
        end = len(raw) - held_back(raw)
        self._tail = raw[end:]
        text = restore(raw[:end], self._values)
        self.text += text
        return [{"type": "delta", "text": text}] if text else []

    def _raw(self) -> str:
        return "".join(one.text for one in self._released.values() if one.cause >= 0)

    def _close_if_complete(self) -> list[Frame]:
        if self._held is None or self._raw() != self._held[1].text:
            return []
        offset, event = self._held
        self._held = None
        self._values.update(self._reveal(event.entries))
        frames: list[Frame] = []
        if self._tail:
            text, self._tail = restore(self._tail, self._values), ""
            self.text += text
            frames.append({"type": "delta", "text": text})
        return self._number("a", offset, [*frames, self._completed(event)])

    def _completed(self, event: AnswerReleased) -> Frame:
        answer = event.answer
        self.status = "completed"
        self.closing = {
            "text": self.text,
            "citations": [self._citation(citation) for citation in answer.citations],
            "usage": {
                "prompt_tokens": answer.usage.prompt_tokens,
                "completion_tokens": answer.usage.completion_tokens,
            },
            "finish_reason": answer.finish_reason,
            "degraded": list(answer.degraded),
        }
        return {"type": "completed", **self.closing}

    def _citation(self, citation: Citation) -> dict[str, str]:
        return {
            "document_id": citation.document,
            "chunk_id": citation.chunk,
            "title": restore(citation.title, self._values),
            "uri": citation.uri,
            "quote": restore(citation.quote, self._values),
        }

    def _retracted(self, event: AnswerRetracted) -> list[Frame]:
        if self._cause_of(event) < self._floor or self.status == "retracted":
            return []
        self._void = max(self._void, self._cause_of(event))
        self.status, self.text, self._tail, self._held = "retracted", "", "", None
        self.closing = {"finish_reason": "retracted", "text": "", "reason": event.reason}
        return [{"type": "retracted", "reason": event.reason}]

    def _rejected(self, event: EventRejected) -> list[Frame]:
        if self.settled:
            return []
        self.status = "failed"
        problem, trace_id = problem_of(event), trace_id_of(event.meta.trace)
        self.closing = {
            "finish_reason": "error",
            "error": problem.fields(self.request, trace_id),
        }
        return [problem.frame(self.request, trace_id)]

    # ------------------------------------------------------------------ cursors

    @staticmethod
    def _cause_of(event: TokensReleased | AnswerReleased | AnswerRetracted) -> int:
        return event.meta.cause.offset if event.meta.cause else 0

    def _number(self, letter: str, offset: int, frames: list[Frame]) -> list[Frame]:
        """Give frames their cursors, and leave out those that the reader has seen."""
        fresh = []
        for count, frame in enumerate(frames, start=1):
            self._positions[letter] = (offset, count)
            if (offset, count) > self.seen.get(letter, (-1, 0)):
                fresh.append(self._frame(**frame))
        return fresh

    def _frame(self, type: str, **fields: Any) -> Frame:  # noqa: A002 - the frame's own word
        return {
            "type": type,
            "request_id": self.request,
            "cursor": cursor_of(
                self.lane,
                {
                    letter: max(positions[letter] for positions in known if letter in positions)
                    for known in [(self.seen, self._positions)]
                    for letter in {**self.seen, **self._positions}
                },
            ),
            **fields,
        }


def problem_of(event: EventRejected) -> Problem:
    """Say what became of a request that a step gave up on."""
    transient = event.error == "Transient"
    status = 503 if transient else 502
    return Problem(
        status,
        "step-failed",
        f"{event.step} gave up after {event.attempts} attempts ({event.error}). "
        + ("Try again shortly." if transient else "An operator finds it among the dead letters."),
        retryable=transient,
        request_id=event.meta.request,
    )
