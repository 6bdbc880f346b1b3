"""Scopes: what a caller may do, by name. Which route needs which: edge/protocols/route_rules.py.

Why it is so: keys of before 0.2.0.dev4 say `read` and `write`. They go on to mean what they meant,
under the names that single sign-on and other systems use: whoever has one of the two has both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SCOPES = {
    "ask": "ask and search, see documents and one's own answers (older name: read)",
    "ingest": "hand documents in and withdraw them (older name: write)",
    "restore": "see personal data in answers; restore:PERSON and the like for one type only",
    "review": "judge answers that others got",
    "audit": "see what everybody of the tenant asked and was told (/audit), each look on the log",
    "metrics": "see in /metrics what the gateway holds and what waits: for operators",
    "erase": "erase people, and see how that stands; erase:self for one's own user only",
    "admin": "audit and metrics",
}
OLDER = {"read": "ask", "write": "ingest"}
"""Names of before, and those of now."""
IMPLIED = {"admin": ("audit", "metrics")}
NARROWER = re.compile(r"restore:[A-Z]+(_[A-Z]+)*|erase:self")
"""Scopes that give a part of another one."""


def unknown_scope(names: Iterable[str]) -> str:
    """Say what is wrong with the first name that is no scope; empty where all are."""
    for name in names:
        if name not in SCOPES and name not in OLDER and not NARROWER.fullmatch(name):
            return f"no scope {name}: choose from {', '.join(SCOPES)}, restore:TYPE, erase:self"
    return ""


def granted(names: Iterable[str]) -> frozenset[str]:
    """Return all that some scopes allow: with what they imply, by every name that each has."""
    own = set(names)
    own.update(OLDER[name] for name in own & OLDER.keys())
    for name in own & IMPLIED.keys():
        own.update(IMPLIED[name])
    own.update(older for older, name in OLDER.items() if name in own)
    return frozenset(own)
