"""Entities: tenants, readers, documents and hosts as rules see them.

A request's entities are all of its own tenant, and groups bear its name, so that a rule about one
tenant's group says nothing of another's.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.policies.deciding import Entity, uid
from schemas import DescribedDocument

CLASS = "class"
"""Name of the property of a document that says what class of content it holds."""
UNCLASSED = "internal"
"""Class of a document that names none, as of a tenant whose contract names none."""


def tenant_entity(tenant: str) -> Entity:
    """Make the entity of a tenant."""
    return {"uid": uid("Tenant", tenant), "attrs": {}, "parents": []}


def user_entity(tenant: str, subject: str, groups: Sequence[str]) -> Entity:
    """Make the entity of a reader; `subject` is the keyed digest of who it is."""
    return {
        "uid": uid("User", subject),
        "attrs": {"groups": sorted(set(groups))},
        "parents": _within(tenant, groups),
    }


def document_entity(tenant: str, document: DescribedDocument) -> Entity:
    """Make the entity of a document."""
    return {
        "uid": uid("Document", document.document),
        "attrs": {
            "class": class_of(document),
            "uri": document.uri,
            "groups": sorted(set(document.groups)),
        },
        "parents": _within(tenant, document.groups),
        "tags": dict(document.metadata),
    }


def host_entity(route: str, provider: str, model: str, regions: Sequence[str]) -> Entity:
    """Make the entity of a route's host; without a provider it is Triton."""
    return {
        "uid": uid("Host", route),
        "attrs": {
            "provider": provider or "triton",
            "model": model,
            "regions": sorted(set(regions)),
        },
        "parents": [],
    }


def class_of(document: DescribedDocument) -> str:
    """Return the class of a document's content."""
    return document.metadata.get(CLASS, UNCLASSED)


def plain_entity(kind: str, name: str) -> Entity:
    """Make the entity of what is a name alone: a kind of personal data, a region."""
    return {"uid": uid(kind, name), "attrs": {}, "parents": []}


def _within(tenant: str, groups: Sequence[str]) -> list[dict[str, str]]:
    return [
        uid("Tenant", tenant),
        *(uid("Group", f"{tenant}/{group}") for group in sorted(set(groups))),
    ]
