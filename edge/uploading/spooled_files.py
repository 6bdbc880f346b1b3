"""Spooled files: those of one request, kept outside memory until all of it has come.

They lie in a file without a name, so whatever ends the process leaves nothing behind; and sealed
under a key that is in this process's memory alone, for they may hold personal data. Small ones
are never written.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edge.problems import overloaded

FRAME_BYTES = 262_144
"""Sealed as one; what a file under way holds in memory."""
SEALED_MORE = 16
"""Bytes that a sealed frame has more: AES-GCM's tag."""
IN_MEMORY_BYTES = 1_048_576
"""Of all files of a request, sealed; above, they are written."""


@contextmanager
def room_on_disk() -> Iterator[None]:
    """Say of a disk that refuses within the block that there is no room; raises Problem."""
    try:
        yield
    except OSError as error:
        raise overloaded(
            f"the gateway has no room for what is handed in ({error.strerror}): try again"
        ) from None


@dataclass(frozen=True)
class SpooledFile:
    """A file that has come."""

    frames: tuple[tuple[int, int], ...]
    """Number and bytes of each of its frames."""
    size: int


class SpooledFiles:
    """Takes files in, one after the other, and gives them back. A context manager."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where the file without a name lies."""
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._out = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed at the block's end
            max_size=IN_MEMORY_BYTES, dir=str(folder)
        )
        self._starts: list[int] = []
        self._end = 0
        self._waiting = bytearray()
        self._frames: list[tuple[int, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._out.close()

    @property
    def waiting(self) -> int:
        """Bytes in memory that `flush` would write: to call it once there are many is enough."""
        return len(self._waiting)

    def add(self, content: bytes) -> None:
        """Add to the file under way."""
        self._waiting += content

    def flush(self, *, whole: bool = True) -> None:
        """Write what waits, in whole frames unless all of it is to go; raises OSError."""
        while len(self._waiting) >= (FRAME_BYTES if whole else 1):
            frame = bytes(self._waiting[:FRAME_BYTES])
            number = len(self._starts)
            # a number is of one frame of one key: none is sealed twice
            sealed = self._cipher.encrypt(number.to_bytes(12, "big"), frame, None)
            self._out.seek(self._end)
            self._out.write(sealed)
            self._starts.append(self._end)
            self._end += len(sealed)
            self._frames.append((number, len(frame)))
            del self._waiting[:FRAME_BYTES]

    def end(self) -> SpooledFile:
        """End the file under way; raises OSError."""
        self.flush(whole=False)
        frames, self._frames = tuple(self._frames), []
        return SpooledFile(frames, sum(size for _, size in frames))

    def read(self, file: SpooledFile) -> bytes:
        """Return a file whole; raises OSError, InvalidTag."""
        return b"".join(self.frames_of(file))

    def frames_of(self, file: SpooledFile) -> Iterator[bytes]:
        """Return a file frame by frame, each of at most FRAME_BYTES."""
        for number, size in file.frames:
            self._out.seek(self._starts[number])
            sealed = self._out.read(size + SEALED_MORE)
            yield self._cipher.decrypt(number.to_bytes(12, "big"), sealed, None)
