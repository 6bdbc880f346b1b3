"""What may be in a request: the checks, and how one is refused that does not pass."""

from __future__ import annotations

from collections.abc import Sequence

from agents.errors import Permanent
from edge.requests import limits
from schemas import Ask


class Refused(Permanent, ValueError):
    """A request that can't be taken in; the message says what is wrong and what to do.

    Dead letters of the inbox hold the name of this class, and of the next.
    """


class TooLarge(Refused):
    """A document or question above its limit."""


def check_tenant(tenant: str) -> None:
    """Check what a tenant is called; raises Refused."""
    if not limits.TENANT.fullmatch(tenant):
        raise Refused(
            f"a tenant is called by 1 to {limits.TENANT_MAX} letters, digits, _ or -, the first a "
            "letter or digit"
        )


def check_session(session: str) -> None:
    """Check the id of a session, which may be empty; raises Refused."""
    if session and not limits.SESSION.fullmatch(session):
        raise Refused(
            f"the session id must be 1 to {limits.SESSION_MAX} letters, digits or . _ : - and "
            "begin with a letter or digit"
        )


def check_user(user: str) -> None:
    """Check who asks, where the asker is named; raises Refused."""
    if not user or len(user) > limits.USER_MAX:
        raise Refused(
            f"the user is empty or too long: name the asker in at most {limits.USER_MAX} characters"
        )


def check_text(text: str) -> None:
    """Check the words of a question; raises Refused."""
    if not text:
        raise Refused("the text is empty: send the words of the question")
    if len(text) > limits.QUESTION_MAX:
        raise TooLarge(
            f"the text has {len(text)} characters, the limit is {limits.QUESTION_MAX}: shorten "
            "it, or hand long texts in as documents"
        )


def check_ask(ask: Ask) -> None:
    """Check how much is asked for; raises Refused."""
    for what, number, most in (
        ("tokens", ask.max_tokens, limits.ANSWER_TOKENS_MAX),
        ("passages", ask.passages_max, limits.PASSAGES_MAX),
    ):
        if not 1 <= number <= most:
            raise Refused(f"{number} {what} were asked for: ask for 1 to {most}")


def check_groups(groups: Sequence[str]) -> None:
    """Check how many groups are named; raises Refused."""
    if len(groups) > limits.GROUPS_MAX:
        raise Refused(f"there are {len(groups)} groups: name at most {limits.GROUPS_MAX}")
