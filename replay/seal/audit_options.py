"""What the verbs of `playhead audit` share: their options, the log, the seal, the keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from replay.archive_places import ArchivePlace, archive_option
from replay.opening_logs import seal_path
from replay.seal.note import BadNote, VerifierKey
from replay.seal.seal_folder import SealFolder
from streams.settings import Settings

ARCHIVE = archive_option
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
KEYS = click.option(
    "--key", "keys", multiple=True, help="A public key to believe, NAME+ID+BASE64, or its file."
)


def seal_at(archive: ArchivePlace | None, settings: Settings) -> SealFolder:
    """Return the seal of an archive, or of the run folder."""
    return SealFolder(seal_path(archive, settings) if archive else settings.seal_path)


def given_keys(keys: Sequence[str]) -> list[VerifierKey]:
    """Read the keys of the command line: each itself, or a file of keys."""
    return [key for spelt in keys for key in _keys_in(spelt)]


def _keys_in(spelt: str) -> Iterator[VerifierKey]:
    try:
        if "+" in spelt:
            yield VerifierKey.read(spelt)
            return
        lines = Path(spelt).read_text(encoding="utf-8", errors="replace").splitlines()
        for line in filter(str.strip, lines):
            yield VerifierKey.read(line)
    except (BadNote, OSError) as error:
        raise click.BadParameter(f"{spelt[:200]} is no public key: {error}") from None


def believed_keys(keys: Sequence[str], folder: SealFolder) -> list[VerifierKey]:
    """Return the keys that are believed: those given, else those that lie in the seal's folder."""
    try:
        return given_keys(keys) or folder.keys()
    except BadNote as error:
        raise click.ClickException(f"{folder.folder}: {error}") from None


def names_of(keys: Sequence[VerifierKey]) -> str:
    """Spell whose keys these are."""
    return ", ".join(sorted({key.name for key in keys}))
