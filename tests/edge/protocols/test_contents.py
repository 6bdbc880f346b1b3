"""Whole numbers and truth values, as JSON Schema has them."""

import pytest
from pydantic import BaseModel, ValidationError

from edge.problems import Problem
from edge.protocols.contents import Truth, WholeNumber, as_in_a_body, validated
from edge.protocols.http.bodies import DocumentBody, MessageBody, SearchBody
from edge.protocols.http.feedback import FeedbackBody
from edge.protocols.mcp.mcp_tools import AskArguments, SearchArguments
from edge.protocols.openai.chat_request import ChatBody, StreamOptions
from edge.protocols.openai.embeddings_routes import EmbeddingsBody
from edge.protocols.openai.responses_request import OfferedFunctionTool, ResponseBody
from edge.protocols.websocket.client_frames import MessageFrame, ResumeFrame


class Body(BaseModel):
    count: WholeNumber = 0
    wanted: Truth = False
    limit: WholeNumber | None = None


@pytest.mark.parametrize(
    ("sent", "read"),
    [(7, 7), (7.0, 7), (-0.0, 0), (2**60, 2**60), (1e15, 10**15)],
)
def test_a_whole_number_is_one_however_it_is_spelt(sent, read):
    found = validated({"count": sent, "limit": sent}, Body)
    assert (found.count, found.limit) == (read, read)
    assert type(found.count) is int


@pytest.mark.parametrize("sent", [True, False, "7", "", 7.5, [7], {}, float("inf"), float("nan")])
def test_nothing_else_is_a_whole_number(sent):
    with pytest.raises(Problem, match="count"):
        validated({"count": sent}, Body)


def test_null_is_none_where_it_may_be():
    assert validated({"limit": None}, Body).limit is None
    with pytest.raises(Problem, match="count"):
        validated({"count": None}, Body)


@pytest.mark.parametrize("sent", [0, 1, "true", "false", "", None, []])
def test_only_true_and_false_are_truth_values(sent):
    assert validated({"wanted": True}, Body).wanted
    with pytest.raises(Problem, match="wanted"):
        validated({"wanted": sent}, Body)


REQUESTS = (
    *(MessageBody, SearchBody, DocumentBody, FeedbackBody, AskArguments, SearchArguments),
    *(ChatBody, StreamOptions, ResponseBody, OfferedFunctionTool, EmbeddingsBody),
    *(MessageFrame, ResumeFrame),
)
OTHERS = {"integer": (True, "1"), "number": (True, "1"), "boolean": (1, "true")}


def kinds_of(schema):
    return {one.get("type") for one in (schema, *schema.get("anyOf", ()))}


@pytest.mark.parametrize("model", REQUESTS)
def test_no_field_of_a_request_takes_another_kind_for_its_own(model):
    """The document says what a field is; a text that looks like a number is none."""
    validator = model.__pydantic_validator__
    for name, schema in model.model_json_schema()["properties"].items():
        kinds = kinds_of(schema)
        for other in (value for kind in kinds & OTHERS.keys() for value in OTHERS[kind]):
            if not (isinstance(other, str) and "string" in kinds):
                with pytest.raises(ValidationError):
                    validator.validate_assignment(model.model_construct(), name, other)


@pytest.mark.parametrize(
    ("given", "read"),
    [({"a": 10**30}, {"a": 1e30}), ([1, 2.5, "x", None], [1, 2.5, "x", None])],
)
def test_what_came_otherwise_is_read_as_in_a_body(given, read):
    assert as_in_a_body(given) == read


@pytest.mark.parametrize("given", [float("inf"), [float("nan")], [10**5_000]])
def test_what_json_cannot_hold_is_refused(given):
    with pytest.raises(Problem, match="too large"):
        as_in_a_body(given)
