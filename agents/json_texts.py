"""JSON texts: how deep they nest, and whether they are JSON at all."""

import json
import re

from agents.errors import BeyondMeans

LEVELS_MAX = 900
"""Of a text that is read: Python's reader fails at about 1,000, less those that its callers stand
at, so that below this bound live and replay agree."""
_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)
"""An opening or a closing one, or a string, in which brackets are no such."""


def levels(text: str) -> int:
    """Count the levels at which the brackets of a JSON text nest."""
    deepest = level = 0
    for bracket in _BRACKET.finditer(text):
        level += (bracket[1] is not None) - (bracket[2] is not None)
        deepest = max(deepest, level)
    return deepest


def is_json(text: str, *, bounded: bool = True) -> bool:
    """Tell whether a text is a JSON document; one of more than LEVELS_MAX levels is not read.

    Raises BeyondMeans for such a one where no bound was in force: what came of it depended on the
    stack of the moment (`agents.changes.BOUNDED_JSON`).
    """
    if levels(text) > LEVELS_MAX:
        if bounded:
            return False
        raise BeyondMeans(f"JSON of more than {LEVELS_MAX} levels was read as deep as a stack let")
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
