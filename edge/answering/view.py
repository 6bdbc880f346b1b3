"""One reader's view of an answer: its records, turned into the frames that it has not seen.

The frames follow from the records alone, in the order of `playhead.tokens.released`. The record
that closes an answer lies on another topic, so it may be read early: then it waits for the text
that it closes, and if that never comes, it stands alone.
"""

from __future__ import annotations

from typing import Any

from edge.answering import frames
from edge.answering.cursors import Bookmark, Frame, FramesSent
from edge.answering.draft import Closing, Draft, Failure
from edge.answering.moves import CLOSED, AnswerState, Move, Reveal, next_of
from edge.answering.receipt_claims import claim_of
from edge.listening.entries import Entry
from edge.problems import Problem
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    ChunksRetrieved,
    Event,
    EventRejected,
    TokensReleased,
)


class AnswerView:
    """An answer as one reader sees it."""

    def __init__(
        self,
        request: str,
        session: str,
        lane: int,
        reveal: Reveal,
        seen: FramesSent | None = None,
        *,
        with_receipt: bool = False,
    ) -> None:
        """`with_receipt` has the end say what a receipt of the answer is of."""
        self.request = request
        self.session = session
        self.state = AnswerState.ACCEPTED
        self.closing: Frame = {}
        """Fields of the frame that closed the answer."""
        self._lane = lane
        self._reveal = reveal
        self._with_receipt = with_receipt
        self._draft = Draft()
        self._bookmark = Bookmark(request, lane, seen)

    # ------------------------------------------------------------------ how it stands

    @property
    def seen(self) -> FramesSent:
        """What the reader had seen when it came."""
        return self._bookmark.seen

    @property
    def settled(self) -> bool:
        """Whether the answer was closed, one way or another."""
        return self.state in CLOSED

    @property
    def shows_values(self) -> bool:
        """Whether any value was opened for the reader, who may have been shown it."""
        return bool(self._draft.values)

    @property
    def held(self) -> bool:
        """Whether the closing record has come before some of its text."""
        return self._draft.closing is not None

    def snapshot(self) -> dict[str, Any]:
        """Return the answer as it stands."""
        return {
            "request_id": self.request,
            "session_id": self.session,
            "status": self.state.value,
            "text": self._draft.shown,
            **frames.NO_ANSWER,
            **self.closing,
        }

    # ------------------------------------------------------------------ what no record says

    def accepted(self, **name: Any) -> Frame:
        """Return the first frame of a stream, with the client's own name of the message."""
        return self._bookmark.mark({"type": "accepted", "session_id": self.session, **name})

    def failed(self, problem: Problem, trace_id: str = "") -> Frame:
        """Return the frame for an error of the edge itself; the log knows nothing of it."""
        return self._bookmark.mark(problem.frame(self.request, trace_id))

    def cancelled(self) -> Frame:
        """Return the closing frame for a reader that wants no more."""
        return self._bookmark.mark(frames.cancelled(self._draft.shown))

    # ------------------------------------------------------------------ record by record

    def take(self, entry: Entry) -> list[Frame]:
        """Turn an entry into the frames that the reader has not seen yet."""
        if not self._bookmark.is_new(entry):
            return []
        event, news = entry.event, []
        if isinstance(event, ChunksRetrieved):
            self._draft = self._draft.with_passages(event, entry.offset)
        move = self._meaning(event)
        if move is not None:
            news = self._move(move, event, type(event), entry.offset)
        if isinstance(event, AnswerReleased) and not self._is_too_late(event):
            self._draft = self._draft.with_closing(Closing(entry.offset, event))
        if isinstance(event, EventRejected) and move is None and not self.settled:
            self._draft = self._draft.with_failure(Failure(entry.offset, event))
        if self._draft.whole and not self._bookmark.has_gap(TokensReleased):
            news += self._close(Move.COMPLETE)
        elif self.held and self._bookmark.has_seen_end(entry):
            news += self._close(Move.SETTLE)
        return news

    def settle(self) -> list[Frame]:
        """Close although the text is incomplete: the closing record's text is what counts."""
        return self._close(Move.SETTLE) if self.held else []

    def give_up(self) -> list[Frame]:
        """Tell of the failure that waits for an answer beside it: none comes any more."""
        failure = self._draft.failure
        if failure is None or self.settled:
            return []
        return self._move(Move.FAIL, failure.event, EventRejected, failure.offset)

    def _meaning(self, event: Event) -> Move | None:
        """Tell what a record means; None where it makes no move by itself."""
        draft = self._draft
        match event:
            case ChunksRetrieved() if not draft.knows(event):
                return Move.RETRIEVE
            case TokensReleased() if draft.rules_out(event):
                return None
            case TokensReleased() if draft.repeats(event):
                return Move.REPEAT
            case TokensReleased() if draft.is_closed(event):
                return Move.LATE
            case TokensReleased():
                return Move.RESTART if draft.contradicts(event) else Move.CONTINUE
            case AnswerRetracted() if not draft.rules_out(event):
                return None if self.state is AnswerState.RETRACTED else Move.RETRACT
            case EventRejected() if not (self.settled or draft.is_of_another_run(event)):
                return Move.FAIL
            case _:
                return None

    def _is_too_late(self, event: AnswerReleased) -> bool:
        return self.settled or self._draft.rules_out(event)

    def _close(self, move: Move) -> list[Frame]:
        closing = self._draft.closing
        assert closing is not None
        self._draft = self._draft.with_end(closing)
        news = self._move(move, closing.event, AnswerReleased, closing.offset)
        if self._with_receipt and self.state is AnswerState.COMPLETED:
            claim = claim_of(closing.event, self._lane, closing.offset)
            self.closing = {**self.closing, "receipt": claim}
            for frame in news:
                if frame["type"] == "completed":
                    frame["receipt"] = claim
        return news

    def _move(self, move: Move, event: Event, kind: type[Event], offset: int) -> list[Frame]:
        self.state, make = next_of(self.state, move)
        before = offset if kind is TokensReleased else None
        lacks = self._bookmark.has_gap(TokensReleased, before)
        made = make(self._draft.with_gap(lacks=lacks), event, self._reveal)
        self._draft = made.draft
        if made.closing is not None:
            self.closing = made.closing
        return self._bookmark.number(kind, offset, made.frames)
