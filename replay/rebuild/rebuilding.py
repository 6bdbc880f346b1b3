"""What the verbs of `playhead replay rebuild` do, on an index and a log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

from agents.errors import Permanent
from connectors.triton import Triton
from connectors.weaviate import Weaviate
from connectors.weaviate.build_states import BuildState
from connectors.weaviate.connecting import new_client
from connectors.weaviate.generations import Index, NewClient
from connectors.weaviate.schema import chunks_name, tenant_name
from connectors.weaviate.versions import VersionWriter
from replay.log import Log
from replay.rebuild.filler import UNWATCHED, Filler, FillWatch, Rate
from replay.rebuild.generation_choice import Generations
from replay.rebuild.index_comparison import ComparedGenerations, IndexComparison
from replay.rebuild.lane_inputs import INPUTS, records_from
from replay.rebuild.log_sources import LogSource, source_of
from replay.rebuild.recall import Recalls, RecordedQuery, SearchOne, recalls, recorded_queries
from replay.rebuild.reembedding import Reembedding
from replay.rebuild.swapping import Swap, SwapTimes
from schemas import Embed, Search
from streams.log.codec import Codec
from streams.running.world import Call
from streams.settings import Settings

OpenSource = Callable[[Settings, str], AbstractAsyncContextManager[LogSource]]


class RebuildTimes(NamedTuple):
    """How long it waits, in seconds."""

    follow_s: float = 1.0
    """Between two looks at the log's end."""
    later_s: float = 1.0
    """Before what differs is read again."""
    swap: SwapTimes = SwapTimes()


TIMES = RebuildTimes()


class Rebuilding:
    """Raises Transient or Permanent, and what the log's reader raises."""

    def __init__(
        self,
        settings: Settings,
        watch: FillWatch = UNWATCHED,
        rate: float = 0,
        client: NewClient = new_client,
        source: OpenSource = source_of,
        times: RebuildTimes = TIMES,
    ) -> None:
        """Show how it goes to a watch; write so many chunks a second, 0 for all there are."""
        self._settings = settings
        self._watch = watch
        self._rate = Rate(rate)
        self._client = client
        self._source = source
        self._times = times

    async def fill(self, wanted: BuildState, *, follow: bool = False) -> dict[str, Any]:
        """Fill a generation, or go on with it; return what was done. Following has no end."""
        async with self._generations() as generations:
            state = await generations.to_fill(wanted)
        before = state.records, state.chunks
        async with self._filling(state) as (filler, source):
            while follow or not state.filled:
                wrote = await filler.fill(await source.look(), self._rate)
                if not wrote or state.archive:
                    state.filled = True
                if not wrote and follow:
                    await asyncio.sleep(self._times.follow_s)
            if before == (state.records, state.chunks):
                await filler.fill(await source.look(), self._rate)
        return {
            "generation": state.generation,
            "index": chunks_name(state.generation),
            "filled": state.filled,
            "records": state.records - before[0],
            "chunks": state.chunks - before[1],
            "unreadable": filler.unreadable,
            "embedder": state.embedder,
            "model": state.model,
        }

    async def told(self) -> list[dict[str, Any]]:
        """Tell of every generation, that in force first."""
        async with self._generations() as generations:
            force = await generations.in_force()
            states = await generations.states()
        return [_told(number, state, in_force=number == force) for number, state in states.items()]

    async def compare(self, into: int | None, tenant: str | None) -> ComparedGenerations:
        """Bring a generation up to date, and compare it with the one in force."""
        async with AsyncExitStack() as stack:
            generations = await stack.enter_async_context(self._generations())
            force = await generations.in_force()
            state = await generations.built(into)
            only = tenant_name(tenant or state.tenant) if tenant or state.tenant else None
            one, other = self._opened(force), self._opened(state.generation)
            stack.push_async_callback(one.close)
            stack.push_async_callback(other.close)
            filler, source = await stack.enter_async_context(self._filling(state))

            async def later() -> None:
                await asyncio.sleep(self._times.later_s)
                await filler.fill(await source.look(), self._rate)

            if state.filled:
                await filler.fill(await source.look(), self._rate)
            comparison = IndexComparison(one, other, same_embedder=not state.embedder, only=only)
            return await comparison.compare((force, state.generation), later)

    async def swap(self, into: int | None, *, back: bool = False) -> tuple[int, int]:
        """Put a generation in force, or the one before; return the old and the new one."""
        async with AsyncExitStack() as stack:
            generations = await stack.enter_async_context(self._generations())
            force = await generations.in_force()
            state = await (generations.before() if back else generations.to_swap_in(into))
            if state.archive:
                await self._go_on_at_broker(state)
            old, target = self._opened(force), self._opened(state.generation)
            stack.push_async_callback(old.close)
            stack.push_async_callback(target.close)
            filler, source = await stack.enter_async_context(self._filling(state))
            state.replaced = 0
            swap = Swap(generations.live, target, filler, source, self._times.swap)
            await swap.run(old, self._rate)
        return force, state.generation

    async def drop(self, generation: int) -> None:
        """Delete a generation that is not in force."""
        async with self._generations() as generations:
            if generation not in await generations.states():
                raise Permanent(f"there is no generation {generation}")
            await generations.live.drop(generation)

    async def recalls(
        self, into: int | None, tenant: str | None, k: int, most: int, log: Log, triton: Triton
    ) -> tuple[tuple[int, int], Recalls]:
        """Search for recorded questions in the generation in force and in another one."""
        async with AsyncExitStack() as stack:
            generations = await stack.enter_async_context(self._generations())
            force = await generations.in_force()
            state = await generations.built(into)
            known = (await generations.states())[force]
            only = tenant or state.tenant or None
            queries = recorded_queries(log, Codec(log.ids), only, most)
            sides = []
            for number, embedder in (
                (force, known.embedder if known else ""),
                (state.generation, state.embedder),
            ):
                index = Weaviate(self._settings, number, self._client)
                stack.push_async_callback(index.close)
                sides.append(_side(triton, index, embedder))
            one, other = sides

            def told(done: int) -> None:
                self._watch.progress(done, len(queries))

            return (force, state.generation), await recalls(queries, (one, other), k, told)

    def _opened(self, number: int) -> VersionWriter:
        return VersionWriter(self._settings, number, self._client)

    @asynccontextmanager
    async def _generations(self) -> AsyncIterator[Generations]:
        live = Index(self._settings, None, self._client)
        try:
            yield Generations(live, self._opened)
        finally:
            await live.close()

    @asynccontextmanager
    async def _filling(self, state: BuildState) -> AsyncIterator[tuple[Filler, LogSource]]:
        """Fill a generation from a log, as the only one who does."""
        async with AsyncExitStack() as stack:
            change = None
            if state.embedder:
                embedder = Reembedding(self._settings, state)
                stack.push_async_callback(embedder.close)
                await embedder.probe()
                change = embedder.changed
            target = self._opened(state.generation)
            stack.push_async_callback(target.close)
            source = await stack.enter_async_context(self._source(self._settings, state.archive))
            codec = Codec((await source.look()).ids)
            filler = Filler(target, codec, state, self._watch, change)
            await filler.take()
            stack.push_async_callback(filler.leave)
            yield filler, source

    async def _go_on_at_broker(self, state: BuildState) -> None:
        """Go on with the broker's log where an archive ended; raises Permanent for another log."""
        async with (
            self._source(self._settings, state.archive) as archived,
            self._source(self._settings, "") as live,
        ):
            logs = await archived.look(), await live.look()
            for lane, offset in state.lanes.items():
                there, here = (
                    next(records_from(one, INPUTS, lane, max(offset - 1, 0)), None) for one in logs
                )
                if there and here and there.offset == here.offset and there.value != here.value:
                    raise Permanent(
                        f"the archive is of another log: {INPUTS}[{lane}]@{here.offset} is another "
                        "record at this broker"
                    )
        state.archive = ""


