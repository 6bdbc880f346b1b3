"""Sets over the gateway: the real server over a log in memory, and a gateway that fails."""

import threading

import click
import pytest

from edge.client.gateway_client import connect
from evals.answer_figures import CitedQuote, GivenAnswer
from evals.data_sets import BadData
from evals.over_gateway import (
    ERROR,
    SetOverGateway,
    identity_of,
    kept_answers,
    tenant_of,
    uri_of,
)
from evals.question_set import SetPassage, SetQuestion
from schemas import DocumentSubmitted, EventRejected
from streams.settings import Settings
from streams.topics import topic_of
from tests.edge.conftest import bounds, log, stack  # noqa: F401 - fixtures
from tests.edge.http_client import outcomes_of

TEXTS = [SetPassage(f"p/{number} ä", f"T{number}", f"Text {number}.") for number in range(5)]
QUESTIONS = [
    SetQuestion(f"q-{number}", f"What is {number}?", "p", True, ("x",)) for number in range(6)
]


class RecordedGateway:
    """Answers like the gateway, from what was handed in; notes what was asked."""

    def __init__(self, fails=(), status="indexed"):
        self.documents, self.asked, self.fails, self.status = {}, [], set(fails), status
        self.lock, self.at_once, self.most = threading.Lock(), 0, 0

    def post(self, path, body):
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        try:
            return self._post(path, body)
        finally:
            with self.lock:
                self.at_once -= 1

    def _post(self, path, body):
        if path == "/v1/documents":
            with self.lock:
                self.documents[body["uri"]] = {
                    "uri": body["uri"],
                    "status": self.status,
                    "document_id": body["uri"],
                }
            return {}
        self.asked.append(body["text"])
        if body["text"] in self.fails:
            raise click.ClickException("overloaded")
        passages = [
            {"uri": uri_of("p/1 ä"), "quote": "Text 1."},
            {"uri": "https://else", "quote": ""},
            {"uri": uri_of("p/1 ä")},
        ]
        if path == "/v1/search":
            return {"passages": passages}
        return {"text": "x", "finish_reason": "stop", "citations": passages[:2]}

    def get(self, path):
        status = path.partition("status=")[2]
        found = [one for one in self.documents.values() if not status or one["status"] == status]
        return {"documents": found, "next": ""}


def a_set(gateway, at_once=2):
    return SetOverGateway(gateway, "eval-1", at_once, pause=lambda _: None)


def nothing():
    return None


def test_a_tenant_is_named_after_what_its_set_holds():
    assert tenant_of(TEXTS) == tenant_of(list(TEXTS))
    assert tenant_of(TEXTS) != tenant_of(TEXTS[1:])
    assert tenant_of(TEXTS).startswith("eval-")


def test_a_document_is_known_by_its_name():
    assert identity_of(uri_of("a/b ä?")) == "a/b ä?"
    assert identity_of("https://example.org/a") == ""


def test_what_is_there_is_not_handed_in_again():
    gateway, done = RecordedGateway(), []
    assert a_set(gateway).submit(TEXTS[:3], lambda: done.append(1)) == 0
    gateway.post = None  # nothing may be sent for these
    assert a_set(gateway).submit(TEXTS[:3], lambda: done.append(1)) == 0
    assert len(done) == 6
    assert set(gateway.documents) == {uri_of(one.id) for one in TEXTS[:3]}


def test_documents_that_failed_are_counted():
    assert a_set(RecordedGateway(status="failed")).submit(TEXTS, nothing) == 5


def test_indexing_that_stands_still_is_an_error(monkeypatch):
    seconds = iter(range(0, 100_000, 400))
    monkeypatch.setattr("time.monotonic", lambda: float(next(seconds)))
    with pytest.raises(click.ClickException, match="5 documents of eval-1 made no progress"):
        a_set(RecordedGateway(status="accepted")).submit(TEXTS, nothing)


