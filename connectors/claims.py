"""The claim store: bodies too large for a record, as files named by the SHA-256 of their content.

What lies here is ciphertext, so the folder needs no more protection than the log does. Equal
content is one file; a file appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from agents.errors import KeyDestroyed, Permanent, Transient
from connectors.local_files import write_secret

NAME = re.compile(r"[0-9a-f]{64}")
EXPIRED = ".expired"
"""Ends the name of the file that stands for a body that was deleted on time, and says why."""


class Claims:
    """Bodies by name, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> str:
        """Store content durably and return its name; raises Transient when the disk refuses."""
        name = hashlib.sha256(content).hexdigest()
        path = self.folder / name
        try:
            if path.exists() and path.stat().st_size == len(content):
                return name
            write_secret(path, content, overwrite=True)
        except OSError as error:
            raise Transient(
                f"the claim store can't write {path}: {error.strerror}; make room or give access"
            ) from None
        return name

    def get(self, name: str) -> bytes:
        """Read content; raises Permanent when it is missing or not what its name says.

        Of what was deleted on time it is KeyDestroyed: a replay counts that as erased.
        """
        if not NAME.fullmatch(name):
            raise Permanent(f"claim {name!r}: a claim is named by 64 hexadecimal digits")
        path = self.folder / name
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            if why := self.expired(name):
                raise KeyDestroyed(f"claim {name} was deleted: {why}") from None
            raise Permanent(
                f"claim {name} is not in {self.folder}: bring the claim store that goes with this "
                "log (PLAYHEAD_CLAIMS)"
            ) from None
        except OSError as error:
            raise Transient(f"the claim store can't read {path}: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != name:
            raise Permanent(f"claim {name} was changed: restore {path} from a copy")
        return content

    def expire(self, name: str, why: str) -> bool:
        """Delete content for good, and leave word why; tells whether it was there.

        Word comes first: after a crash in between, the next call deletes. Raises Permanent for no
        name, OSError where the folder refuses.
        """
        if not NAME.fullmatch(name):
            raise Permanent(f"claim {name!r}: a claim is named by 64 hexadecimal digits")
        path = self.folder / name
        if not path.exists():
            return False
        write_secret(path.with_suffix(EXPIRED), why.encode())
        path.unlink()
        return True

    def expired(self, name: str) -> str:
        """Say why content was deleted on time; empty where it was not."""
        try:
            return (self.folder / f"{name}{EXPIRED}").read_text(encoding="utf-8")
        except OSError:
            return ""
