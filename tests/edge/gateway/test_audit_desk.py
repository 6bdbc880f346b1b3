"""The audit desk over HTTP: what it shows, to whom, and that the log is told first."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from agents.errors import Permanent, Transient
from edge.auditing import look_pace
from edge.auditing.audited_answer import digest_of
from edge.gateway import prompt_desk
from edge.gateway.audit_desk import cursor_of, read_cursor
from edge.listening.request_search import FoundAt
from edge.problems import Problem
from edge.protocols.audit_shapes import AuditedDocument, AuditedLife, AuditedRequests
from edge.protocols.http.app import create_app
from schemas import (
    AnswerReleased,
    ChunksCut,
    ChunksIndexed,
    LogInspected,
    QueryRewritten,
    QuestionAsked,
    TokensReleased,
)
from streams.topics import topic_of
from tests.edge.documents_on_log import hand_in
from tests.edge.fake_log import Answers, a_citation, a_gateway
from tests.edge.http_client import HttpClient, is_problem
from tests.edge.reviewed import a_reviewed_answer, a_turn, know

TEXT = "Yes, <PERSON_1>: VAT is due."
REQUESTS = "/v1/audit/requests"


class Recalls:
    """Stands for what runs steps again: what it answers, and what it was asked for."""

    def __init__(self):
        self.asked = []
        self.answer = [
            {
                "prompt": "Ask <PERSON_1>.",
                "system": "",
                "holds": True,
                "digest": "d",
                "documents": [],
            }
        ]

    def __call__(self, places):
        self.asked.append(places)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def recalls():
    return Recalls()


@pytest.fixture
def proofs():
    return {"answer": {"leaf": "", "proof": []}, "asked": []}


@pytest.fixture
async def gateway(tmp_path, log, recalls, proofs):
    def prove(place, *, request, text):
        proofs["asked"].append((place, request, text))
        return proofs["answer"]

    gateway = a_gateway(tmp_path, log, parts={"receipts": prove, "prompts": recalls})
    gateway.start()
    know(log)
    log.answer = a_reviewed_answer(gateway)
    yield gateway
    await gateway.stop()


@pytest.fixture
def client(gateway):
    app = create_app(gateway)

    def made(tenant="acme", scopes=("audit",), user="ann", groups=()):
        key = gateway.keys.create(tenant, user=user, scopes=scopes, groups=groups)[1]
        return HttpClient(app, key)

    return made


@pytest.fixture
def audit(client):
    return client()


async def asked(client, text="Does Jane Roe owe VAT?", session="s-1", **who):
    asker = client(scopes=("ask",), user=who.pop("user", "joe"), **who)
    reply = await asker("POST", "/v1/messages", {"text": text, "session_id": session})
    return reply.json()["request_id"]


def looks(log):
    return [(one.what, one.about) for one in log.published(LogInspected)]


async def listed(audit, **wanted):
    reply = await audit("GET", REQUESTS, params=wanted)
    assert reply.status_code == 200, reply.text
    return [one["request_id"] for one in reply.json()["requests"]]


# ---------------------------------------------------------------------- search


async def test_requests_are_found_by_session_time_and_digest(client, audit, log):
    first = await asked(client, session="s-1")
    log.tick()
    second = await asked(client, session="s-2", user="zoe")
    middle = datetime.fromtimestamp(log.time_ms / 1_000, UTC).isoformat()
    digest = digest_of(TEXT)
    for wanted, found in (
        ({}, [second, first]),
        ({"session": "s-1"}, [first]),
        ({"since": middle}, [second]),
        ({"until": middle}, [first]),
        ({"digest": digest}, [second, first]),
        ({"digest": digest.removeprefix("sha256:"), "session": "s-2"}, [second]),
        ({"digest": "0" * 64}, []),
        ({"session": "none"}, []),
    ):
        assert await listed(audit, **wanted) == found, wanted
    assert log.published(LogInspected)[1].conditions == {"session": "s-1"}
    assert log.published(LogInspected)[1].shown == (first,)


async def test_a_list_is_paged_and_bounded(client, audit):
    ids = [await asked(client, session=f"s-{n}") for n in range(5)]
    page = (await audit("GET", REQUESTS, params={"limit": 2})).json()
    seen = [one["request_id"] for one in page["requests"]]
    while page["next"]:
        page = (await audit("GET", REQUESTS, params={"limit": 2, "before": page["next"]})).json()
        assert len(page["requests"]) <= 2
        seen += [one["request_id"] for one in page["requests"]]
    assert sorted(seen) == sorted(ids)
    assert seen == sorted(seen, reverse=True)  # of one moment: the cursor's own order
    for wrong in ({"limit": 51}, {"limit": 0}, {"before": "x"}, {"before": "1."}, {"digest": "x"}):
        is_problem(await audit("GET", REQUESTS, params=wrong), 422)


async def test_a_line_tells_what_became_of_it(client, audit, log):
    request = await asked(client)
    [question] = log.published(QuestionAsked)
    [line] = (await audit("GET", REQUESTS)).json()["requests"]
    assert (line["request_id"], line["question"], line["state"]) == (request, "q", "completed")
    assert (line["person"], line["digest"]) == (question.subject, digest_of(TEXT))
    log.append(Answers(question).retracted("no", 2))
    [line] = (await audit("GET", REQUESTS)).json()["requests"]
    assert line["state"] == "retracted"


# ---------------------------------------------------------------------- one answer


async def test_an_answers_life_is_told_with_its_records(client, audit, log):
    request = await asked(client)
    told = (await audit("GET", f"{REQUESTS}/{request}")).json()
    texts = told["texts"]
    assert texts["question"]["text"] == "Does <PERSON_1> owe VAT?"
    assert texts["question"]["query"] == "Does <PERSON_1> owe VAT on books?"
    assert [one["text"] for one in texts["passages"]] == ["Before it. VAT is due. And after."]
    assert [(one["type"], one.get("text")) for one in texts["moments"]] == [
        ("step", None),
        ("delta", "Yes, <PERSON_1>: "),
        ("delta", "VAT is due."),
        ("completed", TEXT),
    ]
    assert texts["digest"] == digest_of(TEXT)
    assert {one["topic"] for one in told["records"]} >= {
        topic_of(kind) for kind in (QuestionAsked, QueryRewritten, TokensReleased, AnswerReleased)
    }
    assert {step["step"] for step in told["timeline"]["steps"]} >= {"redact", "moderate"}
    assert looks(log) == [("answer", request)]


async def test_a_reader_saw_each_stretch_when_the_broker_had_it(client, audit, log, gateway):
    def slowly(event):
        if not isinstance(event, QuestionAsked):
            return ()
        answers = Answers(event)
        return [answers.tokens("VAT ", 0), answers.tokens("is ", 1), answers.released("VAT is ", 1)]

    def ticking(event):
        for outcome in slowly(event):
            log.tick()
            log.append(outcome)
        return ()

    log.answer = ticking
    began = log.time_ms
    request = await asked(client)
    [question] = log.published(QuestionAsked)
    log.tick()
    log.append(Answers(question).retracted("not allowed", 1))
    told = (await audit("GET", f"{REQUESTS}/{request}")).json()["texts"]["moments"]
    assert [((one["at_us"] // 1_000 - began) // 1_000, one["type"]) for one in told] == [
        (1, "delta"),
        (2, "delta"),
        (3, "completed"),
        (4, "retracted"),
    ]


async def test_values_are_shown_by_the_scope_alone_and_the_log_says_so(client, audit, log):
    request = await asked(client)
    for scopes, words, kinds in (
        (("audit",), "Does <PERSON_1> owe VAT?", ()),
        (("audit", "restore"), "Does Jane Roe owe VAT?", ("PERSON",)),
        (("admin",), "Does <PERSON_1> owe VAT?", ()),
    ):
        told = (await client(scopes=scopes)("GET", f"{REQUESTS}/{request}")).json()
        assert told["texts"]["question"]["text"] == words
        prompt = (await client(scopes=scopes)("GET", f"{REQUESTS}/{request}/prompt")).json()
        person = "Jane Roe" if kinds else "<PERSON_1>"
        assert prompt["prompts"][0]["prompt"] == f"Ask {person}."
        assert [one.kinds for one in log.published(LogInspected)[-2:]] == [kinds, kinds]


async def test_an_erased_person_is_told_as_such(client, audit, log, gateway):
    request = await asked(client)
    [question] = log.published(QuestionAsked)
    gateway.keyring.erase("acme", "one", [f"user/{question.subject}"])
    sees = client(scopes=("audit", "restore"))  # documents hold the value, so its key is there
    for path in ("", "/prompt"):
        assert "Jane Roe" not in (await sees("GET", f"{REQUESTS}/{request}{path}")).text
        assert log.published(LogInspected)[-1].kinds == ()
    [line] = (await audit("GET", REQUESTS)).json()["requests"]
    assert (line["erased"], line["question"]) == (True, "q")
    told = await audit("GET", f"{REQUESTS}/{request}")
    assert told.status_code == 200
    assert told.json()["erased"] is True
    assert told.json()["texts"]["question"]["text"] == "Does <PERSON_1> owe VAT?"


# ---------------------------------------------------------------------- who may


@pytest.mark.parametrize("path", ["", "/{id}", "/{id}/prompt", "/{id}/proof?topic=t&offset=0"])
async def test_nobody_else_is_shown_anything(client, log, path):
    request = await asked(client)
    path = REQUESTS + path.format(id=request)
    is_problem(await client(scopes=("ask", "restore", "review"))("GET", path), 403)
    other = await client(tenant="globex")("GET", path)
    if path == REQUESTS:
        assert other.json() == {"requests": [], "next": None}
    else:
        is_problem(other, 404)
    is_problem(await client()("GET", f"{REQUESTS}?tenant=globex"), 403)
    assert {what for what, _ in looks(log)} <= {"search"}


@pytest.mark.parametrize(
    ("of_document", "of_asker"), [(("board",), ()), ((), ("board",))], ids=["document", "asker"]
)
async def test_what_a_group_alone_may_read_is_withheld(
    client, audit, log, proofs, of_document, of_asker
):
    know(log, groups=of_document)
    request = await asked(client, groups=("board",) if of_asker else ())
    told = (await audit("GET", f"{REQUESTS}/{request}")).json()
    assert (told["texts"], told["documents"]) == (None, [])
    assert "--groups" in told["withheld"]
    assert told["records"]
    assert "VAT" not in (await audit("GET", f"{REQUESTS}/{request}")).text
    [line] = (await audit("GET", REQUESTS)).json()["requests"]
    assert (line["question"], line["digest"]) == (None, None)
    where = {"topic": topic_of(AnswerReleased), "offset": 0}
    is_problem(await audit("GET", f"{REQUESTS}/{request}/proof", params=where), 403)
    is_problem(await audit("GET", f"{REQUESTS}/{request}/prompt"), 403)
    assert proofs["asked"] == []
    member = client(groups=("board",))
    assert (await member("GET", f"{REQUESTS}/{request}")).json()["texts"] is not None


@pytest.mark.parametrize("path", ["", "/{id}", "/{id}/prompt", "/{id}/proof"])
async def test_nothing_is_shown_that_the_log_is_not_told_of(client, audit, log, monkeypatch, path):
    request = await asked(client)

    def refuse(event):
        raise Transient("the broker did not take a record")

    monkeypatch.setattr(log, "send", refuse)
    where = {"topic": topic_of(AnswerReleased), "offset": 0} if "proof" in path else {}
    reply = await audit("GET", REQUESTS + path.format(id=request), params=where)
    is_problem(reply, 503)
    assert "VAT" not in reply.text


async def test_a_timeline_of_anothers_is_a_look_and_ones_own_is_none(client, audit, log):
    request = await asked(client)
    both = client(scopes=("ask", "audit"), user="joe")
    for who, told in ((audit, [("timeline", request)]), (both, []), (client(scopes=("ask",)), [])):
        before = len(looks(log))
        reply = await who("GET", f"/v1/messages/{request}/timeline")
        assert reply.status_code == 200 or not told
        assert looks(log)[before:] == told


async def test_a_list_shows_no_more_than_the_answer_does(client, audit, log, gateway):
    """An answer that was found by an uncited passage of the board's is nobody else's."""
    know(log, document="d-2", groups=("board",))
    cited = replace(a_citation(), document="d-1")
    hidden = a_reviewed_answer(gateway, citations=(replace(cited, document="d-2"),))

    def uncited(event):
        for one in hidden(event):
            answers = isinstance(one, AnswerReleased)
            yield replace(one, answer=replace(one.answer, citations=(cited,))) if answers else one

    log.answer = lambda event: list(uncited(event))
    request = await asked(client)
    for who, words, named in ((audit, None, [request]), (client(groups=("board",)), "q", [])):
        [line] = (await who("GET", REQUESTS)).json()["requests"]
        assert (line["question"], line["digest"] is None) == (words, words is None)
        assert list(log.published(LogInspected)[-1].withheld) == named
        told = (await who("GET", f"{REQUESTS}/{request}")).json()
        assert (told["texts"] is None) == (words is None)
        assert list(log.published(LogInspected)[-1].withheld) == named
        found = [] if words is None else [request]
        assert await listed(who, digest=digest_of(TEXT)) == found


async def test_what_goes_on_with_a_withheld_answer_is_withheld(client, audit, log, gateway):
    know(log, document="d-2", groups=("board",))
    board = replace(a_citation(), document="d-2")
    log.answer = a_reviewed_answer(gateway, citations=(board,))
    await asked(client)
    for turns, session, texts in (((), "s-1", True), ((a_turn(),), "s-1", False)):
        log.tick()
        log.answer = a_reviewed_answer(gateway, turns=turns)
        request = await asked(client, session=session)
        told = (await audit("GET", f"{REQUESTS}/{request}")).json()
        assert (told["texts"] is not None) == texts
        prompt = await audit("GET", f"{REQUESTS}/{request}/prompt")
        assert prompt.status_code == (200 if texts else 403)


async def test_what_is_typed_is_on_the_log_only_where_it_is_there_anyway(client, audit, log):
    request = await asked(client, session="s-1")
    for typed, plain in (
        ({"session": "s-1"}, True),
        ({"session": "Jane-Roe"}, False),
        ({"before": f"9{'0' * 13}.{request}"}, True),
        ({"before": f"9{'0' * 13}.Jane Roe"}, False),
    ):
        await listed(audit, **typed)
        [(name, value)] = typed.items()
        told = log.published(LogInspected)[-1].conditions[name]
        assert (told == value, told.startswith("keyed:")) == (plain, not plain)
    for wrong in ("Jane Roe", "x" * 129, "\u0661", "a\n"):
        is_problem(await audit("GET", REQUESTS, params={"session": wrong}), 422)


async def test_a_key_that_looks_without_end_is_told_to_wait(client, audit, log, monkeypatch):
    monkeypatch.setattr(look_pace, "LOOKS_MAX", 2)
    request = await asked(client)
    for path, status in (("", 200), (f"/{request}", 200), (f"/{request}", 429)):
        assert (await audit("GET", REQUESTS + path)).status_code == status
    assert await listed(client()) == [request]  # another key has looks of its own
    assert len(looks(log)) == 3


# ---------------------------------------------------------------------- prompts and proofs


async def test_what_the_models_tools_found_is_withheld_as_passages_are(client, audit, log, recalls):
    know(log, document="d-2", groups=("board",))
    request = await asked(client)
    recalls.answer[0]["documents"] = ["d-1", "d-2"]
    is_problem(await audit("GET", f"{REQUESTS}/{request}/prompt"), 403)
    assert looks(log) == []
    member = await client(groups=("board",))("GET", f"{REQUESTS}/{request}/prompt")
    assert member.json()["prompts"][0]["documents"] == ["d-1", "d-2"]


async def test_prompts_are_recalled_from_the_records_of_generate(
    client, audit, log, recalls, monkeypatch
):
    request = await asked(client)
    told = (await audit("GET", f"{REQUESTS}/{request}/prompt")).json()
    assert told["prompts"][0]["prompt"] == "Ask <PERSON_1>."
    [[(topic, _, offset)]] = recalls.asked
    assert (topic, offset) == ("playhead.chunks.retrieved", 0)
    for error, status in ((Transient("away"), 503), (Permanent("too far apart"), 422)):
        recalls.answer = error
        is_problem(await audit("GET", f"{REQUESTS}/{request}/prompt"), status)
    monkeypatch.setattr(prompt_desk, "WAITING_MAX", 0)
    is_problem(await audit("GET", f"{REQUESTS}/{request}/prompt"), 429)


async def test_each_record_has_its_proof_and_no_other_has(client, audit, log, proofs):
    request = await asked(client)
    records = (await audit("GET", f"{REQUESTS}/{request}")).json()["records"]
    for record in records:
        where = {"topic": record["topic"], "offset": record["offset"]}
        told = (await audit("GET", f"{REQUESTS}/{request}/proof", params=where)).json()
        assert (told["state"], told["receipt"]) == ("sealed", proofs["answer"])
        assert told["position"] == {**where, "partition": record["partition"]}
    assert len(proofs["asked"]) == len(records)
    proofs["answer"] = None
    told = (await audit("GET", f"{REQUESTS}/{request}/proof", params=where)).json()
    assert (told["state"], told["receipt"]) == ("pending", None)
    assert log.published(LogInspected)[-1].conditions["offset"] == str(where["offset"])
    other = {"topic": where["topic"], "offset": 99}
    is_problem(await audit("GET", f"{REQUESTS}/{request}/proof", params=other), 404)


# ---------------------------------------------------------------------- lineage


async def test_an_answer_leads_to_the_digest_of_the_bytes_and_back(client, audit, log, gateway):
    name = await hand_in(gateway, log, "file:vat", ["c-1"])
    log.answer = a_reviewed_answer(gateway, citations=(replace(a_citation(), document=name),))
    request = await asked(client)
    log.answer = lambda _: ()
    path = f"{REQUESTS}/{request}"
    [document] = (await audit("GET", path)).json()["documents"]
    assert (document["document_id"], document["version"]) == (name, 1)
    assert (document["checksum"], document["cited"], document["in_force"]) == ("c", True, True)
    back = (await audit("GET", f"/v1/audit/documents/{name}")).json()
    assert [one["request_id"] for one in back["answers"]] == [request]
    assert looks(log)[-1] == ("document", name)
    assert log.published(LogInspected)[-1].shown == (request,)

    first = log.published(ChunksIndexed)[0]
    await hand_in(gateway, log, "file:vat", ["c-2"])
    [document] = (await audit("GET", path)).json()["documents"]
    assert (document["checksum"], document["in_force"]) == (None, False)
    manifest = replace(first.manifest, checksum="older")
    common = {"meta": first.meta, "document": first.document, "batch": first.batch}
    log.append(ChunksCut(**common, outcome="cut", manifest=manifest))
    [document] = (await audit("GET", path)).json()["documents"]
    assert document["checksum"] == "older"


async def test_answers_that_cite_a_document_are_paged(client, audit):
    ids = {await asked(client, session=f"s-{n}") for n in range(3)}
    seen, before = [], ""
    while before is not None:
        params = {"limit": 1, "before": before}
        page = (await audit("GET", "/v1/audit/documents/d-1", params=params)).json()
        seen += [one["request_id"] for one in page["answers"]]
        before = page["next"]
    assert len(seen) == 3
    assert set(seen) == ids
    is_problem(await audit("GET", "/v1/audit/documents/d-none"), 404)


def test_the_digest_is_the_one_of_receipts():
    assert digest_of("VAT") == "sha256:" + hashlib.sha256(b"VAT").hexdigest()


async def test_what_is_told_is_what_the_interface_describes(client, audit, log, gateway):
    log.answer = a_reviewed_answer(gateway)
    request = await asked(client)
    for path, shape in (
        (REQUESTS, AuditedRequests),
        (f"{REQUESTS}/{request}", AuditedLife),
        ("/v1/audit/documents/d-1", AuditedDocument),
    ):
        reply = await audit("GET", path)
        assert shape.model_validate(reply.json(), strict=True).model_dump() == reply.json()
        assert reply.headers["cache-control"] == "no-store"
    know(log, groups=("board",))
    withheld = (await audit("GET", f"{REQUESTS}/{request}")).json()
    assert AuditedLife.model_validate(withheld, strict=True).model_dump() == withheld


@pytest.mark.parametrize(
    "place", [FoundAt(0, "r"), FoundAt(1_700_000_000_000, "a.b.c"), FoundAt(1, "r-<1>")]
)
def test_a_cursor_is_read_as_it_was_spelt(place):
    assert read_cursor(cursor_of(place)) == place


@pytest.mark.parametrize("cursor", ["", ".", "1.", "x.r", "-1.r", "\u0661.r", f"{10**19}.r"])
def test_what_is_no_cursor_is_refused(cursor):
    with pytest.raises(Problem) as refused:
        read_cursor(cursor)
    assert refused.value.status == 422
