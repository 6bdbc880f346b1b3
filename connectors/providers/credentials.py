"""Credentials: named by where they are, read when they are used, and never shown.

A reference, `env:NAME` or `file:PATH`, may stand in a configuration and in an error; what it points
to goes into a header and nowhere else. It is read anew for each call, so that a key is changed by
writing its file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from agents.errors import Permanent

BYTES_MAX = 16_384  # of a file: more is no key


def credential(reference: str, environment: Mapping[str, str] | None = None) -> str:
    """Return what a reference points to; empty for none.

    Raises Permanent that names the reference, and says nothing of the value.
    """
    kind, _, place = reference.partition(":")
    if not reference:
        return ""
    if kind == "env" and place:
        value = (os.environ if environment is None else environment).get(place, "")
    elif kind == "file" and place:
        value = _read(Path(place), reference)
    else:
        raise Permanent("a provider's `auth` must be env:NAME or file:PATH, and never a key itself")
    value = value.strip()
    if not value:
        raise Permanent(f"the credential {reference} is empty or not set")
    if not (value.isascii() and value.isprintable()):
        raise Permanent(f"the credential {reference} holds characters that no header can")
    return value


def _read(path: Path, reference: str) -> str:
    try:
        with path.open("rb") as file:
            return file.read(BYTES_MAX).decode("ascii", errors="replace")
    except OSError as error:
        raise Permanent(f"the credential {reference} can't be read: {error.strerror}") from None
