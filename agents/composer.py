"""Composer: one answer out of passages, by a model that is checked as it speaks, or by quoting."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from agents.changes import BOUNDED_JSON, FOLLOWED_SCHEMAS
from agents.effects import Effects
from agents.errors import Permanent, Transient
from agents.evidence import Hearer, complete, evidence, support, unsupported
from agents.grounding import Grounds
from agents.json_texts import is_json
from agents.patience import patient
from agents.prompting import Sources, filled, filtered, fitted, unify
from agents.routing import Route, Router, routes_of
from agents.structured import breach, mended
from agents.writer import AnswerWriter
from schemas import (
    Answer,
    AnswerFinishReason,
    ChunksRetrieved,
    Citation,
    Generated,
    Now,
    Passage,
    TokensGenerated,
    Usage,
)

MS = 1_000  # microseconds
GROUNDED = ("stop", "length")
"""How an answer ended that could stand; any other is not what its model said."""
NO_JSON = "no answer in JSON of the schema that was asked for: {}"
WHY = {
    "schema": "the model's answer does not follow it, nor did it after a second try",
    "generate": "too little time was left to ask a model",
}


@dataclass(frozen=True)
class GenerationPolicy:
    """Configuration of the step: agents/configuration/generate.json."""

    prompt: str
    """Template; see `agents.prompting.filled`."""
    models: list[str]
    """Models to ask, in this order, until one answers; for where there are no routes."""
    stop: list[str]
    """What ends an answer in prose."""
    temperature: float
    passage_tokens: int
    """Budget of the prompt's passages."""
    share_min: float
    """Share of a statement's content words that one sentence of the passages must hold."""
    near_min: float
    """How near to the question that sentence must be, as a share of the nearest one's score."""
    late_ms: int
    """What a model needs at least: with less time left it is not asked."""
    not_found: str
    """Answer where the documents hold none."""
    refused: str
    """Answer to a refused question that came without a reason."""
    patience_ms: int = 0
    """How long a model that is away is waited for; none in configurations of 0.1.0."""
    urgent_ms: int = 0
    """With less time left it is not waited for."""
    routes: dict[str, Any] | None = None
    """Models by route, in place of `models`; see `agents.routing`. None in those of 0.1.0."""
    asked_max: dict[str, int] = field(default_factory=dict)
    """Bounds of what a question may ask for; none in configurations of 0.1.0."""
    small_talk: dict[str, dict[str, str]] = field(default_factory=dict)
    """Kind of small talk -> language -> reply; none in configurations of 0.1.0."""
    translated: dict[str, dict[str, str]] = field(default_factory=dict)
    """`not_found` and `refused` in other languages: name -> language -> text."""

    def said(self, name: str, language: str) -> str:
        """Return `not_found` or `refused` in a language, or as it is where it has no such text."""
        text: str = getattr(self, name)
        return self.translated.get(name, {}).get(language, text)

    def small_talk_reply(self, kind: str, language: str) -> str:
        """Return the reply to small talk, in English where the language has none."""
        replies = self.small_talk.get(kind, {})
        return replies.get(language) or replies.get("en") or self.not_found


def policy_of(configuration: Mapping[str, Any]) -> GenerationPolicy:
    """Read the configuration; raises Permanent that says what it lacks."""
    try:
        return GenerationPolicy(**configuration)
    except TypeError as error:
        raise Permanent(f"configuration of generate: {error}; see generate.json") from None


@dataclass
class Reply:
    """What one model has said so far."""

    began_us: int
    """When it was asked."""
    hearer: Hearer
    """Knows what passages and question hold."""
    times: list[int] = field(default_factory=list)
    """When each token came that is not written yet, in microseconds of the Unix epoch."""
    end: Generated | None = None
    """The last part, if it came."""
    wrong: bool = False
    """Whether it says what neither passages nor question hold."""
    late: bool = False
    """Whether the deadline has passed."""

    @property
    def over(self) -> bool:
        """Whether nothing more of it is listened to."""
        return self.wrong or self.late or self.end is not None


