"""What `playhead ingest` sends: files, folders, stdin and pages of the web, as documents to be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from connectors.media_types import OF_SUFFIX, PICTURES
from connectors.sources.file_uris import shown, unreadable_kind, uri_of

STDIN = "-"
FETCH_S = 30.0
"""How long a page of the web may keep silent."""


class Unsendable(Exception):
    """What was named can't be sent; the message says why and what to do."""


@dataclass(frozen=True)
class DocumentAtHand:
    """Something to send, not read yet."""

    name: str
    """As it is told to people, and in JSON."""
    uri: str
    media_type: str
    read: Callable[[int], tuple[bytes, str]]
    """Returns at most one byte more than so many, and the media type where its host tells one;
    raises Unsendable."""


@dataclass(frozen=True)
class SkippedPath:
    """A path that is not sent."""

    path: str
    reason: str
    failed: bool
    """Whether it should have been sent: it was named, or could not be read."""


FoundOrSkipped = DocumentAtHand | SkippedPath


def found_at(paths: Sequence[str]) -> list[FoundOrSkipped]:
    """List what is to be sent, in order, each once; hidden files of folders are left out."""
    found: dict[str, FoundOrSkipped] = {}
    for path in paths:
        for one in _at(path):
            found.setdefault(one.name if isinstance(one, DocumentAtHand) else one.path, one)
    return list(found.values())


def _at(path: str) -> Iterator[FoundOrSkipped]:
    if path == STDIN:
        yield DocumentAtHand(STDIN, "", "text/plain", _read_stdin)
    elif urlsplit(path).scheme in ("http", "https"):
        name, suffix = _without_credentials(path), Path(urlsplit(path).path).suffix.lower()
        yield DocumentAtHand(name, name, OF_SUFFIX.get(suffix, "text/html"), _fetching(path))
    else:
        yield from _files(Path(path))


def _without_credentials(url: str) -> str:
    """Spell an address without USER:PASSWORD@: it is told, and names the document for ever."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _files(path: Path) -> Iterator[FoundOrSkipped]:
    if not path.exists():
        yield SkippedPath(shown(path), "no such file or folder", failed=True)
        return
    is_folder = path.is_dir()
    for file in _visible_below(path) if is_folder else [path]:
        suffix = file.suffix.lower()
        if is_folder and OF_SUFFIX.get(suffix, "").startswith(PICTURES):
            reason = "a picture: name it to have its text recognised"
            yield SkippedPath(shown(file), reason, failed=False)
        elif suffix in OF_SUFFIX or (not suffix and not is_folder):
            media_type = OF_SUFFIX.get(suffix, "text/plain")
            yield DocumentAtHand(shown(file), uri_of(file), media_type, _reading(file))
        else:
            yield SkippedPath(shown(file), unreadable_kind(file.name), failed=not is_folder)


def _visible_below(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


def _reading(path: Path) -> Callable[[int], tuple[bytes, str]]:
    def read(most: int) -> tuple[bytes, str]:
        try:
            with path.open("rb") as file:
                return file.read(most + 1), ""
        except OSError as error:
            raise Unsendable(error.strerror or "can't be read") from None

    return read


def _read_stdin(most: int) -> tuple[bytes, str]:
    return sys.stdin.buffer.read(most + 1), ""


def _fetching(url: str) -> Callable[[int], tuple[bytes, str]]:
    def fetch(most: int) -> tuple[bytes, str]:
        import httpx

        content = bytearray()
        try:
            with httpx.stream("GET", url, follow_redirects=True, timeout=FETCH_S) as response:
                if response.is_error:
                    raise Unsendable(f"its host answered {response.status_code}")
                for part in response.iter_bytes():
                    content += part
                    if len(content) > most:
                        break
                return bytes(content), response.headers.get("content-type", "")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unsendable(f"it can't be fetched ({type(error).__name__})") from None

    return fetch
