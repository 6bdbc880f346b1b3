"""Composer: one answer out of passages, quoted, or by a model whose sentences are checked.

A quotation is composed before any model is asked. What a model says is cut into sentences as it
comes, and each is checked before it is released: one that rests on no statement of the passages is
never shown, and where none is left the quotation takes their place. So nothing that was shown is
taken back; only JSON, which is whole or nothing, may be begun anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from msgspec.structs import replace

from agents.answering.abstaining import (
    beside_the_point,
    contradicted,
    lacking,
    nothing_found,
    standing_nowhere,
    unanswerable,
    uncounted,
)
from agents.answering.checking import SentenceCheck
from agents.answering.composition import Composed, Composition
from agents.answering.distilling import (
    Distilling,
    asking,
    candidates,
    distilling_of,
    kept,
    schema_of,
    tokens_of,
)
from agents.answering.generation_policy import GenerationPolicy, answer_of
from agents.answering.nearness import Nearness
from agents.answering.respelling import respelt
from agents.answering.speaking import JsonSpeech, ModelReply, Prose, Speech
from agents.changes import FOLLOWED_SCHEMAS
from agents.effects import Effects
from agents.errors import Permanent, Transient
from agents.evidence import evidence, support
from agents.neutralising import without_orders
from agents.patience import patient
from agents.prompt_canary import with_canary
from agents.prompting import Sources, distilled, filled, filtered, nearest_first, unify
from agents.routing import Route, Router, routes_of
from agents.structured import breach, mended
from agents.tools.tool_turns import Gathered, summed
from agents.writer import AnswerWriter
from schemas import (
    Answer,
    AnswerFinishReason,
    ChunksRetrieved,
    Citation,
    Now,
    Passage,
    TokensGenerated,
    Usage,
)

MS = 1_000  # microseconds
GROUNDED = ("stop", "length")
"""How an answer ended that could stand; any other is not what its model said."""
OWN_WORDS = ("not_found", "tools_ended")
"""How an answer ended that is a sentence of ours."""
NO_JSON = "no answer in JSON of the schema that was asked for: {}"
WHY = {
    "schema": "the model's answer does not follow it, nor did it after a second try",
    "generate": "too little time was left to ask a model",
    "tools": "a limit on tools was reached",
}


class Composer:
    """Composes one answer out of passages."""

    def __init__(
        self,
        event: ChunksRetrieved,
        policy: GenerationPolicy,
        gathered: Gathered | None = None,
        *,
        closer: bool = True,
        nearer: bool = True,
        whole_numbers: bool = True,
    ) -> None:
        """Take the question with its passages; `gathered` tells where some of them come from.

        `closer`, `nearer` and `whole_numbers` are CLOSER_ANSWERS, NEARER_ANSWERS and WHOLE_NUMBERS
        of `agents.changes`.
        """
        self.closer, self.nearer, self.whole_numbers = closer, nearer, whole_numbers
        self.event = event
        self.gathered = gathered or Gathered()
        self.policy = policy
        self.sources: Sources = unify(event)
        harmless, self.neutralised = without_orders(self.sources.passages)
        self.question = event.query or event.question
        self.passages: tuple[Passage, ...] = filtered(
            harmless, policy.same_min, policy.passages_max
        )
        if policy.order == "nearest":
            self.passages = nearest_first(
                self.question, self.passages, closer=closer, nearer=nearer
            )
        self.writer = AnswerWriter(event, self.sources.entries)
        self.meant = respelt(self.question, self.passages) if closer else self.question
        """The question, as the passages write its words."""
        self.near = Nearness(self.meant, self.passages, closer=closer, nearer=nearer)
        self.composition = Composition(self.near, policy.differing)
        self.chosen = distilled(self.near, policy.passage_tokens, policy.adaptive)
        """What the prompt holds of the passages."""
        template = with_canary(policy.prompt, event.meta.request)
        self._template = template
        self.distilling = distilling_of(policy.distilling)
        self.distilled = ""
        """Route whose model chose them."""
        self.prompt = filled(template, self.question, self.chosen)
        texts = [text for passage in self.passages for text in (passage.title, passage.text)]
        self.evidence = evidence([*texts, event.question, event.query])
        routes = routes_of(policy.routes)
        self.router = Router(event, routes, policy.models)
        self.prose = routes is None or any(route.trust != "none" for route in routes.routes)
        """Whether a model may be asked for prose."""
        self.asked = bool(self.gathered.model)
        self.model = self.gathered.model
        self.usage = Usage()
        self._of_distilling = Usage()

    @property
    def given_tokens(self) -> int:
        """Count the tokens of the passages that were retrieved."""
        return sum(passage.tokens for passage in self.event.passages)

    @property
    def chosen_tokens(self) -> int:
        """Count the tokens of what the prompt holds of them."""
        return sum(one.tokens for one in self.chosen)

    @property
    def spared(self) -> int:
        """Count the tokens that the prompt does without."""
        return max(0, self.given_tokens - self.chosen_tokens)

    @property
    def structured(self) -> bool:
        """Whether JSON of a schema was asked for, which no quotation is."""
        return bool(self.event.ask.response_schema)

    async def run(self, fx: Effects) -> AsyncGenerator[TokensGenerated, None]:
        """Quote, or ask the models until one answers, and check what it says."""
        if not self.structured and self._unanswerable():
            yield self._nothing()
            return
        composed = self.composition.composed()
        if self.gathered.reply is not None and self.gathered.route and not self.structured:
            yield self._spoken(composed, self.gathered.reply, self.gathered.route)
            return
        asks = self.structured or (self.prose and not composed.differing)
        began_us = (await fx(Now())).at if self.gathered.uses else fx.began_us
        routes = await self._to_ask(fx, began_us) if asks else None
        if routes is None:
            yield self._quoted(composed, "generate" if asks else "")
            return
        away: Transient | None = None
        for route in routes:
            self.asked = True
            speech = self._speech(route)
            try:
                reply = await self._asked(route, fx)
                async with aclosing(self._stream(route, reply, speech, fx)) as records:
                    async for record in records:
                        yield record
                if self.structured and not reply.cancelled and self._breach(reply):
                    reply = await self._mend(route, reply, fx)
            except (Transient, Permanent) as error:
                self.router.failed(route, error)
                if not speech.shown:
                    away = error if isinstance(error, Transient) else away
                    continue
                reply.broken = True
            else:
                self.router.answered(route)
            last = self._closed(composed, reply, speech)
            if not (reply.broken or reply.cancelled) and last.answer is not None:
                await self.router.rate(fx, grounded=last.answer.finish_reason in GROUNDED)
            yield last
            return
        if away and self.policy.patience_ms and await patient(self.event, fx, fx.configuration):
            raise away
        yield self._quoted(composed, "policy" if self.router.barred else "model")

    async def _to_ask(self, fx: Effects, began_us: int) -> list[Route] | None:
        """Return the routes to ask, best first, once the prompt is as it is to be.

        None where too little time is left.
        """
        if self._late(began_us):
            return None
        routes = [
            route
            for route in await self.router.order(fx, self._widest)
            if self.structured or route.trust != "none"
        ]
        if routes and self.distilling and await self._distil(self.distilling, began_us, fx):
            return None if self._late((await fx(Now())).at) else routes
        return routes

    @property
    def _widest(self) -> str:
        """The prompt that holds whatever may be in it: by it is judged who may be asked."""
        if self.distilling is None:
            return self.prompt
        offered = candidates(self.near, self.distilling.candidates_max)
        return filled(self._template, self.question, [*self.chosen, *offered])

    async def _distil(self, how: Distilling, began_us: int, fx: Effects) -> bool:
        """Have a small model choose the statements of the prompt; say whether it was asked.

        Where it does not choose any, they stay those that were selected.
        """
        route = self.router.allowed(how.route)
        offered = candidates(self.near, how.candidates_max)
        if route is None or len(offered) < 2 or self._late(began_us, how.reserve_ms):
            return False
        request = self.router.request(
            route,
            asking(self.question, offered),
            max_tokens=tokens_of(len(offered)),
            json_schema=schema_of(len(offered)),
        )
        reply = ModelReply(began_us)
        try:
            async with aclosing(fx.stream(request)) as parts:  # type: ignore[type-var]
                async for part in parts:
                    reply.hear(part)
                    if reply.over:
                        break
        except (Transient, Permanent):
            return True
        finally:
            self._of_distilling = reply.usage
        adaptive = self.policy.adaptive or {}
        budget = adaptive.get("tokens_max", self.policy.passage_tokens)
        if chosen := kept(reply.text, offered, budget):
            self.chosen = tuple(sorted(chosen, key=self.near.statements.index))
            self.distilled = route.key
            self.prompt = filled(self._template, self.question, self.chosen)
        return True

    def _unanswerable(self) -> bool:
        """Tell whether the passages hold no answer, as far as their words show it.

        What a tool gave is an answer to what it was asked, whatever its words.
        """
        if self.gathered.passages:
            return False
        return self.is_told_unanswerable() or unanswerable(
            self.meant, self.passages, self.policy.answerable, nearer=self.nearer
        )

    def is_told_unanswerable(self) -> bool:
        """Tell whether a rule says so; `agents.checking.answerability` weighs what none does."""
        asked, whole = self.event.question, self.whole_numbers
        if self.closer:
            asked = respelt(asked, self.passages)
            unheld = standing_nowhere(asked, self.passages, whole_numbers=whole)
        else:
            unheld = lacking(asked, self.passages, whole_numbers=whole)
        said = self.composition.said()
        return (
            bool(set(unheld) - {*self.event.renamed})
            or uncounted(self.meant, said)
            or (self.closer and self._contradicted(said))
        )

    def _contradicted(self, said: Sequence[str]) -> bool:
        texts = [*said, *self.composition.titles()]
        return beside_the_point(self.meant, texts) or contradicted(
            self.meant, texts, self.composition.beside()
        )

    def _spoken(self, composed: Composed, reply: ModelReply, route: Route) -> TokensGenerated:
        """Close the answer with what a model said beside its tools, as far as that stands."""
        if route.trust == "none":
            return self._quoted(composed, "")
        return self._closed(composed, reply, self._speech(route))

    def _speech(self, route: Route) -> Speech:
        if self.structured:
            return JsonSpeech()
        check = SentenceCheck(self.question, self.near)
        return Prose(check, self.policy, whole=route.trust == "quote")

    async def _asked(self, _route: Route, fx: Effects) -> ModelReply:
        return ModelReply((await fx(Now())).at)

    def _breach(self, reply: ModelReply) -> str:
        """Say in what a reply breaks the schema that was asked for."""
        return breach(reply.text.rstrip(), self.event.ask.response_schema)

    async def _mend(self, route: Route, reply: ModelReply, fx: Effects) -> ModelReply:
        """Have a model write again what is no JSON of the schema."""
        prompt = mended(self.prompt, reply.text, self._breach(reply))
        again = await self._asked(route, fx)
        async with aclosing(self._stream(route, again, JsonSpeech(), fx, prompt)) as records:
            async for _ in records:
                pass  # none comes before the answer is whole
        return again

    async def _stream(
        self, route: Route, reply: ModelReply, speech: Speech, fx: Effects, prompt: str = ""
    ) -> AsyncGenerator[TokensGenerated, None]:
        """Ask one model, and write what it says as far as it may be shown, until it is over."""
        schema = self.event.ask.response_schema
        request = self.router.request(
            route,
            prompt or self.prompt,
            max_tokens=self.event.ask.max_tokens,
            temperature=self.policy.temperature,
            stop=() if schema else tuple(self.policy.stop),
            json_schema=schema,
            hedge=self.router.hedge(route),
        )
        async with aclosing(fx.stream(request)) as parts:  # type: ignore[type-var]  # has aclose
            async for part in parts:
                reply.hear(part)
                if part.hedged is not None:
                    self.router.hedged(part.hedged)
                self.model = part.model or self.model
                reply.late = bool(reply.times) and self._late(reply.times[-1], margin_ms=0)
                if reply.over:
                    break
                if text := speech.due(reply.text):
                    yield self.writer.batch(text, reply.taken_times())

    def _closed(self, composed: Composed, reply: ModelReply, speech: Speech) -> TokensGenerated:
        """Close the answer with what a model said, or with a quotation where that can't stand."""
        if reply is not self.gathered.reply:  # whose usage is among what was gathered
            self.usage = reply.usage
        if reply.cancelled:
            return self._stopped(speech)
        cut = reply.late or reply.broken
        due = speech.closing(reply.text, cut=cut or reply.finish_reason == "length")
        stands = not self._breach(reply) if self.structured else speech.stands
        degraded = "deadline" if reply.late else "model" if reply.broken else ""
        if not stands:
            return self._quoted(composed, speech.degraded or degraded)
        citations = self.composition.citations(speech.rests_on)
        reason: AnswerFinishReason = "length" if cut else reply.finish_reason
        answer = self._finish(speech.said, reason, citations, degraded)
        return self.writer.batch(due, reply.taken_times() if due else (), answer=answer)

    def _stopped(self, speech: Speech) -> TokensGenerated:
        """Close the answer where nobody wants more: it is what was written of it until then."""
        text = speech.said if speech.shown else ""
        citations = self.composition.citations(speech.rests_on) if text else ()
        return self.writer.batch("", answer=self._finish(text, "cancelled", citations, ""))

    def _late(self, now_us: int, margin_ms: int | None = None) -> bool:
        deadline = self.event.ask.deadline
        margin = self.policy.late_ms if margin_ms is None else margin_ms
        return deadline > 0 and now_us + margin * MS > deadline

    def _quoted(self, composed: Composed, degraded: str) -> TokensGenerated:
        """Answer with statements of the passages; raises Permanent where JSON was asked for."""
        if self.structured:
            why = self.router.barred or WHY.get(degraded, "no model answered")
            raise Permanent(NO_JSON.format(why))
        if not composed.text:
            return self._nothing(degraded)
        answer = self._finish(composed.text, "extractive", composed.citations, degraded)
        return self.writer.batch(composed.text, answer=answer)

    def without_answer(self) -> TokensGenerated:
        """Close with what the asker is to call, or with the limit that ended the tools.

        With nothing where the asker wanted no answer any more. Raises Permanent where JSON was
        asked for, and a limit was met.
        """
        if self.gathered.calls:
            answer = self._finish("", "tool_calls", (), "")
            return self.writer.batch("", answer=replace(answer, tool_calls=self.gathered.calls))
        if self.gathered.cancelled:
            return self.writer.batch("", answer=self._finish("", "cancelled", (), ""))
        if self.structured:
            raise Permanent(NO_JSON.format(WHY["tools"]))
        answer = self._finish(self.gathered.ended, "tools_ended", (), "tools")
        return self.writer.batch(answer.text, answer=answer)

    def _nothing(self, degraded: str = "") -> TokensGenerated:
        """Say what was looked for and not found."""
        text = nothing_found(self.event.question, self.policy, self.event.language)
        answer = self._finish(text, "not_found", (), degraded)
        return self.writer.batch(text, answer=answer)

    def _finish(
        self, text: str, reason: AnswerFinishReason, citations: Sequence[Citation], degraded: str
    ) -> Answer:
        digest = hashlib.sha256(self.prompt.encode()).hexdigest() if self.asked else ""
        added = (degraded,) if degraded else ()
        return answer_of(
            self.event,
            text,
            reason,
            citations=tuple(citations),
            usage=summed(summed(self.usage, self._of_distilling), self.gathered.usage),
            model=self.model,
            prompt=digest,
            support=support(text, self.evidence) if text and reason not in OWN_WORDS else 0.0,
            degraded=tuple(dict.fromkeys((*self.event.degraded, *added))),
            neutralised=self.neutralised,
            route=self.router.decision,
            arm=self.policy.arm,
            experiment=self.policy.experiment,
            spared=self.spared if self.asked else 0,
            tools=self.gathered.uses,
            distilled=self.distilled,
            policies=(*self.gathered.policies, *self.router.policies),
        )


def hold_to_schema(event: ChunksRetrieved, fx: Effects, reason: AnswerFinishReason) -> None:
    """Raise Permanent for a text of ours in place of the JSON that was asked for."""
    if event.ask.response_schema and reason != "search" and fx.has(FOLLOWED_SCHEMAS):
        why = {"refused": "the question was refused"}.get(reason, "the documents hold no answer")
        raise Permanent(NO_JSON.format(why))
