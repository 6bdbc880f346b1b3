"""The command line of keys, ingest and chat, against the real server over a log in memory."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
import uvicorn
from click.testing import CliRunner

from edge import client
from edge.cli import keys
from edge.http import create_app
from schemas import EventRejected, QuestionAsked
from tests.edge.fake_log import Answers, FakeLog, a_citation, a_key, an_edge
from tests.edge.test_http import outcomes_of


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
def stack(tmp_path, log, monkeypatch):
    """Serve an edge on a thread; the environment points to it."""
    edge = an_edge(tmp_path / "run", log)
    server = uvicorn.Server(uvicorn.Config(create_app(edge), port=0, log_config=None))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("PLAYHEAD_GATEWAY", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("PLAYHEAD_KEY", a_key(edge))
    yield edge
    server.should_exit = True
    thread.join(5)


def run(command, *arguments):
    return CliRunner().invoke(command, list(arguments))


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "docs"
    (found / "deep").mkdir(parents=True)
    (found / ".git").mkdir()
    (found / "a.md").write_text("# VAT")
    (found / "deep" / "b.HTML").write_text("<p>VAT</p>")
    (found / "c.txt").write_bytes(b"caf\xe9")
    (found / "picture.png").write_bytes(b"x")
    (found / ".git" / "hidden.md").write_text("x")
    return found


def test_ingest_sends_what_it_can_read_and_names_the_rest(stack, log, folder):
    log.answer = outcomes_of
    done = run(client.ingest, "--tenant", "acme", str(folder), "--wait", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert [Path(one["path"]).name for one in report["documents"]] == ["a.md", "c.txt", "b.HTML"]
    assert {one["status"] for one in report["documents"]} == {"indexed"}
    assert [Path(one["path"]).name for one in report["skipped"]] == ["picture.png"]
    assert "picture.png" in done.stderr
    media = {entry.event.media_type for entry in log.entries["playhead.document.submitted"]}
    assert media == {"text/plain", "text/markdown", "text/html"}


def test_ingest_fails_when_nothing_was_sent(stack, folder):
    done = run(client.ingest, "--tenant", "acme", str(folder / "picture.png"), str(folder / "none"))
    assert done.exit_code == 1
    assert "nothing was sent" in done.stderr
    assert "no such file" in done.stderr


def test_ingest_fails_when_a_document_failed(stack, log, folder):
    def rejected(event):
        return [
            EventRejected(
                meta=event.meta,
                topic="t",
                partition=0,
                offset=0,
                step="ingest",
                error="Permanent",
                message="it can't be read",
                attempts=1,
            )
        ]

    log.answer = rejected
    done = run(client.ingest, "--tenant", "acme", str(folder / "a.md"), "--wait")
    assert done.exit_code == 1
    assert "it can't be read" in done.stderr


def test_another_tenant_than_the_keys_is_one_clear_line(stack, folder):
    done = run(client.ingest, "--tenant", "globex", str(folder / "a.md"))
    assert done.exit_code == 1
    assert "Forbidden" in done.stderr
    assert "Traceback" not in done.output


def answer(event):
    whole = Answers(event).whole("VAT ", "is due.", citations=(a_citation(),))
    return whole if isinstance(event, QuestionAsked) else ()


def test_chat_streams_the_answer_and_its_citations(stack, log):
    log.answer = answer
    done = run(client.chat, "--tenant", "acme", "--session", "s-1", "Is VAT due?")
    assert done.exit_code == 0, done.output
    assert "VAT is due." in done.stdout
    assert "[1]" in done.stdout
    assert "file:vat" in done.stdout
    assert "session s-1" in done.stderr


def test_chat_prints_one_json_document(stack, log):
    log.answer = answer
    done = run(client.chat, "--tenant", "acme", "--json", "Is VAT due?")
    found = json.loads(done.stdout)
    assert found["text"] == "VAT is due."
    assert {"request_id", "session_id", "citations", "usage", "finish_reason"} <= set(found)


def test_chat_says_that_an_answer_was_retracted(stack, log):
    def retracted(event):
        return [Answers(event).tokens("bad", 0), Answers(event).retracted("not allowed", 0)]

    log.answer = retracted
    done = run(client.chat, "--tenant", "acme", "x")
    assert done.exit_code == 1
    assert "not allowed" in done.stderr


def test_a_gateway_that_is_away_is_one_clear_line(monkeypatch, tmp_path, folder):
    monkeypatch.setattr(client, "RETRIES_MAX", 0)
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    monkeypatch.setenv("PLAYHEAD_GATEWAY", "http://127.0.0.1:9")
    monkeypatch.setenv("PLAYHEAD_KEY", "ph_x")
    for done in (
        run(client.chat, "--tenant", "acme", "x"),
        run(client.ingest, "--tenant", "acme", str(folder / "a.md")),
    ):
        assert done.exit_code == 1
        assert "playhead up" in done.stderr


def test_without_key_and_stack_the_command_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.delenv("PLAYHEAD_KEY", raising=False)
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    done = run(client.chat, "--tenant", "acme", "x")
    assert done.exit_code == 1
    assert "playhead keys create" in done.stderr


def test_on_the_local_stack_a_key_is_made_once_and_kept_private(stack, monkeypatch, log):
    monkeypatch.delenv("PLAYHEAD_KEY")
    (stack.settings.run / "stack.json").write_text("{}")
    log.answer = answer
    for _ in range(2):
        assert run(client.chat, "--tenant", "acme", "x").exit_code == 0
    assert len([key for key in stack.keys.all("acme") if key.user.startswith("local-")]) == 1
    assert (stack.settings.run / "local-keys.json").stat().st_mode & 0o777 == 0o600


def test_a_file_under_the_home_folder_does_not_name_the_person(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "jane"))
    path = tmp_path / "jane" / "notes" / "a.md"
    assert client.uri_of(path) == "file:~/notes/a.md"
    assert client.uri_of(Path("/etc/a b.md")) == "file:///etc/a%20b.md"


# ---------------------------------------------------------------------- keys


def test_a_key_is_made_listed_and_revoked(monkeypatch, tmp_path):
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    made = run(keys, "create", "--tenant", "acme", "--ttl", "12h", "--json")
    entry = json.loads(made.stdout)
    assert {"id", "key", "tenant", "scopes", "expires_at"} <= set(entry)
    assert entry["expires_at"].endswith("Z")
    listed = run(keys, "list", "--json").stdout
    assert entry["key"] not in listed
    assert [one["id"] for one in json.loads(listed)] == [entry["id"]]
    assert run(keys, "revoke", entry["id"]).exit_code == 0
    assert json.loads(run(keys, "list", "--json").stdout)[0]["revoked_at"]
    assert entry["id"] in run(keys, "list").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "--tenant", "a b"],
        ["create", "--tenant", "acme", "--scopes", "everything"],
        ["create", "--tenant", "acme", "--ttl", "soon"],
        ["revoke", "key-none"],
    ],
)
def test_a_mistake_is_one_line_and_exit_1(monkeypatch, tmp_path, arguments):
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    done = run(keys, *arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "command", [keys, client.ingest, client.chat, *keys.commands.values()], ids=lambda one: one.name
)
def test_every_command_has_help_with_an_example(command):
    done = run(command, "--help")
    assert done.exit_code == 0
    assert "Example" in done.output
    assert isinstance(command, click.Command)


@pytest.mark.parametrize("verb", ["ingest", "chat"])
def test_a_gateway_without_room_is_asked_again_when_it_says(stack, log, folder, monkeypatch, verb):
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        log.broker = True

    monkeypatch.setattr(
        client, "time", SimpleNamespace(sleep=pause, monotonic=time.monotonic, time=time.time)
    )
    log.answer = lambda e: Answers(e).whole("yes") if isinstance(e, QuestionAsked) else ()
    log.broker = False
    if verb == "ingest":
        done = run(client.ingest, "--tenant", "acme", str(folder / "a.md"), "--json")
    else:
        done = run(client.chat, "--tenant", "acme", "When?")
    assert done.exit_code == 0, done.output
    assert len(pauses) == 1
    assert 5 <= pauses[0] <= 7  # what Retry-After said
