"""The work folder of a what-if: what is finished stays, so that a run goes on where it ended.

A line a request, written and flushed as soon as it is finished; a last line that a crash cut off is
left out. The folder is its owner's alone, and so are its files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import msgspec

from replay.whatif.whatif_finding import WhatIfFinding
from schemas.prepared_types import prepared

QUESTION, FINISHED = "question.json", "finished.jsonl"
PRIVATE = 0o600
FOLDER_MODE = 0o700


prepared(WhatIfFinding)


class OtherWork(ValueError):
    """A folder that holds the work of another question, or none that can be read."""


def work_id(question: Mapping[str, Any]) -> str:
    """Name a question by all that its findings depend on."""
    spelt = json.dumps(question, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(spelt.encode()).hexdigest()[:16]


class FinishedWork:
    """What was found of each request, kept in a folder."""

    def __init__(self, folder: Path, question: Mapping[str, Any]) -> None:
        """Open or make a folder; raises OtherWork where it can't be, or is another question's."""
        self.folder = folder
        try:
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise OtherWork(f"{folder}: {error.strerror}: name another by --work") from None
        asked = folder / QUESTION
        if asked.exists():
            self._hold(asked, question)
        elif any(folder.iterdir()):
            raise OtherWork(f"{folder} is not empty, and holds no work of a what-if: name another")
        else:
            write_private(asked, json.dumps(question, indent=1, ensure_ascii=False))
        self._found = dict(self._read())
        known = b"".join(msgspec.json.encode(one) + b"\n" for one in self._found.values())
        write_private(folder / FINISHED, known.decode())
        self._file: IO[bytes] = (folder / FINISHED).open("ab")

    def _hold(self, asked: Path, question: Mapping[str, Any]) -> None:
        try:
            before = json.loads(asked.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise OtherWork(f"{asked} can't be read: name another folder by --work") from None
        if before != json.loads(json.dumps(question)):
            raise OtherWork(
                f"{self.folder} holds the work of another question ({', '.join(before['set'])}): "
                "name another folder by --work, or none"
            )

    def _read(self) -> list[tuple[tuple[str, str], WhatIfFinding]]:
        try:
            lines = (self.folder / FINISHED).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                finding = msgspec.json.decode(line, type=WhatIfFinding)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # cut off: it is run again
            found.append(((finding.tenant, finding.request_id), finding))
        return found

    def of(self, tenant: str, request: str) -> WhatIfFinding | None:
        """Return what was found of a request; None where nothing was."""
        return self._found.get((tenant, request))

    def keep(self, finding: WhatIfFinding) -> None:
        """Keep what was found of a request, where that is final."""
        if finding.is_final:
            self._found[finding.tenant, finding.request_id] = finding
            self._write(finding)

    def _write(self, finding: WhatIfFinding) -> None:
        self._file.write(msgspec.json.encode(finding) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, also where one with other rights lay before."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w") as file:
        file.write(text)
    beside.replace(path)
