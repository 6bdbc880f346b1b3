"""What makes the OpenAPI document whole, and what it refuses."""

from typing import Annotated

import pytest
from fastapi import FastAPI, Header
from pydantic import BaseModel

from edge.protocols import openapi_document as made
from edge.protocols.http.described_security import security_of
from edge.protocols.openapi_document import openapi_document
from edge.protocols.operation_answers import OperationAnswer
from edge.protocols.route_rules import ASK, RULES


class Shape(BaseModel):
    """A shape."""

    text: str


@pytest.fixture
def app(monkeypatch):
    app = FastAPI(title="t", summary="s")

    @app.get("/v1/things/{name}")
    async def get_thing(
        name: str, idempotency_key: Annotated[str, Header(alias="Idempotency-Key")] = ""
    ):
        """Get a thing."""

    monkeypatch.setattr(
        made, "ANSWERS", {("get", "/v1/things/{name}"): OperationAnswer(200, "It.", Shape, (404,))}
    )
    return app


def test_an_operation_says_what_it_answers_with_which_problems_and_for_which_scope(
    app, monkeypatch
):
    monkeypatch.setitem(RULES, "GET /v1/things/{name}", ASK)
    document = openapi_document(app)
    [operation] = [one["get"] for one in document["paths"].values()]
    assert operation["operationId"] == "get_thing"
    assert operation["tags"] == ["things"]
    assert operation["security"] == security_of(ASK)
    assert set(operation["responses"]) == {"200", "401", "403", "404", "429", "503", "default"}
    told = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert told == {"$ref": "#/components/schemas/Shape"}
    assert "Retry-After" in operation["responses"]["429"]["headers"]
    assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]
    [key] = [one for one in operation["parameters"] if one["in"] == "header"]
    assert "default" not in key["schema"]
    assert "pattern" in key["schema"]


def test_a_route_that_the_table_lacks_is_an_error(app):
    @app.post("/v1/others")
    async def post_other():
        """Post another."""

    with pytest.raises(KeyError):
        openapi_document(app)


def test_two_shapes_of_one_name_are_an_error(app, monkeypatch):
    class ProblemDetails(BaseModel):
        """Another."""

        model_config = {"title": "Shape"}
        number: int

    monkeypatch.setattr(made.shapes, "ProblemDetails", ProblemDetails)
    with pytest.raises(ValueError, match="two schemas are called Shape"):
        openapi_document(app)
