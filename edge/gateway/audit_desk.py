"""The audit desk: shows what a tenant's readers asked and were told, to who may audit.

Every look is put on the log before anything is shown: who looked, when, at what. Where that can't
be written, nothing is shown. Texts are shown as far as the caller could have been told them
themselves: within the groups of their key, by the policy in force, personal data by scope alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.placeholders import restore
from edge.answering.following import Follower
from edge.answering.request_timeline import timeline_of
from edge.auditing.audited_answer import LISTED, WHOLE, WITHHELD, AuditedAnswer
from edge.auditing.document_lineage import DocumentLineage, manifest_json
from edge.auditing.log_look import LogLook
from edge.auditing.values_shown import ValuesShown
from edge.callers.access import Access
from edge.callers.caller import Caller
from edge.gateway.look_desk import LookDesk
from edge.gateway.prompt_desk import PromptDesk
from edge.gateway.receipt_desk import ReceiptDesk
from edge.listening.entries import Entry
from edge.listening.known_answers import CitingAnswer, KnownAnswers
from edge.listening.known_requests import KnownRequest, KnownRequests
from edge.listening.request_search import FoundAt, RequestSearch, SearchedFor, place_of
from edge.problems import Problem, forbidden, not_found
from edge.requests.limits import ID_MAX
from schemas import ChunksRetrieved, EventRejected, TokensGenerated
from streams.topics import topic_of
from streams.watching.tracing import trace_id_of

VERSIONS_MAX = 32
"""Requests about a document that are listed."""
EARLIER_MAX = 50
"""Questions before one in its conversation that are looked at: what they rest on may be in it."""


class AuditDesk:
    """Serves auditors; lives on one event loop."""

    def __init__(
        self,
        search: RequestSearch,
        answers: KnownAnswers,
        requests: KnownRequests,
        access: Access,
        follower: Follower,
        looks: LookDesk,
        receipts: ReceiptDesk,
        prompts: PromptDesk,
    ) -> None:
        self._search = search
        self._answers = answers
        self._requests = requests
        self._access = access
        self._follower = follower
        self._looks = looks
        self._receipts = receipts
        self._prompts = prompts
        self._lineage = DocumentLineage(requests, follower.read_back)

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
        """List what was asked, the newest first, and where the list goes on; raises Problem.

        By its text an answer is found by whoever may see it alone: who finds it knows what it says.
        """
        self._access.check_all_known()
        found = self._search.find(caller.tenant, wanted, limit + 1, before)
        page = found[:limit]
        seen = await self._seen(caller, page)
        listed = [one for one in page if seen[one.request][1] or not wanted.digest]
        look = LogLook(
            "search",
            conditions=self._on_log(caller, conditions, page, before),
            shown=tuple(one.request for one in listed),
            withheld=tuple(one.request for one in listed if not seen[one.request][1]),
        )
        typed = {name: conditions[name] for name in conditions.keys() - look.conditions.keys()}
        lines = []
        for one in listed:
            answer, shown = seen[one.request]
            lines.append({**self._named(one), **answer.line(shown)})
        await self._looks.tell(caller, self._looks.typed(caller, look, typed), trace)
        more = len(found) > limit
        return {"requests": lines, "next": cursor_of(place_of(page[-1])) if more else None}

    def _on_log(
        self,
        caller: Caller,
        conditions: dict[str, str],
        page: Sequence[KnownRequest],
        before: FoundAt,
    ) -> dict[str, str]:
        """Return the conditions that say nothing but what is on the log, or a time or a digest."""
        unknown = set()
        if not page:
            unknown.add("session")
        if self._requests.find((caller.tenant, before.request)) is None:
            unknown.add("before")
        return {name: value for name, value in conditions.items() if name not in unknown}

    async def _seen(
        self, caller: Caller, page: Sequence[KnownRequest]
    ) -> dict[str, tuple[AuditedAnswer, bool]]:
        """Read what a list tells of requests back; tells whether the caller may see its texts."""
        questions = [one for one in page if one.mode == "answer"]
        read = await self._follower.read_back_many(questions, LISTED) if questions else {}
        answers = [AuditedAnswer(one, read.get(one.whose, ())) for one in page]
        return {
            one.request.request: (one, one.is_shown_to(caller, self._access)) for one in answers
        }

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
        values = self._values(caller, answer)

        async def as_read(_: KnownRequest, kinds: Sequence[type[Any]]) -> list[Entry]:
            return [entry for entry in answer.entries if isinstance(entry.event, tuple(kinds))]

        timeline = await timeline_of(answer.request, as_read)
        told = {
            **self._named(answer.request),
            "trace_id": trace_id_of(answer.request.trace),
            "withheld": "" if shown else WITHHELD,
            "texts": answer.texts(values) if shown else None,
            "decisions": answer.decisions(shown),
            "documents": await self._documents(caller, answer) if shown else [],
            "timeline": timeline,
            "records": answer.records(),
        }
        name = answer.request.request
        withheld = () if shown else (name,)
        look = LogLook("answer", name, kinds=values.kinds, withheld=withheld)
        await self._looks.tell(caller, look, trace)
        return told

    async def timeline(self, caller: Caller, request_id: str, trace: str = "") -> dict[str, Any]:
        """Return the steps of a request; of another's the log is told before. Raises Problem."""
        request = self._access.audited(caller, request_id)
        told = await timeline_of(request, self._follower.read_back)
        if "audit" in caller.scopes and request.subject != caller.subject:
            await self._looks.tell(caller, LogLook("timeline", request.request), trace)
        return told

    def _values(self, caller: Caller, answer: AuditedAnswer) -> ValuesShown:
        erased = self._access.is_erased(answer.request)
        return ValuesShown(caller, self._access, erased=erased)

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
        found = await self._prompts.recalled(places)
        by_tools = {document for one in found for document in one["documents"]}
        self._check_shown(all(self._access.may_know(caller, one) for one in by_tools))
        opened = self._values(caller, answer)
        values = opened(answer.map_entries)
        prompts = [
            {**one, **{name: restore(one[name], values) for name in ("prompt", "system")}}
            for one in found
        ]
        look = LogLook("prompt", answer.request.request, kinds=opened.kinds)
        await self._looks.tell(caller, look, trace)
        return {"request_id": answer.request.request, "prompts": prompts}

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
        await self._looks.tell(caller, LogLook("proof", answer.request.request, where), trace)
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
        shown = answer.is_shown_to(caller, self._access)
        return answer, shown and await self._is_before_shown(caller, answer)

    async def _is_before_shown(self, caller: Caller, answer: AuditedAnswer) -> bool:
        """Tell whether a caller may see what was said before, where an answer goes on with it.

        Raises Problem while not all of that may be known.
        """
        mine = answer.request
        if not answer.has_earlier_words:
            return True
        self._access.check_all_known()
        wanted = SearchedFor(session=mine.session)
        before = self._search.find(mine.tenant, wanted, EARLIER_MAX, place_of(mine))
        spoken = [one for one in before if (one.subject, one.mode) == (mine.subject, "answer")]
        return all(shown for _, shown in (await self._seen(caller, spoken)).values())

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
        look = LogLook("document", document.id, shown=tuple(one.request for one in page))
        await self._looks.tell(caller, look, trace)
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


def cursor_of(place: FoundAt) -> str:
    """Spell where a list goes on."""
    return f"{place.time_ms}.{place.request}"


def read_cursor(cursor: str) -> FoundAt:
    """Read where a list goes on; raises Problem."""
    digits, _, request = cursor.partition(".")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 19 and request):
        raise Problem(422, "invalid", "before: send the `next` of the page before this one")
    return FoundAt(int(digits), request)
