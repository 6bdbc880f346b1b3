"""Bodies of documents: what may be large is the content alone, and what is wrong is said as of any other body."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.callers.caller import Caller
from edge.problems import Problem
from edge.protocols.http.bodies import DocumentBody, parse
from edge.protocols.http.document_body import parse_document
from edge.requests import limits

CALLER = Caller("k", "acme", "u", "s", frozenset({"write"}), ())
SMALL = {"uri": "a", "media_type": "text/plain", "content": "It pumps."}
MANY = limits.BODY_MAX // 2


def problem_of(body, read=parse_document):
    with pytest.raises(Problem) as raised:
        read(body if isinstance(body, bytes) else json.dumps(body).encode(), CALLER)
    return raised.value


def read(body, how):
    """Return the body as it is read, or what is wrong with it."""
    try:
        return how(body, CALLER)
    except Problem as problem:
        return problem.detail


def as_any_body(body, caller):
    return parse(body, DocumentBody, caller)


@given(
    st.fixed_dictionaries(
        {name: st.text(max_size=9) for name in SMALL},
        optional={
            "title": st.text(max_size=9),
            "metadata": st.dictionaries(st.text("ab", min_size=1), st.integers() | st.booleans()),
            "groups": st.lists(st.text("ab", min_size=1, max_size=3)),
            "other": st.lists(st.integers()),
        },
    )
)
def test_what_is_small_is_read_as_any_other_body(fields):
    body = json.dumps(fields).encode()
    assert read(body, parse_document) == read(body, as_any_body)


@pytest.mark.parametrize("name", ["content", "content_base64"])
def test_a_content_may_be_large(name):
    fields = {**SMALL, "content": None, name: "x" * (2 * limits.BODY_MAX)}
    assert getattr(parse_document(json.dumps(fields).encode(), CALLER), name) == fields[name]


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {str(n): n for n in range(MANY // 4)}},
        {"groups": ["a"] * MANY},
        {"content": [1] * MANY},
        {"title": "x" * (2 * MANY)},
    ],
)
def test_whatever_else_is_large_is_refused_before_it_is_made(fields):
    problem = problem_of({**SMALL, **fields})
    assert problem.status == 413
    assert "beside the content" in problem.detail


def test_what_is_asked_for_by_nobody_is_passed_over_however_much_it_is():
    fields = {**SMALL, "other": {str(n): [n] for n in range(MANY // 4)}}
    assert parse_document(json.dumps(fields).encode(), CALLER) == DocumentBody(**SMALL)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"uri": "a",\n "title": }', "line 2, column 11"),
        (b'{"uri": "a"', "line 1, column 12"),
        (b"nope", "line 1, column"),
        (b"{} {}", "line 1, column"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(body, place):
    problem = problem_of(body)
    assert problem.status == 400
    assert place in problem.detail
    assert problem.detail[:30] == problem_of(body, as_any_body).detail[:30]


def test_a_text_that_is_not_utf_8_is_no_json():
    assert problem_of(b'{"uri": "a", "content": "\xff"}').status == 400


@pytest.mark.parametrize("body", [b"[1]", b"null", b'"a"', b'{"other": ' + b"[" * 100_000])
def test_what_is_no_object_or_too_deep_is_refused(body):
    assert problem_of(body).status == 422
