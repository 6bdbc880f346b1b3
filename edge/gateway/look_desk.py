"""The look desk: puts on the log what an auditor is about to be shown, whatever route leads there.

What an auditor types may be anything, a person's name among it, and the log keeps it for ever. So
only what names something of the tenant that is on the log anyway is written as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from edge.auditing.log_look import LogLook
from edge.auditing.look_pace import LookPace
from edge.callers.caller import Caller
from edge.gateway.tellings import Tellings

KEYED = "keyed:"
"""Before the digest of what was typed, under the tenant's key."""


class LookDesk:
    """Tells the log of looks, so many of each key a minute; lives on one event loop."""

    def __init__(self, tellings: Tellings, digest: Callable[[str, bytes], str]) -> None:
        """`digest` gives the hex digest of a value under a tenant's key."""
        self._tellings = tellings
        self._digest = digest
        self._pace = LookPace()

    async def tell(self, caller: Caller, look: LogLook, trace: str = "") -> None:
        """Put a look on the log; nothing may be shown before. Raises Problem."""
        self._pace.take(caller.tenant, caller.key)
        await self._tellings.inspected(caller, look, trace)

    def typed(self, caller: Caller, look: LogLook, typed: Mapping[str, str]) -> LogLook:
        """Add conditions that name nothing on the log: by their digests. Raises Problem."""
        digests = {
            name: KEYED + self._digest(caller.tenant, value.encode("utf-8", "replace"))
            for name, value in typed.items()
        }
        return replace(look, conditions={**look.conditions, **digests})
