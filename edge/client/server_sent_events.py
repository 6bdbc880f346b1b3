"""Server-sent events as they come over the wire, taken apart by their standard.

Why it is so: httpx splits lines wherever Unicode does (U+0085, U+2028 and others), which JSON may
hold as they are, so an answer with such a character would be cut in two. httpx-sse 0.4.3 splits
them rightly, but keeps a byte order mark as part of the first field and yields events without data.

Source: WHATWG HTML, section 9.2.6, "Interpreting an event stream".
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class ServerSentEvent:
    """One event."""

    data: str
    type: str = "message"
    id: str = ""
    """Id of the last event that had one: what a client resumes with."""


class EventDecoder:
    """Takes a stream apart as it comes, however it is cut into chunks."""

    def __init__(self) -> None:
        self._lines = _LineDecoder()
        self._data: list[str] = []
        self._kind = self._last_id = ""

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Return the events that end in a chunk; what has no end yet waits for it."""
        return [event for line in self._lines.feed(chunk) for event in self._take(line)]

    def _take(self, line: str) -> Iterator[ServerSentEvent]:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "" if line == "":
                if self._data:
                    data, kind = "\n".join(self._data), self._kind or "message"
                    yield ServerSentEvent(data, kind, self._last_id)
                self._data, self._kind = [], ""
            case "data":
                self._data.append(value)
            case "event":
                self._kind = value
            case "id" if "\0" not in value:
                self._last_id = value
            case _:
                pass  # a comment, a wish for the pause before reconnecting, or nothing known


def events_in(chunks: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    """Yield the events of a whole stream; what has no end is left out."""
    decoder = EventDecoder()
    for chunk in chunks:
        yield from decoder.feed(chunk)


class _LineDecoder:
    """Yields lines as soon as they end; a line feed behind a carriage return ends none."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._unfinished: list[str] = []
        self._returned = False

    def feed(self, chunk: bytes) -> Iterator[str]:
        text = self._decoder.decode(chunk)
        if not text:
            return
        if self._returned:
            text = text.removeprefix("\n")
        self._returned = text.endswith("\r")
        *lines, rest = LINE_END.split(text)
        for line in lines:
            yield "".join((*self._unfinished, line))
            self._unfinished.clear()
        self._unfinished.append(rest)
