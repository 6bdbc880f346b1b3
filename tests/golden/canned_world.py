"""Models and an index for the golden log: small, quick, without chance, and as odd as real ones may be.

What they answer depends on what they are asked alone, so two logs of the same requests differ in times and keys only.
"""

from __future__ import annotations

import array
import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agents.errors import Permanent, Transient
from agents.prompt_canary import CANARY
from bench.synthetic.answers import CannedModels
from schemas import (
    Candidate,
    Classified,
    Classify,
    DescribedDocument,
    Detect,
    Detected,
    DocumentRef,
    Embed,
    Embedded,
    Fetch,
    FetchAdjacent,
    Fetched,
    Found,
    Generate,
    Generated,
    GeneratedToken,
    HeadScore,
    HeadScores,
    Hedged,
    IndexChunks,
    IndexWritten,
    Passage,
    PublishVersion,
    RateRoute,
    ReadRoutes,
    Record,
    Request,
    Rerank,
    Reranked,
    RouteRated,
    RoutesRead,
    RouteState,
    Search,
    Span,
    Spans,
    StreamRequest,
    ToolCall,
    Usage,
    WithdrawVersions,
)
from streams.running.world import Call, Handler, StreamHandler

DIMENSIONS = 4
WORD = re.compile(r"\w+")
STATES = {
    "best": RouteState(
        calls=100, failures=10, first_token_ms=200, rated=50, ungrounded=5, first_token_p95_ms=1_500
    ),
    "open": RouteState(circuit="open", wait_ms=700),
    "busy": RouteState(running=2),
    "slow": RouteState(first_token_ms=880),
    "trial-0": RouteState(calls=20, failures=4, first_token_ms=400, rated=20, ungrounded=4),
    "trial-1": RouteState(calls=20, failures=5, first_token_ms=200, rated=20),
    "trial-2": RouteState(calls=22, failures=2, first_token_ms=401, rated=20),
    "trial-3": RouteState(calls=21, failures=2, first_token_ms=999, rated=20, ungrounded=5),
}
"""How the routes of the golden log have fared: on the edge of what sends them behind the others."""


@dataclass(frozen=True)
class Script:
    """What the chat model says when it is asked something."""

    parts: tuple[str, ...] = ()
    """Each comes in one part of the stream, cut into tokens before its blanks."""
    finish: str = "stop"
    fails: str = ""
    """transient or permanent: how it breaks off after the parts, instead of a last part."""
    step_us: int = 20_000
    usage: bool = True
    hedged: Hedged | None = None
    """What became of another route that was to be asked beside it: told with the first part."""
    calls: tuple[ToolCall, ...] = ()
    """Tools that it asks for when it ends."""
    turns: tuple[tuple[ToolCall, ...] | str, ...] = ()
    """What it asks for or says instead, turn by turn; the last one again and again."""

    def at_turn(self, request: Generate) -> Script:
        """Return what it says when so many tools were used."""
        if not self.turns:
            return self
        used = len(request.exchanges) + request.prompt.count(" gave: ")
        said = self.turns[min(used, len(self.turns) - 1)]
        parts, calls = ((said,), ()) if isinstance(said, str) else ((), said)
        fails = self.fails if used >= len(self.turns) - 1 else ""
        return replace(self, parts=parts, calls=calls, fails=fails, turns=())


class Scripts(dict[str, Script]):
    """What the chat model says, by what stands in the prompt; and what it never came to say.

    A question that no model is asked any more, since its number stands in no document, say, shows
    nothing of all that its script was written for.
    """

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        super().__init__(scripts)
        self.unsaid = set(scripts)

    def __setitem__(self, asked: str, script: Script) -> None:
        super().__setitem__(asked, script)
        self.unsaid.add(asked)

    def update(self, scripts: Mapping[str, Script]) -> None:  # type: ignore[override]  # one way of three
        """Put several."""
        for asked, script in scripts.items():
            self[asked] = script

    def __delitem__(self, asked: str) -> None:
        """Take back what may be said or not, as a threshold decides."""
        super().__delitem__(asked)
        self.unsaid.discard(asked)

    def said_to(self, prompt: str) -> Script | None:
        """Return what it says to a prompt: of questions within each other, the first that was put."""
        asked = [asked for asked in self if asked in prompt[-600:]]
        self.unsaid.difference_update(asked)
        return self[asked[0]] if asked else None


def words(text: str) -> set[str]:
    """Return the words of a text, folded; signs of Chinese and Japanese one by one."""
    return {
        word
        for run in WORD.findall(text.casefold())
        for word in ([run] if run.isascii() else list(run))
    }


