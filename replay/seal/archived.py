"""The seal of a log beside its records in an archive: as far as the archive goes, no further."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from replay.seal.checkpoint import parsed
from replay.seal.note import BadNote
from replay.seal.seal_folder import SealedTree, SealFolder
from streams.log.offsets import Extent, Partition

SEAL = "seal"


def copy_seal(sealed: SealFolder, target: Path, extents: Mapping[Partition, Extent]) -> list[str]:
    """Copy trees and checkpoints into an archive; returns the newest note of each partition.

    The log may have been sealed further since these extents were read: what ends beyond them is
    left out. Raises BadNote for a seal that can't be read.
    """
    copied = SealFolder(target / SEAL)
    newest = []
    for tree in sealed.trees():
        extent = extents.get((tree.topic, tree.partition))
        notes = [] if extent is None else _notes_up_to(tree, extent.end)
        if not notes:
            continue
        into = copied.tree(tree.topic, tree.partition)
        if (tree.folder / "tile").is_dir():
            shutil.copytree(tree.folder / "tile", into.folder / "tile", ignore=_unfinished)
        into.keep_all(notes)
        newest.append(notes[-1])
    if newest:
        keys = sealed.keys()
        for key in keys:
            copied.add_key(key)
    return newest


def _notes_up_to(tree: SealedTree, end: int) -> list[str]:
    return [note for note in tree.notes() if _next(note) <= end]


def _next(note: str) -> int:
    text, parted, _ = note.rpartition("\n\n")
    if not parted:
        raise BadNote("a checkpoint of the seal has no signature")
    return parsed(text + "\n").next


def _unfinished(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith(".unfinished")]
