"""Refusal: which questions are turned away before anything is spent on them, and why."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from agents.instructions import sets_aside
from agents.reader_language import in_language

LANGUAGE = "The question is in a language that is not supported here; please ask in another one."
ASIDE = "The question asks the assistant to set its rules aside; please rephrase it."


@lru_cache(maxsize=8)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)", re.IGNORECASE)


def refusal(text: str, said: bool, policy: Mapping[str, Any]) -> str:
    """Say why a question is refused, as its asker may read it; empty if it is not.

    `said` tells a question that lost all its characters to cleaning from one that had none.
    """
    if not text:
        return (
            "The question holds no readable characters; please ask in words."
            if said
            else "The question is empty; please ask something."
        )
    longest = int(policy["question_characters_max"])
    if len(text) > longest:
        return (
            f"The question has {len(text)} characters; at most {longest} are accepted. "
            "Send long text as a document and ask about it."
        )
    if _any_of(tuple(policy["refused_patterns"])).search(" ".join(text.split())) or (
        policy.get("instructions", False) and sets_aside(text)
    ):
        return refused_for("injection", text, policy)
    return ""


def refused_for(category: str, text: str, policy: Mapping[str, Any]) -> str:
    """Say in the asker's language why a question is refused; one of 0.1.0's has one language."""
    said: dict[str, dict[str, str]] = policy.get("refusals", {})
    if category in said:
        return in_language(said[category], text)
    return LANGUAGE if category == "language" else ASIDE
