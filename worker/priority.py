"""How far this process gives way to the others on its machine."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")
"""Linux may share its cores among sessions first; within one, niceness counts."""


def give_way(niceness: int, autogroup: Path = AUTOGROUP) -> None:
    """Take so much less of a core than others, and all that this process starts; 0: as much."""
    if not niceness:
        return
    os.nice(niceness)
    with contextlib.suppress(OSError):  # there is no such thing, or it may not be changed
        autogroup.write_text(str(niceness), encoding="ascii")
