"""The connector: answers Seal, Unseal and Digest, small ones at once and large ones in a thread.

Which values a tenant's documents mention is known here too, and which words they leave as they are,
since it is asked where keys are: by keyed digests, of all lanes of a tenant, in no row that grows
with them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from connectors.keyring.sealing import KeyringSealer
from schemas import (
    Digest,
    Digested,
    KnownValue,
    RecallValues,
    RememberValues,
    Request,
    Seal,
    SealedValues,
    StreamRequest,
    Unseal,
    Unsealed,
    ValuesRecalled,
    Written,
)
from streams.running.world import Call, Handler, StreamHandler

LOOP_BYTES_MAX = 262_144
"""Work above this leaves the event loop: AES-SIV takes about 3 ms a MiB."""


class Keyring(KeyringSealer):
    """What steps ask to seal, unseal and digest, and what the edge seals with."""

    service = "key store"

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer what steps ask of keys and of known values."""
        return {
            Seal: self._seal_all,
            Unseal: self._unseal_all,
            Digest: self._digest_all,
            RememberValues: self._remember,
            RecallValues: self._recall,
        }

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer no streamed request."""
        return {}

    async def close(self) -> None:
        """Close the store."""
        self._store.close()
        self._ciphers.clear()

    async def _seal_all(self, request: Seal, call: Call) -> SealedValues:
        def seal_all() -> SealedValues:
            self.prepare(call.tenant, (item.key for item in request.values))
            return SealedValues(
                values=tuple(
                    self.seal(call.tenant, item.key, item.event, item.field, item.value)
                    for item in request.values
                )
            )

        known = all((call.tenant, item.key) in self._ciphers for item in request.values)
        if known and sum(len(item.value) for item in request.values) <= LOOP_BYTES_MAX:
            return seal_all()
        return await asyncio.to_thread(seal_all)

    async def _unseal_all(self, request: Unseal, call: Call) -> Unsealed:
        def unseal_all() -> Unsealed:
            return Unsealed(values=tuple(self.unseal(call.tenant, one) for one in request.values))

        small = sum(len(one.ciphertext) for one in request.values) <= LOOP_BYTES_MAX
        if small and not any(one.claim for one in request.values):
            return unseal_all()
        return await asyncio.to_thread(unseal_all)

    async def _remember(self, request: RememberValues, call: Call) -> Written:
        values = [(value.digest, value.kind) for value in request.values]
        await asyncio.to_thread(self._store.remember, call.tenant, values)
        words = request.readable, request.named
        if any(words):
            await asyncio.to_thread(self._store.remember_words, call.tenant, *words)
        return Written()

    async def _recall(self, request: RecallValues, call: Call) -> ValuesRecalled:
        kinds = await asyncio.to_thread(self._store.recall, call.tenant, request.digests)
        readable = await asyncio.to_thread(self._store.readable, call.tenant, request.words)
        return ValuesRecalled(
            values=tuple(
                KnownValue(digest=digest, kind=kinds[digest])
                for digest in dict.fromkeys(request.digests)
                if digest in kinds
            ),
            readable=tuple(word for word in dict.fromkeys(request.words) if word in readable),
        )

    async def _digest_all(self, request: Digest, call: Call) -> Digested:
        if call.tenant not in self._digest_keys:
            await asyncio.to_thread(self.digest_key, call.tenant)
        return Digested(digests=tuple(self.digest(call.tenant, value) for value in request.values))
