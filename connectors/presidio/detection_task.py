"""Detection as a task of a process of its own: what is asked, and the parts of the answer.

The process has the model loaded for as long as it lives; what asks it never loads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Protocol

import msgspec

from connectors.processes.program import Program, Work
from schemas import Detected, Span, Spans

TASK_CHARS = 32_768
"""Of the texts of a task, but for its last one: others take their turns between. Those that take
the most work take two seconds."""
PART_SPANS = 2_000
"""Spans in a part, but for those of its last text: decoded in a millisecond or so."""
WARMING = ("Ada Lovelace, ada@example.org, +1 415 555 0100, DE89 3704 0044 0532 0130 00, 10.0.0.1",)
"""What has the recognisers load what they load when they are first asked."""

DETECTION = Program(
    load="connectors.presidio.detection_task:load",
    purpose="look for personal data in",
    task="looking for personal data",
    cpu_setting="PLAYHEAD_DETECTION_CPU_S",
    memory_setting="PLAYHEAD_DETECTION_MEMORY_MB",
    instead="ask in fewer words, or split the document",
)


class DetectionTask(msgspec.Struct):
    """Look for personal data in texts."""

    texts: list[str]


_spell = msgspec.msgpack.encode
_TASKS = msgspec.msgpack.Decoder(DetectionTask)
_PARTS = msgspec.msgpack.Decoder(Detected)


class Finder(Protocol):
    """Who finds personal data; a Detector is one."""

    name: str

    def find(self, texts: tuple[str, ...]) -> list[tuple[Span, ...]]:
        """Return the spans of each text."""


def load() -> Work:
    """Load the model, which takes about two seconds, and return who looks."""
    from connectors.presidio.detector import Detector

    detector = Detector()
    detector.find(WARMING)
    return partial(detect, detector)


def detect(finder: Finder, body: bytes | bytearray) -> Iterator[bytes]:
    """Find personal data in texts."""
    found = finder.find(tuple(_TASKS.decode(body).texts))
    texts = tuple(Spans(spans=spans) for spans in found)
    for part in detection_parts(Detected(texts=texts, model=finder.name)):
        yield _spell(part)


def detection_parts(detected: Detected) -> Iterator[Detected]:
    """Cut what was found into parts; one at least, since it names the model."""
    texts: list[Spans] = []
    spans = 0
    for text in detected.texts:
        texts.append(text)
        spans += len(text.spans)
        if spans >= PART_SPANS:
            yield Detected(texts=tuple(texts), model=detected.model)
            texts, spans = [], 0
    if texts or not detected.texts:
        yield Detected(texts=tuple(texts), model=detected.model)


def tasks_of(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut texts into those of one task each; there is one at least."""
    first = chars = 0
    for end, text in enumerate(texts, start=1):
        chars += len(text)
        if chars >= TASK_CHARS:
            yield texts[first:end]
            first, chars = end, 0
    if first < len(texts) or not texts:
        yield texts[first:]


def detection_task(texts: Sequence[str]) -> bytes:
    """Spell what is asked."""
    return _spell(DetectionTask(list(texts)))


def detection_part(body: bytes) -> Detected:
    """Read a part of an answer."""
    return _PARTS.decode(body)


def detection_of(parts: Sequence[Detected]) -> Detected:
    """Put the parts of an answer together."""
    texts = tuple(text for part in parts for text in part.texts)
    return Detected(texts=texts, model=parts[0].model)
