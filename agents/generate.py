"""Generate: answer a question from the passages, token by token, or say that they don't hold it.

Whether there is an answer at all was decided before, by relevance: a small model rarely says that
it doesn't know. What it says is checked as it arrives. A number or a name that neither passages nor
question hold ends the generation, and the sentence of the passages that is nearest to the question
takes its place. The same sentence answers when no model does for a while, when one breaks off, or
when too little time is left.

Why it is so: a reader waits for the first token above all, so tokens leave as they come and an
answer that goes wrong is begun anew (`restart`), since part of it may be on the screen by then.
"""

import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from agents.effects import Effects
from agents.errors import Permanent, Transient
from agents.grounding import Grounds, complete, evidence, settled, support, unsupported
from agents.patience import patient
from agents.prompting import Sources, filled, filtered, fitted, unify
from schemas import (
    Answer,
    Batch,
    ChunksRetrieved,
    Citation,
    Generate,
    Generated,
    MapEntry,
    Now,
    Passage,
    TokensGenerated,
    Usage,
)

MS = 1_000  # microseconds


@dataclass(frozen=True)
class Policy:
    """Configuration of the step: agents/configuration/generate.json."""

    prompt: str
    """Template; see `agents.prompting.filled`."""
    models: list[str]
    """Models to ask, in this order, until one answers."""
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


class Writer:
    """Numbers the batches of one answer and keeps its text."""

    def __init__(self, event: ChunksRetrieved, entries: tuple[MapEntry, ...]) -> None:
        self._event = event
        self._entries = entries
        self._written = 0
        self._number = 0
        self.text = ""

    def add(self, text: str) -> None:
        """Take new text; blanks don't begin an answer."""
        self.text = (self.text + text).lstrip()

    def due(self, *, final: bool = False) -> str:
        """Return the text to write now.

        A number or a name waits until it is complete, since it may turn out to be unsupported, and
        blanks wait for what follows them, since they don't end an answer.
        """
        text = self.text.rstrip()
        if final:
            self.text = text
        elif text == self.text:
            text = settled(text).rstrip()
        new = text[self._written :]
        self._written = max(self._written, len(text))
        return new

    def restart(self) -> bool:
        """Begin the answer anew; return whether a record of it was written."""
        self.text, self._written = "", 0
        return self._number > 0

    def batch(
        self,
        text: str,
        times: tuple[int, ...] = (),
        *,
        restart: bool = False,
        answer: Answer | None = None,
    ) -> TokensGenerated:
        """Make the next record; the one with the answer is the last."""
        number, self._number = self._number, self._number + 1
        return TokensGenerated(
            batch=Batch(number=number, last=answer is not None),
            restart=restart,
            text=text,
            times=times,
            entries=self._entries if number == 0 else (),
            answer=answer,
            ask=self._event.ask,
            subject=self._event.subject,
        )


async def generate(event: ChunksRetrieved, fx: Effects) -> AsyncIterator[TokensGenerated]:
    """Answer one question. A model that stays away is no error here: a sentence is quoted instead.

    Raises Transient for a moment before that, and Permanent where the configuration can't be used.
    """
    policy = policy_of(fx.configuration)
    fixed = _fixed(event, policy)
    if fixed is not None:
        text, reason = fixed
        answer = _answer(event, text, reason)
        yield Writer(event, event.entries).batch(text, answer=answer)
        return
    answering = Answering(event, policy)
    async with aclosing(answering.run(fx)) as records:
        async for record in records:
            yield record


def policy_of(configuration: Mapping[str, Any]) -> Policy:
    """Read the configuration; raises Permanent that says what it lacks."""
    try:
        return Policy(**configuration)
    except TypeError as error:
        raise Permanent(f"configuration of generate: {error}; see generate.json") from None


def _fixed(event: ChunksRetrieved, policy: Policy) -> tuple[str, str] | None:
    """Return text and finish reason where no passage has to be read, None where some must be."""
    if event.outcome == "refused":
        return event.reason or policy.refused, "refused"
    if event.ask.mode == "search":
        return "", "search"
    if event.outcome == "empty" or not event.passages:
        return policy.not_found, "not_found"
    return None


def _answer(event: ChunksRetrieved, text: str, finish_reason: str, **fields: Any) -> Answer:
    values = {"usage": Usage(), "degraded": event.degraded, **fields}
    return Answer(
        text=text,
        finish_reason=finish_reason,
        question=event.question,
        query=event.query,
        **values,
    )


