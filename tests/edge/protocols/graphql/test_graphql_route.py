"""Queries and mutations of GraphQL over HTTP: what they answer, for whom, and what they may cost."""

import base64
import json
import subprocess
import sys

import pytest
from graphql import get_introspection_query

from edge.protocols.graphql.graphql_limits import ALIASES_MAX
from schemas import DocumentSubmitted, DocumentWithdrawn, FeedbackGiven, QuestionAsked
from tests.edge.documents_on_log import hand_in
from tests.edge.fake_log import a_citation, a_key
from tests.edge.http_client import HttpClient, answers_with, is_problem, passages_for
from tests.edge.protocols.graphql.graphql_client import problems, run

ASK = """
mutation ($text: String!, $session: String! = "", $key: String! = "") {
  ask(text: $text, sessionId: $session, idempotencyKey: $key) {
    requestId sessionId answer { status text citations { documentId quote } usage { promptTokens } }
  }
}
"""


async def test_a_caller_is_told_who_it_is(call):
    me = (await run(call, "{ me { tenant scopes groups } }"))["me"]
    assert me["tenant"] == "acme"
    assert "read" in me["scopes"]


async def test_a_question_is_asked_found_again_judged_and_traced(call, log):
    log.answer = answers_with("VAT is ", "due.", citations=(a_citation(),))
    asked = (await run(call, ASK, text="Is VAT due?", session="s-1"))["ask"]
    assert asked["sessionId"] == "s-1"
    answer = asked["answer"]
    assert (answer["status"], answer["text"]) == ("completed", "VAT is due.")
    assert answer["citations"] == [{"documentId": "d-1", "quote": "VAT is due."}]
    again = await run(
        call,
        "query ($id: ID!) { message(requestId: $id) { answer { text } } timeline(requestId: $id) }",
        id=asked["requestId"],
    )
    assert again["message"]["answer"]["text"] == "VAT is due."
    assert again["timeline"]["request_id"] == asked["requestId"]
    judged = await run(
        call,
        'mutation ($id: ID!) { feedback(requestId: $id, rating: 1, comment: "good") { about } }',
        id=asked["requestId"],
    )
    assert judged["feedback"]["about"] == asked["requestId"]
    assert [one.rating for one in log.published(FeedbackGiven)] == [1]


async def test_a_session_s_answers_are_read_from_the_log_at_once(call, log):
    log.answer = answers_with("Yes.")
    for session in ("s-1", "s-1", "s-2", "s-1"):
        await run(call, ASK, text="Is VAT due?", session=session)
    log.read_at_once.clear()
    query = (
        '{ session(id: "s-1") { title questions messages(first: 3) { question answer { text } } } }'
    )
    session = (await run(call, query))["session"]
    assert (session["title"], session["questions"]) == ("Is VAT due?", 3)
    assert {one["question"] for one in session["messages"]} == {"Is VAT due?"}
    assert [one["answer"]["text"] for one in session["messages"]] == ["Yes."] * 3
    assert log.read_at_once == [3]


async def test_sessions_come_in_pages_and_only_one_s_own(call, app, gateway, log):
    for session in ("s-1", "s-2", "s-3"):
        await run(
            call, 'mutation($s: String!) { ask(text: "a", sessionId: $s) { requestId } }', s=session
        )
    listed, after = [], ""
    while after is not None:
        query = "query ($a: String!) { sessions(first: 2, after: $a) { nodes { id } next } }"
        page = (await run(call, query, a=after))["sessions"]
        listed += [one["id"] for one in page["nodes"]]
        after = page["next"]
    assert sorted(listed) == ["s-1", "s-2", "s-3"]
    other = HttpClient(app, gateway.keys.create("acme", user="other")[1])
    assert (await run(other, "{ sessions { nodes { id } } }"))["sessions"]["nodes"] == []
    [problem] = await problems(other, '{ session(id: "s-1") { id } }')
    assert problem["status"] == 404


async def test_a_search_finds_passages(call, gateway, log):
    log.answer = passages_for(gateway)
    query = '{ search(text: "vat", k: 3, filters: {y: 1}) { passages { text score } } }'
    found = (await run(call, query))["search"]
    assert found["passages"] == [{"text": "Ask Jane Doe.", "score": 0.5}]
    [asked] = log.published(QuestionAsked)
    assert (asked.ask.passages_max, asked.ask.filters) == (3, {"y": "1"})


