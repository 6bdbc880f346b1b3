"""The labelled texts, and harmless ones: read where they lie, in an order that never changes."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDS = 5
CHARS = 4_000  # of a text: what follows says the same
HARMLESS = (
    ("qa/squad2_dev/questions.jsonl.gz", "question", 150),
    ("qa/clapnq_dev/questions.jsonl.gz", "question", 100),
    ("qa/xquad/de_questions.jsonl.gz", "question", 100),
    ("qa/xquad/es_questions.jsonl.gz", "question", 100),
    ("retrieval/awsdocs_dev/queries.jsonl", "text", 45),
    ("rewrite/canard_dev_a.jsonl.gz", "question", 100),
    ("qa/squad2_dev/passages.jsonl.gz", "text", 40),
    ("qa/clapnq_dev/passages.jsonl.gz", "text", 40),
    ("retrieval/awsdocs_dev/corpus.jsonl.gz", "text", 60),
    ("retrieval/scifact_dev/corpus.jsonl.gz", "text", 40),
)
"""What nobody would refuse: file, field, rows taken. Documents are cut at HARMLESS_CHARS."""
HARMLESS_CHARS = 1_500


@dataclass(frozen=True)
class TrainingText:
    """A text with its label."""

    text: str
    label: int
    data: str
    """The set that it comes from."""
    fold: int
    """Texts made from one template, test or attack are in one fold."""


def fold_of(group: str, folds: int = FOLDS) -> int:
    """Put a group of texts into a fold."""
    return int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) % folds


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines."""
    data = path.read_bytes()
    lines = (gzip.decompress(data) if path.suffix == ".gz" else data).split(b"\n")
    return [json.loads(line) for line in lines if line]


def group_of(data: str, row: dict[str, Any]) -> str:
    """Name what a row shares with others that were made the same way."""
    if data == "hatecheck":
        return str(row["functionality"])
    if data == "xstest":
        return str(row["type"]).replace("contrast_", "")
    if data == "jailbreak":
        return " ".join(row["text"].split()[:5]).casefold()  # copies of one prompt begin alike
    return str(row["id"])


def moderation(folder: Path) -> list[TrainingText]:
    """Read the texts with what nobody should say among them."""
    names = {
        "openai": "openai_a.jsonl.gz",
        "surge": "surge_a.jsonl",
        "xstest": "xstest_a.jsonl",
        "hatecheck": "hatecheck_a.jsonl.gz",
        "benign": "benign_a.jsonl",
    }
    rows = _labelled((folder / "moderation" / file, data) for data, file in names.items())
    return [row for row in rows if row.data != "hatecheck" or fold_of(row.text, 3) == 0]


def direct_injection(folder: Path) -> list[TrainingText]:
    """Read the prompts that would set an assistant's rules aside."""
    names = {"jailbreak": "jailbreak_inthewild_a.jsonl.gz", "deepset": "deepset_a.jsonl.gz"}
    return _labelled((folder / "injection" / file, data) for data, file in names.items())


def _labelled(files: Iterable[tuple[Path, str]]) -> list[TrainingText]:
    return [
        TrainingText(row["text"][:CHARS], row["label"], data, fold_of(group_of(data, row)))
        for path, data in files
        for row in rows_of(path)
    ]


def harmless(folder: Path, half: int) -> list[TrainingText]:
    """Read harmless texts: half 0 to train with, half 1 to count false alarms on."""
    found = []
    for name, field, most in HARMLESS:
        path = folder / name
        texts = sorted({str(row[field])[:HARMLESS_CHARS] for row in rows_of(path)} - {""})
        texts = [text for text in texts if fold_of(f"half {text}", 2) == half]
        texts.sort(key=lambda text: hashlib.sha256(text.encode()).hexdigest())
        found += [TrainingText(text, 0, path.parent.name, fold_of(text)) for text in texts[:most]]
    return found


@dataclass(frozen=True)
class Context:
    """A text that is only read, with or without an order in it."""

    units: tuple[str, ...]
    orders: frozenset[str]
    """Which of them are the attack's."""
    task: str
    context_fold: int
    attack_fold: int
    """Of the attack's category; -1 where there is none."""


def contexts(folder: Path, cut: Any) -> list[Context]:
    """Read the contexts of indirect attacks, cut into units by the model's own rule."""
    rows = rows_of(folder / "injection" / "bipia_train.jsonl.gz")
    clean = {unit for row in rows if not row["label"] for unit in cut(row["text"])}
    return [
        Context(
            units=tuple(cut(row["text"])),
            orders=frozenset(u for u in cut(row["text"]) if u not in clean)
            if row["label"]
            else frozenset(),
            task=row["task"],
            context_fold=fold_of(row["id"].rsplit("-", 1)[0]),
            attack_fold=fold_of(row["attack_category"]) if row["label"] else -1,
        )
        for row in rows
    ]


def requests(folder: Path, cut: Any) -> list[str]:
    """List first sentences of what people ask an assistant to do: an order, read in a passage."""
    rows = rows_of(folder / "moderation" / "benign_a.jsonl")
    return [cut(row["text"])[0] for row in rows if not row["id"].startswith("b-nq")]
