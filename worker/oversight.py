"""Oversight of the steps of a process, whoever hosts them: lease, watchdog, what they follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any

from agents.errors import Transient
from connectors.claims import claims_at
from schemas import Event
from streams.delivery.log_identity import topic_ids
from streams.log.addressing import address_of
from streams.log.codec import Codec, open_codec
from streams.log.offsets import OffsetReader
from streams.log.producer_signature import (
    NO_KEY,
    SIGNED,
    ProducerSigner,
    SignedRecord,
    proof_of,
    signer_of,
)
from streams.log.writing import Headers, Writer
from streams.operations.erasures.erasure_reader import holdings_of
from streams.running.producer_proof import ProducerProof
from streams.settings import Settings
from worker.cancellation_follower import CancellationFollower
from worker.erasure_executor import ErasureExecutor
from worker.erasure_follower import Dropping, ErasureFollower, on_loop
from worker.lease import Lease
from worker.watchdog import Watchdog
from worker.wiring import Host, Hosted, prove

Tell = Callable[[Sequence[str]], None]
"""Told why a worker is not ready; nothing: it is."""


def keep_lease(steps: Sequence[Hosted]) -> Coroutine[Any, Any, None]:
    """Have steps write only while their lanes are known to be ours; before their apps start.

    Returns what asks the groups after a standstill, to be run beside them for ever.
    """
    lease = Lease()
    for one in steps:
        one.app.may_write = lease.sure
    lease.hold()
    return lease.renew(partial(prove, steps))


def watch_over(
    steps: Sequence[Hosted], settings: Settings, tell: Tell
) -> Coroutine[Any, Any, None]:
    """Return what watches steps, to be run beside them; it raises what must end the worker."""
    offsets, topics = partial(OffsetReader, settings), partial(topic_ids, settings)
    return Watchdog(steps, settings.partitions, offsets, tell, topics).watch()


def follow_erasures(
    host: Host, settings: Settings, loop: asyncio.AbstractEventLoop
) -> ErasureFollower:
    """Follow erasures from now on; whoever has the key store may be the one that executes them."""
    codec, proof = open_codec(settings), ProducerProof(host.configurations)
    executor = None
    if host.keyring is not None:
        executor = ErasureExecutor(
            host.keyring,
            claims_at(settings),
            partial(_put, settings, codec, proof.asked),
            partial(holdings_of, settings, codec, holds=proof.holds),
        )
    tables = [table for one in host.steps for table in one.tables.values()]
    dropping = Dropping(host.connectors, tables)
    follower = ErasureFollower(
        settings, codec, dropping, executor, on_loop(loop), holds=proof.holds
    )
    follower.start()
    return follower


async def follow_cancellations(host: Host, settings: Settings) -> None:
    """Follow what nobody wants any more from now on, where a step of this process may be stopped.

    Waits until what there is has been read, before any step runs.
    """
    if any(one.step.stoppable for one in host.steps):
        codec, take = open_codec(settings), host.cancellations.take
        await CancellationFollower(settings, codec, host.configurations, take).start()


def _put(
    settings: Settings, codec: Codec, must_sign: Callable[[], bool], events: Sequence[Event]
) -> None:
    """Write events, and wait until the broker has them; a client of its own, since it is seldom."""
    if not events:
        return
    entries = list(signed_entries(codec, signer_of(settings), events, must_sign=must_sign()))
    with Writer(settings, "playhead-erasures") as writer:
        writer.write_all(entries)


def signed_entries(
    codec: Codec, signer: ProducerSigner | None, events: Sequence[Event], *, must_sign: bool
) -> Iterator[tuple[str, int, bytes, bytes, Headers]]:
    """Spell events as they are written: withdrawals among them are requests, and are signed.

    Raises Transient where they must be, and can't be.
    """
    for event in events:
        topic, lane, key, headers = address_of(event)
        if signer is None and must_sign and topic in SIGNED:
            raise Transient(NO_KEY)
        record = SignedRecord(topic, key, codec.encode(event), event.meta.tenant)
        yield topic, lane, key, record.value, (*headers, *proof_of(signer, record))
