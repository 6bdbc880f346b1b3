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


def events_in(chunks: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    """Yield the events of a stream, however it is cut into chunks; what has no end is left out."""
    data: list[str] = []
    kind, last_id = "", ""
    for line in _lines_in(chunks):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "" if line == "":
                if data:
                    yield ServerSentEvent("\n".join(data), kind or "message", last_id)
                data, kind = [], ""
            case "data":
                data.append(value)
            case "event":
                kind = value
            case "id" if "\0" not in value:
                last_id = value
            case _:
                pass  # a comment, a wish for the pause before reconnecting, or nothing known


def _lines_in(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield lines as soon as they end; a line feed behind a carriage return ends none."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    unfinished: list[str] = []
    returned = False
    for chunk in chunks:
        text = decoder.decode(chunk)
        if not text:
            continue
        if returned:
            text = text.removeprefix("\n")
        returned = text.endswith("\r")
        *lines, rest = LINE_END.split(text)
        for line in lines:
            yield "".join((*unfinished, line))
            unfinished.clear()
        unfinished.append(rest)
