"""Detect: recognisers, patterns and a model."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from typing import Any

import regex

from connectors.presidio.entities import LANGUAGES, Entities, Finding, name_of_entities
from connectors.presidio.personal_patterns import PATTERNS
from connectors.presidio.stretches import once, pieces, trimmed
from schemas import Span

_MAILBOX = r"[!#$%&'*+\-/=?^_`{|}~.\w]"
EMAIL_ADDRESS = (
    rf"(?:\G|(?<!{_MAILBOX}))(?={_MAILBOX}*+@)(?>{_MAILBOX}*?\b(?!\.))\K"
    rf"{_MAILBOX}++(?<!\.)@\w+(?:-+\w+)*(?:\.\w+(?:-+\w+)*)+\b"
)
"""What Presidio's own pattern finds. That one looks for an @ behind every word that may begin an
address, to the end of its last one: 8,000 characters of `a.a.…@` took seconds."""


class Detector:
    """Recognisers and model, loaded."""

    def __init__(self) -> None:
        self.languages = LANGUAGES
        self._entities = Entities()
        self._recognizers = _recognizers()
        version = importlib.metadata.version("presidio-analyzer")
        self.name = f"presidio {version}, {name_of_entities()}"

    def find(self, texts: tuple[str, ...]) -> list[tuple[Span, ...]]:
        """Return the spans of each text, sorted; they may overlap."""
        spans: list[list[Span]] = [[] for _ in texts]
        cut = [
            (number, offset, piece)
            for number, text in enumerate(texts)
            for offset, piece in pieces(text)
        ]
        named = self._entities.find([piece for _, _, piece in cut])
        for (number, offset, piece), entities in zip(cut, named, strict=True):
            for start, end, kind, score in (*self._by_pattern(piece), *entities):
                span = Span(
                    start=offset + start, end=offset + end, kind=kind, score=round(score, 4)
                )
                spans[number].append(span)
        return [once(of_text) for of_text in spans]

    def _by_pattern(self, text: str) -> Iterator[Finding]:
        for worth_asking, recognizer in self._recognizers:
            if worth_asking.search(text):
                for result in recognizer.analyze(text, recognizer.supported_entities, None):
                    yield result.start, result.end, result.entity_type, float(result.score)
        for one in PATTERNS:
            for match in one.pattern.finditer(text):
                start, end = trimmed(text, *match.span())
                if start < end:
                    yield start, end, one.kind, one.score


def _recognizers() -> tuple[tuple[regex.Pattern[str], Any], ...]:
    """Make Presidio's recognisers, each with what a text must hold for it to be worth asking."""
    import tldextract
    from presidio_analyzer import Pattern
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        CryptoRecognizer,
        EmailRecognizer,
        IbanRecognizer,
        IpRecognizer,
        PhoneRecognizer,
    )

    known_domain = tldextract.TLDExtract(suffix_list_urls=())  # asks no network

    class OfflineEmailRecognizer(EmailRecognizer):
        def validate_result(self, pattern_text: str) -> bool:
            return bool(known_domain(pattern_text).domain)

    return (
        (
            regex.compile("@"),
            OfflineEmailRecognizer(patterns=[Pattern("e-mail address", EMAIL_ADDRESS, 0.5)]),
        ),
        (regex.compile(r"\d(?:[ \-]?\d){11}"), CreditCardRecognizer()),
        (regex.compile(r"[A-Za-z]{2}\d{2}"), IbanRecognizer()),
        (regex.compile(r"\d\.\d|[0-9a-fA-F]:"), IpRecognizer()),
        (regex.compile(r"[A-Za-z0-9]{26}"), CryptoRecognizer()),
        (
            regex.compile(r"\d(?:[\s().\-/]*\d){6}"),
            PhoneRecognizer(supported_regions=("US", "GB", "DE", "FR")),
        ),
    )
