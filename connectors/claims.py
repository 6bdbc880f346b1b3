"""The claim store: bodies too large for a record, as files named by the SHA-256 of their content.

What lies here is ciphertext, so the folder needs no more protection than the log does. Equal
content is one file; a file appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from agents.errors import Permanent, Transient
from connectors.local_files import write_secret

NAME = re.compile(r"[0-9a-f]{64}")


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
        """Read content; raises Permanent when it is missing or not what its name says."""
        if not NAME.fullmatch(name):
            raise Permanent(f"claim {name!r}: a claim is named by 64 hexadecimal digits")
        path = self.folder / name
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise Permanent(
                f"claim {name} is not in {self.folder}: bring the claim store that goes with this "
                "log (PLAYHEAD_CLAIMS)"
            ) from None
        except OSError as error:
            raise Transient(f"the claim store can't read {path}: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != name:
            raise Permanent(f"claim {name} was changed: restore {path} from a copy")
        return content
