"""Which request something is, and where on the log it lies: worked out once, then handed on.

Equal fingerprints (idempotency keys) are one request: the same id, so its repeat is recognised.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from edge.requests.validity import check_session, check_tenant
from schemas import Meta, StepVersion
from streams.log.clock import now_us
from streams.log.ids import document_id, request_id
from streams.log.lanes import lane_of
from streams.version import CODE
from streams.watching.tracing import new_trace

Whose = tuple[str, str]
"""Tenant and request: by its id alone nobody may find a request, since who wrote a record chose it.
"""


@dataclass(frozen=True)
class Identity:
    """Who asks, about what, and where on the log it lies."""

    request: str
    """Request id: what every outcome carries."""
    tenant: str
    subject: str
    """Keyed digest of who asks; empty for a document."""
    session: str
    """Conversation, or the document's id."""
    lane: int

    @property
    def whose(self) -> Whose:
        """What it is found by."""
        return self.tenant, self.request


class Identities:
    """Identifies requests for a log of so many partitions."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def of_question(
        self, tenant: str, subject: str, session: str = "", fingerprint: str = ""
    ) -> Identity:
        """Identify a question; a session of its own unless one is given. Raises Refused."""
        check_tenant(tenant)
        check_session(session)
        return self._identity(tenant, subject, session, fingerprint)

    def of_document(self, tenant: str, uri: str, fingerprint: str = "") -> Identity:
        """Identify what is said about a document by its URI. Raises Refused."""
        return self.of_known_document(tenant, document_id(tenant, uri), fingerprint)

    def of_known_document(self, tenant: str, document: str, fingerprint: str = "") -> Identity:
        """Identify what is said about a document by its id. Raises Refused."""
        check_tenant(tenant)
        return self._identity(tenant, "", document, fingerprint)

    def _identity(self, tenant: str, subject: str, session: str, fingerprint: str) -> Identity:
        request = request_id(tenant, fingerprint or str(uuid.uuid4()))
        session = session or f"s-{request}"
        return Identity(
            request, tenant, subject, session, lane_of(tenant, session, self._partitions)
        )


def stamp(edge: str, identity: Identity, *, record: str = "", trace: str = "") -> Meta:
    """Return the meta of a record that enters the log at an edge now.

    The record's id is the request's, unless it is given; a trace begins unless one goes on.
    """
    return Meta(
        id=record or identity.request,
        tenant=identity.tenant,
        lane=identity.lane,
        request=identity.request,
        session=identity.session,
        at=now_us(),
        step=StepVersion(name=edge, code=CODE, configuration=""),
        trace=trace or new_trace(sampled=True),
    )
