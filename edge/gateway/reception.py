"""Taking requests in: from what a caller voices to a request on the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from msgspec import structs

from edge.answering.bounds import Bounds
from edge.callers.caller import Caller
from edge.gateway.idempotency import Idempotency, KeyReused
from edge.gateway.records_out import RecordsOut, as_problems
from edge.gateway.voiced_requests import KeyTurn, NewJudgement, NewQuestion
from edge.listening.entries import Entry
from edge.listening.known_requests import KnownRequest, RequestEvent, known_from
from edge.load.admission import Admission
from edge.load.quotas import Quotas
from edge.problems import Problem
from edge.requests.building import RequestBuilder, Seals
from edge.requests.configured_limits import ConfiguredLimits
from edge.requests.identity import Identity
from edge.requests.new_document import NewDocument
from edge.requests.publishing import WORD_TIMEOUT_S
from schemas import (
    CancellationRequestedWhy,
    Event,
    QuestionAsked,
)
from streams.log.clock import now_us
from streams.log.writing import Position
from streams.operations.reviews.review_queue import SampledAnswer
from streams.settings import Settings

Built = TypeVar("Built", bound=Event)


class Reception:
    """Takes requests in; lives on one event loop."""

    def __init__(
        self,
        settings: Settings,
        bounds: Bounds,
        keyring: Seals,
        idempotency: Idempotency,
        admission: Admission,
        out: RecordsOut,
        learn: Callable[[Entry], None],
        configured: ConfiguredLimits,
        quotas: Quotas,
        check_all_known: Callable[[], None],
    ) -> None:
        """`learn` is told what was put on the log; `check_all_known` raises until all of it is."""
        self.build = RequestBuilder(settings, keyring, edge="gateway", configured=configured)
        self._settings = settings
        self._bounds = bounds
        self._keyring = keyring
        self._idempotency = idempotency
        self._admission = admission
        self._quotas = quotas
        self._out = out
        self._learn = learn
        self._check_all_known = check_all_known
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def identify(self, caller: Caller, question: NewQuestion) -> Identity:
        """Work out which request a question is; raises Problem."""
        with as_problems():
            return self.build.identities.of_question(
                caller.tenant, caller.subject, question.session, question.fingerprint
            )

    async def ask(self, caller: Caller, identity: Identity, question: NewQuestion) -> KnownRequest:
        """Put a question on the log; raises Problem.

        Whoever wants its outcomes subscribes before: the first may come at once.
        """
        budget_ms = question.budget_ms
        if budget_ms is None:
            budget_ms = self._settings.deadline_ms
        budget_s = budget_ms / 1_000
        deadline = now_us() + budget_ms * 1_000
        ask = structs.replace(question.ask, deadline=deadline, groups=caller.groups)
        with (
            self._quotas.question(identity, caller.key),
            self._admission.question(
                identity.request,
                identity.tenant,
                identity.lane,
                budget_s,
                grace_s=self._bounds.grace_s,
                search=ask.mode == "search",
                key=caller.key,
            ) as hand_over,
        ):
            event, word = await self._out.put(
                partial(
                    self.build.ask,
                    identity,
                    question.text,
                    ask,
                    question.trace,
                    question.exchanges,
                    question.particulars,
                    caller.key,
                ),
                hand_over,
            )
            return await self._published(event, word, budget_s + self._bounds.grace_s)

    async def check_repeats(
        self, identity: Identity, question: NewQuestion, on_log: QuestionAsked
    ) -> None:
        """Raise Problem unless a question says what the one of its key says that is on the log.

        Sealing is deterministic, so equal words have equal ciphertexts. Particulars and session
        may differ: they follow from a history as this gateway knows it.
        """
        with as_problems():
            again = await asyncio.to_thread(
                self.build.ask,
                identity,
                question.text,
                question.ask,
                exchanges=question.exchanges,
            )
        if _said(again) != _said(on_log):
            raise KeyReused

    def identify_document(self, caller: Caller, uri: str, fingerprint: str = "") -> Identity:
        """Work out which request the submission of a document is; raises Problem."""
        with as_problems():
            return self.build.identities.of_document(caller.tenant, uri, fingerprint)

    def check_document(self, caller: Caller, document: NewDocument, size: int) -> None:
        """Check that a document of so many bytes could be submitted; raises Problem.

        Nothing of it needs to have come; what only a reader of its bytes sees is not checked.
        """
        with as_problems():
            self.build.check_document(caller.tenant, document)
        if size > self.build.document_bytes_max:
            raise Problem(
                413,
                "too-large",
                f"the document has {size} bytes, the limit is {self.build.document_bytes_max}: "
                "split it",
            )

    async def submit(
        self, caller: Caller, identity: Identity, document: NewDocument, trace: str = ""
    ) -> KnownRequest:
        """Put a document on the log; raises Problem, too while not all is known.

        What is stored, and how the document fares, depends on what lies before.
        """
        self._check_all_known()
        with self._quotas.document(identity, caller.key, len(document.content)):
            self._admission.document(identity.tenant, identity.lane)
            build = partial(self.build.submit, identity, document, trace, caller.key)
            event, word = await self._out.put(build)
            return await self._published(event, word)

    def identify_withdrawal(self, caller: Caller, document: str, fingerprint: str = "") -> Identity:
        """Work out which request the withdrawal of a document is; raises Problem."""
        with as_problems():
            return self.build.identities.of_known_document(caller.tenant, document, fingerprint)

    async def withdraw(
        self, caller: Caller, document: str, trace: str = "", fingerprint: str = ""
    ) -> KnownRequest:
        """Put the withdrawal of a document on the log; raises Problem."""
        self._admission.withdrawal()
        identity = self.identify_withdrawal(caller, document, fingerprint)
        event, word = await self._out.put(partial(self.build.withdraw, identity, trace=trace))
        return await self._published(event, word)

    async def judge(
        self,
        caller: Caller,
        question: KnownRequest,
        judgement: tuple[int, str],
        turn: KeyTurn,
        trace: str = "",
    ) -> str:
        """Put a reader's judgement (rating, comment) on the log, in the answer's lane.

        Returns the id of the request that it is; of a key whose judgement is on the log already,
        the same again. Raises Problem.
        """
        self._admission.withdrawal()
        fingerprint = turn.fingerprint and f"feedback|{turn.fingerprint}"
        with as_problems():
            identity = self.build.identities.of_question(
                caller.tenant, caller.subject, question.session, fingerprint
            )
            if turn.repeated:
                return identity.request
        build = partial(self.build.judge, identity, question.request, *judgement, trace)
        _, word = await self._out.put(build)
        await self._out.position(word)
        return identity.request

    async def review(
        self, caller: Caller, answer: SampledAnswer, judgement: NewJudgement, before: int
    ) -> str:
        """Put a reviewer's judgement on the log, in the answer's lane; returns its record's id.

        `before` is how many of this reviewer on this answer the log has: it is part of the id, so
        what two gateways take in at once is one judgement. Raises Problem.
        """
        self._admission.withdrawal()
        fingerprint = f"review|{caller.subject}|{answer.request}|{before}"
        with as_problems():
            identity = self.build.identities.of_question(
                caller.tenant, caller.subject, answer.session, fingerprint
            )
        build = partial(
            self.build.review,
            identity,
            answer,
            judgement.grade,
            citations_wrong=judgement.citations_wrong,
            note=judgement.note,
            trace=judgement.trace,
        )
        _, word = await self._out.put(build)
        await self._out.position(word)
        return identity.request

    async def cancel(
        self,
        question: KnownRequest,
        by: str,
        why: CancellationRequestedWhy = "asked",
        trace: str = "",
    ) -> None:
        """Put on the log that an answer is not wanted any more; raises Problem.

        `by` is the keyed digest of whoever wants it.
        """
        self._admission.withdrawal()
        _, word = await self._out.put(partial(self.build.cancel, question, by, why, trace))
        await self._out.position(word)

    @asynccontextmanager
    async def once(self, caller: Caller, key: str, body: bytes) -> AsyncIterator[KeyTurn]:
        """Take a request in within the block, once for each idempotency key.

        Requests with one key wait for each other; what goes wrong within the block means that the
        request is not on the log. Without a key, every request is a new one. Raises Problem.
        """
        if not key:
            yield KeyTurn("", repeated=False)
            return
        scope = f"{caller.tenant}|{caller.subject}"
        async with self._turns.setdefault((scope, key), asyncio.Lock()):
            repeated = await asyncio.to_thread(self._begin, caller.tenant, scope, key, body)
            try:
                yield KeyTurn(f"{caller.subject}|{key}", repeated)
            except KeyReused:
                await asyncio.to_thread(self._idempotency.forget, scope, key)
                raise
            if not repeated:
                await asyncio.to_thread(self._idempotency.confirm, scope, key)

    def _begin(self, tenant: str, scope: str, key: str, body: bytes) -> bool:
        return self._idempotency.begin(scope, key, self._keyring.digest(tenant, body))

    async def _published(
        self, event: RequestEvent, word: Future[Position], limit_s: float = WORD_TIMEOUT_S
    ) -> KnownRequest:
        position = await self._out.position(word, limit_s)
        self._learn(Entry(event, position.partition, position.offset, position.time_ms))
        return known_from(event, position.time_ms, position.offset)


def _said(asked: QuestionAsked) -> tuple[Any, ...]:
    """Return what a client says in a question; its time and the key's groups are none of it."""
    ask = structs.replace(asked.ask, deadline=0, groups=())
    return asked.text, asked.exchanges, ask
