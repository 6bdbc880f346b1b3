"""`playhead chat` against the real server over a log in memory."""

from __future__ import annotations

import json

from edge.cli.chat import chat
from schemas import QuestionAsked
from tests.edge.cli.running import run
from tests.edge.fake_log import Answers, a_citation


def answer(event):
    whole = Answers(event).whole("VAT ", "is due.", citations=(a_citation(),))
    return whole if isinstance(event, QuestionAsked) else ()


def test_chat_streams_the_answer_and_its_citations(stack, log):
    log.answer = answer
    done = run(chat, "--tenant", "acme", "--session", "s-1", "Is VAT due?")
    assert done.exit_code == 0, done.output
    assert "VAT is due." in done.stdout
    assert "[1]" in done.stdout
    assert "file:vat" in done.stdout
    assert "session s-1" in done.stderr


def test_chat_prints_one_json_document(stack, log):
    log.answer = answer
    done = run(chat, "--tenant", "acme", "--json", "Is VAT due?")
    found = json.loads(done.stdout)
    assert found["text"] == "VAT is due."
    assert {"request_id", "session_id", "citations", "usage", "finish_reason"} <= set(found)


def test_chat_says_that_an_answer_was_retracted(stack, log):
    def retracted(event):
        return [Answers(event).tokens("bad", 0), Answers(event).retracted("not allowed", 0)]

    log.answer = retracted
    done = run(chat, "--tenant", "acme", "x")
    assert done.exit_code == 1
    assert "not allowed" in done.stderr


def test_without_key_and_stack_the_command_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.delenv("PLAYHEAD_KEY", raising=False)
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    done = run(chat, "--tenant", "acme", "x")
    assert done.exit_code == 1
    assert "playhead keys create" in done.stderr


def test_on_the_local_stack_a_key_is_made_once_and_kept_private(stack, monkeypatch, log):
    monkeypatch.delenv("PLAYHEAD_KEY")
    (stack.settings.run / "stack.json").write_text("{}")
    log.answer = answer
    for _ in range(2):
        assert run(chat, "--tenant", "acme", "x").exit_code == 0
    assert len([key for key in stack.keys.all("acme") if key.user.startswith("local-")]) == 1
    assert (stack.settings.run / "local-keys.json").stat().st_mode & 0o777 == 0o600
