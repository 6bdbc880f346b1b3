"""The ready file: how a worker tells its supervisor whether it is ready, and if not, why.

A disk without room is no reason for a worker to end: it goes on, and tries to write until it can.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

from streams.watching.logs import logger

log = logger("worker")

AGAIN_S = 1.0


class ReadyFile:
    """Writes one file, always whole."""

    def __init__(self, path: Path, steps: Sequence[str], again_s: float = AGAIN_S) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.{os.getpid()}")
        self._steps = list(steps)
        self._again_s = again_s
        self._later: asyncio.TimerHandle | None = None

    def say(self, reasons: Sequence[str]) -> None:
        """Say why the worker is not ready, or with no reason that it is; later if it can't be now.

        The supervisor goes by what stands there: until then a worker is what it was.
        """
        self._cancel()
        ready = {
            "pid": os.getpid(),
            "steps": self._steps,
            "state": "stuck" if reasons else "ready",
            "reasons": list(reasons),
        }
        try:
            self._draft.write_text(json.dumps(ready), encoding="utf-8")
            self._draft.replace(self._path)
        except OSError as error:
            log.warning(
                "the ready file can't be written, trying again: make room where it lies",
                file=str(self._path),
                error=error.strerror,
            )
            loop = asyncio.get_running_loop()
            self._later = loop.call_later(self._again_s, self.say, reasons)

    def forget(self) -> None:
        """Say nothing any more."""
        self._cancel()
        self._path.unlink(missing_ok=True)
        self._draft.unlink(missing_ok=True)

    def _cancel(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
