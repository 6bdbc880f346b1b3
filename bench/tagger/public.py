"""Public sentences: labelled by spaCy, or known to hold no personal data."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.tagger.written import LabelledSentence

LABELLED = (
    ("qa/squad2_dev/passages.jsonl.gz", "text"),
    ("qa/squad2_dev/questions.jsonl.gz", "question"),
    ("qa/clapnq_dev/passages.jsonl.gz", "text"),
    ("qa/clapnq_dev/questions.jsonl.gz", "question"),
    ("qa/xquad/en_passages.jsonl.gz", "text"),
    ("retrieval/dbpedia_sample/corpus.jsonl.gz", "text"),
)
"""Encyclopedic texts and questions about them; CC BY-SA, but for CLAPNQ's questions (Apache)."""
TECHNICAL = (("retrieval/awsdocs_dev/corpus.jsonl.gz", "text"),)
"""Manuals; half of them, by their id. The other half is for measuring."""
ENTITIES = {
    "PERSON": "PERSON", "GPE": "LOC", "LOC": "LOC", "FAC": "LOC", "ORG": "ORG", "NORP": "NRP",
    "DATE": "DATE",
}  # fmt: skip
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n+")
DATED = re.compile(
    r"\b(?:1[5-9]|20)\d\d\b|\d[./-]\d|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
    re.IGNORECASE,
)
SHORT, LONG = 15, 400


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Read a file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def half_of(name: str) -> int:
    """Say in which half a document is."""
    return hashlib.sha256(name.encode()).digest()[0] % 2


def sentences(folder: Path, files: tuple[tuple[str, str], ...], half: int | None) -> list[str]:
    """Cut the texts of files into sentences, each once, in an order that tells nothing."""
    found: dict[str, None] = {}
    for file, field in files:
        for row in rows(folder / file):
            if half is None or half_of(str(row["id"])) == half:
                for sentence in SENTENCE.split(str(row[field])):
                    if SHORT <= len(sentence) <= LONG:
                        found[sentence.strip()] = None
    return sorted(found, key=lambda one: hashlib.sha256(one.encode()).digest())


def labelled(folder: Path, model: Any, texts: int) -> Iterator[LabelledSentence]:
    """Label sentences by a model; it takes much for a date that is none."""
    chosen = sentences(folder, LABELLED, None)[:texts]
    for text, document in zip(chosen, model.pipe(chosen, batch_size=64), strict=True):
        spans = []
        for entity in document.ents:
            label = ENTITIES.get(entity.label_)
            if label and (label != "DATE" or DATED.search(entity.text)):
                start = entity.start_char
                if label in {"LOC", "ORG"} and entity.text.lower().startswith("the "):
                    start += len("the ")
                spans.append((start, entity.end_char, label))
        yield LabelledSentence(text, tuple(spans))


def technical(folder: Path, texts: int) -> Iterator[LabelledSentence]:
    """Take sentences of manuals, which hold no personal data."""
    for text in sentences(folder, TECHNICAL, 0)[:texts]:
        yield LabelledSentence(text, ())