def test_answers_are_kept_as_they_come_and_not_asked_again(tmp_path):
    gateway, kept = RecordedGateway(), tmp_path / "deep" / "small.answers.jsonl"
    answers, earlier = a_set(gateway).answers(QUESTIONS[:4], kept, nothing)
    assert earlier == 0
    assert answers["q-0"] == GivenAnswer(
        "x", "stop", (CitedQuote("p/1 ä", "Text 1."), CitedQuote("", ""))
    )
    done = []
    again, earlier = a_set(gateway).answers(QUESTIONS, kept, lambda: done.append(1))
    assert earlier == 4
    assert len(done) == 6
    assert sorted(gateway.asked) == [question.text for question in QUESTIONS]
    assert set(again) == {question.id for question in QUESTIONS}
    assert kept_answers(kept) == again


def test_a_question_without_an_answer_is_asked_again_by_the_next_run(tmp_path):
    gateway, kept = RecordedGateway(fails=[QUESTIONS[1].text]), tmp_path / "a.jsonl"
    answers, _ = a_set(gateway).answers(QUESTIONS, kept, nothing)
    assert answers["q-1"].finish_reason == ERROR
    assert "q-1" not in kept_answers(kept)
    gateway.fails = set()
    answers, earlier = a_set(gateway).answers(QUESTIONS, kept, nothing)
    assert earlier == 5
    assert answers["q-1"].text == "x"


def test_a_stop_leaves_whole_rows_and_drops_what_was_not_begun(tmp_path):
    gateway, kept = RecordedGateway(), tmp_path / "a.jsonl"

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        a_set(gateway, at_once=1).answers(QUESTIONS * 500, kept, stop)
    assert len(gateway.asked) < len(QUESTIONS * 500)
    assert len(kept.read_text().splitlines()) == len(gateway.asked)
    with kept.open("a") as file:
        file.write('{"id": "torn", "answ')
    assert "torn" not in kept_answers(kept)
    assert kept.read_text().endswith("\n")


def test_a_file_of_something_else_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "q-1", "answer": "x", "finish_reason": "stop"}\n')
    with pytest.raises(BadData, match=r"a\.jsonl:1: 'cited' must be a list"):
        kept_answers(path)
    assert kept_answers(tmp_path / "none.jsonl") == {}


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_are_on_their_way_than_allowed(tmp_path, at_once):
    gateway = RecordedGateway()
    a_set(gateway, at_once).answers(QUESTIONS * 5, tmp_path / "a.jsonl", nothing)
    assert gateway.most <= at_once


def test_a_ranking_has_each_document_of_the_set_once():
    found = a_set(RecordedGateway()).rankings({"q": "What?"}, 10, nothing)
    assert found["q"].documents == ("p/1 ä", "")
    assert found["q"].took_ms > 0


def test_what_is_not_found_in_its_time_is_left_out_and_without_one_is_an_error():
    class HurriedGateway(RecordedGateway):
        bodies = ()

        def post(self, path, body):
            self.bodies = (*self.bodies, body)
            if body["text"] == "slow":
                raise click.ClickException("too late")
            return super().post(path, body)

    gateway = HurriedGateway()
    queries = {"q": "What?", "s": "slow"}
    assert set(a_set(gateway).rankings(queries, 10, nothing, budget_ms=700)) == {"q"}
    assert {body["budget_ms"] for body in gateway.bodies} == {700}
    with pytest.raises(click.ClickException, match="too late"):
        a_set(gateway).rankings(queries, 10, nothing)
    assert "budget_ms" not in gateway.bodies[-1]


def test_the_real_gateway_takes_the_documents_and_answers(stack, log, tmp_path):  # noqa: F811
    def answer(event):
        if isinstance(event, DocumentSubmitted):
            return outcomes_of(event)
        return [
            EventRejected(meta=event.meta, topic=topic_of(type(event)), partition=0, offset=0, step="generate", error="Permanent", message="no", attempts=1)
        ]  # fmt: skip

    log.answer = answer
    gateway = connect(Settings.load(), "acme")
    over = SetOverGateway(gateway, "acme", 2)
    assert over.submit(TEXTS, nothing) == 0
    assert over.submit(TEXTS, nothing) == 0
    submitted = [entry.event.uri for entry in log.entries["playhead.document.submitted"]]
    assert sorted(submitted) == sorted(uri_of(one.id) for one in TEXTS)
    answers, _ = over.answers(QUESTIONS[:1], tmp_path / "a.jsonl", nothing)
    assert answers["q-0"].finish_reason == ERROR
