"""Documents: how much of their text is read, by kind of file, and what becomes of broken ones.

Files are read as ingest has them read, in processes with its limits. A set is a folder with a
manifest: what is expected of each file, and for some the text that it holds. The baseline decodes
the bytes as UTF-8 and looks for the words there, as a program without readers would.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agents.errors import Permanent, Transient
from agents.ingest import FORMATS
from connectors.documents import Documents
from connectors.media_types import OF_SUFFIX
from evals.bootstrap import mean_of
from evals.data_sets import BadData, Choice, EvalRow, rows_of
from evals.outcome import OURS, SetOutcome
from schemas import Parse, Parsed
from streams.running.world import Call
from streams.settings import Settings

MANIFEST = "manifest.jsonl"
BYTES = "bytes as text"
EXPECTED = ("parse", "no_crash", "clean_error", "refuse_by_limit")
_WORD = re.compile(r"\w+")
_UNSEEN = re.compile(r"<!--.*?-->|!\[[^\]]*\]\([^)]*\)", re.DOTALL)
"""Comments and pictures of the Markdown in which expected texts are written."""


@dataclass(frozen=True)
class SetFile:
    """A file, and what is expected of it."""

    path: Path
    expect: str
    expected_text: Path | None

    @classmethod
    def read(cls, row: EvalRow) -> SetFile:
        """Read a row of the manifest; raises BadData."""
        folder = row.path.parent
        text = row.values.get("expected_text")
        return cls(
            folder / row.text("file"),
            row.one_of("expect", EXPECTED),
            folder / row.text("expected_text") if text is not None else None,
        )

    @property
    def kind(self) -> str:
        """Its ending, without the dot."""
        return self.path.suffix.lower().removeprefix(".") or "none"


@dataclass(frozen=True)
class ReadFile:
    """A file as it was read."""

    file: SetFile
    text: str
    error: str
    """Why it was not read; empty where it was."""
    recall: float | None
    """Share of the expected words that were read; None where no text is expected."""
    baseline: float | None

    @property
    def as_expected(self) -> bool:
        """Whether it was read, or refused with a reason, as its manifest asks."""
        return bool(self.text.strip()) if self.file.expect == "parse" else True


def evaluate_documents(
    place: Path, choice: Choice, advancing: Callable[[int], Callable[[], None]]
) -> list[SetOutcome]:
    """Read the files of a folder, and tell by kind how much of them was read."""
    manifest = place / MANIFEST
    if not manifest.is_file():
        raise BadData(f"{place}: holds no {MANIFEST}; name the folder of a set of documents")
    files = [SetFile.read(row) for row in rows_of(manifest)]
    files = choice.of(files, lambda file: file.path.name, place)
    read = asyncio.run(_read_all(files, advancing(len(files))))
    by_kind: defaultdict[str, list[ReadFile]] = defaultdict(list)
    for one in read:
        by_kind[one.file.kind].append(one)
    outcomes = [_outcome(kind, by_kind[kind], choice.seed) for kind in sorted(by_kind)]
    return [*outcomes, _outcome("all kinds", read, choice.seed)]


async def _read_all(files: list[SetFile], advance: Callable[[], None]) -> list[ReadFile]:
    documents = Documents(Settings())
    try:
        read = []
        for number, file in enumerate(files):
            read.append(await _read(documents, file, number))
            advance()
        return read
    finally:
        await documents.close()


async def _read(documents: Documents, file: SetFile, number: int) -> ReadFile:
    try:
        content = file.path.read_bytes()
    except OSError as error:
        raise BadData(f"{file.path}: {error.strerror}; mend the manifest") from None
    media_type = OF_SUFFIX.get(file.path.suffix.lower(), "application/octet-stream")
    call = Call("eval", 0, "r", "s", f"e-{number}", "t", number)
    try:
        parsed = await documents.parse(
            Parse(media_type=media_type, content=content, formats=FORMATS), call
        )
    except (Permanent, Transient) as error:  # beyond its limits
        parsed = Parsed(blocks=(), parser="", parser_version="", error=str(error))
    text = "\n".join([parsed.title, *(one.text for one in parsed.blocks)])
    expected = None
    if file.expected_text is not None:
        with suppress(OSError):
            expected = file.expected_text.read_text(encoding="utf-8", errors="replace")
    plain = content.decode("utf-8", errors="replace") if expected is not None else ""
    return ReadFile(file, text, parsed.error, recall_of(text, expected), recall_of(plain, expected))


def recall_of(text: str, expected: str | None) -> float | None:
    """Tell which share of the expected words a text holds; None where none is expected."""
    wanted = Counter(_WORD.findall(_UNSEEN.sub("", expected or "").lower()))
    if not wanted:
        return None
    return (wanted & Counter(_WORD.findall(text.lower()))).total() / wanted.total()


def _outcome(kind: str, read: list[ReadFile], seed: int) -> SetOutcome:
    outcome = SetOutcome(kind, len(read))
    for system, column in (
        (OURS, [one.recall for one in read]),
        (BYTES, [one.baseline for one in read]),
    ):
        values = [value for value in column if value is not None]
        if values:
            outcome.add("text recall", system, mean_of(values, seed=seed))
    outcome.add("as expected", OURS, mean_of([one.as_expected for one in read], seed=seed))
    outcome.counts["read"] = sum(not one.error for one in read)
    outcome.counts["refused with a reason"] = sum(bool(one.error) for one in read)
    return outcome
