"""One run of a source at a time.

On one machine a lock of the file system says so, which goes with the process however that ends.
What a run on another machine does stands on the log: one that began and did not say that it ended
holds the source, until somebody takes it over. Two runs at once would still write nothing twice.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from connectors.local_files import make_folder
from schemas import SourceRan
from streams.settings import Settings


class SourceBusy(Exception):
    """A source is being followed already."""


def host_name() -> str:
    """Name this machine."""
    return socket.gethostname()


@contextmanager
def source_lock(settings: Settings, tenant: str, source: str) -> Iterator[None]:
    """Hold a source on this machine; raises SourceBusy where another process does."""
    folder = settings.run / "sources"
    make_folder(folder)
    name = hashlib.sha256(f"{tenant}|{source}".encode()).hexdigest()[:32]
    descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SourceBusy(
                f"another process on this machine follows source {source} of {tenant}: wait until "
                "it is through"
            ) from None
        yield
    finally:
        os.close(descriptor)


def check_elsewhere(last: SourceRan | None, host: str) -> None:
    """Check that no run of another machine is under way; raises SourceBusy."""
    if last is not None and last.state == "begun" and last.host != host:
        raise SourceBusy(
            f"a run of source {last.source} began on {last.host} and did not say that it ended: "
            "wait for it, or, if it is dead, --take-over"
        )
