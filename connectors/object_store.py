"""Objects: bytes by name, each whole or not there, in a folder or in a bucket.

Names are paths with `/`. Whoever shares the folder or the bucket shares what is in it, so any
process goes on with what another one began.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from agents.errors import Transient
from connectors.local_files import write_secret


class ObjectStore(Protocol):
    """Where objects lie; any thread may call. Each method may raise Transient."""

    def put(self, name: str, content: bytes, *, fresh: bool = False) -> bool:
        """Store an object durably; with `fresh` only where there is none. Tells whether it did."""

    def get(self, name: str) -> bytes | None:
        """Read an object; None where there is none."""

    def size(self, name: str) -> int | None:
        """Return how many bytes an object has; None where there is none."""

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the objects that lie directly in a folder, by their names in it, in bytes."""

    def folders(self, folder: str) -> list[str]:
        """List the folders that lie directly in a folder, by their names in it, sorted."""

    def delete(self, name: str) -> None:
        """Delete an object, if there is one."""

    def delete_folder(self, folder: str) -> None:
        """Delete all that lies in a folder, however deep."""


class FolderObjects:
    """Objects as files of mode 0600."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, content: bytes, *, fresh: bool = False) -> bool:
        """Store an object, as `ObjectStore.put`."""
        with self._as_transient("write", name):
            try:
                return write_secret(self._root / name, content, overwrite=not fresh)
            except FileNotFoundError:  # its folder was empty, and deleted just now
                return write_secret(self._root / name, content, overwrite=not fresh)

    def get(self, name: str) -> bytes | None:
        """Read an object, as `ObjectStore.get`."""
        with self._as_transient("read", name):
            try:
                return (self._root / name).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def size(self, name: str) -> int | None:
        """Return how many bytes an object has, as `ObjectStore.size`."""
        with self._as_transient("read", name):
            try:
                return (self._root / name).stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None

    def sizes(self, folder: str) -> dict[str, int]:
        """Return what lies in a folder, as `ObjectStore.sizes`; parts of a write are none of it."""
        found: dict[str, int] = {}
        with self._as_transient("list", folder):
            for path in self._listed(folder):
                try:
                    if path.is_file() and not path.name.startswith("."):
                        found[path.name] = path.stat().st_size
                except FileNotFoundError:  # it was deleted meanwhile
                    continue
        return found

    def folders(self, folder: str) -> list[str]:
        """List the folders of a folder, as `ObjectStore.folders`."""
        with self._as_transient("list", folder):
            return sorted(path.name for path in self._listed(folder) if path.is_dir())

    def delete(self, name: str) -> None:
        """Delete an object, as `ObjectStore.delete`."""
        with self._as_transient("delete", name):
            (self._root / name).unlink(missing_ok=True)

    def delete_folder(self, folder: str) -> None:
        """Delete a folder, as `ObjectStore.delete_folder`, and those that are empty without it."""
        with self._as_transient("delete", folder):
            try:
                shutil.rmtree(self._root / folder)
            except FileNotFoundError:  # another process deletes it, too, or it never was
                shutil.rmtree(self._root / folder, ignore_errors=True)
        for parent in (self._root / folder).parents:
            if parent == self._root or not parent.is_relative_to(self._root):
                return
            try:
                parent.rmdir()
            except OSError:  # something lies there
                return

    def _listed(self, folder: str) -> list[Path]:
        try:
            return list((self._root / folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    @contextmanager
    def _as_transient(self, what: str, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Transient(
                f"can't {what} {self._root / name}: {error.strerror}; make room or give access"
            ) from None
