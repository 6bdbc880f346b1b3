"""The body of a document: each field is found first, and read once it is known to be small.

Millions of small values would hold the interpreter's lock while they are made, and in a thread they
would hold up the event loop as well. Only a text is one value, however large.
"""

from __future__ import annotations

import re

import msgspec
import orjson

from edge.callers.caller import Caller
from edge.problems import Problem
from edge.protocols.http.bodies import DocumentBody, held_to, malformed
from edge.requests import limits

_FIELDS = msgspec.json.Decoder(
    msgspec.defstruct(
        "DocumentFields",
        [(name, msgspec.Raw, msgspec.Raw()) for name in DocumentBody.model_fields],
    )
)
_BYTE = re.compile(r"byte (\d+)")


def parse_document(body: bytes, caller: Caller) -> DocumentBody:
    """Read the body of a document, of which only the content may be large; raises Problem."""
    try:
        fields = _FIELDS.decode(body)
    except msgspec.ValidationError:
        raise Problem(422, "invalid", "the body is no JSON object: send one") from None
    except msgspec.DecodeError as error:
        raise malformed(_place_of(error, body)) from None
    except RecursionError:
        raise Problem(
            422,
            "invalid",
            "objects and lists lie too deep within each other: send something flatter",
        ) from None
    spelt = {name: bytes(getattr(fields, name)) for name in DocumentBody.model_fields}
    rest = sum(len(one) for name, one in spelt.items() if not _is_content(name, one))
    if rest > limits.BODY_MAX:
        raise Problem(
            413,
            "too-large",
            f"what stands beside the content has {rest} bytes, the limit is {limits.BODY_MAX}: "
            "send less",
        )
    try:
        content = {name: orjson.loads(one) for name, one in spelt.items() if one}
    except orjson.JSONDecodeError:
        raise malformed("a text is not UTF-8") from None
    return held_to(content, DocumentBody, caller)


def _is_content(name: str, spelt: bytes) -> bool:
    """Say whether a value is a text that may be large."""
    return name in {"content", "content_base64"} and spelt.startswith(b'"')


def _place_of(error: msgspec.DecodeError, body: bytes) -> str:
    """Say where a body ceases to be JSON: at its end, unless the error tells a byte."""
    told = _BYTE.search(str(error))
    at = int(told[1]) if told else len(body)
    line, before = body.count(b"\n", 0, at) + 1, body.rfind(b"\n", 0, at)
    return f"line {line}, column {at - before}"
