"""A large log without models: the steps themselves, run over canned answers.

`replay verify` is measured over it, since a log of some hundred records says more about starting up
than about verifying. Everything but the models and the index is real: the steps, the keyring, the
parser and the tokenizer, the identities, causes and lanes. Several questions are always under way,
so that their records lie interleaved, as they do on a live log.
"""

from __future__ import annotations

import array
import random
import re
import uuid
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.direct import MemoryTables
from bench.facts import facts, name_of
from connectors.documents import Documents
from connectors.keyring import Keyring
from infra.local.parts import all_parts
from infra.triton.install import tokenizer_path
from replay.export import export
from replay.log import Stored
from schemas import (
    AnswerReleased,
    Ask,
    Begun,
    Candidate,
    ConfigurationSet,
    Detect,
    Detected,
    DocumentState,
    DocumentSubmitted,
    Embed,
    Embedded,
    Event,
    Fetch,
    Fetched,
    Found,
    Generate,
    Generated,
    GeneratedToken,
    IndexChunks,
    IndexWritten,
    Meta,
    Passage,
    PublishVersion,
    QuestionAsked,
    ReadDocument,
    ReadTurns,
    Record,
    Request,
    Rerank,
    Reranked,
    Search,
    Span,
    Spans,
    StepVersion,
    StreamRequest,
    Turn,
    Turns,
    Usage,
    WriteDocument,
    Written,
)
from schemas.registry import FixedIds
from streams.log.codec import Codec
from streams.log.configuration import load
from streams.log.ids import document_id, request_id
from streams.log.lanes import lane_of
from streams.log.offsets import Extent
from streams.log.subjects import subjects
from streams.running.live import LiveRun, now_us
from streams.running.run import Input
from streams.running.world import Call, Handler, StreamHandler, World
from streams.settings import Settings
from streams.topics import STEPS, Step, step_reading, topic_of
from streams.version import CODE

TENANTS = ("acme", "birch", "cobalt", "delta", "ember")
LANES = 2  # of each tenant
TURNS = 4  # questions of a conversation
CONVERSATIONS = 8  # under way at once
SECTIONS = 24  # of a document: about six chunks
TOKENS_A_PART = 2  # as the chat model's stream is read on two cores
DIMENSIONS = 384
TOKEN_BYTES = 50  # of a passage's packed token vectors; 386 of a query's
PEOPLE = ("Anna Berg", "Jonas Weiss", "Maria Keller", "Peter Lind", "Clara Holm", "Emil Roth")
NUMBER = re.compile(r"\bnumber (\d+)")
PERSON = re.compile("|".join(PEOPLE))
STEP_OF_THE_EDGE = StepVersion(name="gateway", code=CODE, configuration="")