class Composer:
    """Composes one answer out of passages."""

    def __init__(self, event: ChunksRetrieved, policy: GenerationPolicy) -> None:
        self.event = event
        self.policy = policy
        self.sources: Sources = unify(event)
        self.passages: tuple[Passage, ...] = filtered(self.sources.passages)
        self.question = event.query or event.question
        self.writer = AnswerWriter(event, self.sources.entries)
        self.grounds = Grounds(self.question, self.passages)
        chosen = fitted(self.grounds, policy.passage_tokens)
        self.prompt = filled(policy.prompt, self.question, chosen)
        texts = [f"{passage.title} {passage.text}" for passage in self.passages]
        self.evidence = evidence([*texts, event.question, event.query])
        self.router = Router(event, routes_of(policy.routes), policy.models)
        self.asked = False
        self.json_bounded = True
        self.strict = False
        """Whether the answer must follow the schema that was asked for."""
        self.model = ""
        self.usage = Usage()
        self.tokens = 0

    async def run(self, fx: Effects) -> AsyncGenerator[TokensGenerated, None]:
        """Ask the models until one answers, and check what it says."""
        self.json_bounded = fx.has(BOUNDED_JSON)
        self.strict = bool(self.event.ask.response_schema) and fx.has(FOLLOWED_SCHEMAS)
        if self._late(fx.began_us):
            yield self._extractive("generate")
            return
        away: Transient | None = None
        for route in await self.router.order(fx, self.prompt):
            self.asked = True
            reply = Reply((await fx(Now())).at, Hearer(self.evidence))
            try:
                async with aclosing(self._stream(route, reply, fx)) as records:
                    async for record in records:
                        yield record
                if self.strict and self._breach():
                    reply = await self._mend(route, fx)
            except (Transient, Permanent) as error:
                self.router.failed(route, error)
                if not self.writer.restart():
                    away = error if isinstance(error, Transient) else away
                    continue
                last = self._extractive("model")
            else:
                self.router.answered(route)
                last = self._closed(reply)
                assert last.answer is not None
                await self.router.rate(fx, grounded=last.answer.finish_reason in GROUNDED)
            yield last
            return
        if away and self.policy.patience_ms and await patient(self.event, fx, fx.configuration):
            raise away
        yield self._extractive("model")

    def _breach(self) -> str:
        """Say in what the answer breaks the schema that was asked for."""
        return breach(self.writer.text.rstrip(), self.event.ask.response_schema)

    async def _mend(self, route: Route, fx: Effects) -> Reply:
        """Have a model write again what is no JSON of the schema."""
        prompt = mended(self.prompt, self.writer.text, self._breach())
        self.writer.restart()
        reply = Reply((await fx(Now())).at, Hearer(self.evidence))
        async with aclosing(self._stream(route, reply, fx, prompt)) as records:
            async for _ in records:
                pass  # none comes before the answer is whole
        return reply

    async def _stream(
        self, route: Route, reply: Reply, fx: Effects, prompt: str = ""
    ) -> AsyncGenerator[TokensGenerated, None]:
        """Ask one model, and write what it says as far as it is sure, until the reply is over.

        What must follow a schema is not written before it is whole.
        """
        schema = self.event.ask.response_schema
        request = self.router.request(
            route,
            prompt or self.prompt,
            max_tokens=self.event.ask.max_tokens,
            temperature=self.policy.temperature,
            stop=() if schema else tuple(self.policy.stop),
            json_schema=schema,
        )
        async with aclosing(fx.stream(request)) as parts:  # type: ignore[type-var]  # has aclose
            async for part in parts:
                self._hear(part, reply)
                if reply.over:
                    break
                if not self.strict and (text := self.writer.due()):
                    yield self.writer.batch(text, tuple(reply.times))
                    reply.times = []

    def _hear(self, part: Generated, reply: Reply) -> None:
        """Take a part of a reply, and see whether it is the last one that is listened to."""
        self.writer.add("".join(token.text for token in part.tokens))
        reply.times += [reply.began_us + token.at_us for token in part.tokens]
        self.model = part.model or self.model
        self.tokens += len(part.tokens)
        reply.late = bool(reply.times) and self._late(reply.times[-1], margin_ms=0)
        if not self.event.ask.response_schema:
            reply.wrong = reply.hearer.objects(complete(self.writer.text))
        if part.last:
            reply.end = part

    def _closed(self, reply: Reply) -> TokensGenerated:
        """Close the answer with what a model said, or with a sentence where that can't stand."""
        end = reply.end
        self.usage = (end and end.usage) or Usage(completion_tokens=self.tokens)
        text = self.writer.due(final=True)
        if reply.wrong or self._fails():
            return self._extractive("schema" if self.event.ask.response_schema else "")
        cut: AnswerFinishReason = "length" if reply.late else "stop"
        reason = (end and end.finish_reason) or cut
        return self._generated(text, tuple(reply.times), reason, late=reply.late)

    def _late(self, now_us: int, margin_ms: int | None = None) -> bool:
        deadline = self.event.ask.deadline
        margin = self.policy.late_ms if margin_ms is None else margin_ms
        return deadline > 0 and now_us + margin * MS > deadline

    def _fails(self) -> bool:
        """Tell whether the whole generated text can't stand as the answer."""
        text = self.writer.text
        if self.strict:
            return bool(self._breach())
        if self.event.ask.response_schema:
            return not is_json(text, bounded=self.json_bounded)
        if not text or unsupported(text, self.evidence):
            return True
        return not self.grounds.stands(text, self.policy.share_min, self.policy.near_min)

    def _generated(
        self, due: str, times: tuple[int, ...], reason: AnswerFinishReason, *, late: bool
    ) -> TokensGenerated:
        text = self.writer.text
        degraded = ("deadline",) if late else ()
        answer = self._finish(text, reason, self.grounds.cite(text), degraded)
        return self.writer.batch(due, times if due else (), answer=answer)

    def _extractive(self, degraded: str) -> TokensGenerated:
        """Put the nearest sentence of the passages in place of a generated answer.

        Raises Permanent where the answer must follow a schema.
        """
        if self.strict:
            raise Permanent(NO_JSON.format(WHY.get(degraded, "no model answered")))
        text, citations = self.grounds.extract()
        reason: AnswerFinishReason = "extractive"
        if not text:
            text, reason = self.policy.said("not_found", self.event.language), "not_found"
        answer = self._finish(text, reason, citations, (degraded,) if degraded else ())
        return self.writer.batch(text, restart=self.writer.restart(), answer=answer)

    def _finish(
        self,
        text: str,
        reason: AnswerFinishReason,
        citations: tuple[Citation, ...],
        degraded: tuple[str, ...],
    ) -> Answer:
        digest = hashlib.sha256(self.prompt.encode()).hexdigest() if self.asked else ""
        return answer_of(
            self.event,
            text,
            reason,
            citations=citations,
            usage=self.usage,
            model=self.model,
            prompt=digest,
            support=support(text, self.evidence) if reason != "not_found" else 0.0,
            degraded=tuple(dict.fromkeys((*self.event.degraded, *degraded))),
            route=self.router.decision,
        )


def hold_to_schema(event: ChunksRetrieved, fx: Effects, reason: AnswerFinishReason) -> None:
    """Raise Permanent for a text of ours in place of the JSON that was asked for."""
    if event.ask.response_schema and reason != "search" and fx.has(FOLLOWED_SCHEMAS):
        why = {"refused": "the question was refused"}.get(reason, "the documents hold no answer")
        raise Permanent(NO_JSON.format(why))


def answer_of(
    event: ChunksRetrieved, text: str, finish_reason: AnswerFinishReason, **fields: Any
) -> Answer:
    """Make the answer to an event; `fields` are those that a model or the passages give."""
    values = {"usage": Usage(), "degraded": event.degraded, **fields}
    return Answer(
        text=text,
        finish_reason=finish_reason,
        question=event.question,
        query=event.query,
        **values,
    )
