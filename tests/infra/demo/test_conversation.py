"""What the demo sends, how it reads an answer that streams, and what it finds right."""

import io
import json

import httpx
import pytest
from rich.console import Console

from infra.demo.checks import Checks
from infra.demo.conversation import (
    StreamedAnswer,
    ask,
    chunk_count,
    judge,
    judge_log,
    load,
)
from infra.demo.samples import HARBOUR, PAGES, TENANTS, Question, documents
from schemas import Ask, QueryRewritten, QuestionRedacted
from tests.fakes import a_meta

CITATION = {"uri": "handbook/berths.md", "quote": "A berth costs 28 euros [sic]."}


@pytest.fixture
def checks():
    return Checks(Console(file=io.StringIO(), width=200))


def printed(checks):
    return checks.console.file.getvalue()


def client(answer):
    return httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(answer))


def streamed(*sent):
    text = "".join(f"event: x\ndata: {json.dumps(frame)}\n\n" for frame in sent)
    return lambda _: httpx.Response(200, text=f": hello\n\n{text}")


def completed(text, **fields):
    frame = {"type": "completed", "text": text, "citations": [CITATION], "finish_reason": "stop"}
    return {**frame, **fields}


def test_an_answer_is_printed_as_it_streams_with_its_sources(checks):
    sent = [
        {"type": "accepted", "request_id": "r-1"},
        {"type": "delta", "request_id": "r-1", "text": "It costs "},
        {"type": "delta", "request_id": "r-1", "text": "[28] euros."},
        completed("It costs [28] euros.", request_id="r-1"),
    ]
    answer = ask(client(streamed(*sent)), "s", Question("How much?"), checks)
    assert (answer.request, answer.text, answer.finish_reason) == (
        "r-1",
        "It costs [28] euros.",
        "stop",
    )
    assert "It costs [28] euros.\n" in printed(checks)
    assert "[1] handbook/berths.md: “A berth costs 28 euros [sic].”" in printed(checks)


def test_what_was_void_does_not_count(checks):
    sent = [
        {"type": "delta", "text": "Wrong"},
        {"type": "restarted"},
        {"type": "delta", "text": "Right"},
    ]
    assert ask(client(streamed(*sent)), "s", Question("?"), checks).text == "Right"
    assert "again" in printed(checks)


@pytest.mark.parametrize("kind", ["retracted", "error"])
def test_an_answer_that_failed_is_no_answer(checks, kind):
    answer = ask(client(streamed({"type": kind, "reason": "why"})), "s", Question("?"), checks)
    judge(Question("?", says="x"), answer, checks)
    assert "why" in checks.failed[0].why


def test_a_refused_question_is_told_with_its_status(checks):
    answer = ask(client(lambda _: httpx.Response(503, text="full")), "s", Question("?"), checks)
    assert answer.error == "HTTP 503: full"


@pytest.mark.parametrize(
    ("question", "answer", "held"),
    [
        (Question("?", says="28"), StreamedAnswer(text="It is 28.", citations=[CITATION]), True),
        (Question("?", says="28"), StreamedAnswer(text="It is 41.", citations=[CITATION]), False),
        (Question("?", says="28"), StreamedAnswer(text="It is 28."), False),
        (Question("?", says="28"), StreamedAnswer(), False),
        (
            Question("?", absent="theirs"),
            StreamedAnswer(text="No.", finish_reason="not_found"),
            True,
        ),
        (Question("?", absent="theirs"), StreamedAnswer(text="Ice.", finish_reason="stop"), False),
    ],
)
def test_an_answer_is_right_cited_or_says_that_there_is_none(checks, question, answer, held):
    judge(question, answer, checks)
    assert [check.held for check in checks.made] == [held]


@pytest.mark.parametrize(("query", "held"), [("What does a berth cost?", True), ("And it?", False)])
def test_a_question_that_leans_is_searched_for_in_other_words(checks, query, held):
    event = QueryRewritten(
        meta=a_meta(), outcome="rewritten", subject="u", question="And it?", query=query, ask=Ask()
    )
    judge_log(Question("And it?", needs_rewrite=True), [event], checks)
    assert [check.held for check in checks.made] == [held]


@pytest.mark.parametrize(("text", "held"), [("I am <PERSON_1>.", True), ("I am Ann.", False)])
def test_a_name_must_not_stand_on_the_log(checks, text, held):
    event = QuestionRedacted(meta=a_meta(), outcome="redacted", subject="u", text=text, ask=Ask())
    judge_log(Question("I am Ann.", personal=("Ann",)), [event], checks)
    assert [check.held for check in checks.made] == [held]


class Documents:
    """A gateway that indexes each document at the second look, but for one that fails."""

    def __init__(self, fails=""):
        self.fails = fails
        self.sent = []
        self.looks = {}

    def __call__(self, request):
        if request.method == "POST":
            self.sent.append(json.loads(request.content))
            return httpx.Response(202, json={"document_id": f"d-{len(self.sent)}"})
        name = request.url.path.rpartition("/")[2]
        self.looks[name] = self.looks.get(name, 0) + 1
        if self.looks[name] == 1:
            return httpx.Response(200, json={"status": "ingested"})
        status = "failed" if name == self.fails else "indexed"
        return httpx.Response(200, json={"status": status, "chunks": 2})


def test_documents_are_sent_and_waited_for(checks):
    gateway = Documents()
    load(client(gateway), HARBOUR, checks, lambda _: None)
    assert [body["uri"] for body in gateway.sent] == [s.uri for s in documents(HARBOUR)]
    assert not checks.failed
    assert "harbour: 3 documents, 6 chunks searchable" in printed(checks)


def test_a_document_that_fails_is_named(checks):
    load(client(Documents(fails="d-2")), HARBOUR, checks, lambda _: None)
    assert checks.failed[0].why == "not searchable: handbook/faq.md"


@pytest.mark.parametrize(
    ("state", "count"), [({}, 0), ({"chunks": None}, 0), ({"chunks": 3}, 3), ({"chunks": ["a"]}, 1)]
)
def test_chunks_are_counted_as_number_or_list(state, count):
    assert chunk_count(state) == count


@pytest.mark.parametrize("tenant", TENANTS, ids=lambda tenant: tenant.name)
def test_what_an_answer_must_say_stands_in_the_tenants_own_pages(tenant):
    text = " ".join(" ".join(sample.text for sample in documents(tenant)).split())
    for question in tenant.questions:
        assert bool(question.says) != bool(question.absent)
        assert question.says.casefold() in text.casefold()
    assert all(value in text for value in tenant.personal)


def test_every_folder_of_pages_is_a_tenants():
    assert {path.name for path in PAGES.iterdir()} == {tenant.name for tenant in TENANTS}
