"""`playhead replay debug` on the command line, over an archive of the product's own steps."""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing

import pytest
from msgspec.structs import replace

from replay.archive import ArchiveLog
from replay.export import rewrite
from schemas import QueryRewritten
from streams.log.codec import Codec
from streams.topics import topic_of

REWRITTEN = topic_of(QueryRewritten)

STEPS = ("redact", "rewrite", "retrieve", "generate", "moderate")


@pytest.fixture
def debug(archive, without_broker, verbs):
    """Run it with what is typed; return the exit status, stdout and stderr."""

    def run(*arguments, typed="", folder=archive.folder):
        words = ["replay", "debug", *arguments, "--archive", folder]
        ran = verbs.run(words, {**os.environ, **without_broker}, 120.0, typed=typed)
        return ran.returncode, ran.stdout, ran.stderr

    return run


@pytest.mark.slow  # a process each
@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_run_to_its_end(debug, archive, step):
    status, out, _ = debug(archive.request, "--step", step, typed="p event.meta.request\nc\n")
    assert status == 0
    assert out.startswith(f"{step} over playhead.")
    assert f"(Pdb) {archive.request!r}" in out
    assert out.rstrip().endswith("as on the log")


@pytest.fixture
def forged(archive, tmp_path):
    """An archive in which somebody put another query into the record of the request."""
    folder = shutil.copytree(archive.folder, tmp_path / "forged")
    codec = Codec(ArchiveLog(folder).ids)

    def edit(stored):
        query = codec.decode(stored.value, QueryRewritten)
        if query.meta.request != archive.request:
            return stored
        value = codec.encode(replace(query, query="another question"))
        return dataclasses.replace(stored, value=value)

    for lane in sorted((folder / REWRITTEN).iterdir()):
        rewrite(folder, REWRITTEN, int(lane.name), edit)
    return folder


@pytest.mark.slow  # a process
def test_the_first_step_is_chosen_that_does_not_come_to_its_record(debug, archive, forged):
    status, out, _ = debug(archive.request, "--go-on", typed="w\nc\n", folder=forged)
    assert status == 1
    assert out.startswith("rewrite over playhead.question.redacted")
    assert "the log holds 'another question'" in out.splitlines()[-1]
    assert out.count("(Pdb)") == 2


@pytest.mark.slow  # a process
def test_nothing_is_stopped_at_where_only_differences_are_and_there_is_none(debug, archive):
    status, out, _ = debug(archive.request, "--step", "generate", "--go-on")
    assert status == 0
    assert "(Pdb)" not in out


@pytest.mark.slow  # a process
def test_leaving_says_nothing_of_the_records(debug, archive):
    status, out, _ = debug(archive.request, "--step", "generate", typed="q\n")
    assert status == 0
    assert out.rstrip().endswith("left: nothing is said of its records")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "every step of it comes to its record; choose one by --step: the log holds redact"),
        (["--step", "ingest"], "no run of it fits: the log holds redact over playhead."),
        (["--step", "redact", "--attempt", 2], "no run of it fits: the log holds redact over"),
        (["--step", "redact", "--offset", 999], "no run of it fits: the log holds redact over"),
        (["--step", "nothing"], "is not one of"),
        (["--attempt", 0], "0 is not in the range 1<=x<="),
        (["--listen", 70000], "70000 is not in the range"),
    ],
)
def test_what_fits_nothing_says_what_there_is(command_line, archive, arguments, said):
    debug = ("replay", "debug", archive.request, "--archive", archive.folder)
    status, out, err = command_line(*debug, *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_a_request_that_never_was_is_told(command_line, archive):
    status, out, err = command_line("replay", "debug", "r-none", "--archive", archive.folder)
    assert (status, out) == (1, "")
    assert "no record of request r-none" in err


class Editor:
    """As much of an editor as attaches, sees where it stops, and goes on: the Debug Adapter Protocol."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        self._file = self._socket.makefile("rwb")
        self._asked = 0

    def ask(self, command, **arguments):
        """Send a request; return its number."""
        self._asked += 1
        request = {"seq": self._asked, "type": "request", "command": command}
        body = json.dumps({**request, "arguments": arguments}).encode()
        self._file.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._file.flush()
        return self._asked

    def until(self, fits):
        """Read messages until one fits; return its body."""
        while True:
            size = int(self._file.readline().partition(b":")[2])
            while self._file.readline().strip():
                pass
            message = json.loads(self._file.read(size))
            assert message.get("success", True), message
            if fits(message):
                return message.get("body", {})

    def event(self, name):
        return self.until(lambda message: message.get("event") == name)

    def answer(self, number):
        return self.until(lambda message: message.get("request_seq") == number)

    def close(self):
        self._file.close()
        self._socket.close()


@pytest.fixture
def waiting(archive, without_broker, forged):
    verb = ["replay", "debug", archive.request, "--step", "rewrite", "--listen", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "infra.cli", *verb, "--archive", forged],
        env={**os.environ, **without_broker},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        yield process
        process.kill()


@pytest.mark.slow  # two processes and an adapter between them
def test_an_editor_attaches_and_stops_before_the_step_and_at_the_difference(waiting):
    told = waiting.stderr.readline()
    assert told.startswith("waiting for a debugger at 127.0.0.1:")
    with closing(Editor(int(told.rpartition(":")[2]))) as editor:
        editor.answer(editor.ask("initialize", adapterID="test", pathFormat="path"))
        editor.ask("attach", justMyCode=False)
        editor.event("initialized")
        editor.ask("configurationDone")
        for where in ("execute", "yields"):
            thread = editor.event("stopped")["threadId"]
            frames = editor.answer(editor.ask("stackTrace", threadId=thread))["stackFrames"]
            assert frames[0]["name"] == where
            editor.ask("continue", threadId=thread)
        editor.event("terminated")
    out = waiting.stdout.read()
    assert waiting.wait(60) == 1
    assert "the log holds 'another question'" in out.splitlines()[-1]
