"""Problem details, as documents and frames."""

from __future__ import annotations

import pytest

from edge.load.measures import refused
from edge.problems import (
    Problem,
    Quota,
    forbidden,
    from_fields,
    not_found,
    overloaded,
    title_of,
    too_many,
    unauthorized,
)

MEMBERS = {"type", "title", "status", "detail", "request_id", "trace_id", "retryable"}


@pytest.mark.parametrize(
    ("problem", "status", "retryable", "header"),
    [
        (unauthorized("d"), 401, False, "WWW-Authenticate"),
        (forbidden("d"), 403, False, None),
        (not_found("d"), 404, False, None),
        (too_many("d"), 429, True, "Retry-After"),
        (overloaded("d"), 503, True, "Retry-After"),
        (overloaded("d", 7), 503, True, "Retry-After"),
    ],
)
def test_a_problem_says_what_is_wrong_and_whether_to_come_back(problem, status, retryable, header):
    fields = problem.fields("r-1", "t-1")
    assert set(fields) >= MEMBERS
    assert (fields["status"], fields["retryable"], fields["detail"]) == (status, retryable, "d")
    assert fields["type"] == f"urn:playhead:problem:{problem.slug}"
    assert (fields["request_id"], fields["trace_id"]) == ("r-1", "t-1")
    assert header is None or header in problem.headers
    if retryable:
        assert int(problem.headers["Retry-After"]) == fields["retry_after_s"]


def test_the_request_on_the_log_names_a_problem_before_the_one_of_http():
    problem = Problem(504, "deadline-passed", "d", request_id="on the log")
    assert problem.fields("of http", "t")["request_id"] == "on the log"


def test_on_a_stream_the_type_says_that_it_is_an_error_and_the_rest_is_the_same():
    problem = overloaded("d")
    frame, fields = problem.frame("r-1", "t-1"), problem.fields("r-1", "t-1")
    assert frame["type"] == "error"
    assert frame["problem"] == fields["type"]
    assert {**frame, "type": frame["problem"]} == {**fields, "problem": fields["type"]}


@pytest.mark.parametrize(
    "problem",
    [
        Problem(502, "step-failed", "d", request_id="r-1"),
        Problem(503, "step-failed", "d", retryable=True, request_id="r-1"),
    ],
)
def test_a_problem_is_read_back_from_its_document(problem):
    again = from_fields(problem.fields("", "t"))
    assert (again.status, again.slug, again.detail) == (problem.status, "step-failed", "d")
    assert (again.retryable, again.request_id) == (problem.retryable, "r-1")
    assert ("Retry-After" in again.headers) == problem.retryable


@pytest.mark.parametrize(("status", "title"), [(404, "Not Found"), (499, "Error")])
def test_a_title_is_the_standard_phrase(status, title):
    assert title_of(status) == title


def test_a_refusal_is_counted_and_handed_on():
    problem = too_many("d")
    assert refused(problem, "held") is problem


@pytest.mark.parametrize(
    ("quota", "policy", "left"),
    [
        (Quota("tenant-questions", 64), '"tenant-questions";q=64;qu="concurrent-requests"', 0),
        (Quota("key-bodies", 9, 7, "content-bytes"), '"key-bodies";q=9;qu="content-bytes"', 7),
        (Quota("t", 9, 1, "requests", 60), '"t";q=9;qu="requests";w=60', 1),
        (Quota("t", 9, 1, "tokens", 60), '"t";q=9;qu="tokens";w=60', 1),
        (Quota("key-bodies", 9, -2, "content-bytes"), '"key-bodies";q=9;qu="content-bytes"', 0),
    ],
)
def test_a_limit_is_told_as_clients_read_it(quota, policy, left):
    headers = too_many("d", 3, quota).headers
    assert headers["RateLimit-Policy"] == policy
    assert headers["RateLimit"] == f'"{quota.name}";r={left};t=3'
    assert headers["Retry-After"] == "3"
    assert "RateLimit" not in too_many("d").headers
    assert quota.headers()["RateLimit"] == f'"{quota.name}";r={left}'


def test_a_limit_that_no_waiting_makes_room_in_is_not_worth_a_repeat():
    problem = too_many("d", 3_600, retryable=False)
    assert not problem.fields("r", "t")["retryable"]
    assert problem.headers["Retry-After"] == "3600"
