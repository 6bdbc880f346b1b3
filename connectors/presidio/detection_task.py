"""Detection as a task of a process of its own: what is asked, and the parts of the answer.

The process has the model loaded for as long as it lives; what asks it never loads it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import NamedTuple, Protocol

import msgspec

from agents.personal.foreign_texts import language_told
from connectors.presidio.stretches import once, pieces
from connectors.processes.program import Program, Work
from schemas import Detected, Span, Spans

DOCUMENT_TASK_CHARS = 32_768
"""Of a task of a document: others take their turns between. Those that take the most work take two
seconds."""
SHORT_TASK_CHARS = 1_000
"""Of a task of a question, but where a single piece has more: nearly all questions are shorter.
They take 2 to 80 ms, and a piece up to 700."""
PART_SPANS = 2_000
"""Spans in a part, but for those of its last text: decoded in a millisecond or so."""
WARMING = ("Ada Lovelace, ada@example.org, +1 415 555 0100, DE89 3704 0044 0532 0130 00, 10.0.0.1",)
"""What has the recognisers load what they load when they are first asked."""
LETTERS_MIN = 20
"""In a shorter text the language is anybody's guess."""

DETECTION = Program(
    load="connectors.presidio.detection_task:load",
    purpose="look for personal data in",
    task="looking for personal data",
    cpu_setting="PLAYHEAD_DETECTION_CPU_S",
    memory_setting="PLAYHEAD_DETECTION_MEMORY_MB",
    instead="ask in fewer words, or split the document",
)
DETECTION_STOCK = replace(DETECTION, load="connectors.presidio.detection_task:load_stock")
"""Presidio's recognisers and spaCy's model on every text."""


class DetectionTask(msgspec.Struct):
    """Look for personal data in texts."""

    texts: list[str]


_spell = msgspec.msgpack.encode
_TASKS = msgspec.msgpack.Decoder(DetectionTask)
_PARTS = msgspec.msgpack.Decoder(Detected)


class Finder(Protocol):
    """Who finds personal data; a Detector is one."""

    name: str
    languages: frozenset[str]
    """Those whose names a model knows."""

    def find(self, texts: tuple[str, ...]) -> list[tuple[Span, ...]]:
        """Return the spans of each text."""


def load() -> Work:
    """Load the tagger and spaCy's model, which takes about two seconds, and return who looks."""
    from connectors.tagger.tagger_detector import TaggerDetector

    detector = TaggerDetector()
    detector.entities.warm()
    detector.find(WARMING)
    return partial(detect, detector)


def load_stock() -> Work:
    """Load Presidio's recognisers and spaCy's model, and return who looks."""
    from connectors.presidio.detector import Detector

    detector = Detector()
    detector.find(WARMING)
    return partial(detect, detector)


def detect(finder: Finder, body: bytes | bytearray) -> Iterator[bytes]:
    """Find personal data in texts."""
    texts = tuple(_TASKS.decode(body).texts)
    found = tuple(Spans(spans=spans) for spans in finder.find(texts))
    unsupported = unsupported_languages(texts, finder.languages)
    detected = Detected(texts=found, model=finder.name, languages_unsupported=unsupported)
    for part in detection_parts(detected):
        yield _spell(part)


def unsupported_languages(texts: Iterable[str], known: frozenset[str]) -> tuple[str, ...]:
    """List the languages of texts that no model knows; a text that nobody can place has none."""
    spoken = {language_told(text) for text in texts if sum(map(str.isalpha, text)) >= LETTERS_MIN}
    return tuple(sorted(spoken - known - {""}))


def detection_parts(detected: Detected) -> Iterator[Detected]:
    """Cut what was found into parts; one at least, since it names the model."""
    texts: list[Spans] = []
    spans = 0
    for text in detected.texts:
        texts.append(text)
        spans += len(text.spans)
        if spans >= PART_SPANS:
            yield msgspec.structs.replace(detected, texts=tuple(texts))
            texts, spans = [], 0
    if texts or not detected.texts:
        yield msgspec.structs.replace(detected, texts=tuple(texts))


def is_long(task: Iterable[TextPiece]) -> bool:
    """Whether a task of a question is one that shorter ones must not wait for."""
    return sum(len(piece.characters) for piece in task) > SHORT_TASK_CHARS


class TextPiece(NamedTuple):
    """A piece of a text that the detector looks at by itself, so that a task may hold it alone."""

    text: int
    """Which text it is of."""
    offset: int
    """Where it begins there."""
    characters: str


def tasks_of(texts: Sequence[str], chars_max: int) -> Iterator[list[TextPiece]]:
    """Cut texts into those pieces of so many characters that a task has; there is one at least.

    They are the detector's own pieces, so that it finds in them what it finds in the whole. A piece
    that has more characters is a task by itself.
    """
    task: list[TextPiece] = []
    asked = chars = 0
    for number, text in enumerate(texts):
        for offset, piece in pieces(text):
            if task and chars + len(piece) > chars_max:
                yield task
                task, chars, asked = [], 0, asked + 1
            task.append(TextPiece(number, offset, piece))
            chars += len(piece)
    if task or not asked:
        yield task


def detection_task(task: Iterable[TextPiece]) -> bytes:
    """Spell what is asked."""
    return _spell(DetectionTask([piece.characters for piece in task]))


def detection_part(body: bytes) -> Detected:
    """Read a part of an answer."""
    return _PARTS.decode(body)


def detection_of(texts: int, asked: Iterable[TextPiece], parts: Sequence[Detected]) -> Detected:
    """Put together what was found in the pieces of so many texts.

    What was found twice, where pieces overlap, counts with the higher score, as in the detector.
    """
    found: defaultdict[int, list[Span]] = defaultdict(list)
    in_pieces = chain.from_iterable(part.texts for part in parts)
    for piece, spans in zip(asked, in_pieces, strict=True):
        found[piece.text] += (
            msgspec.structs.replace(one, start=piece.offset + one.start, end=piece.offset + one.end)
            for one in spans.spans
        )
    return Detected(
        texts=tuple(Spans(spans=once(found[number])) for number in range(texts)),
        model=parts[0].model,
        languages_unsupported=tuple(
            sorted({language for part in parts for language in part.languages_unsupported})
        ),
    )
