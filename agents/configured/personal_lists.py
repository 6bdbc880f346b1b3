"""Personal lists: what must fit in a policy for personal data, beside types and bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agents.personal.bounded_patterns import PATTERNS_MAX, UnboundedPattern, compiled
from agents.personal.folding import words_of
from agents.personal.phrase_list import TERM_WORDS_MAX
from agents.personal.tenant_policy import kinds_named, policy_of
from agents.placeholders import inexpressible

TERMS_MAX = 50_000
"""Texts of a list; a configuration must fit a record of the log besides."""

Complaint = Callable[[str], Exception]


def hold_policies(values: Mapping[str, Any], unusable: Complaint) -> None:
    """Raise what `unusable` makes of a message where a policy of redact can't be worked by."""
    tenants = values.get("tenants", {})
    for path, policy in [
        ("", values),
        *((f"tenants.{name}.", one) for name, one in tenants.items()),
    ]:
        for place, listed in _lists(policy):
            _hold_list(f"{path}{place}", listed, unusable)
    for path, policy in [
        ("", values),
        *((f"tenants.{name}.", policy_of(values, name)) for name in tenants),
    ]:
        if unnamed := inexpressible(kinds_named(policy)):
            raise unusable(
                f"`{path}kinds`: no placeholder can name {unnamed[0]}: write it, and in `deny` and "
                "`fields` too, in capital letters joined by single underscores, such as IP_ADDRESS"
            )


def _lists(policy: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the lists of a policy and where they stand."""
    if policy.get("allow"):
        yield "allow", policy["allow"]
    for kind, listed in policy.get("deny", {}).items():
        yield f"deny.{kind}", listed


def _hold_list(place: str, listed: Mapping[str, Any], unusable: Complaint) -> None:
    for name, most in (("texts", TERMS_MAX), ("digests", TERMS_MAX), ("patterns", PATTERNS_MAX)):
        if len(listed.get(name, ())) > most:
            raise unusable(
                f"`{place}.{name}` has {len(listed[name])} of at most {most}: list fewer"
            )
    for at, text in enumerate(listed.get("texts", ())):
        words = len(words_of(text).words)
        if not 0 < words <= TERM_WORDS_MAX:
            raise unusable(
                f"`{place}.texts[{at}]` has {words} words and marks: list a term of 1 to "
                f"{TERM_WORDS_MAX}"
            )
    for at, pattern in enumerate(listed.get("patterns", ())):
        try:
            compiled(pattern)
        except UnboundedPattern as error:
            raise unusable(f"`{place}.patterns[{at}]`: {error}") from None
