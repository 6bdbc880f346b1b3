"""What a caller may know of and see. What it may not know of does not exist for it (404).

Nothing is said not to exist before all history has been read: a gateway that has just started knows
less than there is, and a client that is told 404 does not come back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from agents.errors import Permanent, Transient
from agents.placeholders import restore
from edge.callers.caller import Caller
from edge.callers.read_policy import is_readable
from edge.callers.restore_policy import TITLE, may_restore
from edge.listening.known_documents import KnownDocument, KnownDocuments
from edge.listening.known_requests import KnownRequest, KnownRequests
from edge.problems import Problem, erased, not_found, overloaded
from edge.requests.building import Seals
from edge.requests.identity import Identity
from edge.requests.limits import ID_MAX
from edge.requests.policy_followed import PolicyFollowed
from schemas import DescribedDocument, MapEntry, Passage, QuestionAsked, Sealed

STILL_READ = "the log is still being read, so not all that there is is known yet: try again"
LOOKED_AT_MAX = 5_000
"""Documents that are decided about for one page, where the policy hides many: some 0.2 s."""


class DocumentPage(NamedTuple):
    """Some of the documents that a caller may know of."""

    documents: list[KnownDocument]
    next: str | None
    """Behind which document there may be more; None where this is the last page."""


class Access:
    """Requests, documents and personal data, as far as callers may see them."""

    def __init__(
        self,
        requests: KnownRequests,
        documents: KnownDocuments,
        keyring: Seals,
        knows_all: Callable[[], bool],
        policy: PolicyFollowed | None = None,
        again_s: Callable[[], int] = lambda: 1,
    ) -> None:
        """Take what is known, who tells whether that is all, and in how many seconds to come again.

        Without a policy a key's scopes alone say what is restored.
        """
        self._requests = requests
        self._documents = documents
        self._keyring = keyring
        self._knows_all = knows_all
        self._again_s = again_s
        self._policy = policy

    # ------------------------------------------------------------------ requests

    def request(self, caller: Caller, request_id: str) -> KnownRequest:
        """Return a request of this caller, or about a document of the tenant; raises Problem."""
        request = self._requests.find((caller.tenant, request_id))
        if request is not None and self._was_of(caller, request):
            raise erased()
        if request is None or (request.subject and request.subject != caller.subject):
            raise self._unknown(f"no request {request_id[:ID_MAX]!r} of this user")
        return request

    def audited(self, caller: Caller, request_id: str) -> KnownRequest:
        """Return a request whose timeline a caller may see; raises Problem.

        Who audits sees those of the whole tenant: times and versions, no text.
        """
        if "audit" not in caller.scopes:
            return self.request(caller, request_id)
        request = self._requests.find((caller.tenant, request_id))
        if request is None:
            raise self._unknown(f"no request {request_id[:ID_MAX]!r} in this tenant")
        return request

    def question(self, caller: Caller, request_id: str) -> KnownRequest:
        """Return a question of this caller; raises Problem for an unknown one or another's."""
        request = self.request(caller, request_id)
        if not request.subject:
            raise not_found(
                f"request {request_id[:ID_MAX]!r} is about a document: it has no answer"
            )
        return request

    def is_erased(self, request: Identity) -> bool:
        """Tell whether who asked was erased; raises Problem."""
        return bool(request.subject) and self._present_of(request) != request.subject

    def cancellable(self, caller: Caller, request_id: str) -> KnownRequest:
        """Return a question that a caller may cancel; raises Problem.

        It is one's own, or any of the tenant's for its admin.
        """
        if "admin" in caller.scopes:
            request = self._requests.find((caller.tenant, request_id))
            if request is not None and request.subject:
                self.check_not_erased(request)
                return request
        return self.question(caller, request_id)

    def check_not_erased(self, request: Identity) -> None:
        """Raise Problem where who asked was erased, while they were still being told."""
        if self.is_erased(request):
            raise erased()

    def _was_of(self, caller: Caller, request: Identity) -> bool:
        """Tell whether a request is of the caller before they were erased."""
        if not request.subject:
            return False
        present = self._present_of(request)
        return present != request.subject and caller.subject in (present, request.subject)

    def _present_of(self, request: Identity) -> str:
        try:
            return self._keyring.subjects(request.tenant, request.subject)[-1]
        except Transient as error:
            raise overloaded(str(error)) from None

    def _unknown(self, detail: str) -> Problem:
        """Say that something does not exist, if all that exists is known."""
        return not_found(detail) if self._knows_all() else self._still_read()

    def _still_read(self) -> Problem:
        again_s = self._again_s()
        return overloaded(f"{STILL_READ} in {again_s} s", again_s)

    # ------------------------------------------------------------------ documents

    def document(self, caller: Caller, document_id: str) -> KnownDocument:
        """Return a document that the caller may know of; raises Problem.

        What the log says of it last may be what was not read yet, so it waits for all.
        """
        self.check_all_known()
        document = self._documents.find(caller.tenant, document_id)
        if document is None or not self._may_list(caller, document):
            raise self._unknown(f"no document {document_id[:ID_MAX]!r} in this tenant")
        return document

    def may_know(self, caller: Caller, document_id: str) -> bool:
        """Tell whether a caller may know what a document says; nobody of one that there is not.

        Raises Problem while that is not known.
        """
        self.check_all_known()
        document = self._documents.find(caller.tenant, document_id)
        if document is None or not may_read(caller, document.groups):
            return False
        return is_readable(self._policy, caller, _described(document))

    def _may_list(self, caller: Caller, document: KnownDocument) -> bool:
        """Tell whether a caller may know that there is a document; who hands in knows of all."""
        if "write" in caller.scopes:
            return True
        return may_read(caller, document.groups) and is_readable(
            self._policy, caller, _described(document)
        )

    def check_all_known(self) -> None:
        """Raise Problem while the log is still being read."""
        if not self._knows_all():
            raise self._still_read()

    def documents(
        self, caller: Caller, most: int, *, after: str = "", status: str = ""
    ) -> DocumentPage:
        """List documents that the caller may know of, by id from behind one on; raises Problem."""
        self.check_all_known()
        wanted = (
            head.id
            for head in self._documents.heads(caller.tenant, after)
            if may_read(caller, head.groups) and status in ("", head.status)
        )
        page: list[KnownDocument] = []
        last = after
        for looked_at, name in enumerate(wanted):
            if looked_at == LOOKED_AT_MAX:
                return DocumentPage(page, last)
            document = self._documents.find(caller.tenant, name)
            if document is not None and self._may_list(caller, document):
                if len(page) == most:
                    return DocumentPage(page, last)
                page.append(document)
            last = name
        return DocumentPage(page, None)

    def title(self, caller: Caller, document: KnownDocument) -> str | None:
        """Return a document's title; None where it has none or the caller may not see it."""
        if document.title is None or "restore" not in caller.scopes:
            return None
        if not may_restore(self._policy, caller, TITLE):
            return None
        return self._opened(caller, document.title)

    # ------------------------------------------------------------------ personal data

    def reveal(self, caller: Caller, entries: Iterable[MapEntry]) -> Mapping[str, str]:
        """Open the values that a caller may see; what can't be opened keeps its placeholder."""
        return revealed(self._keyring, caller, entries, self._policy)

    def may_restore(self, caller: Caller, kind: str) -> bool:
        """Tell whether scopes and policy let a caller see values of a kind."""
        return caller.may_see(kind) and may_restore(self._policy, caller, kind)

    def passage(self, caller: Caller, passage: Passage) -> dict[str, Any]:
        """Spell a passage as the caller may see it."""
        return passage_json(passage, self.reveal(caller, passage.entries))

    def own_words(self, caller: Caller, asked: QuestionAsked | None) -> str | None:
        """Return what a caller asked, as it was typed; None where it is gone, or another's."""
        if asked is None or asked.subject != caller.subject:
            return None
        return self._opened(caller, asked.text)

    def _opened(self, caller: Caller, sealed: Sealed) -> str | None:
        return _unsealed(self._keyring, caller, sealed)


