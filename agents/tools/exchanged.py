"""Exchanged: what the asker's own tools were asked and gave, as it comes with a question.

The words are a person's like those of the question: sealed at the edge, redacted with it in one
numbering, and carried along to where the answer is composed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from agents.errors import Permanent
from agents.json_texts import is_json
from schemas import ToolExchange
from schemas.prepared_types import prepared

EXCHANGES_MAX = 64  # of a question; the edge takes fewer


prepared(tuple[ToolExchange, ...])


def exchanges_of(content: bytes) -> tuple[ToolExchange, ...]:
    """Read what was sealed; raises Permanent where it is no such list."""
    try:
        read = msgspec.json.decode(content, type=tuple[ToolExchange, ...])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Permanent(
            "a question's exchanges are no JSON list of objects with id, name, arguments and result"
        ) from None
    if len(read) > EXCHANGES_MAX:
        raise Permanent(
            f"a question brings {len(read)} exchanges, at most {EXCHANGES_MAX} are read"
        )
    return read


def personal_parts(exchange: ToolExchange) -> tuple[str, str]:
    """Return what of an exchange may hold personal data."""
    return exchange.arguments, exchange.result


def without_personal_parts(
    exchanges: Sequence[ToolExchange], texts: Sequence[str]
) -> tuple[ToolExchange, ...]:
    """Put redacted texts, two for each exchange, in the place of what may hold personal data.

    What is no JSON any more, since a value went over its marks, is a text within it.
    """
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return tuple(
        replace(
            exchange,
            arguments=arguments
            if is_json(arguments)
            else json.dumps({"text": arguments}, ensure_ascii=False),
            result=result,
        )
        for exchange, (arguments, result) in zip(exchanges, pairs, strict=True)
    )