def _told(number: int, state: BuildState | None, *, in_force: bool) -> dict[str, Any]:
    known = state or BuildState(generation=number)
    return {
        "generation": number,
        "index": chunks_name(number),
        "in_force": in_force,
        "state": _said(state, in_force=in_force),
        "filled": known.filled or in_force,
        "tenant": known.tenant,
        "embedder": known.embedder,
        "model": known.model,
        "lanes": {str(lane): at for lane, at in sorted(known.lanes.items())},
    }


def _said(state: BuildState | None, *, in_force: bool) -> str:
    if in_force:
        return "in force"
    if state is None:
        return "not made by a rebuild"
    words = ["complete" if state.filled else "incomplete"]
    if state.replaced:
        words.append(f"was in force before {state.replaced}")
    if state.tenant:
        words.append(f"tenant {state.tenant} alone")
    if state.embedder:
        words.append(f"embedder {state.embedder} ({state.model})")
    return ", ".join(words)


def _side(triton: Triton, index: Weaviate, embedder: str) -> SearchOne:
    """Return what searches a generation with its embedder."""

    async def search(query: RecordedQuery, k: int) -> Sequence[str]:
        call = Call(
            tenant=query.tenant,
            lane=query.lane,
            request=query.request,
            session="",
            event=query.request,
            topic="",
            offset=0,
        )
        asked = Embed(texts=(query.text,), kind="query", embedder=embedder)
        vector = (await triton.embed(asked, call)).vectors[0]
        request = Search(
            text=query.text,
            vector=vector,
            entities=query.entities,
            filters=query.filters,
            groups=query.groups,
            limit=k,
        )
        return [one.chunk for one in (await index.search(request, call)).candidates]

    return search
