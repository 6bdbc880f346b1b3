"""Parts are whole or not there."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.parts.fetching import fetch, with_needs
from infra.parts.part import Part, digest, parts_folder
from infra.parts.system import Tool
from infra.stack_error import StackError


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
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a b,c;ü"))
    return tmp_path / "a b,c;ü" / "playhead" / "parts"


def a_part(build, name="thing", **fields):
    return Part(name, "1.0", "abc", build, **fields)


def content(work):
    work.say("writing")
    (work.target / "content").write_text("whole")


def left_in(cache):
    return sorted(path.name for path in cache.iterdir() if not path.name.endswith(".lock"))


def test_a_part_is_built_once_in_a_place_named_by_version_and_recipe(cache):
    told = Told()
    part = a_part(content)
    assert fetch([part], told) == {"thing": cache / "thing-1.0-abc"}
    assert (part.place / "content").read_text() == "whole"
    assert told.events == [("begun", "thing"), ("thing", "writing"), ("done", "thing")]
    fetch([part], told)
    assert len(told.events) == 3


def test_what_fails_leaves_nothing_and_says_which_part(cache):
    def build(work):
        (work.target / "half").write_text("half")
        raise StackError("no network")

    with pytest.raises(StackError, match=r"fetching thing 1\.0: no network"):
        fetch([a_part(build)], Told())
    assert left_in(cache) == []


def test_what_a_killed_fetch_left_is_thrown_away(cache):
    partial = cache / ".thing-1.0-abc.12345.partial"
    partial.mkdir(parents=True)
    (partial / "half").write_text("half")
    fetch([a_part(content)], Told())
    assert left_in(cache) == ["thing-1.0-abc"]


def test_a_failure_stops_the_other_fetches(cache):
    slow_began = threading.Event()

    def slow(work):
        slow_began.set()
        work.shell.run(["sleep", "60"], work.say)

    def broken(_work):
        slow_began.wait(10)
        raise StackError("no network")

    began = time.monotonic()
    with pytest.raises(StackError, match="no network"):
        fetch([a_part(slow, "slow"), a_part(broken, "broken")], Told())
    assert time.monotonic() - began < 10
    assert left_in(cache) == []


def test_two_at_once_fetch_a_part_once(cache):
    built = []
    waiting = threading.Event()

    def build(work):
        built.append(work.target)
        waiting.wait(10)
        content(work)

    class Waits(Told):
        def line(self, part, text):
            super().line(part, text)
            if "another process" in text:
                waiting.set()

    others = [threading.Thread(target=fetch, args=([a_part(build)], Waits())) for _ in "ab"]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert len(built) == 1
    assert left_in(cache) == ["thing-1.0-abc"]


def test_every_missing_tool_is_named_at_once_with_what_installs_it():
    tools = tuple(Tool(name, "is needed", f"get {name}", lambda: False) for name in ("a", "b"))
    with pytest.raises(StackError) as refused:
        fetch([a_part(content, tools=tools)], Told())
    assert "  a (is needed): get a\n  b (is needed): get b\n" in str(refused.value)


def test_no_tool_is_missed_where_the_part_is_there(cache):
    (cache / "thing-1.0-abc").mkdir(parents=True)
    tool = Tool("a", "is needed", "get a", lambda: False)
    fetch([a_part(content, tools=(tool,))], Told())


def test_what_a_part_needs_is_made_before_it_and_known_to_it(cache):
    seen = []

    def build(work):
        seen.append((work.places["first"] / "content").read_text())

    first = a_part(content, "first")
    second = a_part(build, "second", needs=(first,))
    third = a_part(content, "third", needs=(second,))
    assert [part.name for part in with_needs([third, first])] == ["first", "second", "third"]
    assert set(fetch([third], Told())) == {"first", "second", "third"}
    assert seen == ["whole"]


def test_what_needs_something_that_fails_is_not_begun():
    def broken(_work):
        raise StackError("no network")

    told = Told()
    first = a_part(broken, "first")
    second = a_part(content, "second", needs=(first,))
    with pytest.raises(StackError, match=r"fetching first 1\.0: no network"):
        fetch([second], told)
    assert ("begun", "second") not in told.events


def test_what_the_machine_has_is_not_made(cache, tmp_path):
    part = a_part(content, of_the_machine=tmp_path)
    assert fetch([part], Told()) == {"thing": tmp_path}
    assert not cache.exists()


def test_a_full_disk_leaves_nothing_and_says_where_to_go(cache):
    def build(work):
        (work.target / "half").write_text("half")
        Path("/dev/full").write_text("half")

    with pytest.raises(
        StackError, match=r"fetching thing 1\.0: .*No space left[^$]*full.*XDG_CACHE"
    ):
        fetch([a_part(build)], Told())
    assert left_in(cache) == []


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(cache):
    told = Told()
    huge = a_part(content, peak_mb=10**9)
    with pytest.raises(StackError, match=r"MB free, and thing need 1,000,000,000 MB .*XDG_CACHE"):
        fetch([huge], told)
    assert told.events == []


def test_a_cache_that_can_not_be_written_is_named_with_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(StackError, match=r"file/playhead/parts: Not a directory; set XDG_CACHE"):
        fetch([a_part(content)], Told())


def test_ctrl_c_stops_the_tools_and_leaves_nothing(cache):
    class Interrupts(Told):
        def line(self, part, text):
            if text == "hello":
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    def build(work):
        (work.target / "half").write_text("half")
        work.shell.run(["sh", "-c", "echo hello; exec sleep 60"], work.say)

    with pytest.raises(KeyboardInterrupt):
        fetch([a_part(build)], Interrupts())
    assert left_in(cache) == []
    fetch([a_part(content)], Told())  # the next run goes on
    assert left_in(cache) == ["thing-1.0-abc"]


class InterruptedPool(ThreadPoolExecutor):
    """Is interrupted when a thread has started and the pool has not noted it."""

    def submit(self, *of):
        super().submit(*of)
        self._threads.clear()
        raise KeyboardInterrupt


def test_a_thread_that_the_pool_does_not_know_makes_nothing(cache, monkeypatch):
    monkeypatch.setattr("infra.parts.fetching.ThreadPoolExecutor", InterruptedPool)
    before, begun = set(threading.enumerate()), []
    with pytest.raises(KeyboardInterrupt):
        fetch([a_part(begun.append)], Told())
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
    assert begun == []
    assert left_in(cache) == []


def test_parts_lie_in_the_users_cache(monkeypatch, tmp_path, cache):
    assert parts_folder() == cache
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parts_folder() == tmp_path / ".cache" / "playhead" / "parts"


def test_equal_recipes_and_no_others_have_equal_digests():
    assert digest("a", b"b") == digest(b"a", "b")
    assert len({digest("a", "b"), digest("b", "a"), digest("ab"), digest("a", "b", "")}) == 4