class Oddities(CannedModels):
    """Answers by the words that texts share; stumbles where a text says so."""

    def __init__(
        self, people: Mapping[str, tuple[str, float]], scripts: Mapping[str, Script]
    ) -> None:
        super().__init__()
        self._people = people
        self._scripts = scripts if isinstance(scripts, Scripts) else Scripts(scripts)
        self._known: dict[tuple[str, str], tuple[Passage, bool]] = {}
        self._orders: dict[tuple[str, str], tuple[str, ...]] = {}
        self._refs: dict[tuple[str, str], DocumentRef] = {}
        self._at = 0
        self._asked: dict[bytes, str] = {}

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer what the embedder, the recogniser and the index answer."""
        return {
            Classify: self._verdicts, Embed: self._vectors, Detect: self._spans, Search: self._candidates, Rerank: self._scores,
            Fetch: self._texts, FetchAdjacent: self._beside, IndexChunks: self._written, PublishVersion: self._published,
            WithdrawVersions: self._withdrawn, ReadRoutes: self._fared, RateRoute: self._rated,
        }  # fmt: skip

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer what the chat models answer."""
        return {Generate: self._say}

    async def _fared(self, request: ReadRoutes, _: Call) -> Record:
        if any("none" in route.route for route in request.routes):
            raise Transient("nobody counts")
        names = [route.route.partition("@")[0] for route in request.routes]
        return RoutesRead(states=tuple(STATES.get(name, RouteState()) for name in names))

    async def _rated(self, request: RateRoute, _: Call) -> Record:
        if not request.grounded:
            raise Transient("nobody counts")
        return RouteRated()

    async def _verdicts(self, request: Classify, _: Call) -> Record:
        if any("moderator is away" in text for text in request.texts):
            raise Transient("the moderator does not answer")
        if any("moderator is broken" in text for text in request.texts):
            raise Permanent("the moderator has no such head")
        scores = [0.95 if "harmful" in text else 0.1 for text in request.texts]
        return Classified(
            texts=tuple(HeadScores(scores=tuple(HeadScore(head=head, score=score) for head in request.heads)) for score in scores),
            model="stub-moderator@1",
        )  # fmt: skip

    async def _vectors(self, request: Embed, _: Call) -> Record:
        for text in request.texts:
            if "embedder is away" in text:
                raise Transient("the embedder does not answer")
            if "embedder is broken" in text:
                raise Permanent("the embedder takes no such text")
        short = any("vector is too short" in text for text in request.texts)
        missing = any("vector is missing" in text for text in request.texts)
        mute = any("tokens are mute" in text for text in request.texts)
        vectors = [
            hashlib.sha256(text.encode()).digest()[: 4 * DIMENSIONS - short]
            for text in request.texts
        ]
        tokens = [hashlib.md5(text.encode()).digest()[:6] for text in request.texts]
        self._asked |= dict(zip(tokens, request.texts, strict=True))
        return Embedded(
            vectors=tuple(vectors[missing:]),
            token_vectors=() if mute and request.kind == "query" else tuple(tokens),
            counts=() if any("uncounted" in text for text in request.texts) else tuple(map(len, map(words, request.texts))),
            model=f"stub-embedder@{1 + any('embedder changes' in text for text in request.texts)}", dimensions=DIMENSIONS,
        )  # fmt: skip

    async def _spans(self, request: Detect, _: Call) -> Record:
        if any("recogniser stumbles" in text for text in request.texts):
            raise KeyError("an invented mistake")
        return Detected(
            texts=tuple(Spans(spans=self._found(text)) for text in request.texts), model="names@1"
        )

    def _found(self, text: str) -> tuple[Span, ...]:
        return tuple(
            Span(start=match.start(), end=match.end(), kind=kind, score=score)
            for value, (kind, score) in self._people.items()
            for match in re.finditer(re.escape(value), text)
        )

    async def _written(self, request: IndexChunks, call: Call) -> Record:
        self._refs[call.tenant, request.document.document] = request.document
        for chunk in request.chunks:
            self._known[call.tenant, chunk.id] = Passage(
                chunk=chunk.id, document=request.document.document, version=request.document.version,
                number=chunk.number, title=request.title, uri=request.document.uri, text=chunk.text,
                tokens=chunk.tokens, entries=chunk.entries,
            ), False  # fmt: skip
        self._at = call.offset
        return IndexWritten(count=len(request.chunks), position=self._at)

    async def _published(self, request: PublishVersion, call: Call) -> Record:
        for key, (passage, _) in list(self._known.items()):
            if key[0] == call.tenant and passage.document == request.document.document:
                self._known[key] = passage, True
        gone = [self._known.pop((call.tenant, chunk), None) for chunk in request.retired]
        self._orders[call.tenant, request.document.document] = request.chunks
        self._at = call.offset
        return IndexWritten(count=len([one for one in gone if one]), position=self._at)

    async def _withdrawn(self, request: WithdrawVersions, call: Call) -> Record:
        mine = [
            key
            for key, (one, _) in self._known.items()
            if key[0] == call.tenant and one.document == request.document.document
        ]
        for key in mine:
            del self._known[key]
        self._at = call.offset
        return IndexWritten(count=len(mine), position=self._at)

    async def _candidates(self, request: Search, call: Call) -> Record:
        if "index is empty" in request.text:
            return Found(candidates=(), index=f"{call.tenant}-1", position=self._at)
        asked, listed = words(request.text), []
        for (tenant, chunk), (passage, visible) in self._known.items():
            if tenant != call.tenant or not visible:
                continue
            shared = len(asked & words(passage.text))
            if shared:
                dense = round(0.5 + 0.4 * shared / len(asked), 3) if request.vector else 0.0
                lexical = round(1.5 * shared + 1 / (2 + len(passage.text) // 200), 2)
                listed.append(
                    Candidate(
                        chunk=chunk,
                        document=passage.document,
                        dense=dense,
                        lexical=lexical,
                        score=dense + lexical,
                    )
                )
        listed.sort(key=lambda one: (-one.score, one.chunk))
        best = tuple(listed[: min(request.limit, 10)])
        named = sorted({one.document for one in best}) if request.described else ()
        return Found(
            candidates=best,
            index=f"{call.tenant}-1",
            position=self._at,
            documents=tuple(self._described(call.tenant, name) for name in named),
        )

    def _described(self, tenant: str, document: str) -> DescribedDocument:
        ref = self._refs[tenant, document]
        return DescribedDocument(
            document=document, uri=ref.uri, metadata=ref.metadata, groups=ref.groups
        )

    async def _scores(self, request: Rerank, call: Call) -> Record:
        asked = self._asked[request.query]
        if "ranking fails" in asked:
            raise Permanent("the chunks are of another model")
        texts = [self._known[call.tenant, chunk][0] for chunk in request.chunks]
        held = [words(passage.text) for passage in texts]
        scores = [-1.0 if "all are old" in asked or "old" in passage.uri else round(0.45 + 0.5 * len(words(asked) & own) / max(1, len(words(asked))), 2)
                  for passage, own in zip(texts, held, strict=True)]  # fmt: skip
        if "no similarities" in asked:
            return Reranked(scores=tuple(scores))
        cosines = [
            round(len(one & other) / max(1, len(one | other)), 2) for one in held for other in held
        ]
        return Reranked(scores=tuple(scores), similarities=array.array("f", cosines).tobytes())

    async def _texts(self, request: Fetch, call: Call) -> Record:
        found = [self._known.get((call.tenant, chunk)) for chunk in request.chunks]
        return Fetched(passages=tuple(one[0] for one in found if one))

    async def _beside(self, request: FetchAdjacent, call: Call) -> Record:
        near = [self._known.get((call.tenant, chunk)) for chunk in request.chunks]
        if any("neighbours are away" in one[0].text for one in near if one):
            raise Transient("the index does not answer")
        orders = [order for (tenant, _), order in self._orders.items() if tenant == call.tenant]
        beside = [
            chunk
            for order in orders
            for asked in request.chunks
            if asked in order
            for chunk in order[max(0, order.index(asked) - 1) : order.index(asked) + 2]
            if chunk not in request.chunks
        ]
        return await self._texts(Fetch(chunks=tuple(dict.fromkeys(beside))), call)

    async def _say(self, request: Generate, _: Call) -> AsyncIterator[Record]:
        question = (
            request.prompt.rpartition("\n")[0].rpartition("\n")[2]
            + request.prompt.rpartition("\n")[2]
        )
        script = self._scripts.said_to(request.prompt)
        if script is None:
            sentences = re.split(r"(?<=[.?。])\s*", request.prompt)
            best = (
                max(sentences[:-1], key=lambda one: len(words(one) & words(question)))
                if sentences[:-1]
                else ""
            )
            script = Script(tuple(re.findall(r"\s?\S+(?:\s\S+){0,5}", best.split("\n")[-1])))
        script = script.at_turn(request)
        if script.fails and request.model == "second":
            script = Script(("The second model says so.",))
        number = 0
        canary = re.search(CANARY, request.prompt)
        for part in script.parts:
            said = part.replace("%canary%", canary[0] if canary else "")
            tokens = re.findall(r"\s?[^\s]+|\s", said)
            yield Generated(
                tokens=tuple(
                    GeneratedToken(text=text, at_us=script.step_us * (number + at))
                    for at, text in enumerate(tokens)
                ),
                model=f"{request.model}@1",
                hedged=None if number else script.hedged,
            )
            number += len(tokens)
            await asyncio.sleep(0)
        if script.fails:
            raise {"transient": Transient, "permanent": Permanent}[script.fails](
                "the model broke off"
            )
        usage = (
            Usage(prompt_tokens=len(request.prompt) // 4, completion_tokens=number)
            if script.usage
            else None
        )
        yield Generated(
            tokens=(),
            last=True,
            finish_reason="tool_calls" if script.calls else script.finish,
            usage=usage,
            tool_calls=script.calls,
            model=f"{request.model}@1",
        )
