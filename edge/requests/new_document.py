"""A document as it is handed in, and what may be in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connectors.media_types import MEDIA_TYPES
from edge.requests import limits
from edge.requests.configured_limits import ConfiguredLimits
from edge.requests.validity import Refused, TooLarge, check_groups, check_labels


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


def essence(media_type: str) -> str:
    """Spell a media type as MEDIA_TYPES does: in lower case, without parameters."""
    return media_type.partition(";")[0].strip().lower()


def check_uri(uri: str) -> None:
    """Check what a document is called; raises Refused."""
    if not uri or len(uri) > limits.URI_MAX:
        raise Refused(
            f"the uri has {len(uri)} characters: name the document in 1 to {limits.URI_MAX}"
        )


def check_document(document: NewDocument, bytes_max: int, configured: ConfiguredLimits) -> None:
    """Check a document against the limits; raises Refused."""
    check_uri(document.uri)
    if document.media_type not in MEDIA_TYPES:
        raise Refused(
            f"media type {document.media_type[:100]!r} can't be read: send {', '.join(MEDIA_TYPES)}"
        )
    policies = configured.chunk_policies
    if document.chunk_policy not in policies:
        raise Refused(f"no such chunk policy: choose {' or '.join(policies)}")
    if len(document.content) > bytes_max:
        raise TooLarge(
            f"the document has {len(document.content)} bytes, the limit is {bytes_max}: split it, "
            "or raise PLAYHEAD_DOCUMENT_BYTES_MAX"
        )
    if len(document.content) > configured.document_bytes_max:
        raise TooLarge(
            f"the document has {len(document.content)} bytes, ingest is configured to read "
            f"{configured.document_bytes_max}: split it, or raise its bytes_max"
        )
    if len(document.title) > limits.TITLE_MAX:
        raise TooLarge(
            f"the title has {len(document.title)} characters, the limit is {limits.TITLE_MAX}"
        )
    check_groups(document.groups)
    check_labels("metadata", document.metadata, limits.METADATA_MAX)
