"""The audit desk: shows what a tenant's readers asked and were told, to who may audit.

Every look is put on the log before anything is shown: who looked, when, at what. Where that can't
be written, nothing is shown. Texts are shown as far as the caller could have been told them
themselves: within the groups of their key, by the policy in force, personal data by scope alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from agents.errors import Permanent, Transient
from agents.placeholders import restore
from edge.answering.following import Follower
from edge.answering.request_timeline import timeline_of
from edge.auditing.audited_answer import LISTED, WHOLE, WITHHELD, AuditedAnswer
from edge.auditing.document_lineage import DocumentLineage, manifest_json
from edge.auditing.log_look import LogLook
from edge.callers.access import Access
from edge.callers.caller import Caller
from edge.gateway.log_evidence import RecallsPrompts
from edge.gateway.receipt_desk import ReceiptDesk
from edge.gateway.reception import Reception
from edge.listening.catalogue import KnownRequest, KnownRequests
from edge.listening.entries import Entry
from edge.listening.known_answers import CitingAnswer, KnownAnswers
from edge.listening.request_search import FoundAt, RequestSearch, SearchedFor, place_of
from edge.problems import Problem, forbidden, not_found, overloaded, too_many
from edge.requests.limits import ID_MAX
from schemas import ChunksRetrieved, EventRejected, MapEntry, TokensGenerated
from streams.topics import topic_of
from streams.watching.tracing import trace_id_of

AT_ONCE = 2
"""Prompts that are computed at a time: each runs a step again."""
WAITING_MAX = 16
"""Looks that wait for that; whoever comes then is told to come again."""
VERSIONS_MAX = 32
"""Requests about a document that are listed."""


class AuditDesk:
    """Serves auditors; lives on one event loop."""

    def __init__(
        self,
        search: RequestSearch,
        answers: KnownAnswers,
        requests: KnownRequests,
        access: Access,
        follower: Follower,
        reception: Reception,
        receipts: ReceiptDesk,
        prompts: RecallsPrompts | None,
    ) -> None:
        """Without `prompts` none are shown."""
        self._search = search
        self._answers = answers
        self._requests = requests
        self._access = access
        self._follower = follower
        self._reception = reception
        self._receipts = receipts
        self._prompts = prompts
        self._lineage = DocumentLineage(requests, follower.read_back)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    # ------------------------------------------------------------------ which requests there are

    async def requests(
        self,
        caller: Caller,
        wanted: SearchedFor,
        limit: int,
        before: FoundAt,
        conditions: dict[str, str],
        trace: str = "",
    ) -> dict[str, Any]:
        """List what was asked, the newest first, and where the list goes on; raises Problem."""
        self._access.check_all_known()
        found = self._search.find(caller.tenant, wanted, limit + 1, before)
        page = found[:limit]
        lines = await self._lines(caller, page)
        shown = tuple(one.request for one in page)
        await self._tell(caller, LogLook("search", "", conditions, shown), trace)
        more = len(found) > limit
        return {"requests": lines, "next": cursor_of(place_of(page[-1])) if more else None}

    async def _lines(self, caller: Caller, page: Sequence[KnownRequest]) -> list[dict[str, Any]]:
        questions = [one for one in page if one.mode == "answer"]
        read = await self._follower.read_back_many(questions, LISTED) if questions else {}
        lines = []
        for one in page:
            answer = AuditedAnswer(one, read.get(one.whose, ()))
            shown = answer.is_shown_to(caller, self._access)
            lines.append({**self._named(one), **answer.line(shown)})
        return lines

    def _named(self, request: KnownRequest) -> dict[str, Any]:
        return {
            "request_id": request.request,
            "session_id": request.session,
            "asked_us": 1_000 * request.time_ms,
            "mode": request.mode,
            "person": request.subject,
            "erased": self._access.is_erased(request),
        }

    # ------------------------------------------------------------------ one of them

    async def answer(self, caller: Caller, request_id: str, trace: str = "") -> dict[str, Any]:
        """Return the life of an answer; raises Problem."""
        answer, shown = await self._read(caller, request_id)
        entries = answer.map_entries if shown else []
        await self._tell(
            caller,
            LogLook("answer", answer.request.request, kinds=self._kinds(caller, entries)),
            trace,
        )

        async def as_read(_: KnownRequest, kinds: Sequence[type[Any]]) -> list[Entry]:
            return [entry for entry in answer.entries if isinstance(entry.event, tuple(kinds))]

        timeline = await timeline_of(answer.request, as_read)
        return {
            **self._named(answer.request),
            "trace_id": trace_id_of(answer.request.trace),
            "withheld": "" if shown else WITHHELD,
            "texts": answer.texts(caller, self._access) if shown else None,
            "decisions": answer.decisions(),
            "documents": await self._documents(caller, answer) if shown else [],
            "timeline": timeline,
            "records": answer.records(),
        }

    async def _documents(self, caller: Caller, answer: AuditedAnswer) -> list[dict[str, Any]]:
        cited = answer.answer.citations if answer.answer else ()
        return await self._lineage.of_passages(
            caller.tenant,
            answer.passages,
            {one.document for one in cited},
            lambda name: self._access.document(caller, name),
        )

    async def prompt(self, caller: Caller, request_id: str, trace: str = "") -> dict[str, Any]:
        """Return what models were asked for an answer, computed again; raises Problem."""
        answer, shown = await self._read(caller, request_id)
        self._check_shown(shown)
        places = [
            (topic_of(entry.event), entry.partition, entry.offset)
            for entry in answer.entries
            if isinstance(entry.event, ChunksRetrieved | TokensGenerated | EventRejected)
        ]
        found = await self._recalled(places)
        entries = answer.map_entries
        await self._tell(
            caller,
            LogLook("prompt", answer.request.request, kinds=self._kinds(caller, entries)),
            trace,
        )
        values = self._access.reveal(caller, entries)
        return {
            "request_id": answer.request.request,
            "prompts": [
                {**one, **{name: restore(one[name], values) for name in ("prompt", "system")}}
                for one in found
            ],
        }

    async def _recalled(self, places: Sequence[tuple[str, int, int]]) -> list[dict[str, Any]]:
        if self._prompts is None:
            raise not_found("this gateway recalls no prompts")
        if self._waiting >= WAITING_MAX:
            raise too_many(f"{self._waiting} others wait for prompts: try again")
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(self._prompts, places)
        except Transient as error:
            raise overloaded(str(error)) from None
        except Permanent as error:
            raise Problem(422, "not-recalled", f"the prompt can't be computed: {error}") from None
        finally:
            self._waiting -= 1

    async def proof(
        self, caller: Caller, request_id: str, topic: str, offset: int, trace: str = ""
    ) -> dict[str, Any]:
        """Return the proof of one of an answer's records, or that none covers it yet.

        Raises Problem.
        """
        answer, shown = await self._read(caller, request_id)
        self._check_shown(shown)
        entry = answer.entry_at(topic, offset)
        if entry is None:
            raise not_found(f"request {request_id[:ID_MAX]!r} has no record there")
        place = topic, entry.partition, offset
        proof = await self._receipts.proof(place, request=answer.request.request)
        where = {"topic": topic, "partition": str(entry.partition), "offset": str(offset)}
        await self._tell(caller, LogLook("proof", answer.request.request, where), trace)
        position = {"topic": topic, "partition": entry.partition, "offset": offset}
        return {"position": position, "state": "sealed" if proof else "pending", "receipt": proof}

    async def _read(self, caller: Caller, request_id: str) -> tuple[AuditedAnswer, bool]:
        """Read a question or search back; tells whether the caller may see its texts, too."""
        request = self._access.audited(caller, request_id)
        if not request.mode:
            raise not_found(
                f"request {request_id[:ID_MAX]!r} is about a document: it has no answer"
            )
        answer = AuditedAnswer(request, await self._follower.read_back(request, WHOLE))
        return answer, answer.is_shown_to(caller, self._access)

    def _check_shown(self, shown: bool) -> None:
        if not shown:
            raise forbidden(WITHHELD)

    # ------------------------------------------------------------------ one document

    async def document(
        self, caller: Caller, document_id: str, limit: int, before: FoundAt, trace: str = ""
    ) -> dict[str, Any]:
        """Return a document's versions and the answers that cite it; raises Problem."""
        document = self._access.document(caller, document_id)
        requests = self._requests.about(caller.tenant, document.id, VERSIONS_MAX)
        citing = self._answers.citing(caller.tenant, document.id, limit + 1, CitingAnswer(*before))
        page = citing[:limit]
        await self._tell(
            caller,
            LogLook("document", document.id, shown=tuple(one.request for one in page)),
            trace,
        )
        more = len(citing) > limit
        return {
            "document_id": document.id,
            "uri": document.uri,
            "media_type": document.media_type,
            "status": document.newest.status,
            "version": document.version,
            **manifest_json(document.manifest),
            "requests": [
                {"request_id": one.request, "at_us": 1_000 * one.time_ms} for one in requests
            ],
            "answers": [
                {"request_id": one.request, "answered_us": 1_000 * one.time_ms} for one in page
            ],
            "next": cursor_of(FoundAt(*page[-1])) if more else None,
        }

    # ------------------------------------------------------------------ who looked

    def _kinds(self, caller: Caller, entries: Iterable[MapEntry]) -> tuple[str, ...]:
        """Name the types of values that a caller is about to see."""
        entries = list(entries)
        values = self._access.reveal(caller, entries)
        return tuple(sorted({one.kind for one in entries if one.placeholder in values}))

    async def _tell(self, caller: Caller, look: LogLook, trace: str) -> None:
        await self._reception.tell_inspected(caller, look, trace)


def cursor_of(place: FoundAt) -> str:
    """Spell where a list goes on."""
    return f"{place.time_ms}.{place.request}"


def read_cursor(cursor: str) -> FoundAt:
    """Read where a list goes on; raises Problem."""
    digits, _, request = cursor.partition(".")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 19 and request):
        raise Problem(422, "invalid", "before: send the `next` of the page before this one")
    return FoundAt(int(digits), request)