def passage_json(passage: Passage, values: Mapping[str, str]) -> dict[str, Any]:
    """Spell a passage with the values that are to be seen."""
    return {
        "document_id": passage.document,
        "chunk_id": passage.chunk,
        "title": restore(passage.title, values),
        "uri": passage.uri,
        "text": restore(passage.text, values),
        "score": passage.score,
    }


def revealed(
    keyring: Seals, caller: Caller, entries: Iterable[MapEntry], policy: PolicyFollowed | None
) -> dict[str, str]:
    """Open the values that a caller may see, by scopes and by the policy in force.

    What can't be opened keeps its placeholder.
    """
    values: dict[str, str] = {}
    for entry in entries:
        seen = caller.may_see(entry.kind) and may_restore(policy, caller, entry.kind)
        value = _unsealed(keyring, caller, entry.value) if seen else None
        if value is not None:
            values[entry.placeholder] = value
    return values


def _described(document: KnownDocument) -> DescribedDocument:
    return DescribedDocument(
        document=document.id,
        uri=document.uri,
        metadata=document.metadata,
        groups=document.groups,
    )


def _unsealed(keyring: Seals, caller: Caller, sealed: Sealed) -> str | None:
    try:
        return keyring.unseal(caller.tenant, sealed).decode("utf-8", "replace")
    except (Permanent, Transient):
        return None  # erased, or not to be had at the moment: fail closed


def may_read(caller: Caller, groups: Collection[str]) -> bool:
    """Tell whether a caller may read a document of some groups; of none, everybody may."""
    return not groups or "write" in caller.scopes or not set(caller.groups).isdisjoint(groups)


def has_all_groups(caller: Caller, groups: Collection[str]) -> bool:
    """Tell whether a caller may see all that somebody in some groups could."""
    return "write" in caller.scopes or set(groups) <= set(caller.groups)
