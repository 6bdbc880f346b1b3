"""The stack's command line, as far as it goes without a component."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.local import cli, ports
from infra.local.parts_cli import INTERRUPTED

ROOT = Path(__file__).parents[3]


@pytest.fixture
def playhead(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return lambda *words: CliRunner().invoke(cli.main, list(words))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["up", "--only", "kafak"], "no component is called kafak; there are kafka, registry"),
        (["parts", "--only", "kafak"], "no part is called kafak; there are java, kafka, registry"),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_there_are(playhead, words, why):
    refused = playhead(*words)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"playhead: {why}")
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("port", ["kafka", "kafka=", "kafka=a", "kafak=1", "=1", "kafka=-1"])
def test_a_port_that_is_none_is_refused_with_the_names(playhead, port):
    refused = playhead("up", "--port", port)
    assert refused.exit_code == 2
    assert f"'{port}' is not NAME=PORT" in refused.stderr
    assert ports.NAMES[0] in refused.stderr


def test_what_was_never_up_is_not_up(playhead, tmp_path):
    assert "run is not up." in playhead("down").stderr
    said = playhead("status", "--json")
    assert said.exit_code == 1
    entries = json.loads(said.stdout)["components"]
    assert {entry["state"] for entry in entries.values()} == {"stopped"}
    assert not (tmp_path / "run").exists()


def test_the_machines_own_java_is_named_and_not_fetched(playhead, tmp_path, monkeypatch):
    home = tmp_path / "jdk ü"
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho ' java.home = {home}'\necho ' java.version = 17.0.1'\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert playhead("parts", "--only", "java").stdout == f"java      {home}\n"
    said = playhead("parts", "--only", "java", "--json")
    assert json.loads(said.stdout) == {"java": str(home)}
    assert said.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_fetch_says_so_and_leaves_nothing(tmp_path, number):
    """A process of its own, since only a main thread is told of signals."""
    program = """
import sys
from infra.local import parts_cli
from infra.parts.part import Part

def build(work):
    work.say("x")
    print("begun", flush=True)
    work.shell.run(["sleep", "60"], work.say)

parts_cli.fetch_shown(["thing"], lambda: {"thing": Part("thing", "1", "a", build)})
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"XDG_CACHE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    guard = threading.Timer(30, child.kill)
    guard.start()
    assert child.stdout.readline() == "begun\n"
    child.send_signal(number)
    _, said = child.communicate()
    guard.cancel()
    assert child.returncode == INTERRUPTED
    assert said.endswith("interrupted; what was not whole was thrown away\n")
    left = [path.name for path in (tmp_path / "playhead" / "parts").iterdir()]
    assert left == [".thing-1-a.lock"]
