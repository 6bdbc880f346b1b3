"""`playhead parts`: what it fetches and says; and a fetch that is interrupted."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.local.parts import all_parts
from infra.local.parts_cli import INTERRUPTED, fetch_shown, parts
from infra.parts.part import Part
from infra.stack_error import StackError

ROOT = Path(__file__).parents[3]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, and no Java that the machine would bring."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    return tmp_path / "cache"


@pytest.fixture
def playhead():
    return lambda *words: CliRunner().invoke(parts, list(words))


@pytest.fixture
def all_there():
    """Make the place of every part, as if they had been fetched."""
    known = all_parts()
    for part in known.values():
        part.place.mkdir(parents=True)
    return {name: str(part.place) for name, part in known.items()}


class Recipes:
    """Parts of nothing, and the order in which they were made."""

    def __init__(self):
        self.made = []

    def part(self, name, *needs):
        return Part(name, "1", "a", lambda _: self.made.append(name), needs=needs)

    def fetch(self, names, *known):
        fetch_shown(names, lambda: {part.name: part for part in known})


# ---------------------------------------------------------------------- what is fetched


def test_only_what_is_asked_for_is_fetched_with_what_it_needs():
    recipes = Recipes()
    tool = recipes.part("tool")
    recipes.fetch(["thing"], tool, recipes.part("thing", tool), recipes.part("other"))
    assert recipes.made == ["tool", "thing"]


def test_what_is_there_is_not_fetched_again_and_nothing_is_said_of_it(capsys):
    recipes = Recipes()
    thing = recipes.part("thing")
    recipes.fetch(["thing"], thing)
    assert "thing" in capsys.readouterr().err
    recipes.fetch(["thing"], thing)
    assert recipes.made == ["thing"]
    assert capsys.readouterr().err == ""


def test_what_a_part_that_is_there_lacks_is_fetched():
    recipes = Recipes()
    tool = recipes.part("tool")
    thing = recipes.part("thing", tool)
    thing.place.mkdir(parents=True)
    recipes.fetch(["thing"], thing)
    assert recipes.made == ["tool"], "a part needs others whenever it runs"


def test_a_fetch_that_fails_is_passed_on_and_signals_mean_again_what_they_did():
    def fail(_work):
        raise StackError("no room for it")

    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(StackError, match="no room for it"):
        fetch_shown(["thing"], lambda: {"thing": Part("thing", "1", "a", fail)})
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_what_can_not_be_fetched_is_refused_with_what_to_do(playhead, cache):
    cache.write_text("not a folder")
    refused = playhead("--only", "weaviate")
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"playhead: parts can't be kept in {cache}")
    assert refused.stdout == ""


# ---------------------------------------------------------------------- what is said


def test_each_part_is_said_with_its_place(playhead, all_there):
    said = playhead()
    assert said.exit_code == 0
    assert dict(line.split(maxsplit=1) for line in said.stdout.splitlines()) == all_there


def test_one_json_document_holds_the_same(playhead, all_there):
    said = playhead("--json")
    assert json.loads(said.stdout) == all_there
    assert said.stderr == ""


@pytest.mark.parametrize("only", ["kafka,weaviate", "kafka, weaviate", " weaviate,kafka"])
def test_a_few_may_be_named_with_or_without_blanks(playhead, all_there, only):
    said = json.loads(playhead("--only", only, "--json").stdout)
    assert said == {name: all_there[name] for name in ("kafka", "weaviate")}


@pytest.mark.parametrize(
    ("only", "unknown"), [("kafak", "kafak"), ("kafka,zoo,kafak", "kafak, zoo")]
)
def test_an_unknown_name_is_refused_with_those_that_there_are(playhead, cache, only, unknown):
    refused = playhead("--only", only)
    assert refused.exit_code == 1
    why = f"no part is called {unknown}; there are java, kafka, registry"
    assert refused.stderr.startswith(f"playhead: {why}")
    assert "Traceback" not in refused.stderr
    assert not cache.exists()


def test_the_machines_own_java_is_named_and_not_fetched(playhead, tmp_path, monkeypatch):
    home = tmp_path / "jdk ü"
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho ' java.home = {home}'\necho ' java.version = 17.0.1'\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert playhead("--only", "java").stdout == f"java      {home}\n"
    said = playhead("--only", "java", "--json")
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
    assert said.endswith("interrupted; nothing unfinished was kept\n")
    left = [path.name for path in (tmp_path / "playhead" / "parts").iterdir()]
    assert left == [".thing-1-a.lock"]
