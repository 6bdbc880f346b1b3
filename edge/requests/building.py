"""Requests: checked, sealed and stamped, but not yet on the log.

Equal fingerprints (idempotency keys) are one request: the same id, so its repeat is recognised.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from agents.errors import Permanent
from connectors.media_types import MEDIA_TYPES
from edge.requests import limits
from schemas import (
    Ask,
    DocumentSubmitted,
    DocumentWithdrawn,
    Meta,
    QuestionAsked,
    Sealed,
    StepVersion,
)
from streams.log.ids import document_id, request_id
from streams.log.lanes import lane_of
from streams.running.live import now_us
from streams.settings import Settings
from streams.version import CODE
from streams.watching.tracing import new_trace


class Refused(Permanent, ValueError):
    """A request that can't be taken in; the message says what is wrong and what to do."""


class TooLarge(Refused):
    """A document or question above its limit."""


class Sealer(Protocol):
    """What the edge needs of the keyring."""

    def seal(self, tenant: str, key: str, event: str, field: str, value: bytes) -> Sealed:
        """Encrypt a value for a field of an event; may raise KeyDestroyed."""

    def unseal(self, tenant: str, sealed: Sealed) -> bytes:
        """Decrypt; raises KeyDestroyed or Permanent."""

    def digest(self, tenant: str, value: bytes) -> str:
        """Hex digest under the tenant's key."""


@dataclass(frozen=True)
class Identity:
    """Who asks, about what, and where on the log it lies: worked out once, then handed on."""

    request: str
    """Request id: what every outcome carries."""
    tenant: str
    subject: str
    """Keyed digest of who asks; empty for a document."""
    session: str
    """Conversation, or the document's id."""
    lane: int


@dataclass(frozen=True)
class NewDocument:
    """A document as it is handed in."""

    uri: str
    content: bytes
    media_type: str = "text/plain"
    """In any case, and with parameters or without; they are dropped."""
    title: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    groups: Sequence[str] = ()
    """Who may read it, besides those who may write; empty for everyone."""
    chunk_policy: str = limits.CHUNK_POLICY


class RequestBuilder:
    """Builds requests of one kind of edge: gateway, inbox or producer."""

    def __init__(self, settings: Settings, keyring: Sealer, *, edge: str) -> None:
        self._settings = settings
        self._keyring = keyring
        self._edge = edge

    # ------------------------------------------------------------------ who asks, about what

    def subject(self, tenant: str, user: str) -> str:
        """Return the keyed digest that stands for a user on the log."""
        _check_tenant(tenant)
        return self._keyring.digest(tenant, user.encode())

    def of_question(
        self, tenant: str, subject: str, session: str = "", fingerprint: str = ""
    ) -> Identity:
        """Identify a question; a session of its own unless one is given. Raises Refused."""
        _check_tenant(tenant)
        if session and not limits.SESSION.fullmatch(session):
            raise Refused(
                f"the session id must be 1 to {limits.SESSION_MAX} letters, digits or . _ : - and "
                "begin with a letter or digit"
            )
        return self._identity(tenant, subject, session, fingerprint)

    def of_document(self, tenant: str, uri: str, fingerprint: str = "") -> Identity:
        """Identify what is said about a document by its URI. Raises Refused."""
        return self.of_known_document(tenant, document_id(tenant, uri), fingerprint)

    def of_known_document(self, tenant: str, document: str, fingerprint: str = "") -> Identity:
        """Identify what is said about a document by its id. Raises Refused."""
        _check_tenant(tenant)
        return self._identity(tenant, "", document, fingerprint)

    def _identity(self, tenant: str, subject: str, session: str, fingerprint: str) -> Identity:
        request = request_id(tenant, fingerprint or str(uuid.uuid4()))
        session = session or f"s-{request}"
        lane = lane_of(tenant, session, self._settings.partitions)
        return Identity(request, tenant, subject, session, lane)

    # ------------------------------------------------------------------ what it says

    def ask(self, identity: Identity, text: str, ask: Ask, trace: str = "") -> QuestionAsked:
        """Build a question. Raises Refused."""
        if not text:
            raise Refused("the text is empty: send the words of the question")
        if len(text) > limits.QUESTION_MAX:
            raise TooLarge(
                f"the text has {len(text)} characters, the limit is {limits.QUESTION_MAX}: shorten "
                "it, or hand long texts in as documents"
            )
        _check_ask(ask)
        key, words = f"user/{identity.subject}", text.encode("utf-8", "replace")
        return QuestionAsked(
            meta=self._meta(identity, trace),
            subject=identity.subject,
            text=self._keyring.seal(identity.tenant, key, identity.request, "text", words),
            ask=ask,
        )

    def submit(
        self, identity: Identity, document: NewDocument, trace: str = ""
    ) -> DocumentSubmitted:
        """Build the submission of a document. Raises Refused."""
        document = replace(document, media_type=_essence(document.media_type))
        check(document, self._settings.document_bytes_max)
        title = document.title.encode()
        return DocumentSubmitted(
            meta=self._meta(identity, trace),
            document=identity.session,
            uri=document.uri,
            media_type=document.media_type,
            title=self._seal(identity, "title", title) if title else None,
            content=self._seal(identity, "content", document.content),
            metadata=dict(document.metadata),
            groups=tuple(document.groups),
            chunk_policy=document.chunk_policy,
        )

    def withdraw(self, identity: Identity, reason: str = "", trace: str = "") -> DocumentWithdrawn:
        """Build the withdrawal of a document."""
        meta = self._meta(identity, trace)
        return DocumentWithdrawn(meta=meta, document=identity.session, reason=reason)

    def _seal(self, identity: Identity, name: str, value: bytes) -> Sealed:
        key = f"document/{identity.session}"
        return self._keyring.seal(identity.tenant, key, identity.request, name, value)

    def _meta(self, identity: Identity, trace: str) -> Meta:
        return Meta(
            id=identity.request,
            tenant=identity.tenant,
            lane=identity.lane,
            request=identity.request,
            session=identity.session,
            at=now_us(),
            step=StepVersion(name=self._edge, code=CODE, configuration=""),
            trace=trace or new_trace(sampled=True),
        )

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
        _check_tenant(tenant)
        if not user or len(user) > limits.USER_MAX:
            raise Refused(
                "the user is empty or too long: name the asker in at most "
                f"{limits.USER_MAX} characters"
            )
        if ask is not None:  # here, since those of a gateway's caller are the key's
            _check_groups(ask.groups)
        identity = self.of_question(tenant, self.subject(tenant, user), session, fingerprint)
        deadline = now_us() + self._settings.deadline_ms * 1_000
        return self.ask(identity, text, ask or Ask(deadline=deadline), trace)

    def document(
        self, tenant: str, *, fingerprint: str = "", trace: str = "", **fields: Any
    ) -> DocumentSubmitted:
        """Identify and build the submission of a document. Raises Refused.

        `fields` are those of NewDocument.
        """
        document = NewDocument(**fields)
        identity = self.of_document(tenant, document.uri, fingerprint)
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
            self.of_known_document(tenant, document, fingerprint), reason=reason, trace=trace
        )


