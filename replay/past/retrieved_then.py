"""Run the step `retrieve` on what the index holds, as of a position; nothing reaches the log.

The very step that answers questions runs, with the connectors that it asks. It only reads: it
searches, reranks and fetches, and has the query embedded.
"""

from __future__ import annotations

import asyncio
import importlib
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from msgspec.structs import replace

from connectors.who_answers import connectors_for
from replay.configurations import Configurations
from replay.log import Log
from replay.one_request import records_of
from schemas import (
    Ask,
    Begun,
    ChunksRetrieved,
    Embed,
    Event,
    Fetch,
    FetchAdjacent,
    Meta,
    Passage,
    QueryRewritten,
    Rerank,
    Search,
    StepVersion,
)
from streams.log.clock import now_us
from streams.log.codec import Codec, Undecodable
from streams.log.configuration import Configuration
from streams.running.live import LiveRun
from streams.running.run import Input
from streams.running.world import Connector, World
from streams.settings import Settings
from streams.topics import step, topic_of
from streams.version import CODE, RUNTIME, RUNTIME_WITH_POLICY

ASKED = (Embed, Search, Rerank, Fetch, FetchAdjacent)
RETRIEVE = "retrieve"
REWRITTEN = topic_of(QueryRewritten)


@dataclass(frozen=True)
class RecordedRetrieval:
    """What a request searched for, and what it was shown."""

    query: QueryRewritten
    retrieved: ChunksRetrieved
    begun: Begun

    @property
    def position(self) -> int:
        """The position that its search reflects."""
        return self.retrieved.position


@dataclass(frozen=True)
class ConfiguredRun:
    """The circumstances of a run, and the configurations that they name by digest."""

    begun: Begun
    values: Mapping[str, dict[str, Any]]


def recorded_retrieval(log: Log, codec: Codec, request: str) -> RecordedRetrieval:
    """Find what a request searched for; raises LookupError where nothing tells."""
    events: Sequence[Event] = [event for _, event in records_of(log, codec, request)]
    for retrieved in reversed(events):
        if isinstance(retrieved, ChunksRetrieved) and retrieved.index:
            cause = retrieved.meta.cause
            for query in events:
                is_its = cause is not None and query.meta.id == cause.id
                if is_its and isinstance(query, QueryRewritten):
                    return RecordedRetrieval(query, retrieved, _begun(retrieved, codec))
    raise LookupError(f"request {request} searched for nothing: no passages were asked for")


def _begun(retrieved: ChunksRetrieved, codec: Codec) -> Begun:
    effects = retrieved.meta.effects
    try:
        return codec.decode(effects[0].response if effects else None, Begun)
    except Undecodable:
        raise LookupError(
            f"the record of what request {retrieved.meta.request} found does not say how its run "
            "began, and so not by which configuration: `playhead replay verify` tells what is wrong"
        ) from None


def recorded_run(one: RecordedRetrieval, configurations: Configurations) -> ConfiguredRun:
    """Return the circumstances of then; raises Contradiction where the log lacks one."""
    digests = [one.begun.configuration, *([one.begun.policy] if one.begun.policy else [])]
    return ConfiguredRun(one.begun, {digest: configurations.values(digest) for digest in digests})


def present_run(configured: Configuration, policy: Configuration, region: str) -> ConfiguredRun:
    """Return the circumstances of now: with what retrieve is configured with, and the policy."""
    from agents.policies.policy_in_force import rules_in

    values = {configured.digest: configured.values}
    digest = ""
    if rules_in(rules := policy.values):
        digest = policy.digest
        values[digest] = rules
    begun = Begun(
        at=now_us(),
        attempt=1,
        code=CODE,
        configuration=configured.digest,
        trace="",
        runtime=RUNTIME_WITH_POLICY if digest else RUNTIME,
        policy=digest,
        region=region if digest else "",
    )
    return ConfiguredRun(begun, values)


def a_query(tenant: str, lane: int, text: str, ask: Ask) -> QueryRewritten:
    """Make what rewrite would hand on for a question that stands alone."""
    request = str(uuid.uuid4())
    meta = Meta(
        id=request,
        tenant=tenant,
        lane=lane,
        request=request,
        session="",
        at=now_us(),
        step=StepVersion(name="as-of", code=CODE, configuration=""),
    )
    return QueryRewritten(
        meta=meta,
        outcome="unchanged",
        subject="",
        question=text,
        query=text,
        wordings=(text,),
        ask=ask,
    )


async def retrieved_as_of(
    query: QueryRewritten,
    position: int,
    run: ConfiguredRun,
    connectors: Sequence[Connector],
    codec: Codec,
    timeout_s: float,
) -> ChunksRetrieved:
    """Retrieve what a query finds as of a position; raises Transient or Permanent.

    No deadline holds: nobody waits for an answer of then.
    """
    asked = replace(query, ask=replace(query.ask, as_of=position, deadline=0))
    outcomes: list[Event] = []
    live = LiveRun(
        step(RETRIEVE),
        Input(asked, REWRITTEN, query.meta.lane, 0),
        outcomes.append,
        world=World(tuple(connectors), timeout_s),
        codec=codec,
        digest_key=bytes(32),  # of requests that nobody keeps
        begun=run.begun,
        configuration=run.values,
    )
    await live.execute()
    [outcome] = outcomes
    return cast(ChunksRetrieved, outcome)


def open_connectors(settings: Settings) -> list[Connector]:
    """Make what retrieve asks: the embedder and the index, which goes by the readers of then."""
    made = []
    for path in connectors_for(ASKED):
        module, name = path.split(":")
        connector = getattr(importlib.import_module(module), name)(settings)
        if hasattr(connector, "then_alone"):
            connector.then_alone = True
        made.append(connector)
    return made


async def close_all(connectors: Sequence[Connector]) -> None:
    """Let go of all connections, whatever one of them says."""
    for connector in connectors:
        with suppress(Exception):
            await connector.close()
    await asyncio.sleep(0)


def difference_of(recorded: Sequence[Passage], found: Sequence[Passage]) -> list[str]:
    """Say how two lists of passages differ; nothing where they are the same, in the same order."""
    then = [(one.chunk, one.document, one.version) for one in recorded]
    now = [(one.chunk, one.document, one.version) for one in found]
    if then == now:
        return []
    told = [
        f"lacks {chunk} of {document}, version {v}"
        for chunk, document, v in then
        if (chunk, document, v) not in now
    ]
    told += [
        f"has {chunk} of {document}, version {v}, too"
        for chunk, document, v in now
        if (chunk, document, v) not in then
    ]
    return told or ["has the same passages in another order"]
