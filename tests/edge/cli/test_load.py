"""`playhead load`: what it asks, tells and refuses, with an asker that needs no gateway."""

from __future__ import annotations

import json

import pytest

from edge.cli import load as load_cli
from edge.cli.load import load_command
from edge.client.loading.load_askers import COMPLETED
from tests.edge.cli.running import run

load = load_command(lambda _: {})


class AnswersAtOnce:
    """Stands for a gateway."""

    outcome = COMPLETED
    questions: list[str]

    def __init__(self, *_):
        AnswersAtOnce.questions = []

    async def ask(self, question, asked):
        self.questions.append(question)
        asked.add("x")
        asked.outcome = self.outcome

    async def close(self):
        pass


@pytest.fixture(autouse=True)
def asker(monkeypatch):
    monkeypatch.setenv("PLAYHEAD_KEY", "key")
    monkeypatch.setitem(load_cli.ASKERS, "sse", AnswersAtOnce)
    return AnswersAtOnce


FAST = ("--tenant", "acme", "--via", "sse", "--rate", "1000", "--requests", "5")


def test_it_asks_so_many_and_tells_all_as_json_and_as_a_page(tmp_path, asker):
    questions = tmp_path / "questions.txt"
    questions.write_text("one\n\ntwo\n")
    page = tmp_path / "load.html"
    done = run(load, *FAST, "--questions", str(questions), "--html", str(page), "--json")
    report = json.loads(done.stdout)
    assert (report["asked"], report["completed"], report["rate"]) == (5, 5, 1_000.0)
    assert asker.questions == ["one", "two", "one", "two", "one"]
    assert page.read_text().startswith("<!doctype html>")


def test_a_table_is_for_people():
    done = run(load, *FAST)
    assert "5 of 5 answered over sse" in done.stdout
    assert "first token" in done.stdout


def test_a_trace_says_when_and_how_many(tmp_path):
    trace = tmp_path / "trace.jsonl"
    trace.write_text("".join(f'{{"t": {t}, "response_tokens": 9999999}}\n' for t in (0, 0.01, 90)))
    words = ("--tenant", "acme", "--via", "sse", "--trace", str(trace), "--seconds", "5", "--json")
    report = json.loads(run(load, *words).stdout)
    assert (report["asked"], report["trace"]) == (2, "trace.jsonl")


def test_where_nothing_is_answered_it_fails_and_still_tells(monkeypatch, asker):
    monkeypatch.setattr(asker, "outcome", "503 Service Unavailable")
    done = run(load, *FAST, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["outcomes"] == {"503 Service Unavailable": 5}
    assert "no answer completed" in done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--rate", "1", "--trace", "FILE"), "name one of them"),
        (("--speed", "2"), "--speed is of a trace"),
        (("--trace", "FILE"), "line 1"),
        (("--questions", "EMPTY"), "has no questions"),
        (("--html", "FOLDER"), "is a directory"),
        (("--html", "NOWHERE/x.html"), "name another file"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_asked(tmp_path, asker, words, why):
    asker.questions = []
    (tmp_path / "FILE").write_text("no trace")
    (tmp_path / "EMPTY").write_text("\n\n")
    (tmp_path / "FOLDER").mkdir()
    names = {"FILE", "EMPTY", "FOLDER", "NOWHERE/x.html"}
    spelt = [str(tmp_path / word) if word in names else word for word in words]
    done = run(load, "--tenant", "acme", "--via", "sse", *spelt)
    assert done.exit_code in (1, 2)
    assert why in done.stderr
    assert asker.questions == []
