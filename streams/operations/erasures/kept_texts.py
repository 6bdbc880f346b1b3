"""Texts that pure functions keep in memory, so that they work on each once."""

from __future__ import annotations

import sys


def forget_texts() -> None:
    """Empty what pure functions keep of texts: it may be a person's words, and is made again."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != "agents" or module is None:
            continue
        for one in list(vars(module).values()):
            if hasattr(one, "cache_clear"):
                one.cache_clear()
