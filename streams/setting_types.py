"""What settings may be: the types of their fields, and what is said of each in words.

msgspec converts and bounds a value by its type. What a bound can't say, a `Meta` carries: the unit,
and the words for a pattern.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta

from streams.storage_places import FOLDER, FOLDER_OR_BUCKET

INT32_MAX = 2_147_483_647  # what the clients behind most numbers take


class BadSetting(ValueError):
    """A setting that can't be used; the message names it and says what it must be."""


def text_like(pattern: str, allowed: str) -> Meta:
    """Bound a text by a pattern, which `allowed` says in words."""
    return Meta(pattern=pattern, extra={"allowed": allowed})


def whole(least: int, most: int = INT32_MAX, unit: str = "") -> Meta:
    """Bound a whole number."""
    return Meta(ge=least, le=most, extra={"unit": unit})


Count = Annotated[int, whole(1)]
Megabytes = Annotated[int, whole(1, unit="MB")]
Bytes = Annotated[int, whole(1, unit="bytes")]
Milliseconds = Annotated[int, whole(1, unit="ms")]
Seconds = Annotated[float, Meta(ge=0.001, le=10_000_000, extra={"unit": "s"})]
Port = Annotated[int, whole(0, 65_535)]
Name = Annotated[str, text_like(r"^\S+\Z", "a name without spaces")]
Address = Annotated[str, text_like(r"^[^\s/]+\Z", "HOST:PORT, without a scheme")]
Url = Annotated[str, text_like(r"^https?://[^\s/]\S*\Z", "an address with http:// or https://")]
OptionalUrl = Annotated[str, text_like(r"^(https?://[^\s/]\S*)?\Z", "empty, or an http(s) address")]
Folder = Annotated[str, text_like(FOLDER, "empty, or a folder of this machine")]
FolderOrBucket = Annotated[
    str, text_like(FOLDER_OR_BUCKET, "empty, a folder, or s3://bucket/prefix")
]
ChatTrust = Literal["", "phrase", "quote", "none"]
Detecting = Literal["tagger", "presidio"]
Level = Literal["debug", "info", "warning", "error"]
KafkaSecurity = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
KafkaMechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]
TritonSecurity = Literal["plaintext", "tls"]


def unit_of(hint: Any) -> str:
    """Return the unit of a type, empty where it has none."""
    return str(_extra(hint).get("unit", ""))


def in_words(hint: Any) -> str:
    """Say which values a type allows."""
    if choices := [value for value in get_args(hint) if isinstance(value, str)]:
        return f"one of {', '.join(choices)}"
    if words := _extra(hint).get("allowed"):
        return str(words)
    kind, bounds = _bounds(hint)
    if kind is Path:
        return "a folder"
    if kind is str:
        return "a text"
    assert bounds is not None  # every number has bounds
    words = "a whole number" if kind is int else "a number"
    of = f" ({unit_of(hint)})" if unit_of(hint) else ""
    return f"{words}{of} from {bounds.ge:,} to {bounds.le:,}"


def _bounds(hint: Any) -> tuple[Any, Meta | None]:
    given = get_args(hint)
    return (given[0], given[1]) if given else (hint, None)


def _extra(hint: Any) -> dict[str, Any]:
    _, bounds = _bounds(hint)
    return (bounds.extra or {}) if isinstance(bounds, Meta) else {}