class SyntheticLog:
    """A log in memory."""

    def __init__(self) -> None:
        self.ids = FixedIds.numbered(dict.fromkeys(subjects().values()))
        self._records: defaultdict[tuple[str, int], list[Stored]] = defaultdict(list)

    def append(self, codec: Codec, event: Event) -> int:
        """Put an event where a producer would, and return its offset."""
        meta, topic = event.meta, topic_of(event)
        lane = self._records[topic, meta.lane]
        headers = (
            ("id", meta.id.encode()),
            ("traceparent", meta.trace.encode()),
            ("request", meta.request.encode()),
        )
        value, key = codec.encode(event), meta.tenant.encode()
        lane.append(Stored(topic, meta.lane, len(lane), meta.at // 1_000, key, value, headers))
        return len(lane) - 1

    def extents(self) -> Mapping[tuple[str, int], Extent]:
        """Return every partition's offsets."""
        return {
            (topic, lane): Extent(topic, lane, 0, len(records))
            for (topic, lane), records in self._records.items()
        }

    def load(self, lane: int) -> None:
        """Do nothing: everything is in memory."""

    def records(self, topic: str, partition: int) -> Iterator[Stored]:
        """Read a partition in order."""
        return iter(self._records.get((topic, partition), ()))

    def committed(self, step: str) -> Mapping[tuple[str, int], int]:
        """Return the ends: every step has acknowledged everything."""
        reads = {
            topic_of(record) for entry in STEPS if entry.name == step for record in entry.reads
        }
        return {
            place: len(records) for place, records in self._records.items() if place[0] in reads
        }

    def close(self) -> None:
        """Nothing is held open."""


class Tables(MemoryTables):
    """What the steps remember, documents and turns included."""

    def __init__(self) -> None:
        super().__init__()
        self._documents: dict[str, DocumentState] = {}
        self._turns: defaultdict[str, list[Turn]] = defaultdict(list)

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer all requests about tables."""
        return {
            **super().handlers(),
            ReadDocument: self._read_document,
            WriteDocument: self._write_document,
            ReadTurns: self._read_some_turns,
        }

    def remember(self, released: AnswerReleased) -> None:
        """Append an answer to its conversation."""
        turn = Turn(
            request=released.meta.request,
            question=released.answer.query,
            answer=released.text,
            entries=released.entries,
        )
        self._turns[released.meta.session].append(turn)

    async def _read_document(self, request: ReadDocument, _: Call) -> Record:
        return self._documents.get(request.document, DocumentState())

    async def _write_document(self, request: WriteDocument, _: Call) -> Record:
        self._documents[request.document] = request.state
        return Written()

    async def _read_some_turns(self, request: ReadTurns, call: Call) -> Record:
        return Turns(turns=tuple(self._turns[call.session][-request.limit :]))


class FakeModels:
    """Answers of the models and the index: of the sizes that real ones have, and no wiser."""

    def __init__(self) -> None:
        self._random = random.Random(7)  # noqa: S311 - the same log every time, no secret
        self._passages: defaultdict[str, list[Passage]] = defaultdict(list)
        self._position = 0

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer what the embedder, the recogniser and the index answer."""
        return {
            Embed: self._embed,
            Detect: self._detect,
            Search: self._search,
            Rerank: self._rerank,
            Fetch: self._fetch,
            IndexChunks: self._index,
            PublishVersion: self._publish,
        }

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer what the chat model answers."""
        return {Generate: self._generate}

    async def close(self) -> None:
        """Hold nothing open."""

    def add(self, tenant: str, passage: Passage) -> None:
        """Make a passage findable."""
        self._passages[tenant].append(passage)

    async def _embed(self, request: Embed, _: Call) -> Record:
        counts = tuple(max(1, len(text) // 4) for text in request.texts)
        token_bytes = 2 + DIMENSIONS if request.kind == "query" else TOKEN_BYTES
        return Embedded(
            vectors=tuple(self._random.randbytes(4 * DIMENSIONS) for _ in counts),
            token_vectors=tuple(self._random.randbytes(token_bytes * count) for count in counts),
            counts=counts,
            model="bge-small-en-v1.5",
            dimensions=DIMENSIONS,
        )

    async def _detect(self, request: Detect, _: Call) -> Record:
        return Detected(
            texts=tuple(
                Spans(
                    spans=tuple(
                        Span(start=found.start(), end=found.end(), kind="PERSON", score=0.85)
                        for found in PERSON.finditer(text)
                    )
                )
                for text in request.texts
            ),
            model="en_core_web_sm",
        )

    async def _index(self, request: IndexChunks, call: Call) -> Record:
        for chunk in request.chunks:
            self.add(
                call.tenant,
                Passage(
                    chunk=chunk.id,
                    document=request.document.document,
                    version=request.document.version,
                    number=chunk.number,
                    title=request.title,
                    uri=request.document.uri,
                    text=chunk.text,
                    tokens=chunk.tokens,
                    entries=chunk.entries,
                ),
            )
        self._position += 1
        return IndexWritten(count=len(request.chunks), position=self._position)

    async def _publish(self, _request: PublishVersion, _: Call) -> Record:
        self._position += 1
        return IndexWritten(count=0, position=self._position)

    async def _search(self, request: Search, call: Call) -> Record:
        known = self._passages[call.tenant]
        named = NUMBER.search(request.text)
        holders = [p for p in known if named and re.search(rf"{named[0]}\b", p.text)]
        others = self._random.sample(known, min(request.limit - len(holders), len(known)))
        chosen = {passage.chunk: passage for passage in (*holders, *others)}
        return Found(
            candidates=tuple(
                Candidate(
                    chunk=passage.chunk,
                    document=passage.document,
                    dense=round(0.85 - 0.004 * rank, 6),
                    lexical=round(12 - 0.1 * rank, 6),
                    score=round(1 - 0.01 * rank, 6),
                )
                for rank, passage in enumerate(chosen.values())
            ),
            index=f"{call.tenant}-1",
            position=self._position,
        )

    async def _rerank(self, request: Rerank, _: Call) -> Record:
        count = len(request.chunks)
        scores = tuple(round(0.9 - 0.012 * rank, 6) for rank in range(count))
        cosines = [1.0 if i == j else 0.6 for i in range(count) for j in range(count)]
        return Reranked(scores=scores, similarities=array.array("f", cosines).tobytes())

    async def _fetch(self, request: Fetch, call: Call) -> Record:
        wanted = {chunk: rank for rank, chunk in enumerate(request.chunks)}
        found = [p for p in self._passages[call.tenant] if p.chunk in wanted]
        return Fetched(passages=tuple(sorted(found, key=lambda p: wanted[p.chunk])))

    async def _generate(self, request: Generate, _: Call) -> AsyncIterator[Record]:
        """Say the sentence of the prompt that names what is asked for, in pieces."""
        named = NUMBER.findall(request.prompt)
        wanted = f"number {named[-1]}" if named else ""
        sentences = re.split(r"(?<=[.?])\s+", request.prompt)
        said = next((s for s in sentences if "costs" in s and wanted in s), sentences[0])
        pieces = re.findall(r"\s?\S{1,3}", said)
        for at in range(0, len(pieces), TOKENS_A_PART):
            part = pieces[at : at + TOKENS_A_PART]
            tokens = tuple(
                GeneratedToken(text=text, at_us=30_000 * (at + place))
                for place, text in enumerate(part)
            )
            yield Generated(tokens=tokens, model="smollm2-360m")
        yield Generated(
            tokens=(),
            last=True,
            finish_reason="stop",
            usage=Usage(prompt_tokens=len(request.prompt) // 4, completion_tokens=len(pieces)),
            model="smollm2-360m",
        )


class Builder:
    """Runs the steps over made-up requests and keeps what they write."""

    def __init__(self, settings: Settings) -> None:
        self.log = SyntheticLog()
        self._settings = settings
        self._keyring = Keyring(settings)
        self._tables, self._models = Tables(), FakeModels()
        self._has_tokenizer = Path(settings.tokenizer).is_file()
        self._world = World(
            (self._keyring, Documents(settings), self._tables, self._models), timeout_s=60
        )
        self._codec = Codec(self.log.ids)
        self._configurations = load()
        self._random = random.Random(11)  # noqa: S311 - traces and choices of words, no secret

    async def build(self, conversations: int, documents: int) -> SyntheticLog:
        """Ingest documents, then hold conversations about them; both go round the tenants.

        Where no tokenizer is installed nothing is ingested: the index then knows the sections.
        """
        self._documents = documents
        for configured in self._configurations.values():
            self._append_configuration(configured.step, configured.digest, configured.content)
        for number in range(documents):
            if self._has_tokenizer:
                await self._run_all([self._document(number)])
            else:
                self._index_sections(number)
        for first in range(0, conversations, CONVERSATIONS):
            under_way = range(first, min(first + CONVERSATIONS, conversations))
            for turn in range(TURNS):
                await self._run_all([self._question(number, turn) for number in under_way])
        await self._world.close()
        return self.log

    def _append_configuration(self, step: str, digest: str, content: str) -> None:
        meta = self._meta("", f"configuration/{step}", "", 0)
        event = ConfigurationSet(meta=meta, step=step, digest=digest, content=content)
        self.log.append(self._codec, event)

    async def _run_all(self, requests: list[Event]) -> None:
        """Run requests through all steps, in turns."""
        waiting = deque(requests)
        while waiting:
            event = waiting.popleft()
            offset = self.log.append(self._codec, event)
            if isinstance(event, AnswerReleased):
                self._tables.remember(event)
            step = step_reading(type(event))
            if step is not None:
                await self._run(
                    step, Input(event, topic_of(event), event.meta.lane, offset), waiting
                )

    async def _run(self, step: Step, given: Input, waiting: deque[Event]) -> None:
        configuration = self._configurations[step.name]
        run = LiveRun(
            step,
            given,
            waiting.append,
            world=self._world,
            codec=self._codec,
            digest_key=self._keyring.digest_key(given.event.meta.tenant),
            begun=Begun(
                at=now_us(),
                attempt=1,
                code=CODE,
                configuration=configuration.digest,
                trace=self._trace(),
            ),
            configuration={configuration.digest: configuration.values},
        )
        await run.execute()

    def _meta(self, tenant: str, request: str, session: str, lane: int) -> Meta:
        return Meta(
            id=request_id(tenant, request),
            tenant=tenant,
            lane=lane,
            request=request_id(tenant, request),
            session=session,
            at=now_us(),
            step=STEP_OF_THE_EDGE,
            trace=self._trace(),
        )

    def _trace(self) -> str:
        return f"00-{self._random.randbytes(16).hex()}-{self._random.randbytes(8).hex()}-01"

    def _document(self, number: int) -> Event:
        tenant, uri = TENANTS[number % len(TENANTS)], f"guide/{number}"
        document = document_id(tenant, uri)
        sections = [
            f"{section}Its keeper is {PEOPLE[(number + at) % len(PEOPLE)]}.\n"
            for at, (section, _) in enumerate(facts(SECTIONS, first=SECTIONS * number))
        ]
        lane = lane_of(tenant, document, self._settings.partitions, LANES)
        meta = self._meta(tenant, uri, document, lane)
        content = f"# Guide {number}\n\n" + "\n".join(sections)
        return DocumentSubmitted(
            meta=meta,
            document=document,
            uri=uri,
            media_type="text/markdown",
            content=self._keyring.seal(
                tenant, f"document/{document}", meta.id, "content", content.encode()
            ),
        )

    def _index_sections(self, number: int) -> None:
        tenant, uri = TENANTS[number % len(TENANTS)], f"guide/{number}"
        document = document_id(tenant, uri)
        for at, (section, _) in enumerate(facts(SECTIONS, first=SECTIONS * number)):
            passage = Passage(
                chunk=document_id(tenant, f"{uri}#{at}"),
                document=document,
                version=1,
                number=at,
                title=f"Guide {number}",
                uri=uri,
                text=section,
                tokens=len(section) // 4,
            )
            self._models.add(tenant, passage)

    def _question(self, conversation: int, turn: int) -> Event:
        """Ask about one fact, then lean on what was said."""
        place = conversation % len(TENANTS)
        tenant, session = TENANTS[place], str(uuid.UUID(int=conversation))
        documents = range(place, self._documents, len(TENANTS))
        fact = SECTIONS * self._random.choice(documents) + self._random.randrange(SECTIONS)
        person = self._random.choice(PEOPLE)
        text = (
            f"My name is {person}. What does a yearly ticket for the {name_of(fact)} cost?",
            "And when was it founded?",
            f"What does a ticket for the {name_of(fact)} cost {person}?",
            "Are dogs welcome there?",
        )[turn]
        lane = lane_of(tenant, session, self._settings.partitions, LANES)
        meta = self._meta(tenant, f"question/{conversation}/{turn}", session, lane)
        subject = f"user-{conversation}"
        sealed = self._keyring.seal(tenant, f"user/{subject}", meta.id, "text", text.encode())
        ask = Ask(deadline=now_us() + 1_000 * self._settings.deadline_ms)
        return QuestionAsked(meta=meta, subject=subject, text=sealed, ask=ask)


def synthetic_settings(run: Path) -> Settings:
    """Return settings of a run folder with keys of its own, and the tokenizer of this machine."""
    return Settings(run=run, tokenizer=str(tokenizer_path(all_parts()["triton"].place)))


async def build(folder: Path, conversations: int, documents: int) -> tuple[Path, Settings]:
    """Write an archive and its keys into a folder; return the archive and the settings."""
    settings = synthetic_settings(folder / "run")
    log = await Builder(settings).build(conversations, documents)
    export(log, folder / "archive")
    return folder / "archive", settings
