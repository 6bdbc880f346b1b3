"""What a tenant asked is found alike in the index, and in what waits to be written there."""

import hashlib

import pytest

from edge.listening import known_answers, known_requests, request_search
from edge.listening.entries import Entry
from edge.listening.known_answers import CITING, WITH_TEXT, CitingAnswer, KnownAnswers
from edge.listening.known_requests import KnownRequests
from edge.listening.log_index import LogIndex
from edge.listening.request_search import (
    NEWEST,
    OF_SESSION,
    OF_SESSION_BY_TEXT,
    OF_TENANT,
    RequestSearch,
    SearchedFor,
    place_of,
)
from edge.problems import Problem
from schemas import (
    Answer,
    AnswerReleased,
    Ask,
    Citation,
    DocumentWithdrawn,
    QuestionAsked,
    Sealed,
    Usage,
    Verdict,
)
from tests.fakes import a_meta

SEALED = Sealed(key="user/u", event="e", field="text", ciphertext=b"x")
YES = hashlib.sha256(b"Yes.").digest()


class Index:
    def __init__(self, folder):
        self.index = LogIndex(folder)
        self.requests = KnownRequests(self.index)
        self.answers = KnownAnswers(self.index)
        self.search = RequestSearch(self.index, self.requests, self.answers)

    def ask(self, request, time_ms, *, tenant="acme", session="s", subject="u", mode="answer"):
        meta = a_meta(tenant=tenant, session=session, request=request)
        ask = Ask(mode=mode)
        asked = QuestionAsked(meta=meta, text=SEALED, subject=subject, ask=ask)
        self.requests.take(Entry(asked, 0, 0, time_ms))

    def answer(self, request, time_ms, text, *documents, tenant="acme"):
        quotes = {"chunk": "c", "title": "", "uri": "u", "quote": "q"}
        answer = Answer(
            text=text,
            citations=tuple(Citation(document=one, **quotes) for one in documents),
            usage=Usage(prompt_tokens=0, completion_tokens=0),
            finish_reason="stop",
            question="q",
            query="q",
        )
        released = AnswerReleased(
            meta=a_meta(tenant=tenant, request=request),
            text=text,
            answer=answer,
            verdict=Verdict(allowed=True),
            subject="u",
        )
        self.answers.take(Entry(released, 0, 0, time_ms))

    def found(self, most=10, before=NEWEST, **wanted):
        found = self.search.find("acme", SearchedFor(**wanted), most, before)
        return [one.request for one in found]

    def citing(self, document, most=10, before=CitingAnswer(*NEWEST)):  # noqa: B008 - a constant
        return [one.request for one in self.answers.citing("acme", document, most, before)]


@pytest.fixture
def known(tmp_path):
    made = Index(tmp_path)
    yield made
    made.index.close()


@pytest.fixture(params=["unwritten", "both", "written"])
def filled(known, request):
    """Requests of which none, some or all are in the file."""
    known.ask("r-1", 1, session="a")
    known.ask("r-2", 2, session="b", subject="v")
    known.answer("r-1", 11, "Yes.", "d-1", "d-2", "d-1")
    if request.param == "both":
        known.index.flush({})
    known.ask("r-3", 2, session="a", mode="search")
    known.ask("theirs", 3, tenant="other")
    known.answer("r-2", 12, "Yes.", "d-1")
    known.answer("theirs", 13, "Yes.", "d-1", tenant="other")
    withdrawn = DocumentWithdrawn(meta=a_meta(session="d-1", request="w"), document="d-1")
    known.requests.take(Entry(withdrawn, 0, 0, 4))
    if request.param == "written":
        known.index.flush({})
    return known


def test_questions_and_searches_of_the_tenant_are_found_and_nothing_else(filled):
    assert filled.found() == ["r-3", "r-2", "r-1"]
    assert filled.found(session="a") == ["r-3", "r-1"]
    assert filled.found(since_ms=2) == ["r-3", "r-2"]
    assert filled.found(until_ms=2) == ["r-1"]
    assert filled.found(digest=YES) == ["r-2", "r-1"]
    assert filled.found(digest=YES, session="b") == ["r-2"]
    assert filled.found(digest=hashlib.sha256(b"No.").digest()) == []
    assert filled.found(session="' OR 1=1 --") == []


