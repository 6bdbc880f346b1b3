"""What may be in a request: the checks, and how one is refused that does not pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.errors import Permanent
from agents.schema_work import schema_work
from agents.structured import fault_of
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


def check_idempotency_key(key: str) -> None:
    """Check how long the key of a record is, which may be empty; raises Refused."""
    if len(key) > limits.IDEMPOTENCY_KEY_MAX:
        raise Refused(
            f"the idempotency key has {len(key)} characters, the limit is "
            f"{limits.IDEMPOTENCY_KEY_MAX}"
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
    if not -1 <= ask.as_of <= limits.INT64_MAX:
        raise Refused(f"as_of is no position: send -1 for now, or 0 to {limits.INT64_MAX}")
    if not 0 <= ask.deadline <= limits.INT64_MAX:
        raise Refused(f"the deadline is no time: send 0 for none, or up to {limits.INT64_MAX} µs")
    check_groups(ask.groups, limits.KEY_GROUPS_MAX)
    check_labels("filters", ask.filters, limits.FILTERS_MAX)
    check_tools(ask.tools)
    if len(ask.response_schema) > limits.RESPONSE_SCHEMA_MAX:
        raise TooLarge(
            f"the response_schema has {len(ask.response_schema)} characters, the limit is "
            f"{limits.RESPONSE_SCHEMA_MAX}: shorten it"
        )
    if (work := schema_work(ask.response_schema)) > limits.SCHEMA_WORK_MAX:
        raise Refused(
            f"the response_schema unfolds to {work} values, repeated items and repeated characters "
            f"of patterns, the limit is {limits.SCHEMA_WORK_MAX}: lower its minItems, maxItems and "
            "the like, or the {m,n} of its patterns"
        )
    if ask.response_schema and (fault := fault_of(ask.response_schema)):
        raise Refused(f"response_schema: {fault}; no answer could follow it")


def check_tools(tools: str) -> None:
    """Check the asker's own tools; raises Refused."""
    if len(tools) > limits.TOOLS_CHARACTERS_MAX:
        raise TooLarge(
            f"the tools have {len(tools)} characters, the limit is {limits.TOOLS_CHARACTERS_MAX}: "
            "send fewer, or shorten them"
        )
    if (work := schema_work(tools)) > limits.SCHEMA_WORK_MAX:
        raise Refused(
            f"the tools' parameters unfold to {work} values, repeated items and characters of "
            f"patterns, the limit is {limits.SCHEMA_WORK_MAX}: lower their maxItems and the like"
        )


def check_exchanges(exchanges: str) -> None:
    """Check what the asker's tools gave; raises Refused."""
    if len(exchanges) > limits.EXCHANGES_MAX:
        raise TooLarge(
            f"calls of tools and their results have {len(exchanges)} characters, the limit is "
            f"{limits.EXCHANGES_MAX}: shorten the results"
        )


def check_particulars(particulars: str) -> None:
    """Check what a client's interface tells of a request again; raises Refused."""
    size = len(particulars.encode("utf-8", "replace"))
    if size > limits.PARTICULARS_MAX:
        raise TooLarge(
            f"instructions, tools, formats and metadata have {size} bytes as JSON, the limit is "
            f"{limits.PARTICULARS_MAX}: shorten them"
        )


def check_feedback(rating: int, comment: str) -> None:
    """Check a reader's judgement; raises Refused."""
    if rating not in (-1, 0, 1):
        raise Refused("the rating is none: send -1 for bad, 0 for neutral or 1 for good")
    _check_words("comment", comment, limits.COMMENT_MAX)


def check_note(note: str) -> None:
    """Check what a reviewer says beside a grade; raises Refused."""
    _check_words("note", note, limits.NOTE_MAX)


def _check_words(what: str, words: str, most: int) -> None:
    if len(words) > most:
        raise TooLarge(f"the {what} has {len(words)} characters, the limit is {most}: shorten it")


def check_groups(groups: Sequence[str], most: int = limits.GROUPS_MAX) -> None:
    """Check how many groups are named, and how; raises Refused."""
    if len(groups) > most:
        raise Refused(f"there are {len(groups)} groups: name at most {most}")
    if not all(0 < len(group) <= limits.GROUP_MAX for group in groups):
        raise Refused(
            f"a group is empty or too long: name it in 1 to {limits.GROUP_MAX} characters"
        )


def check_labels(what: str, labels: Mapping[str, str], most: int) -> None:
    """Check metadata, or the filters that go by it; raises Refused."""
    fits = len(labels) <= most and all(
        0 < len(key) <= limits.METADATA_KEY_MAX and len(value) <= limits.METADATA_VALUE_MAX
        for key, value in labels.items()
    )
    if not fits:
        raise Refused(
            f"{what} may have {most} entries, each with a key of 1 to {limits.METADATA_KEY_MAX} "
            f"and a value of at most {limits.METADATA_VALUE_MAX} characters"
        )


def check_depth(content: Any) -> None:
    """Check how deep a JSON value is, level by level; raises Refused."""
    level = [content] if isinstance(content, dict | list) else []
    for _ in range(limits.JSON_DEPTH_MAX):
        if not level:
            return
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    if level:
        raise Refused(
            f"objects and lists lie more than {limits.JSON_DEPTH_MAX} deep within each other: send "
            "something flatter"
        )
