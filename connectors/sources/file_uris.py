"""Files as documents: their uris, media types and names to show."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from urllib.parse import quote

from connectors.media_types import OF_SUFFIX

PICTURE = "a picture: name its kind with -o include=... to have its text recognised"
"""Why a source leaves a picture out: most belong to a page, and reading one takes seconds."""


def uri_of(path: Path) -> str:
    """Name a file as a document; the home folder becomes `~`, since it holds a person's name."""
    return uri_of_resolved(path.resolve())


def uri_of_resolved(full: Path) -> str:
    """Name a file by its absolute path, whatever it links to.

    A name that is not UTF-8 is spelt by its bytes, behind `///~/`, where no other name is.
    """
    home = Path.home()
    if home == Path("/") or not full.is_relative_to(home):
        return full.as_uri()  # which spells bytes that are no UTF-8 as %xx
    below = full.relative_to(home).as_posix()
    try:
        below.encode()
    except UnicodeEncodeError:
        return f"file:///~/{quote(os.fsencode(below))}"
    return f"file:~/{below}"


def shown(path: PurePath | str) -> str:
    """Spell a path for a person: bytes that are no UTF-8 as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def media_type_of(name: str) -> str | None:
    """Return the media type by a file's ending; None for one that can't be read."""
    return OF_SUFFIX.get(PurePath(name).suffix.lower())


def no_kind(name: str) -> str:
    """Say in a few words that a file is left out by its name, where many are."""
    suffix = PurePath(name).suffix[:20]
    return f"{suffix} files can't be read" if suffix else "a file without a suffix can't be read"


def unreadable_kind(name: str) -> str:
    """Say why a file is left out by its name."""
    suffix = PurePath(name).suffix
    kind = f"{suffix} files are" if suffix else "a file without a suffix is"
    return f"{kind} not among the kinds that can be read ({', '.join(OF_SUFFIX)})"
