"""Requests: checked, sealed and stamped, but not yet on the log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from msgspec.structs import replace as put

from edge.requests.configured_limits import ConfiguredLimits
from edge.requests.identity import Identities, Identity, stamp
from edge.requests.new_document import NewDocument, check_document, normal_type
from edge.requests.personal_labels import without_values
from edge.requests.validity import (
    check_ask,
    check_exchanges,
    check_feedback,
    check_groups,
    check_note,
    check_particulars,
    check_tenant,
    check_text,
    check_user,
)
from schemas import (
    AnswerJudged,
    AnswerJudgedGrade,
    Ask,
    CancellationRequested,
    CancellationRequestedWhy,
    DocumentSubmitted,
    DocumentWithdrawn,
    FeedbackGiven,
    QuestionAsked,
    Sealed,
)
from streams.log.clock import now_us
from streams.log.ids import request_id
from streams.settings import Settings


class Seals(Protocol):
    """What the edge needs of the keyring."""

    def seal(self, tenant: str, key: str, event: str, field: str, value: bytes) -> Sealed:
        """Encrypt a value for a field of an event; may raise KeyDestroyed."""

    def unseal(self, tenant: str, sealed: Sealed) -> bytes:
        """Decrypt; raises KeyDestroyed or Permanent."""

    def digest(self, tenant: str, value: bytes) -> str:
        """Hex digest under the tenant's key."""

    def subjects(self, tenant: str, subject: str) -> tuple[str, ...]:
        """All digests that a person went under from one on; the last may be in use."""


class JudgedAnswer(Protocol):
    """What is told of an answer that a reviewer judges."""

    request: str
    answer: str
    """Id of its record."""
    sample: str
    """Digest of the configuration that drew it."""
    subject: str
    """Keyed digest of who had asked."""