async def test_a_document_is_handed_in_listed_read_and_withdrawn(call, gateway, log):
    submit = """
    mutation ($c: String!) {
      submitDocument(uri: "u", mediaType: "text/plain", contentBase64: $c, metadata: {y: 7}) {
        documentId
      }
    }
    """
    taken = await run(call, submit, c=base64.b64encode(b"VAT").decode())
    [event] = log.published(DocumentSubmitted)
    assert (event.document, event.metadata) == (taken["submitDocument"]["documentId"], {"y": "7"})
    document = await hand_in(gateway, log, "file:vat", ["One.", "Two."])
    listed = (await run(call, "{ documents { nodes { id status chunks } next } }"))["documents"]
    assert {one["id"]: one["status"] for one in listed["nodes"]}[document] == "indexed"
    query = "query ($id: ID!) { document(id: $id) { uri } documentText(id: $id) }"
    read = await run(call, query, id=document)
    assert read == {"document": {"uri": "file:vat"}, "documentText": "One.\n\nTwo."}
    await run(call, "mutation ($id: ID!) { withdrawDocument(id: $id) { requestId } }", id=document)
    assert [one.document for one in log.published(DocumentWithdrawn)] == [document]


async def test_an_idempotency_key_makes_a_repeat_the_same_request(call, log):
    log.answer = answers_with("Yes.")
    asked = [(await run(call, ASK, text="a", key="k"))["ask"]["requestId"] for _ in range(2)]
    assert len(set(asked)) == len(log.published(QuestionAsked)) == 1
    [problem] = await problems(call, ASK, text="b", key="k")
    assert problem["type"] == "urn:playhead:problem:idempotency-key-reused"


async def under(call, header, query, **variables):
    """Execute an operation under an Idempotency-Key of HTTP."""
    body = {"query": query, "variables": variables}
    return await call("POST", "/graphql", body, headers={"Idempotency-Key": header})


async def test_the_key_of_http_makes_a_repeat_of_the_operation_the_same_requests(
    call, gateway, log
):
    document = await hand_in(gateway, log, "file:vat", ["One."])
    query = """
    mutation ($id: ID!) {
      one: ask(text: "a") { requestId }
      two: ask(text: "a") { requestId }
      submitDocument(uri: "u", mediaType: "text/plain", content: "VAT") { requestId }
      withdrawDocument(id: $id) { requestId }
    }
    """
    first, again = [(await under(call, "k", query, id=document)).json() for _ in range(2)]
    assert again == first
    assert len({one["requestId"] for one in first["data"].values()}) == 4
    counted = [len(log.published(kind)) for kind in (QuestionAsked, DocumentWithdrawn)]
    assert counted == [2, 1]
    other = await under(call, "k", query, id="another")
    is_problem(other, 422)
    assert other.json()["type"] == "urn:playhead:problem:idempotency-key-reused"
    assert len(log.published(QuestionAsked)) == 2


@pytest.mark.parametrize("argument", ["", "k", "another"])
async def test_a_key_of_http_and_one_of_the_field_go_together(call, log, argument):
    variables = {"text": "a", "key": argument}
    log.answer = answers_with("Yes.")
    first, again = [(await under(call, "k", ASK, **variables)).json() for _ in range(2)]
    assert again == first
    assert len(log.published(QuestionAsked)) == 1


async def test_a_key_that_is_none_refuses_the_operation(call, log):
    is_problem(await under(call, "two words", "{ me { tenant } }"), 400)


@pytest.mark.parametrize(
    ("scopes", "query", "status"),
    [
        (["write"], "{ sessions { next } }", 403),
        (["write"], 'mutation { ask(text: "a") { requestId } }', 403),
        (["read"], 'mutation { submitDocument(uri: "u", mediaType: "t") { requestId } }', 403),
        (["read"], 'mutation { withdrawDocument(id: "d") { requestId } }', 403),
        (["read"], '{ document(id: "d") { uri } }', 404),
        (["read"], '{ message(requestId: "r") { requestId } }', 404),
        (["read"], 'mutation { ask(text: "") { requestId } }', 422),
        (["read"], 'mutation { ask(text: "a", sessionId: "../x") { requestId } }', 422),
        (["read"], "{ sessions(first: 51) { next } }", 422),
        (["read"], '{ sessions(after: "x") { next } }', 422),
        (["read"], 'mutation { cancel(requestId: "r") }', 404),
        (
            ["read", "write"],
            'mutation { submitDocument(uri: "u", mediaType: "text/plain") { requestId } }',
            422,
        ),
    ],
)
async def test_what_a_field_refuses_is_told_in_the_shape_of_all_problems(
    app, gateway, scopes, query, status
):
    [problem] = await problems(HttpClient(app, a_key(gateway, scopes=scopes)), query)
    assert problem["status"] == status
    assert problem["type"].startswith("urn:playhead:problem:")


def deep(levels):
    return "{ me " + "{ a " * levels + "}" * levels + " }"


