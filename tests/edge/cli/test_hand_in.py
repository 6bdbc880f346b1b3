"""`playhead ingest` against the real server over a log in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.sources.file_uris import uri_of
from edge.cli.hand_in import ingest
from schemas import EventRejected
from streams.topics import topic_of
from tests.edge.cli.running import run
from tests.edge.http_client import outcomes_of


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
    done = run(ingest, "--tenant", "acme", str(folder), "--wait", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert [Path(one["path"]).name for one in report["documents"]] == ["a.md", "c.txt", "b.HTML"]
    assert {one["status"] for one in report["documents"]} == {"indexed"}
    assert [Path(one["path"]).name for one in report["skipped"]] == ["picture.png"]
    assert "picture.png" in done.stderr
    media = {entry.event.media_type for entry in log.entries["playhead.document.submitted"]}
    assert media == {"text/plain", "text/markdown", "text/html"}


def test_ingest_fails_when_nothing_was_sent(stack, folder):
    done = run(ingest, "--tenant", "acme", str(folder / "picture.png"), str(folder / "none"))
    assert done.exit_code == 1
    assert "nothing was sent" in done.stderr
    assert "no such file or folder" in done.stderr
    assert "picture.png: .png files are not among the kinds that can be read (" in done.stderr


def test_ingest_fails_when_a_document_failed(stack, log, folder):
    def rejected(event):
        return [
            EventRejected(
                meta=event.meta,
                topic=topic_of(type(event)),
                partition=0,
                offset=0,
                step="ingest",
                error="Permanent",
                message="it can't be read",
                attempts=1,
            )
        ]

    log.answer = rejected
    done = run(ingest, "--tenant", "acme", str(folder / "a.md"), "--wait")
    assert done.exit_code == 1
    assert "it can't be read" in done.stderr


def test_another_tenant_than_the_keys_is_one_clear_line(stack, folder):
    done = run(ingest, "--tenant", "globex", str(folder / "a.md"))
    assert done.exit_code == 1
    assert "Forbidden" in done.stderr
    assert "Traceback" not in done.output


def test_a_file_under_the_home_folder_does_not_name_the_person(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "jane"))
    path = tmp_path / "jane" / "notes" / "a.md"
    assert uri_of(path) == "file:~/notes/a.md"
    assert uri_of(Path("/etc/a b.md")) == "file:///etc/a%20b.md"


def test_a_path_that_was_named_and_is_not_there_is_an_error_though_others_were_sent(stack, folder):
    done = run(ingest, "--tenant", "acme", folder / "a.md", folder / "none.md", "--json")
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert len(report["documents"]) == 1
    assert [Path(one["path"]).name for one in report["skipped"]] == ["none.md"]


@pytest.mark.parametrize(
    ("names", "words", "said"),
    [
        (["a.md"], [], "acme: 1 document accepted; indexing goes on (--wait waits for it)"),
        (["a.md", "c.txt"], [], "acme: 2 documents accepted"),
        (["a.md"], ["--wait"], "acme: 1 document (2 chunks) can be searched"),
    ],
)
def test_what_became_of_the_files_is_said_in_good_english(stack, log, folder, names, words, said):
    log.answer = outcomes_of
    done = run(ingest, "--tenant", "acme", *[folder / name for name in names], *words)
    assert done.exit_code == 0
    assert said in done.stderr