class Answering:
    """One answer out of passages."""

    def __init__(self, event: ChunksRetrieved, policy: Policy) -> None:
        self.event = event
        self.policy = policy
        self.sources: Sources = unify(event)
        self.passages: tuple[Passage, ...] = filtered(self.sources.passages)
        self.question = event.query or event.question
        self.writer = Writer(event, self.sources.entries)
        self.grounds = Grounds(self.question, self.passages)
        chosen = fitted(self.grounds, policy.passage_tokens)
        self.prompt = filled(policy.prompt, self.question, chosen)
        texts = [f"{passage.title} {passage.text}" for passage in self.passages]
        self.evidence = evidence([*texts, event.question, event.query])
        self.asked = False
        self.model = ""
        self.usage = Usage()
        self.tokens = 0

    async def run(self, fx: Effects) -> AsyncGenerator[TokensGenerated, None]:
        """Ask the models until one answers, and check what it says."""
        if self._late(fx.began_us):
            yield self._extractive("generate")
            return
        schema = self.event.ask.response_schema
        away: Transient | None = None
        for model in self.policy.models:
            request = Generate(
                prompt=self.prompt,
                max_tokens=self.event.ask.max_tokens,
                temperature=self.policy.temperature,
                stop=() if schema else tuple(self.policy.stop),
                json_schema=schema,
                model=model,
            )
            self.asked = True
            started = (await fx(Now())).at
            end: Generated | None = None
            wrong = late = False
            times: list[int] = []
            try:
                async with aclosing(fx.stream(request)) as parts:  # type: ignore[type-var]
                    async for part in parts:
                        self.writer.add("".join(token.text for token in part.tokens))
                        times += [started + token.at_us for token in part.tokens]
                        self.model = part.model or self.model
                        self.tokens += len(part.tokens)
                        late = bool(times) and self._late(times[-1], margin_ms=0)
                        wrong = not schema and self._wrong(complete(self.writer.text))
                        if part.last:
                            end = part
                        if wrong or end or late:
                            break
                        if text := self.writer.due():
                            yield self.writer.batch(text, tuple(times))
                            times = []
            except (Transient, Permanent) as error:
                if not self.writer.restart():
                    away = error if isinstance(error, Transient) else away
                    continue
                yield self._extractive("model")
                return
            self.usage = (end and end.usage) or Usage(completion_tokens=self.tokens)
            text = self.writer.due(final=True)
            wrong = wrong or self._fails()
            if wrong:
                yield self._extractive("schema" if schema else "")
            else:
                reason = (end and end.finish_reason) or ("length" if late else "stop")
                yield self._generated(text, tuple(times), reason, late=late)
            return
        if away and self.policy.patience_ms and await patient(self.event, fx, fx.configuration):
            raise away
        yield self._extractive("model")

    def _late(self, now_us: int, margin_ms: int | None = None) -> bool:
        deadline = self.event.ask.deadline
        margin = self.policy.late_ms if margin_ms is None else margin_ms
        return deadline > 0 and now_us + margin * MS > deadline

    def _wrong(self, text: str) -> bool:
        return bool(unsupported(text, self.evidence))

    def _fails(self) -> bool:
        """Tell whether the whole generated text can't stand as the answer."""
        text = self.writer.text
        if self.event.ask.response_schema:
            return not is_json(text)
        if not text or self._wrong(text):
            return True
        return not self.grounds.stands(text, self.policy.share_min, self.policy.near_min)

    def _generated(
        self, due: str, times: tuple[int, ...], reason: str, *, late: bool
    ) -> TokensGenerated:
        text = self.writer.text
        degraded = ("deadline",) if late else ()
        answer = self._finish(text, reason, self.grounds.cite(text), degraded)
        return self.writer.batch(due, times if due else (), answer=answer)

    def _extractive(self, degraded: str) -> TokensGenerated:
        """Put the nearest sentence of the passages in place of a generated answer."""
        text, citations = self.grounds.extract()
        reason = "extractive"
        if not text:
            text, reason = self.policy.not_found, "not_found"
        answer = self._finish(text, reason, citations, (degraded,) if degraded else ())
        return self.writer.batch(text, restart=self.writer.restart(), answer=answer)

    def _finish(
        self,
        text: str,
        reason: str,
        citations: tuple[Citation, ...],
        degraded: tuple[str, ...],
    ) -> Answer:
        digest = hashlib.sha256(self.prompt.encode()).hexdigest() if self.asked else ""
        return _answer(
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


def is_json(text: str) -> bool:
    """Tell whether a text is a JSON document."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