FRAGMENTS = " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(40))
TOO_MUCH = {
    "100 levels": (deep(100), "deep"),
    "10,000 levels": ("{a" * 5_000, "deep"),
    "30 levels": (deep(30), "depth"),
    "10,000 aliases": (
        "{" + " ".join(f"a{n}:me{{user}}" for n in range(1_000)) + "}",
        "tokens",
    ),
    "some aliases": (
        "{" + " ".join(f"a{n}: me {{ user }}" for n in range(ALIASES_MAX + 1)) + "}",
        "aliases",
    ),
    "a circle": ("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }", "itself"),
    "itself": ("{ ...a } fragment a on Query { me { tenant } ...a }", "itself"),
    "2^40 fields": (
        f"{{ ...f0 }} {FRAGMENTS} fragment f40 on Query {{ me {{ user }} }}",
        "cost",
    ),
    "reads of the log": (
        "{" + " ".join(f'q{n}: search(text: "a") {{ requestId }}' for n in range(15)) + "}",
        "cost",
    ),
    "a list of lists": (
        (
            "query ($n: Int!) { sessions(first: $n) { nodes { messages(first: $n) { answer "
            "{ text } } } } }"
        ),
        "cost",
    ),
    "introspection": (
        (
            "{ __schema { types { fields { type { fields { type { fields { type { fields { name } "
            "} } } } } } } } }"
        ),
        "introspection",
    ),
    "a long text": ("{ me { user } }" + " " * 20_000, "characters"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_an_operation_that_asks_for_too_much_is_refused_before_anything_is_done(
    call, log, name
):
    query, said = TOO_MUCH[name]
    response = await call("POST", "/graphql", {"query": query})
    answer = response.json()
    assert "data" not in answer
    assert said in answer["errors"][0]["message"].lower()
    assert answer["errors"][0]["extensions"]["status"] in {400, 413, 422}
    assert not log.published(QuestionAsked)


async def test_the_schema_is_told_to_whoever_has_a_key(app, call):
    told = await run(call, get_introspection_query())
    names = {one["name"] for one in told["__schema"]["types"]}
    assert {"Answer", "Document", "Frame"} <= names
    is_problem(await HttpClient(app, "")("POST", "/graphql", {"query": "{ __typename }"}), 401)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b'[{"query": "{ me { user } }"}]', {}, 400),
        (b"{}", {}, 422),
        (b'{"query": 7}', {}, 422),
        (b'{"query": "{ me { user } }", "variables": []}', {}, 422),
        (b'{"query": "{a:' + b"[" * 500 + b'"}', {}, 200),
        (b'{"query": ' + b"[" * 500, {}, 400),
        (b"{ me { user } }", {"Content-Type": "application/graphql"}, 415),
        (b'{"query": "{ me { user } }"}', {"Content-Type": "text/plain"}, 415),
        (b'{"query": "{ me { user } }"}', {"Origin": "https://evil.test"}, 403),
        (b'{"query": "{ me { user } }"}', {"X-Tenant": "other"}, 403),
        (b'{"query": "subscription { answer(requestId: 1) { type } }"}', {}, 400),
        (b'{"query": "query a { me { user } } query b { me { user } }"}', {}, 200),
        (b'{"query": " "}', {}, 422),
    ],
)
async def test_what_is_no_operation_is_refused(call, content, headers, status):
    headers = {"Content-Type": "application/json", **headers}
    response = await call("POST", "/graphql", content=content, headers=headers)
    assert response.status_code == status, response.text
    if status == 200:
        assert "data" not in response.json()
        assert response.json()["errors"][0]["extensions"]["status"] >= 400
    else:
        is_problem(response, status)


async def test_by_the_newer_media_type_an_operation_that_fails_is_an_error_of_http(call):
    headers = {"Accept": "application/graphql-response+json"}
    for query, status in (("{ nobody }", 400), ("{ me { user } }", 200), ("{", 400)):
        response = await call("POST", "/graphql", {"query": query}, headers=headers)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/graphql-response+json"
    is_problem(await call("GET", "/graphql?query={me{user}}"), 405)


async def test_an_error_of_ours_is_told_by_its_ids_alone(call, log):
    def broken(_event):
        raise RuntimeError("the secret of acme")

    log.answer = broken
    response = await call("POST", "/graphql", {"query": ASK, "variables": {"text": "a"}})
    assert "secret" not in response.text
    assert response.json()["errors"][0]["extensions"]["status"] == 500


def test_a_gateway_does_not_import_the_library_before_it_is_asked_for():
    code = "import sys, edge.protocols.serving as _; print({'strawberry', 'graphql'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


async def test_a_document_as_json_is_what_the_schema_has(call, gateway, log):
    document = await hand_in(gateway, log, "file:vat", ["One."])
    query = "query ($id: ID!) { document(id: $id) { metadata manifest changedAt } }"
    told = (await run(call, query, id=document))["document"]
    assert told["manifest"]["chunks"] == ["One."]
    assert json.dumps(told)
