"""A log of documents in memory, a live worker that indexes it, and generations of one index."""

from dataclasses import dataclass, field

from agents.index import index
from connectors.weaviate import Weaviate
from connectors.weaviate.build_states import BuildState
from connectors.weaviate.generations import AliasTimes
from connectors.weaviate.versions import VersionWriter
from replay.rebuild.filler import Filler, Rate
from replay.rebuild.index_comparison import IndexComparison
from replay.rebuild.lane_inputs import INPUTS, OUTCOMES, IndexInput
from replay.rebuild.target_effects import TargetEffects
from schemas import (
    Batch,
    Cause,
    ChunksEmbedded,
    ChunksIndexed,
    DocumentRef,
    EmbeddedChunk,
    Manifest,
    Search,
    StepVersion,
)
from streams.running.run import Input, stamped
from streams.running.world import Call
from streams.settings import Settings
from streams.version import CODE
from tests.connectors.weaviate.memory import MemoryWeaviate
from tests.fakes import a_codec, a_meta
from tests.memory_log import MemoryLog

CODEC = a_codec()


def chunk(name, number=0):
    return EmbeddedChunk(
        id=name,
        number=number,
        text=f"lanes {name}",
        tokens=2,
        vector=b"\0\0\x80\x3f",
        token_vectors=b"\1" + name.encode(),
    )


def the_manifest(chunks, retired):
    return Manifest(
        checksum="",
        parser="",
        parser_version="",
        policy="",
        chunks=tuple(chunks),
        retired=tuple(retired),
    )


class WorkerEffects(TargetEffects):
    """The effects of the live step: over the worker's own handlers, which wait where writes are held."""

    def __init__(self, worker, of):
        super().__init__(worker, of)
        self._handlers = worker.handlers()


@dataclass
class IndexedLog:
    """What is published and withdrawn lies on the log at once; the live worker indexes it when told."""

    server: MemoryWeaviate = field(default_factory=MemoryWeaviate)
    log: MemoryLog = field(default_factory=MemoryLog)
    versions: dict = field(default_factory=dict)
    current: dict = field(default_factory=dict)
    indexed: int = 0

    def __post_init__(self):
        self.log.acknowledged["index"] = 0
        self.log.topics[INPUTS, 0] = []
        self.log.topics[OUTCOMES, 0] = []
        self.worker = Weaviate(Settings(), client=self.server)
        # whoever holds waits as long at least
        self.worker.times = AliasTimes(written_s=0.01)

    def put(self, event, **fields):
        key = fields.pop("key", event.meta.tenant.encode())
        topic = INPUTS if isinstance(event, ChunksEmbedded) else OUTCOMES
        return self.log.put(topic, CODEC.encode(event), key=key, **fields)[1]

    def publish(self, document, names, tenant="acme", groups=(), batches=1):
        """Append a version of a document; only new chunks are in it, dropped ones are retired."""
        version = self.versions[document] = self.versions.get(document, 0) + 1
        before, names = self.current.get(document, set()), set(names)
        self.current[document] = names
        new, gone = sorted(names - before), sorted(before - names)
        ref = DocumentRef(document=document, version=version, uri=f"{document}.md", groups=groups)
        for number in range(batches):
            last = number == batches - 1
            self.put(
                ChunksEmbedded(
                    meta=a_meta(tenant, request=f"{tenant}{document}{version}", id=self._id()),
                    document=ref,
                    batch=Batch(number=number, last=last),
                    outcome="embedded",
                    title="",
                    model="m@1",
                    dimensions=1,
                    chunks=tuple(map(chunk, new[number::batches])),
                    manifest=the_manifest(sorted(names), gone) if last else None,
                )
            )

    def withdraw(self, document, tenant="acme"):
        version = self.versions.get(document, 0)
        self.current[document] = set()
        self.put(
            ChunksEmbedded(
                meta=a_meta(tenant, id=self._id()),
                document=DocumentRef(document=document, version=version, uri=""),
                batch=Batch(number=0, last=True),
                outcome="withdrawn",
            )
        )

    def _id(self):
        return f"input-{len(self.log.topics[INPUTS, 0])}"

    async def index_next(self):
        """Have the live worker take the next input, and leave its outcome."""
        stored = self.log.topics[INPUTS, 0][self.indexed]
        self.indexed += 1
        event = CODEC.decode(stored.value, ChunksEmbedded)
        of = IndexInput(Input(event, INPUTS, 0, stored.offset), CODE)
        [outcome] = [one async for one in index(event, WorkerEffects(self.worker, of))]
        self.leave(stored.offset, outcome)

    def leave(self, offset, outcome=None, code=CODE):
        """Put the outcome of an input on the log, and acknowledge it."""
        cause = Cause(topic=INPUTS, partition=0, offset=offset, id=f"input-{offset}")
        step = StepVersion(name="index", code=code, configuration="")
        meta = a_meta(id=f"of-{offset}", cause=cause, step=step)
        outcome = outcome or ChunksIndexed(
            meta=meta, document=REF, batch=Batch(number=0, last=True), outcome="indexed"
        )
        self.put(stamped(outcome, meta))
        self.log.acknowledged["index"] = max(offset + 1, self.log.acknowledged["index"])

    async def index_all(self):
        while self.indexed < len(self.log.topics[INPUTS, 0]):
            await self.index_next()

    async def look(self):
        """The log as it is, as a source of one."""
        return self.log

    def opened(self, number):
        return VersionWriter(Settings(), number, self.server)

    def filler(self, state=None, **fields):
        state = state or BuildState(generation=2)
        return Filler(self.opened(state.generation), CODEC, state, **fields)

    async def rebuilt(self, state=None, **fields):
        filler = self.filler(state, **fields)
        await filler.fill(self.log, Rate(0))
        return filler

    async def compared(self, other=2, one=1, later=None, **fields):
        async def nothing():
            """What differs is read again at once."""

        fields = {"same_embedder": True, **fields}
        comparison = IndexComparison(self.opened(one), self.opened(other), **fields)
        return await comparison.compare((one, other), later or nothing)

    async def visible(self, tenant="acme", generation=None, groups=()):
        """The chunks that a reader finds."""
        reader = Weaviate(Settings(cache_mb=0), generation, self.server)
        request = Search(text="lanes", vector=b"", limit=50, groups=groups)
        found = await reader.search(request, a_call(tenant))
        await reader.close()
        return {one.chunk for one in found.candidates}


REF = DocumentRef(document="d", version=1, uri="")


def a_call(tenant="acme", offset=0):
    return Call(
        tenant=tenant, lane=0, request="r", session="s", event="e", topic=INPUTS, offset=offset
    )
