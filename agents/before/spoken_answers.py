"""Composer of 0.1.0: an answer by a model that is heard as it speaks, or one quoted sentence."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from agents.answering.generation_policy import GenerationPolicy, answer_of
from agents.before.fitting import filtered, fitted
from agents.before.grounding import Grounds
from agents.changes import BOUNDED_JSON
from agents.effects import Effects
from agents.errors import Permanent, Transient
from agents.evidence import Hearer, complete, evidence, support, unsupported
from agents.json_texts import is_json
from agents.patience import patient
from agents.prompting import Sources, filled, unify
from agents.writer import AnswerWriter
from schemas import (
    Answer,
    AnswerFinishReason,
    ChunksRetrieved,
    Citation,
    Generate,
    Generated,
    Now,
    Passage,
    TokensGenerated,
    Usage,
)

MS = 1_000  # microseconds


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


class SpokenAnswer:
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
        self.asked = False
        self.json_bounded = True
        self.model = ""
        self.usage = Usage()
        self.tokens = 0

    async def run(self, fx: Effects) -> AsyncGenerator[TokensGenerated, None]:
        """Ask the models until one answers, and check what it says."""
        self.json_bounded = fx.has(BOUNDED_JSON)
        if self._late(fx.began_us):
            yield self._extractive("generate")
            return
        away: Transient | None = None
        for model in self.policy.models:
            self.asked = True
            reply = Reply((await fx(Now())).at, Hearer(self.evidence))
            try:
                async with aclosing(self._stream(model, reply, fx)) as records:
                    async for record in records:
                        yield record
            except (Transient, Permanent) as error:
                if not self.writer.restart():
                    away = error if isinstance(error, Transient) else away
                    continue
                last = self._extractive("model")
            else:
                last = self._closed(reply)
            yield last
            return
        if away and self.policy.patience_ms and await patient(self.event, fx, fx.configuration):
            raise away
        yield self._extractive("model")

    async def _stream(
        self, model: str, reply: Reply, fx: Effects
    ) -> AsyncGenerator[TokensGenerated, None]:
        """Ask one model, and write what it says as far as it is sure, until the reply is over."""
        schema = self.event.ask.response_schema
        request = Generate(
            prompt=self.prompt,
            max_tokens=self.event.ask.max_tokens,
            temperature=self.policy.temperature,
            stop=() if schema else tuple(self.policy.stop),
            json_schema=schema,
            model=model,
        )
        async with aclosing(fx.stream(request)) as parts:  # type: ignore[type-var]  # has aclose
            async for part in parts:
                self._hear(part, reply)
                if reply.over:
                    break
                if text := self.writer.due():
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
        """Put the nearest sentence of the passages in place of a generated answer."""
        text, citations = self.grounds.extract()
        reason: AnswerFinishReason = "extractive"
        if not text:
            text, reason = self.policy.not_found, "not_found"
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
        )
