"""Deterministic identifiers: the same input gives the same id, so a repeat is recognised."""

import uuid

NAMESPACE = uuid.UUID("6c1f36a5-0f0e-5b3e-9a53-9d0c3f1a7f10")
"""Root of all ids; chosen once at random, never to be changed."""


def outcome_id(cause_id: str, step: str, ordinal: int) -> str:
    """Id of an outcome of a step over the input with id `cause_id`."""
    return str(uuid.uuid5(NAMESPACE, f"{cause_id}|{step}|{ordinal}"))


def request_id(tenant: str, fingerprint: str) -> str:
    """Id of a request: equal fingerprints (idempotency keys, say) are one request."""
    return str(uuid.uuid5(NAMESPACE, f"request|{tenant}|{fingerprint}"))


def document_id(tenant: str, uri: str) -> str:
    """Id of the document that a tenant knows under `uri`."""
    return str(uuid.uuid5(NAMESPACE, f"document|{tenant}|{uri}"))


def position_id(topic: str, partition: int, offset: int) -> str:
    """Id that stands for a record without a readable meta."""
    return str(uuid.uuid5(NAMESPACE, f"position|{topic}|{partition}|{offset}"))
