"""A document as it is handed in, and what may be in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agents.chunk_policies import BY_KIND, known_policy
from connectors.media_types import ALIASES, MEDIA_TYPES
from connectors.readers.charsets import declared_charset
from edge.requests import limits
from edge.requests.configured_limits import ConfiguredLimits
from edge.requests.validity import Refused, TooLarge, check_groups, check_labels


@dataclass(frozen=True)
class NewDocument:
    """A document as it is handed in."""

    uri: str
    content: bytes
    media_type: str = "text/plain"
    """In any case, and with parameters or without; all but the charset are dropped."""
    title: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    groups: Sequence[str] = ()
    """Who may read it, besides those who may write; empty for everyone."""
    chunk_policy: str = BY_KIND


def essence(media_type: str) -> str:
    """Spell a media type as MEDIA_TYPES does: in lower case, by one name, without parameters."""
    kind = media_type.partition(";")[0].strip().lower()
    return ALIASES.get(kind, kind)


def normal_type(media_type: str) -> str:
    """Spell a media type with the charset that it names, by which its reader goes."""
    kind, _, parameters = media_type.partition(";")
    charset = declared_charset(parameters).lower()
    return essence(kind) + (f"; charset={charset}" if charset else "")


def check_uri(uri: str) -> None:
    """Check what a document is called; raises Refused."""
    if not uri or len(uri) > limits.URI_MAX:
        raise Refused(
            f"the uri has {len(uri)} characters: name the document in 1 to {limits.URI_MAX}"
        )


def check_document(document: NewDocument, bytes_max: int, configured: ConfiguredLimits) -> None:
    """Check a document against the limits; raises Refused."""
    check_uri(document.uri)
    if essence(document.media_type) not in MEDIA_TYPES:
        raise Refused(
            f"media type {document.media_type[:100]!r} can't be read: send {', '.join(MEDIA_TYPES)}"
        )
    policies = configured.chunk_policies
    if not known_policy(document.chunk_policy, policies):
        raise Refused(
            f"no such chunk policy: choose {' or '.join(policies)}, or none for the one that fits"
        )
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
