"""Canary: a mark in the system prompt by which an answer that repeats the prompt is known.

The mark of a request follows from its id, so a replay finds the same prompt and the same verdict.
It is no secret from the asker, who may know the id: whoever makes a model say it has a model that
repeats its prompt, and that is what must not be shown.
"""

import hashlib

CANARY = "PLH-[0-9a-f]{12}-C"
"""Pattern of what may be a mark, for a rule of moderate.json; `is_canary` tells whether it is."""
SLOT = "{{canary}}"


def canary(request: str) -> str:
    """Return the mark of a request: 18 characters that stand in no text by chance."""
    return f"PLH-{hashlib.sha256(f'canary {request}'.encode()).hexdigest()[:12]}-C"


def is_canary(text: str, request: str) -> bool:
    """Tell whether a text is the mark of this request; other marks are just text."""
    return text == canary(request)


def with_canary(template: str, request: str) -> str:
    """Fill the slot of a prompt's template, if it has one."""
    return template.replace(SLOT, canary(request))