class RequestBuilder:
    """Builds requests of one kind of edge: gateway, inbox or producer."""

    def __init__(
        self,
        settings: Settings,
        keyring: Seals,
        *,
        edge: str,
        configured: ConfiguredLimits | None = None,
    ) -> None:
        self.identities = Identities(settings.partitions)
        self._settings = settings
        self._keyring = keyring
        self._edge = edge
        self._configured = configured or ConfiguredLimits()

    def subject(self, tenant: str, user: str) -> str:
        """Return the keyed digest that stands for a user on the log.

        Whoever was erased has another one from then on.
        """
        check_tenant(tenant)
        return self._keyring.subjects(tenant, self._keyring.digest(tenant, user.encode()))[-1]

    # ------------------------------------------------------------------ what it says

    def ask(
        self,
        identity: Identity,
        text: str,
        ask: Ask,
        trace: str = "",
        exchanges: str = "",
        particulars: str = "",
        key: str = "",
    ) -> QuestionAsked:
        """Build a question. Raises Refused."""
        check_text(text)
        check_ask(ask)
        self._configured.hold(ask)
        self._configured.policy.hold_place(identity.tenant, self._settings.region)
        ask = put(ask, filters=self._labels(identity, "filters", ask.filters))
        check_exchanges(exchanges)
        check_particulars(particulars)
        return QuestionAsked(
            meta=stamp(self._edge, identity, trace=trace),
            subject=identity.subject,
            text=self._seal_words(identity, "text", text),
            ask=ask,
            exchanges=self._seal_words(identity, "exchanges", exchanges) if exchanges else None,
            particulars=self._seal_words(identity, "particulars", particulars)
            if particulars
            else None,
            key=key,
        )

    def submit(
        self, identity: Identity, document: NewDocument, trace: str = "", key: str = ""
    ) -> DocumentSubmitted:
        """Build the submission of a document. Raises Refused."""
        document = replace(document, media_type=normal_type(document.media_type))
        self.check_document(identity.tenant, document)
        title = document.title.encode()
        return DocumentSubmitted(
            meta=stamp(self._edge, identity, trace=trace),
            document=identity.session,
            uri=document.uri,
            media_type=document.media_type,
            title=self._seal(identity, "title", title) if title else None,
            content=self._seal(identity, "content", document.content),
            metadata=self._labels(identity, "metadata", document.metadata),
            groups=tuple(document.groups),
            chunk_policy=document.chunk_policy,
            key=key,
            size=len(document.content),
        )

    def check_document(self, tenant: str, document: NewDocument) -> None:
        """Check that a document could be submitted, as far as it is told. Raises Refused."""
        check_document(document, self._settings.document_bytes_max, self._configured)
        self._configured.policy.hold_place(tenant, self._settings.region)

    @property
    def document_bytes_max(self) -> int:
        """Bytes of the largest document that is taken in, and read by the steps behind."""
        return min(self._settings.document_bytes_max, self._configured.document_bytes_max)

    def withdraw(self, identity: Identity, reason: str = "", trace: str = "") -> DocumentWithdrawn:
        """Build the withdrawal of a document."""
        meta = stamp(self._edge, identity, trace=trace)
        return DocumentWithdrawn(meta=meta, document=identity.session, reason=reason)

    def judge(
        self, identity: Identity, about: str, rating: int, comment: str = "", trace: str = ""
    ) -> FeedbackGiven:
        """Build a reader's judgement of an answer. Raises Refused."""
        check_feedback(rating, comment)
        return FeedbackGiven(
            meta=stamp(self._edge, identity, trace=trace),
            about=about,
            rating=rating,
            comment=self._seal_words(identity, "comment", comment) if comment else None,
        )

    def cancel(
        self, question: Identity, by: str, why: CancellationRequestedWhy, trace: str = ""
    ) -> CancellationRequested:
        """Build the wish for no answer any more; of one question it is the same however often."""
        record = request_id(question.tenant, f"cancel|{question.request}")
        meta = stamp(self._edge, question, record=record, trace=trace)
        return CancellationRequested(meta=meta, subject=question.subject, by=by, why=why)

    def review(
        self,
        identity: Identity,
        answer: JudgedAnswer,
        grade: AnswerJudgedGrade,
        *,
        citations_wrong: bool = False,
        note: str = "",
        trace: str = "",
    ) -> AnswerJudged:
        """Build a reviewer's judgement of an answer. Raises Refused.

        The note is about somebody else's words: it is sealed under the key of who had asked.
        """
        check_note(note)
        sealed = None
        if note:
            key, words = f"user/{answer.subject}", note.encode("utf-8", "replace")
            sealed = self._keyring.seal(identity.tenant, key, identity.request, "note", words)
        return AnswerJudged(
            meta=stamp(self._edge, identity, trace=trace),
            about=answer.request,
            answer=answer.answer,
            sample=answer.sample,
            reviewer=identity.subject,
            grade=grade,
            citations_wrong=citations_wrong,
            note=sealed,
        )

    def _labels(self, identity: Identity, what: str, labels: Mapping[str, str]) -> dict[str, str]:
        """Take out of labels what the tenant's policy takes for personal. Raises Refused."""
        tenant = identity.tenant
        policy = self._configured.redaction(tenant)
        return without_values(what, labels, policy, partial(self._keyring.digest, tenant))

    def _seal_words(self, identity: Identity, name: str, words: str) -> Sealed:
        """Seal what a person said under that person's key."""
        value = words.encode("utf-8", "replace")
        key = f"user/{identity.subject}"
        return self._keyring.seal(identity.tenant, key, identity.request, name, value)

    def _seal(self, identity: Identity, name: str, value: bytes) -> Sealed:
        key = f"document/{identity.session}"
        return self._keyring.seal(identity.tenant, key, identity.request, name, value)

    # ------------------------------------------------------------------ both in one

    def question(
        self,
        tenant: str,
        *,
        user: str,
        text: str,
        session: str = "",
        ask: Ask | None = None,
        fingerprint: str = "",
        trace: str = "",
    ) -> QuestionAsked:
        """Identify and build a question. Raises Refused."""
        check_tenant(tenant)
        check_user(user)
        if ask is not None:  # here, since those of a gateway's caller are the key's
            check_groups(ask.groups)
        identity = self.identities.of_question(
            tenant, self.subject(tenant, user), session, fingerprint
        )
        deadline = now_us() + self._settings.deadline_ms * 1_000
        return self.ask(identity, text, ask or Ask(deadline=deadline), trace)

    def document(
        self, tenant: str, *, fingerprint: str = "", trace: str = "", **fields: Any
    ) -> DocumentSubmitted:
        """Identify and build the submission of a document. Raises Refused.

        `fields` are those of NewDocument.
        """
        document = NewDocument(**fields)
        identity = self.identities.of_document(tenant, document.uri, fingerprint)
        return self.submit(identity, document, trace)

    def withdrawal(
        self,
        tenant: str,
        *,
        document: str,
        reason: str = "",
        fingerprint: str = "",
        trace: str = "",
    ) -> DocumentWithdrawn:
        """Identify and build the withdrawal of a document by its id. Raises Refused."""
        return self.withdraw(
            self.identities.of_known_document(tenant, document, fingerprint),
            reason=reason,
            trace=trace,
        )


def exchanges_text(exchanges: Sequence[Mapping[str, str]]) -> str:
    """Spell calls of tools and what they gave for `QuestionAsked.exchanges`; empty for none."""
    return json.dumps(exchanges, separators=(",", ":"), ensure_ascii=False) if exchanges else ""


def response_schema_text(schema: Mapping[str, Any] | None) -> str:
    """Spell a JSON schema for `Ask.response_schema`: the same schema gives the same text."""
    return "" if schema is None else json.dumps(schema, sort_keys=True, separators=(",", ":"))