def test_pages_hold_each_once(filled):
    for wanted in ({}, {"digest": YES}):
        seen, before = [], NEWEST
        while page := filled.search.find("acme", SearchedFor(**wanted), 1, before):
            seen += [one.request for one in page]
            before = place_of(page[-1])
        assert seen == filled.found(**wanted)


def test_answers_that_cite_a_document_come_newest_first_in_pages(filled):
    assert filled.citing("d-1") == ["r-2", "r-1"]
    assert filled.citing("d-1", most=1) == ["r-2"]
    assert filled.citing("d-1", before=CitingAnswer(12, "r-2")) == ["r-1"]
    assert filled.citing("d-2") == ["r-1"]
    assert filled.citing("d-3") == []


def test_what_the_disk_refused_is_found_and_written_later(known):
    known.answer("r-1", 11, "Yes.", "d-1")
    known.answers.to_write()
    known.answers.not_written()
    assert known.citing("d-1") == ["r-1"]
    known.index.flush({})
    assert (known.answers.unwritten, known.citing("d-1")) == (0, ["r-1"])


def test_a_log_that_is_read_again_is_taken_in_once(known):
    for _ in range(2):
        known.answer("r-1", 11, "Yes.", "d-1")
        known.ask("r-1", 1)
        known.index.flush({})
    assert (known.citing("d-1"), known.found(digest=YES)) == (["r-1"], ["r-1"])
    known.index.begin_anew()
    assert (known.citing("d-1"), known.found(digest=YES)) == ([], [])


def test_a_text_of_very_many_is_looked_for_within_a_conversation(known, monkeypatch):
    monkeypatch.setattr(request_search, "SAME_TEXT_MAX", 3)
    monkeypatch.setattr(known_answers, "SAME_TEXT_MAX", 3)
    for number in range(5):
        known.ask(f"r-{number}", number, session=f"s-{number % 2}")
        known.answer(f"r-{number}", 10 + number, "Yes.")
        if number == 3:
            known.index.flush({})
    known.ask("other", 9, session="s-0")
    known.answer("other", 19, "No.")
    for _ in range(2):
        assert known.found(digest=YES, session="s-0") == ["r-4", "r-2", "r-0"]
        assert known.found(digest=YES, session="s-0", most=1) == ["r-4"]
        with pytest.raises(Problem) as refused:
            known.found(digest=YES)
        assert (refused.value.status, "conversation" in str(refused.value)) == (422, True)
        known.index.flush({})


def test_a_repeat_of_anothers_request_is_never_found_in_its_place(known):
    known.ask("r-1", 1, session="a", subject="u")
    known.index.flush({})
    known.ask("r-1", 7, session="b", subject="v")
    assert [one.subject for one in known.search.find("acme", SearchedFor(), 9)] == ["u"]
    assert known.found(session="b") == []


@pytest.mark.parametrize(
    ("statement", "values", "index"),
    [
        (OF_TENANT, 6, "asked_when"),
        (OF_SESSION, 7, "asked_where"),
        (OF_SESSION_BY_TEXT, 8, "asked_where"),
        (WITH_TEXT, 3, "PRIMARY KEY"),
        (CITING, 5, "PRIMARY KEY"),
        (known_requests.NEWEST, 3, "asked "),
        (known_requests.NEWEST_OF_SESSION, 4, "requests_of "),
        (known_requests.ABOUT_DOCUMENT, 3, "requests_of "),
    ],
)
def test_no_search_reads_through_all_there_is(known, statement, values, index):
    rows = known.index.rows(f"EXPLAIN QUERY PLAN {statement}", (1,) * values)
    plan = [row[-1] for row in rows]
    assert plan
    assert index in plan[0]
    assert not any("SCAN" in one or "TEMP B-TREE" in one for one in plan), plan
