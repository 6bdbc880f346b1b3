"""Stopping: end a text where it should, whatever the server makes of `stop` and `max_tokens`.

Servers differ: one takes four strings, one none of blanks, one none at all.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from connectors.arrivals import Arrival
from schemas import Generate

SLACK = 16
"""Messages beyond twice the tokens asked for, from which a server has lost its measure."""


class Stopper:
    """Finds the first of some strings in a text that comes in pieces.

    An end that may be the beginning of one is held back until it is clear. Blanks at the beginning
    are left out: a chat model's answer may begin with the line break that ends it.
    """

    def __init__(self, stop: tuple[str, ...]) -> None:
        self._stop = tuple(text for text in stop if text)
        self._held = ""
        self._begun = False
        self.stopped = False

    def take(self, text: str) -> str:
        """Take new text, and return what may go on of it."""
        if not self._begun:
            text = text.lstrip() if self._stop else text
            self._begun = bool(text)
        text = self._held + text
        ends = [at for stop in self._stop if (at := text.find(stop)) >= 0]
        if ends:
            self.stopped, self._held = True, ""
            return text[: min(ends)]
        keep = max((_begins(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """Return what was held back in vain."""
        rest, self._held = self._held, ""
        return rest


def _begins(text: str, stop: str) -> int:
    """Return how long an end of the text is that a string begins with."""
    for size in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0


async def stopped(
    pieces: AsyncIterator[Arrival], request: Generate
) -> AsyncGenerator[Arrival, None]:
    """End the pieces where the request says."""
    stopper, count = Stopper(() if request.json_schema else request.stop), 0
    most = 2 * request.max_tokens + SLACK
    async with aclosing(pieces) as given:  # type: ignore[type-var]  # all of them have aclose
        async for piece in given:
            count += 1
            text = stopper.take(piece.text)
            if stopper.stopped:
                yield piece._replace(text=text, finish_reason="stop", last=True)
                return
            if count > most and not piece.last:
                yield piece._replace(text=text, finish_reason="length", last=True)
                return
            if piece.last:
                text += stopper.rest()
            yield piece._replace(text=text)
