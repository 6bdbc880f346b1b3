"""Canned answers: of the sizes that real ones have, and no wiser."""

from __future__ import annotations

import array
import random
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from itertools import takewhile
from typing import Any

from bench.direct import MemoryTables
from bench.facts import facts
from bench.synthetic.request_maker import PEOPLE, SECTIONS, guide
from schemas import (
    AnswerReleased,
    Candidate,
    Classified,
    Classify,
    Detect,
    Detected,
    DocumentState,
    Embed,
    Embedded,
    EmbeddedChunk,
    Fetch,
    FetchAdjacent,
    Fetched,
    Found,
    Generate,
    Generated,
    GeneratedToken,
    HeadScore,
    HeadScores,
    IndexChunks,
    IndexWritten,
    Passage,
    PublishVersion,
    ReadDocument,
    ReadTurns,
    Record,
    Request,
    Rerank,
    Reranked,
    Search,
    Span,
    Spans,
    StreamRequest,
    Turn,
    Turns,
    Usage,
    WriteDocument,
    Written,
)
from streams.delivery.answered_turns import makes_turn
from streams.log.ids import document_id
from streams.running.world import Call, Handler, StreamHandler

SENTENCES = 3  # of an answer: each that stands is a record
TOKENS_A_PART = 2  # as the chat model's stream is read on two cores
DIMENSIONS = 384
TOKEN_BYTES = 50  # of a passage's packed token vectors; 386 of a query's
NUMBER = re.compile(r"\bnumber (\d+)")
PERSON = re.compile("|".join(PEOPLE))


class Tables(MemoryTables):
    """What the steps remember, documents and turns included."""

    def __init__(self) -> None:
        super().__init__()
        self._documents: dict[tuple[str, str], DocumentState] = {}
        self._turns: defaultdict[tuple[str, str, str], dict[str, Turn]] = defaultdict(dict)

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer all requests about tables."""
        return {
            **super().handlers(),
            ReadDocument: self._read_document,
            WriteDocument: self._write_document,
            ReadTurns: self._read_some_turns,
        }

    def remember(self, released: AnswerReleased) -> None:
        """Append an answer to its conversation, where it is one that can be referred to."""
        if not makes_turn(released):
            return
        meta = released.meta
        self._turns[meta.tenant, released.subject, meta.session][meta.request] = Turn(
            request=meta.request,
            question=released.answer.query,
            answer=released.text,
            entries=released.entries,
        )

    async def _read_document(self, request: ReadDocument, call: Call) -> Record:
        return self._documents.get((call.tenant, request.document), DocumentState())

    async def _write_document(self, request: WriteDocument, call: Call) -> Record:
        self._documents[call.tenant, request.document] = request.state
        return Written()

    async def _read_some_turns(self, request: ReadTurns, call: Call) -> Record:
        known = self._turns[call.tenant, call.subject, call.session].values()
        turns = tuple(takewhile(lambda turn: turn.request != call.request, known))
        return Turns(turns=turns[-request.limit :] if request.limit > 0 else ())


class CannedModels:
    """Answers of the models and the index: of the sizes that real ones have, and no wiser."""

    def __init__(self) -> None:
        self._random = random.Random(7)  # noqa: S311 - the same log every time, no secret
        self._passages: defaultdict[str, list[Passage]] = defaultdict(list)
        self._position = 0

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer what the embedder, the moderator, the recogniser and the index answer."""
        return {
            Classify: self._classify,
            Embed: self._embed,
            Detect: self._detect,
            Search: self._search,
            Rerank: self._rerank,
            Fetch: self._fetch,
            FetchAdjacent: self._fetch_adjacent,
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

    def index_guide(self, number: int) -> None:
        """Make the sections of a document findable that nobody ingests."""
        tenant, uri = guide(number)
        for at, (section, _) in enumerate(facts(SECTIONS, first=SECTIONS * number)):
            passage = Passage(
                chunk=document_id(tenant, f"{uri}#{at}"),
                document=document_id(tenant, uri),
                version=1,
                number=at,
                title=f"Guide {number}",
                uri=uri,
                text=section,
                tokens=len(section) // 4,
            )
            self.add(tenant, passage)

    async def _classify(self, request: Classify, _: Call) -> Classified:
        scores = HeadScores(scores=tuple(HeadScore(head=head, score=0.1) for head in request.heads))
        return Classified(texts=(scores,) * len(request.texts), model="canned-moderator@1")

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
                        Span(start=name.start(), end=name.end(), kind="PERSON", score=0.85)
                        for name in PERSON.finditer(text)
                    )
                )
                for text in request.texts
            ),
            model="en_core_web_sm",
        )

    async def _index(self, request: IndexChunks, call: Call) -> Record:
        for chunk in request.chunks:
            self.add(call.tenant, passage_of(request, chunk))
        self._position = call.offset
        return IndexWritten(count=len(request.chunks), position=call.offset)

    async def _publish(self, _request: PublishVersion, call: Call) -> Record:
        self._position = call.offset
        return IndexWritten(count=0, position=call.offset)

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
        passages = [p for p in self._passages[call.tenant] if p.chunk in wanted]
        return Fetched(passages=tuple(sorted(passages, key=lambda p: wanted[p.chunk])))

    async def _fetch_adjacent(self, _request: FetchAdjacent, _call: Call) -> Record:
        return Fetched(passages=())  # its documents are of one chunk, as far as it knows

    async def _generate(self, request: Generate, _: Call) -> AsyncIterator[Record]:
        """Say the sentence of the prompt that names what is asked for and two more, in pieces."""
        named = NUMBER.findall(request.prompt)
        wanted = f"number {named[-1]}" if named else ""
        sentences = re.split(r"(?<=[.?])\s+", request.prompt)
        first = next((s for s in sentences if "costs" in s and wanted in s), sentences[0])
        others = [s for s in sentences if "costs" in s and s != first]
        said = " ".join([first, *others[: SENTENCES - 1]])
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


def passage_of(request: IndexChunks, chunk: EmbeddedChunk) -> Passage:
    """Return what an index finds of a chunk that was put into it."""
    return Passage(
        chunk=chunk.id,
        document=request.document.document,
        version=request.document.version,
        number=chunk.number,
        title=request.title,
        uri=request.document.uri,
        text=chunk.text,
        tokens=chunk.tokens,
        entries=chunk.entries,
    )
