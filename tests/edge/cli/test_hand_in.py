"""`playhead ingest` against the real server over a log in memory."""

from __future__ import annotations

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from connectors.sources.file_uris import uri_of
from edge.cli import hand_in as module
from edge.cli.hand_in import ingest
from edge.client.gateway_client import GatewayClient
from schemas import DocumentSubmitted, EventRejected
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
    (found / "film.mov").write_bytes(b"x")
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
    assert [Path(one["path"]).name for one in report["skipped"]] == ["film.mov", "picture.png"]
    assert "film.mov" in done.stderr
    assert "picture.png: a picture: name it to have its text recognised" in done.stderr
    media = {entry.event.media_type for entry in log.entries["playhead.document.submitted"]}
    assert media == {"text/plain", "text/markdown", "text/html"}


def test_ingest_fails_when_nothing_was_sent(stack, folder):
    done = run(ingest, "--tenant", "acme", str(folder / "film.mov"), str(folder / "none"))
    assert done.exit_code == 1
    assert "nothing was sent" in done.stderr
    assert "no such file or folder" in done.stderr
    assert "film.mov: .mov files are not among the kinds that can be read (" in done.stderr


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


def submitted(log):
    return [entry.event for entry in log.entries["playhead.document.submitted"]]


def test_names_that_are_not_utf_8_hold_nothing_up(stack, log, folder, monkeypatch):
    for home in (folder.parent, Path("/nowhere")):
        monkeypatch.setenv("HOME", str(home))
        name = os.fsencode(folder) + b"/caf\xe9.txt"
        Path(os.fsdecode(name)).write_text("x")
        done = run(ingest, "--tenant", "acme", str(folder), "--json")
        assert done.exit_code == 0, done.output
        paths = [one["path"] for one in json.loads(done.stdout)["documents"]]
        assert f"{folder}/caf\\xe9.txt" in paths
    uris = {one.uri for one in submitted(log)}
    assert {"file:///~/docs/caf%E9.txt", f"{folder.as_uri()}/caf%E9.txt"} <= uris


def test_title_groups_metadata_and_name_go_with_a_document(stack, log, folder):
    done = run(
        *(ingest, "--tenant", "acme", folder / "a.md", "--title", "VAT", "--uri", "vat:1"),
        *("--group", "staff", "--group", "guild", "--metadata", "year=2024", "--metadata", "a=b=c"),
    )
    assert done.exit_code == 0, done.output
    [event] = submitted(log)
    assert stack.keyring.unseal("acme", event.title) == b"VAT"
    assert (event.uri, event.groups) == ("vat:1", ("staff", "guild"))
    assert event.metadata == {"year": "2024", "a": "b=c"}


def test_stdin_is_a_document_under_a_name(stack, log):
    words = [
        "--tenant",
        "acme",
        "--uri",
        "report:1",
        "--media-type",
        "text/plain; charset=koi8-r",
        "-",
    ]
    done = CliRunner().invoke(ingest, words, input="Привет".encode("koi8-r"))
    assert done.exit_code == 0, done.output
    [event] = submitted(log)
    assert (event.uri, event.media_type) == ("report:1", "text/plain; charset=koi8-r")
    assert stack.keyring.unseal("acme", event.content) == "Привет".encode("koi8-r")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-"], "stdin has no name: give it one with --uri"),
        (["--title", "x", "a.md", "c.txt"], "name one document, and there are 2"),
        (["--uri", "x", "."], "name one document, and there are"),
        (["--metadata", "year", "a.md"], "write NAME=VALUE"),
        (["--metadata", "=x", "a.md"], "write NAME=VALUE"),
    ],
)
def test_what_does_not_fit_is_a_mistake_in_the_words(stack, folder, monkeypatch, words, says):
    monkeypatch.chdir(folder)
    done = run(ingest, "--tenant", "acme", *words)
    assert done.exit_code == 2
    assert says in done.stderr


def test_a_file_that_cannot_be_sent_holds_up_no_other(stack, log, folder, monkeypatch):
    monkeypatch.setenv("PLAYHEAD_DOCUMENT_BYTES_MAX", "1000")
    (folder / "large.txt").write_text("x" * 1_001)
    (folder / "b.md").write_text("gone")
    (folder / "b.md").chmod(0)
    reading = Path.open

    def refusing(path, *words):
        if path.name == "b.md":  # root reads what nobody may
            raise PermissionError(13, "Permission denied")
        return reading(path, *words)

    monkeypatch.setattr(Path, "open", refusing)
    done = run(ingest, "--tenant", "acme", folder, "--json")
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert len(report["documents"]) == 3
    reasons = {Path(one["path"]).name: one["reason"] for one in report["skipped"]}
    assert reasons["b.md"] == "Permission denied"
    assert reasons["large.txt"] == "it has more than the 1000 bytes that may be: split it"


