"""Problems as responses."""

from __future__ import annotations

from edge.problems import Problem
from edge.protocols.responses import invalid, response_of


def test_a_response_carries_the_ids_that_the_problem_knows():
    ids = {"request_id": "of http", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    response = response_of(Problem(504, "late", "d", request_id="on the log"), ids)
    assert ids["request_id"] == "on the log"  # so the header says it too
    assert response.status_code == 504
    assert response.media_type == "application/problem+json"
    assert b'"on the log"' in response.body
    assert b"a" * 32 in response.body


def test_mistakes_are_named_by_field_and_not_all_at_once():
    mistakes = [{"loc": ("body", "a", n), "msg": "wrong", "input": "secret"} for n in range(9)]
    problem = invalid([{"loc": ("body",), "msg": "no object"}, *mistakes])
    assert problem.status == 422
    assert problem.detail.startswith("body: no object; a.0: wrong; ")
    assert problem.detail.count("wrong") == 4
    assert "secret" not in problem.detail
