"""What a gateway keeps in memory of somebody's texts goes when keys of their tenant are destroyed.

The key store tells first: a key is destroyed before the log says that a person was erased. What
pure functions keep of texts is emptied, and streams that have shown values break off, each to be
taken up from its cursor by a reader who sees then what can still be opened.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Protocol

from agents.errors import Transient
from streams.operations.erasures.kept_texts import forget_texts
from streams.watching.logs import logger

log = logger("gateway")
EVERY_S = 1.0
"""Between looks: for so long a destroyed key may be in use by other processes, too."""


class TellsDestroyed(Protocol):
    """What is needed of the keyring; both may raise Transient."""

    def last_destroyed(self) -> int:
        """Return the number of the key destroyed last; 0 where none was."""

    def destroyed_since(self, number: int) -> tuple[int, frozenset[str]]:
        """Return the number of the key destroyed last, and whose any were that came after one."""


class KeysGone:
    """Follows the destruction of keys; lives on one event loop."""

    def __init__(self, keyring: TellsDestroyed, every_s: float = EVERY_S) -> None:
        self._keyring = keyring
        self._every_s = every_s
        self._seen = keyring.last_destroyed()
        self._times = Counter[str]()

    def times(self, tenant: str) -> int:
        """Count how often keys of a tenant were seen to be gone."""
        return self._times[tenant]

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.look()

    async def look(self) -> None:
        """See which keys were destroyed since, and drop what was made with any."""
        try:
            self._seen, tenants = await asyncio.to_thread(self._keyring.destroyed_since, self._seen)
        except Transient as error:
            log.warning("the key store is asked again for what was destroyed", reason=str(error))
            return
        if tenants:
            self._times.update(tenants)
            forget_texts()
