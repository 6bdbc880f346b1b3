"""Conversations as people hold them, over documents that lie on the machine.

They stand in conversations.toml, written before answers were worked on; those of
second_conversations.toml, over other documents, before answers were worked on by the first ones,
and those of third_conversations.toml before they were worked on by the second ones. Those of
fourth_conversations.toml were written before that was done by the first and the second ones again.

A turn is right where its answer holds one spelling out of each group and nothing that is wrong; of
a question that no document answers, where it says so; of a greeting, where it is answered as a
person would, without a search.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANUAL_S = 30.0
FACT, FOLLOW_UP, SMALL_TALK, ABSENT = "question", "follow-up", "small talk", "not in the documents"


@dataclass(frozen=True)
class TalkTurn:
    """Something said, and what its answer must hold."""

    text: str
    kind: str
    groups: tuple[tuple[str, ...], ...] = ()
    """One spelling out of each, whatever the case."""
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True)
class Talk:
    """A conversation: turns over one subject."""

    turns: tuple[TalkTurn, ...]
    needs: str = ""
    """A document that not every machine has."""


def _turn(entry: Mapping[str, Any]) -> TalkTurn:
    groups = tuple(tuple(group.split("|")) for group in entry.get("holds", ()))
    return TalkTurn(entry["text"], entry["kind"], groups, tuple(entry.get("wrong", ())))


def _talks(path: Path) -> tuple[Talk, ...]:
    listed = tomllib.loads(path.read_text(encoding="utf-8"))["talks"]
    return tuple(Talk(tuple(map(_turn, one["turns"])), one.get("needs", "")) for one in listed)


@dataclass(frozen=True)
class TalkSet:
    """Conversations, and the documents that they are about."""

    name: str
    talks: tuple[Talk, ...]
    packages: tuple[str, ...]
    """Installed beside this project; their descriptions are documents."""
    licence: tuple[str, str]
    """Of a package, the file."""
    manuals: tuple[str, ...]


FIRST = TalkSet(
    "conversations",
    _talks(Path(__file__).with_name("conversations.toml")),
    ("attrs", "colorlog", "intervaltree", "pytest-timeout", "structlog", "uvicorn"),
    ("pathspec", "LICENSE"),
    ("timeout", "split"),
)
"""Forty."""
SECOND = TalkSet(
    "second conversations",
    _talks(Path(__file__).with_name("second_conversations.toml")),
    (
        "httpx", "msgspec", "orjson", "psutil", "rich", "sortedcontainers", "tldextract",
        "websockets",
    ),
    ("requests", "LICENSE"),
    ("comm", "head", "nice"),
)  # fmt: skip
"""Twenty, by which none of the first rules was made."""
THIRD = TalkSet(
    "third conversations",
    _talks(Path(__file__).with_name("third_conversations.toml")),
    ("h11", "jsonschema", "starlette", "urllib3"),
    ("rich", "LICENSE"),
    ("cut", "tee"),
)
"""Twenty, by which no rule is made."""
FOURTH = TalkSet(
    "fourth conversations",
    _talks(Path(__file__).with_name("fourth_conversations.toml")),
    ("deprecation", "humanize", "pathvalidate", "tenacity", "watchfiles"),
    ("backoff", "LICENSE"),
    ("env", "nohup", "uniq"),
)
"""Ten more, written before rules were mended by the first two sets again."""


@dataclass(frozen=True)
class MachineDocument:
    """A document that lies on this machine."""

    name: str
    media_type: str
    text: str


def machine_documents(chosen: TalkSet) -> tuple[MachineDocument, ...]:
    """Read the documents of a set where they lie; what this machine lacks is left out."""
    found = [_description(name) for name in chosen.packages]
    found += [_licence(*chosen.licence), *(_manual(name) for name in chosen.manuals)]
    return tuple(one for one in found if one is not None)


def _description(package: str) -> MachineDocument | None:
    try:
        metadata = importlib.metadata.metadata(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    text = str(metadata.get_payload() or metadata["Description"] or "")  # type: ignore[attr-defined]
    markdown = "markdown" in str(metadata["Description-Content-Type"])
    kind = "text/markdown" if markdown else "text/plain"
    return MachineDocument(package, kind, text) if text.strip() else None


def _licence(package: str, name: str) -> MachineDocument | None:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if Path(str(file)).name == name:
            return MachineDocument(f"{package}-licence", "text/plain", file.read_text("utf-8"))
    return None


def _manual(name: str) -> MachineDocument | None:
    """Have a manual page laid out as text."""
    program = shutil.which("man")
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603 - a fixed program and a name of ours
        [program, "--locale=C", "-P", "cat", "1", name],
        env={
            "MANWIDTH": "100",
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "MAN_KEEP_FORMATTING": "",
        },
        capture_output=True,
        timeout=MANUAL_S,
        check=False,
    )
    text = done.stdout.decode("utf-8", "replace")
    return MachineDocument(f"{name}(1)", "text/plain", text) if text.strip() else None
