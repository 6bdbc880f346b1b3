"""`playhead chat` against the real server over a log in memory."""

from __future__ import annotations

import json

import pytest

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


@pytest.fixture
def local(stack, monkeypatch):
    """A local stack whose owner has a key of acme's, and none in the environment."""
    monkeypatch.delenv("PLAYHEAD_KEY")
    (stack.settings.run / "stack.json").write_text("{}")
    return stack


def test_a_tenant_that_looks_mistyped_gets_no_key(local, log):
    log.answer = answer
    done = run(chat, "--tenant", "amce", "x")
    assert done.exit_code == 1
    assert "no tenant amce yet; did you mean acme?" in done.stderr
    assert "playhead keys create --tenant amce" in done.stderr
    assert local.keys.all("amce") == []


def test_a_tenant_of_another_name_is_a_new_one_and_is_said_so(local, log):
    log.answer = answer
    done = run(chat, "--tenant", "globex", "x")
    assert done.exit_code == 0
    assert "globex is a new tenant, without documents until now; there are also acme" in done.stderr
    assert "is a new tenant" not in run(chat, "--tenant", "globex", "x").stderr


@pytest.mark.parametrize(
    ("tenant", "revoked", "said"),
    [
        ("globex", False, "belongs to another tenant than the one named"),
        ("acme", True, "the key is unknown, revoked or expired"),
    ],
)
def test_a_key_that_is_refused_is_named_with_what_makes_another(stack, tenant, revoked, said):
    if revoked:
        stack.keys.revoke(stack.keys.all("acme")[0].id)
    done = run(chat, "--tenant", tenant, "x")
    assert done.exit_code == 1
    assert said in done.stderr
    assert (
        f"The key is that of PLAYHEAD_KEY: set it to one of `playhead keys create --tenant {tenant}`"
        in done.stderr
    )
