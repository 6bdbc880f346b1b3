"""Embeddings for whoever asks: passed on to the embedder, measured and bounded.

Nothing is derived from them here and nothing of them is kept, so there is nothing that a replay
could check (docs/decisions/0076-openais-interface-whole.md). How much it was is told on the log,
since all gateways hold tenants and keys to one limit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from opentelemetry import metrics

from agents.errors import Permanent, Transient
from connectors.text_vectors import NO_VECTORS, EmbedsTexts, TextVectors
from edge.callers.caller import Caller
from edge.gateway.tellings import Tellings
from edge.load.quotas import Quotas
from edge.load.shares import Shares
from edge.load.slots import Slots
from edge.problems import Problem, overloaded
from edge.requests.policy_followed import NotProcessedHere, PolicyFollowed
from streams.running.world import Call

_meter = metrics.get_meter("playhead")
_tokens = _meter.create_counter(
    "playhead.gateway.embedded", "{token}", "Tokens embedded for clients of the gateway"
)


class EmbeddingDesk:
    """Takes texts in, and gives their vectors; lives on one event loop."""

    def __init__(
        self,
        embedder: EmbedsTexts | None,
        shares: Shares,
        policy: PolicyFollowed,
        region: str,
        quotas: Quotas,
        tellings: Tellings,
    ) -> None:
        self._embedder = embedder
        self._held = Slots("requests for embeddings under way", shares)
        self._policy = policy
        self._region = region
        self._quotas = quotas
        self._tellings = tellings

    @property
    def model(self) -> str:
        """The embedder's name; empty where there is none."""
        return self._embedder.embedder if self._embedder else ""

    async def close(self) -> None:
        """Let go of the embedder."""
        if self._embedder is not None:
            await self._embedder.close()

    async def embed(
        self,
        caller: Caller,
        texts: Sequence[str],
        kind: str,
        request_id: str,
        is_gone: Callable[[], Awaitable[bool]],
        trace: str = "",
    ) -> TextVectors:
        """Embed texts, few at a time, until all are or the client is gone; raises Problem.

        `kind` is query or passage. One text that is too long for the model refuses all. What the
        embedder read counts, however it ends.
        """
        if self._embedder is None:
            raise Problem(503, "no-embedder", "this gateway has no embedder: ask another one")
        try:
            self._policy.hold_place(caller.tenant, self._region)
        except NotProcessedHere as error:
            raise Problem(403, "residency", str(error)) from None
        call = _call(caller, request_id)
        identity = self._tellings.of_embedding(caller)
        done = NO_VECTORS
        with (
            self._held.hold(caller.tenant, caller.key),
            self._quotas.embedding(identity, caller.key) as spend,
        ):
            try:
                while len(done.vectors) < len(texts) and not await is_gone():
                    rest = tuple(texts[len(done.vectors) :])
                    some = await self._some(self._embedder, rest, kind, call)
                    done = done.and_then(some)
                    spend(sum(some.tokens))
                    _refuse_long(done)
            finally:
                if done.tokens:
                    _tokens.add(sum(done.tokens))
                    await self._tellings.embedded(
                        identity, caller.key, len(done.tokens), sum(done.tokens), trace
                    )
        return done

    async def _some(
        self, embedder: EmbedsTexts, texts: tuple[str, ...], kind: str, call: Call
    ) -> TextVectors:
        try:
            return await embedder.some(texts, kind, call)
        except Transient:
            raise overloaded("the embedder is away or busy: try again shortly") from None
        except Permanent:
            raise Problem(
                502,
                "embedder-refused",
                f"the embedder {embedder.embedder} refused the texts: see the server's log",
            ) from None


def _refuse_long(done: TextVectors) -> None:
    for at, is_cut in enumerate(done.cut):
        if is_cut:
            problem = Problem(
                400,
                "too-long",
                f"input[{at}] is longer than the {done.tokens[at]} tokens that {done.model} "
                "reads: cut it into parts",
            )
            problem.param = "input"
            raise problem


def _call(caller: Caller, request_id: str) -> Call:
    return Call(
        tenant=caller.tenant,
        lane=-1,
        request=request_id,
        session="",
        event=request_id,
        topic="",
        offset=-1,
        subject=caller.subject,
    )
