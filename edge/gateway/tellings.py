"""Tellings: what the gateway puts on the log of its own doings, for nobody's step.

Who saw whose values, who looked at what others asked, and what was embedded past the log.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.errors import Permanent, Transient
from edge.answering.restored_document import parts_of
from edge.auditing.log_look import LogLook
from edge.callers.caller import Caller
from edge.gateway.records_out import RecordsOut, as_problems
from edge.problems import Problem
from edge.requests.identity import Identities, Identity, stamp
from edge.requests.limits import SESSION_MAX
from schemas import DocumentRef, LogInspected, MapEntry, TextRestored, TextsEmbedded
from streams.watching.logs import logger

log = logger("gateway")


class Tellings:
    """Tells the log; lives on one event loop."""

    def __init__(self, identities: Identities, out: RecordsOut) -> None:
        self._identities = identities
        self._out = out

    async def restored(
        self,
        caller: Caller,
        document: DocumentRef,
        shown: Sequence[MapEntry],
        reason: str,
        trace: str = "",
        kinds: Sequence[str] = (),
    ) -> None:
        """Tell whose values somebody is about to see in a document; raises Problem.

        `kinds` are shown beside those of the values.
        """
        with as_problems():
            identity = self._identities.of_known_document(caller.tenant, document.document)
        for batch, digests in parts_of(shown):
            record = TextRestored(
                meta=stamp(
                    "gateway", identity, record=f"{identity.request}-{batch.number}", trace=trace
                ),
                document=document.document,
                version=document.version,
                subject=caller.subject,
                key=caller.key,
                kinds=tuple(sorted({*kinds, *(entry.kind for entry in shown)})),
                digests=digests,
                batch=batch,
                reason=reason,
            )
            _, word = await self._out.put(lambda record=record: record)  # type: ignore[misc]
            await self._out.position(word)

    async def inspected(self, caller: Caller, look: LogLook, trace: str = "") -> None:
        """Tell what an auditor is about to see of others'; raises Problem."""
        with as_problems():
            identity = self._identities.of_question(
                caller.tenant, caller.subject, f"audit-{caller.subject}"[:SESSION_MAX]
            )
        record = LogInspected(
            meta=stamp("gateway", identity, trace=trace),
            subject=caller.subject,
            key=caller.key,
            what=look.what,
            about=look.about,
            conditions=look.conditions,
            shown=look.shown,
            kinds=look.kinds,
            withheld=look.withheld,
        )
        _, word = await self._out.put(lambda: record)
        await self._out.position(word)

    def of_embedding(self, caller: Caller) -> Identity:
        """Name a request for embeddings, by which the gateways count it."""
        with as_problems():
            return self._identities.of_question(
                caller.tenant, "", f"embeddings-{caller.key}"[:SESSION_MAX]
            )

    async def embedded(
        self, identity: Identity, key: str, texts: int, tokens: int, trace: str = ""
    ) -> None:
        """Tell how much was embedded, so that other gateways count it; waits for no word of it.

        Whoever asked has their vectors, and this gateway its count: what keeps it from the log is
        noted in the process's own.
        """
        record = TextsEmbedded(
            meta=stamp("gateway", identity, trace=trace), key=key, texts=texts, tokens=tokens
        )
        try:
            _, word = await self._out.put(lambda: record)
        except Problem as problem:
            log.warning("what was embedded is counted here alone", reason=problem.detail)
            return
        word.add_done_callback(lambda done: _note(done.exception()))


def _note(error: BaseException | None) -> None:
    if isinstance(error, Transient | Permanent):
        log.warning("what was embedded is counted here alone", reason=str(error))
