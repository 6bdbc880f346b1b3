"""The documents of the interfaces: whole, valid, and what is really served."""

import asyncio
import copy
import json
from pathlib import Path

import jsonschema
import pytest

from edge.protocols.asyncapi_document import asyncapi_document
from edge.protocols.frame_shapes import FRAMES
from edge.protocols.http import interface_documents
from edge.protocols.openapi_document import METHODS
from edge.protocols.operation_answers import ANSWERS
from edge.protocols.websocket.client_frames import KINDS
from schemas.definitions import self_contained
from streams.topics import STEPS, TOPICS
from tests.edge.conformance.interfaces import asyncapi_faults, openapi_faults
from tests.edge.fake_log import a_citation, a_key
from tests.edge.http_client import HttpClient, answers_with, frames_of, is_problem, passages_for

FRAMES_OF_STORIES = Path(__file__).parents[2] / "answering" / "golden_frames.json"


@pytest.fixture
async def openapi(call):
    return (await call("GET", "/openapi.json")).json()


@pytest.fixture(scope="module")
def asyncapi():
    return json.loads(interface_documents.asyncapi_spelt())


# ---------------------------------------------------------------------- OpenAPI


async def test_openapi_is_valid_and_a_fault_would_be_told(openapi):
    assert openapi_faults(openapi) == []
    openapi["paths"]["/healthz"]["get"]["responses"]["200"].pop("description")
    openapi["components"]["schemas"].pop("Frame")
    faults = openapi_faults(openapi)
    assert any("description" in one for one in faults)
    assert any("Frame: nothing is there" in one for one in faults)


async def test_openapi_has_every_route_of_the_table_and_the_table_every_route(openapi):
    found = {
        (method, path)
        for path, methods in openapi["paths"].items()
        for method in METHODS & methods.keys()
    }
    assert found == set(ANSWERS)
    operations = [openapi["paths"][path][method] for method, path in found]
    assert len({one["operationId"] for one in operations}) == len(operations)
    for one in operations:
        assert one["security"] == [] or {"401", "403"} <= set(one["responses"])
        for status, response in one["responses"].items():
            kinds = set(response.get("content", {}))
            told = {"application/json", "text/event-stream", "application/problem+json"}
            assert kinds <= told | {"application/octet-stream"}
            assert status < "3" or kinds & {"application/json", "application/problem+json"}


async def test_what_is_told_is_what_openapi_says(call, gateway, log, openapi):
    def held(name, value):
        schema = {"$ref": f"#/components/schemas/{name}", "components": openapi["components"]}
        jsonschema.Draft202012Validator(schema).validate(value)

    log.answer = answers_with("VAT is due.", citations=(a_citation(),))
    asked = (await call("POST", "/v1/messages", {"text": "Is VAT due?"})).json()
    held("AskResult", asked)
    held("AnswerSoFar", (await call("GET", f"/v1/messages/{asked['request_id']}")).json())
    held("Timeline", (await call("GET", f"/v1/messages/{asked['request_id']}/timeline")).json())
    stream = await call("POST", "/v1/messages", {"text": "Is VAT due?", "stream": True})
    frames = frames_of(stream)
    assert [one["type"] for one in frames] == ["accepted", "delta", "completed"]
    for frame in frames:
        held("Frame", frame)
    log.answer = passages_for(gateway)
    held("SearchResult", (await call("POST", "/v1/search", {"text": "vat"})).json())
    log.answer = lambda _: ()
    document = {"uri": "u", "media_type": "text/plain", "content": "VAT"}
    taken = (await call("POST", "/v1/documents", document)).json()
    held("TakenDocuments", taken)
    held(
        "VersionsListed",
        (await call("GET", f"/v1/documents/{taken['document_id']}/versions")).json(),
    )
    form = await call("POST", "/v1/documents", files=[("file", ("a.txt", b"VAT", "text/plain"))])
    held("TakenFiles", form.json())
    ids = {"document_ids": [taken["document_id"], "none"]}
    held("DocumentsWithdrawn", (await call("POST", "/v1/documents/withdraw", ids)).json())
    held("DocumentStatus", (await call("GET", f"/v1/documents/{taken['document_id']}")).json())
    held("DocumentList", (await call("GET", "/v1/documents")).json())
    held("Problem", (await call("GET", "/v1/documents/none")).json())
    held("ModelList", (await call("GET", "/v1/models")).json())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"stream": 0}, "stream"),
        ({"max_tokens": "7"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"budget_ms": 500.5}, "budget_ms"),
    ],
)
async def test_a_value_of_another_kind_than_the_schema_s_is_refused(call, body, said):
    problem = is_problem(await call("POST", "/v1/messages", {"text": "a", **body}), 422)
    assert said in problem["detail"]


