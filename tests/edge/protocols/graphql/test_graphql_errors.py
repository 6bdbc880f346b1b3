"""Errors of GraphQL: the shape of all problems, and nothing of what only we may read."""

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, Source

from edge.problems import Problem, too_many
from edge.protocols.graphql.graphql_errors import problem_in, spell

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def caused_by(cause, message="what the cause says"):
    return GraphQLError(message, original_error=cause)


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (caused_by(Problem(404, "not-found", "no such thing")), 404, "not-found"),
        (caused_by(caused_by(Problem(403, "forbidden", "no"))), 403, "forbidden"),
        (GraphQLError("Cannot query field 'x'"), 400, "bad-operation"),
        (GraphQLSyntaxError(Source("{"), 1, "Expected Name"), 400, "bad-operation"),
        (caused_by(RuntimeError("the secret")), 500, "internal"),
        (caused_by(caused_by(KeyError("the secret"))), 500, "internal"),
    ],
)
def test_an_error_is_told_by_what_caused_it(error, status, slug):
    problem = problem_in(error, "r-1", "t-1")
    assert (problem.status, problem.slug) == (status, slug)
    assert "secret" not in problem.detail


def test_an_error_keeps_its_place_and_gets_the_members_of_a_problem():
    error = GraphQLError("m", path=["ask"], original_error=too_many("wait", retry_after_s=7))
    spell([error], "r-1", TRACE)
    assert error.formatted == {
        "message": "wait",
        "path": ["ask"],
        "extensions": {
            "type": "urn:playhead:problem:too-many-requests",
            "title": "Too Many Requests",
            "status": 429,
            "detail": "wait",
            "request_id": "r-1",
            "trace_id": "a" * 32,
            "retryable": True,
            "retry_after_s": 7,
        },
    }


def test_a_request_on_the_log_is_named_instead_of_http_s():
    error = caused_by(Problem(504, "deadline-passed", "late", request_id="on-log"))
    spell([error], "r-1", TRACE)
    assert error.extensions["request_id"] == "on-log"


def test_a_long_message_is_cut():
    problem = problem_in(GraphQLError("x" * 100_000), "r", "t")
    assert len(problem.detail) == 1_000
