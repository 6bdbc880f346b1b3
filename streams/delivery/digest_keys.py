"""Keys for digests: each tenant's, looked up once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agents.errors import Transient
from streams.log.pauses import Pauses, pauses
from streams.watching.logs import logger

log = logger("digest keys")


class DigestKeys:
    """Looks keys up in a thread and keeps them."""

    def __init__(self, look_up: Callable[[str], bytes], between_tries: Pauses = pauses) -> None:
        self._look_up = look_up
        self._between_tries = between_tries
        self._keys: dict[str, bytes] = {}

    def known(self, tenant: str) -> bytes | None:
        """Return a tenant's key if it was looked up before."""
        return self._keys.get(tenant)

    async def of(self, tenant: str) -> bytes:
        """Return a tenant's key, as long as it takes: without it nothing can be recorded.

        Its first use makes it, and waits for whoever writes to the key store.
        """
        if (key := self._keys.get(tenant)) is not None:
            return key
        waits = self._between_tries()
        while True:
            try:
                key = await asyncio.to_thread(self._look_up, tenant)
            except Transient as error:
                log.warning("no key for digests, trying again", error=str(error))
                await asyncio.sleep(next(waits))
            else:
                self._keys[tenant] = key
                return key