def test_what_the_gateway_refuses_is_told_and_the_rest_is_sent(stack, folder):
    words = ["--metadata", f"k={'v' * 600}"]
    done = run(ingest, "--tenant", "acme", folder / "a.md", folder / "c.txt", *words)
    assert done.exit_code == 1
    assert done.stderr.count("skipped ") == 2
    assert "metadata" in done.stderr
    assert "Traceback" not in done.output


@pytest.fixture
def web():
    """A host with one page, one file, and nothing else."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self):
            kind = {"/page": "text/html; charset=koi8-r", "/a.md": "text/plain"}.get(self.path)
            self.send_response(404 if kind is None else 200)
            if kind:
                self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write("<p>Привет".encode("koi8-r"))

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_page_of_the_web_is_a_document_under_its_address(stack, log, web):
    done = run(ingest, "--tenant", "acme", f"{web}/page", f"{web}/a.md", f"{web}/none", "--json")
    assert done.exit_code == 1
    assert [(one.uri, one.media_type) for one in submitted(log)] == [
        (f"{web}/page", "text/html; charset=koi8-r"),
        (f"{web}/a.md", "text/markdown"),
    ]
    [skipped] = json.loads(done.stdout)["skipped"]
    assert skipped == {"path": f"{web}/none", "reason": "its host answered 404"}


def test_credentials_of_an_address_are_no_part_of_its_name(stack, log, web):
    address = web.replace("http://", "http://jane:hunter2@")
    done = run(ingest, "--tenant", "acme", f"{address}/page", f"{address}/none", "--json")
    assert [one.uri for one in submitted(log)] == [f"{web}/page"]
    assert "hunter2" not in done.output + done.stderr


def test_a_host_that_is_away_is_told(stack):
    done = run(ingest, "--tenant", "acme", "http://127.0.0.1:9/")
    assert done.exit_code == 1
    assert "it can't be fetched (ConnectError)" in done.stderr


def test_binary_files_are_sent_with_their_media_type(stack, log, folder):
    log.answer = outcomes_of
    content = bytes(range(256)) * 10
    (folder / "deep" / "plan.DOCX").write_bytes(content)
    done = run(
        ingest, "--tenant", "acme", str(folder / "deep"), str(folder / "picture.png"), "--json"
    )
    assert done.exit_code == 0, done.output
    events = [entry.event for entry in log.entries["playhead.document.submitted"]]
    assert {event.media_type for event in events} == {
        "text/html",
        "image/png",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    }


def test_what_was_left_out_is_told(stack, log, folder):
    def told(event):
        *before, last = outcomes_of(event)
        manifest = replace(last.manifest, notes=("pages 2 of 3 held no text",))
        return [*before, replace(last, manifest=manifest)]

    log.answer = told
    done = run(ingest, "--tenant", "acme", str(folder / "a.md"), "--wait", "--json")
    assert json.loads(done.stdout)["documents"][0]["notes"] == ["pages 2 of 3 held no text"]
    assert "note " in done.stderr
    assert "a.md: pages 2 of 3 held no text" in done.stderr


@pytest.fixture
def many(tmp_path):
    """Forty files of a folder."""
    for number in range(40):
        (tmp_path / f"{number:02}.md").write_text(f"# {number}")
    return tmp_path


@pytest.fixture
def looks(log, monkeypatch):
    """What was looked at; each time `looks.then` may go on with a document, by its number."""
    looks = SimpleNamespace(paths=[], then=lambda: (), late_s=0.0)
    get, monotonic = GatewayClient.get, time.monotonic

    def look(gateway, path):
        for number in looks.then():
            for outcome in outcomes_of(log.published(DocumentSubmitted)[number]):
                log.append(outcome)
        looks.paths.append(path)
        return get(gateway, path)

    def sleep(_pause_s):
        looks.late_s += module.WAIT_MAX_S / 2

    monkeypatch.setattr(GatewayClient, "get", look)
    clock = SimpleNamespace(monotonic=lambda: monotonic() + looks.late_s, sleep=sleep)
    monkeypatch.setattr(module, "time", clock)
    return looks


def test_many_that_wait_are_not_all_looked_at_each_time(stack, log, many, looks):
    order = iter(range(40))
    looks.then = lambda: list(islice(order, 1)) if len(looks.paths) % 2 else []
    done = run(ingest, "--tenant", "acme", str(many), "--wait", "--json")
    assert done.exit_code == 0, done.stderr
    assert {one["status"] for one in json.loads(done.stdout)["documents"]} == {"indexed"}
    assert len(looks.paths) <= 3 * 40


def test_one_that_hangs_does_not_hide_that_others_come_along(stack, log, many, looks):
    order = iter(range(1, 40))
    looks.then = lambda: list(islice(order, 5))
    done = run(ingest, "--tenant", "acme", str(many), "--wait", "--json")
    assert done.exit_code == 1
    assert "1 document made no progress for 600 s" in done.stderr