# ---------------------------------------------------------------------- what may be in a request


def _check_tenant(tenant: str) -> None:
    if not limits.TENANT.fullmatch(tenant):
        raise Refused(
            "a tenant is called by 1 to 63 letters, digits, _ or -, the first a letter or digit"
        )


def _check_ask(ask: Ask) -> None:
    for what, number, most in (
        ("tokens", ask.max_tokens, limits.ANSWER_TOKENS_MAX),
        ("passages", ask.passages_max, limits.PASSAGES_MAX),
    ):
        if not 1 <= number <= most:
            raise Refused(f"{number} {what} were asked for: ask for 1 to {most}")


def _check_groups(groups: Sequence[str]) -> None:
    if len(groups) > limits.GROUPS_MAX:
        raise Refused(f"there are {len(groups)} groups: name at most {limits.GROUPS_MAX}")


def _essence(media_type: str) -> str:
    """Spell a media type as MEDIA_TYPES does: in lower case, without parameters."""
    return media_type.partition(";")[0].strip().lower()


def check(document: NewDocument, bytes_max: int) -> None:
    """Check a document against the limits; raises Refused."""
    if not document.uri or len(document.uri) > limits.URI_MAX:
        raise Refused(
            f"the uri has {len(document.uri)} characters: name the document in 1 to "
            f"{limits.URI_MAX}"
        )
    if document.media_type not in MEDIA_TYPES:
        raise Refused(
            f"media type {document.media_type[:100]!r} can't be read: send {', '.join(MEDIA_TYPES)}"
        )
    policies = limits.chunk_policies()
    if document.chunk_policy not in policies:
        raise Refused(f"no such chunk policy: choose {' or '.join(policies)}")
    if len(document.content) > bytes_max:
        raise TooLarge(
            f"the document has {len(document.content)} bytes, the limit is {bytes_max}: split it, "
            "or raise PLAYHEAD_DOCUMENT_BYTES_MAX"
        )
    if len(document.title) > limits.TITLE_MAX:
        raise TooLarge(
            f"the title has {len(document.title)} characters, the limit is {limits.TITLE_MAX}"
        )
    _check_groups(document.groups)
    _check_metadata(document.metadata)


def _check_metadata(metadata: Mapping[str, str]) -> None:
    fits = len(metadata) <= limits.METADATA_MAX and all(
        0 < len(key) <= limits.METADATA_KEY_MAX and len(value) <= limits.METADATA_VALUE_MAX
        for key, value in metadata.items()
    )
    if not fits:
        raise Refused(
            f"metadata may have {limits.METADATA_MAX} entries, each with a key of 1 to "
            f"{limits.METADATA_KEY_MAX} and a value of at most {limits.METADATA_VALUE_MAX} "
            "characters"
        )


def response_schema_text(schema: Mapping[str, Any] | None) -> str:
    """Spell a JSON schema for `Ask.response_schema`: the same schema gives the same text."""
    return "" if schema is None else json.dumps(schema, sort_keys=True, separators=(",", ":"))
