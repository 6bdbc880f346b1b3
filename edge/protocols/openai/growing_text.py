"""A text that is sent as it comes and can't be taken back: it only ever grows.

Where an answer starts over, what comes then goes on from what was sent as long as it says the same.
Where the client named words at which the answer ends for it, what follows them is not sent; the
answer on the log is whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.problems import Problem


class GrowingText:
    """What one client was sent of an answer's text, and what is to be sent next."""

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._stops = tuple(stops)
        self._text = ""
        """The answer as it stands."""
        self._sent = ""

    @property
    def shown(self) -> str:
        """The answer as far as the client is shown it."""
        return self._text[: self._end]

    @property
    def _end(self) -> int:
        found = [at for stop in self._stops if (at := self._text.find(stop)) >= 0]
        return min(found, default=len(self._text))

    def add(self, text: str) -> None:
        """Add text to the answer."""
        self._text += text

    def void(self) -> None:
        """Start over."""
        self._text = ""

    def news(self) -> str:
        """Return what is to be sent now; raises Problem where what was sent stands no more."""
        shown = self.shown
        return self._sent_up_to(shown[: len(shown) - self._held(shown)])

    def settle(self, text: str) -> str:
        """Return the rest that is to be sent of the whole text; raises Problem as `news` does."""
        self._text = text
        news = self._sent_up_to(self.shown)
        if self._sent != self.shown:
            raise _replaced()
        return news

    def _sent_up_to(self, shown: str) -> str:
        if self._sent.startswith(shown):
            return ""
        if not shown.startswith(self._sent):
            raise _replaced()
        new, self._sent = shown[len(self._sent) :], shown
        return new

    def _held(self, shown: str) -> int:
        """Return how much of the end may be the beginning of a word at which it ends."""
        return max(
            (
                size
                for stop in self._stops
                for size in range(1, min(len(stop), len(shown) + 1))
                if shown.endswith(stop[:size])
            ),
            default=0,
        )


def _replaced() -> Problem:
    return Problem(
        502,
        "answer-replaced",
        "the answer started over with other words than were sent: what was sent is void; ask "
        "again with the same Idempotency-Key, or read GET /v1/messages/{id} for the answer",
        retryable=True,
    )