async def test_a_whole_number_may_be_spelt_with_a_point(call, log):
    log.answer = answers_with("Yes.")
    assert (await call("POST", "/v1/messages", {"text": "a", "max_tokens": 7.0})).status_code == 200


async def test_an_address_names_all_methods_that_it_takes(app, gateway):
    http = HttpClient(app, a_key(gateway))
    assert (await http("PATCH", "/v1/documents")).headers["allow"] == "GET, POST"
    allowed = "DELETE, GET, HEAD, PATCH, POST"
    assert (await http("PUT", "/v1/uploads/x")).headers["allow"] == allowed
    assert (await http("PUT", "/v1/documents/x")).headers["allow"] == "DELETE, GET"


# ---------------------------------------------------------------------- AsyncAPI


def test_asyncapi_is_valid_and_a_fault_would_be_told(asyncapi):
    assert list(asyncapi_faults(asyncapi)) == []
    for break_it in (
        lambda document: document["channels"]["chat"].pop("messages") and document.pop("info"),
        lambda document: document["operations"]["generate.send.tokensGenerated"].update(action="x"),
        lambda document: document["components"]["messages"].pop("TokensGenerated"),
        lambda document: document["operations"]["gateway.send.chat"]["messages"].append(
            {"$ref": "#/channels/tokensGenerated/messages/TokensGenerated"}
        ),
    ):
        broken = copy.deepcopy(asyncapi)
        break_it(broken)
        assert next(asyncapi_faults(broken), None)


def test_asyncapi_has_every_topic_with_its_definition_and_how_long_it_is_kept(asyncapi):
    channels = {one["address"]: one for one in asyncapi["channels"].values()}
    assert set(channels) == {one.name for one in TOPICS} | {"/v1/chat"}
    for topic in TOPICS:
        [name] = channels[topic.name]["messages"]
        payload = asyncapi["components"]["messages"][name]["payload"]
        assert payload["schema"] == self_contained(topic.record.SCHEMA)
        kept = channels[topic.name]["bindings"]["kafka"]["topicConfiguration"]
        assert kept["retention.ms"] == topic.retention_ms
        assert kept["cleanup.policy"] == ["compact" if topic.compacted else "delete"]


def test_asyncapi_has_what_each_step_receives_and_sends(asyncapi):
    def at(step, action):
        names = [one for one in asyncapi["operations"] if one.startswith(f"{step.name}.{action}.")]
        return {asyncapi["operations"][one]["messages"][0]["$ref"].split("/")[-1] for one in names}

    for step in STEPS:
        assert at(step, "receive") == {one.SCHEMA for one in step.reads}
        assert at(step, "send") == {one.SCHEMA for one in step.writes}


def test_every_frame_of_every_story_is_one_that_asyncapi_describes(asyncapi):
    stories = json.loads(FRAMES_OF_STORIES.read_text("utf-8"))
    seen = set()
    for story in stories.values():
        for frame in (*story["frames"], story["cancelled"]):
            payload = asyncapi["components"]["messages"][f"gateway.{frame['type']}"]["payload"]
            schema = {**payload["schema"], "additionalProperties": False}
            jsonschema.Draft202012Validator(schema).validate(frame)
            seen.add(frame["type"])
    assert set(FRAMES) - seen <= {"redacted"}
    assert {f"client.{one}" for one in KINDS} <= set(asyncapi["components"]["messages"])


async def test_both_are_served_without_a_key(app):
    http = HttpClient(app, "")
    served = await asyncio.gather(http("GET", "/openapi.json"), http("GET", "/asyncapi.json"))
    assert [one.status_code for one in served] == [200, 200]
    assert served[1].json() == json.loads(json.dumps(asyncapi_document()))
