"""Parts are whole or not there."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from infra.local import java, parts
from infra.local.errors import StackError
from infra.local.parts import Part, Shell, Tool


class Told:
    def __init__(self):
        self.events = []

    def begun(self, part):
        self.events.append(("begun", part.name))

    def line(self, part, text):
        self.events.append((part.name, text))

    def done(self, part, seconds):
        self.events.append(("done", part.name))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "playhead" / "parts"


def a_part(build, name="thing", tools=()):
    return Part(name, "1.0", "abc", tools, build, 1)


def content(target, _shell, say):
    say("writing")
    (target / "content").write_text("whole")


def left_in(cache):
    return sorted(path.name for path in cache.iterdir() if not path.name.endswith(".lock"))


def test_a_part_is_built_once_in_a_place_named_by_version_and_recipe(cache):
    told = Told()
    part = a_part(content)
    assert parts.fetch([part], told) == {"thing": cache / "thing-1.0-abc"}
    assert (part.place / "content").read_text() == "whole"
    assert told.events == [("begun", "thing"), ("thing", "writing"), ("done", "thing")]
    parts.fetch([part], told)
    assert len(told.events) == 3


def test_what_fails_leaves_nothing_and_says_which_part(cache):
    def build(target, _shell, _say):
        (target / "half").write_text("half")
        raise StackError("no network")

    with pytest.raises(StackError, match=r"fetching thing 1\.0: no network"):
        parts.fetch([a_part(build)], Told())
    assert left_in(cache) == []


def test_what_a_killed_fetch_left_is_thrown_away(cache):
    partial = cache / ".thing-1.0-abc.12345.partial"
    partial.mkdir(parents=True)
    (partial / "half").write_text("half")
    parts.fetch([a_part(content)], Told())
    assert left_in(cache) == ["thing-1.0-abc"]


def test_a_failure_stops_the_other_fetches(cache):
    def slow(_target, shell, say):
        shell.run(["sleep", "60"], say)

    def broken(_target, _shell, _say):
        time.sleep(0.2)
        raise StackError("no network")

    began = time.monotonic()
    with pytest.raises(StackError, match="no network"):
        parts.fetch([a_part(slow, "slow"), a_part(broken, "broken")], Told())
    assert time.monotonic() - began < 10
    assert left_in(cache) == []


def test_two_at_once_fetch_a_part_once(cache):
    built = []

    def build(target, shell, say):
        built.append(target)
        time.sleep(0.3)
        content(target, shell, say)

    others = [threading.Thread(target=parts.fetch, args=([a_part(build)], Told())) for _ in "ab"]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert len(built) == 1
    assert left_in(cache) == ["thing-1.0-abc"]


def test_every_missing_tool_is_named_at_once_with_what_installs_it():
    tools = tuple(Tool(name, "is needed", f"get {name}", lambda: False) for name in ("a", "b"))
    with pytest.raises(StackError) as refused:
        parts.fetch([a_part(content, tools=tools)], Told())
    assert "  a (is needed): get a\n  b (is needed): get b\n" in str(refused.value)


def test_no_tool_is_missed_where_the_part_is_there(cache):
    (cache / "thing-1.0-abc").mkdir(parents=True)
    tool = Tool("a", "is needed", "get a", lambda: False)
    parts.fetch([a_part(content, tools=(tool,))], Told())


def test_a_failed_tool_is_shown_with_its_last_words():
    program = "print('first'); print('why it failed'); raise SystemExit(3)"
    with pytest.raises(StackError, match=r"failed with exit status 3:\n    first\n    why it"):
        Shell().run([sys.executable, "-c", program], lambda _: None)


def test_a_server_that_never_is_ready_fails_its_try_out(monkeypatch, tmp_path):
    monkeypatch.setattr(parts, "TRY_OUT_S", 0.3)
    with pytest.raises(StackError, match="did not become ready"):
        Shell().try_out(["sleep", "60"], lambda: False, lambda _: None, tmp_path)


def test_a_server_that_is_ready_is_ended(tmp_path):
    Shell().try_out(["sleep", "60"], lambda: True, lambda _: None, tmp_path)


def test_stopping_ends_the_tool_and_what_it_started(tmp_path):
    shell = Shell()
    pid = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {pid}; wait"
    threading.Timer(0.5, shell.stop).start()
    with pytest.raises(parts.Interrupted):
        shell.run(["sh", "-c", script], lambda _: None)
    child = int(pid.read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True, check=False
        ).stdout.strip()
        if not state or state.startswith("Z"):
            break
        time.sleep(0.05)
    else:
        pytest.fail("the tool's child lives on")


def test_jars_follow_a_home_that_is_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MAVEN_OPTS", raising=False)
    said = []
    Shell().run(["sh", "-c", "echo $MAVEN_OPTS"], said.append)
    assert said == [f"-Dmaven.repo.local={tmp_path}/.m2/repository"]


def test_another_recipe_is_another_place(monkeypatch, tmp_path):
    before = parts.all_parts()["kafka"].place
    pom = tmp_path / "pom.xml"
    pom.write_text(parts.KAFKA_POM.read_text() + "<!-- changed -->")
    monkeypatch.setattr(parts, "KAFKA_POM", pom)
    assert parts.all_parts()["kafka"].place != before


def test_the_versions_in_code_and_pom_agree():
    assert f"<kafka.version>{parts.KAFKA_VERSION}<" in parts.KAFKA_POM.read_text()
    assert parts.REGISTRY_VERSION in java.REGISTRY_JAR
    assert Path(os.environ["XDG_CACHE_HOME"]) in parts.parts_folder().parents
