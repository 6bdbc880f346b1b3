"""Credentials by reference: what is kept for ever names where they are, never what they are."""

from __future__ import annotations

import os
from pathlib import Path

SECRET_BYTES_MAX = 65_536


class BadReference(ValueError):
    """A reference that is none, or leads to nothing; the message says what to write."""


def check_reference(name: str, reference: str) -> None:
    """Check that an option refers to a credential and is none itself; raises BadReference."""
    scheme, _, rest = reference.partition(":")
    if scheme not in {"env", "file"} or not rest:
        raise BadReference(
            f"{name} is kept for ever, so it must say where the credential is: env:NAME or "
            "file:PATH (what was given is not shown, and was not written anywhere)"
        )


def resolved(name: str, reference: str) -> str:
    """Read the credential that an option refers to; raises BadReference."""
    check_reference(name, reference)
    scheme, _, rest = reference.partition(":")
    if scheme == "env":
        if value := os.environ.get(rest):
            return value
        raise BadReference(f"{name} refers to the environment's {rest}, which is not set")
    try:
        with Path(rest).open("rb") as file:
            text = file.read(SECRET_BYTES_MAX).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadReference(
            f"{name} refers to {rest}, which can't be read ({type(error).__name__})"
        ) from None
    if not text:
        raise BadReference(f"{name} refers to {rest}, which is empty")
    return text
