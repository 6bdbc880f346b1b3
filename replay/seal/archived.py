"""The seal of a log beside its records in an archive: as far as the archive goes, no further."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from replay.archive import SEAL
from replay.seal.checkpoint import parsed, tree_of
from replay.seal.note import BadNote
from replay.seal.seal_folder import SealedTree, SealFolder, text_of
from replay.witnessing.stamp_folder import copy_stamps
from streams.log.offsets import Extent, Partition


def copy_seal(sealed: SealFolder, target: Path, extents: Mapping[Partition, Extent]) -> list[str]:
    """Copy trees, checkpoints and stamps into an archive; returns each partition's newest note.

    The log may have been sealed further since these extents were read: what ends beyond them is
    left out. Raises BadNote for a seal that can't be read.
    """
    copied = SealFolder(target / SEAL)
    newest = []
    for tree in sealed.trees():
        extent = extents.get((tree.topic, tree.partition))
        notes = [] if extent is None else _notes_up_to(tree, extent.end)
        if extent is None or not notes:
            continue
        into = copied.tree(tree.topic, tree.partition)
        if (tree.folder / "tile").is_dir():
            shutil.copytree(tree.folder / "tile", into.folder / "tile", ignore=_unfinished)
        cosigned = [note for note in tree.cosigned() if _next(note) <= extent.end]
        newest.append(into.keep_all(notes, cosigned))
    if newest:
        copy_stamps(sealed, copied, dict(tree_of(f"{text_of(note)}\n")[:2] for note in newest))
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
