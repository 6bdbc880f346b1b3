"""Log lines: JSON, with the ids of what runs, and never a word of a person."""

import asyncio
import contextlib
import json
import logging
import types

import pytest

from streams.watching import logs

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@contextlib.contextmanager
def configured_logs(level="info"):
    root = logging.getLogger()
    handlers, before = root.handlers[:], root.level
    logs.configure(level)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(before)


async def test_a_line_tells_what_its_own_task_runs_and_that_of_those_it_started(capsys):
    def say(event):
        logs.logger("test").info(event)

    async def work(name, *, ends):
        logs.begin_task()
        logs.enter("embed", name, types.SimpleNamespace(place=f"{name}@7"), PARENT)
        await asyncio.sleep(0)
        await asyncio.gather(asyncio.to_thread(say, "child"))
        if ends:
            logs.leave()
        say("own")

    async def starts_another():
        logs.begin_task()
        logs.enter("embed", "r-0", types.SimpleNamespace(place="r-0@7"), PARENT)
        await asyncio.gather(work("r-1", ends=False), work("r-2", ends=True))
        say("parent")

    with configured_logs():
        await asyncio.create_task(starts_another())
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {(line["event"], line.get("request"), line.get("place")) for line in lines} == {
        ("child", "r-1", "r-1@7"),
        ("child", "r-2", "r-2@7"),
        ("own", "r-1", "r-1@7"),
        ("own", None, None),
        ("parent", "r-0", "r-0@7"),
    }
    assert {line["trace"] for line in lines if "place" in line} == {PARENT[3:35]}


def test_log_lines_are_json_with_ids_and_without_the_words_of_an_exception(capsys):
    with configured_logs():
        logs.logger("test").info("moved", request="r-1")
        try:
            raise ValueError("Alice Example")
        except ValueError as error:
            logging.getLogger("faust").exception("Crashed reason=%r", error)  # noqa: TRY401
    said = capsys.readouterr().err
    first, second = (json.loads(line) for line in said.splitlines())
    assert (first["event"], first["request"], first["logger"]) == ("moved", "r-1", "playhead.test")
    assert "ValueError" in second["event"]
    assert "Alice" not in said


@pytest.mark.parametrize(
    ("level", "words"),
    [("debug", ["fine", "said", "loud"]), ("info", ["said", "loud"]), ("error", ["loud"])],
)
def test_a_level_leaves_out_what_is_below_it(capsys, level, words):
    with configured_logs(level):
        logs.logger("test").debug("fine")
        logs.logger("test").info("said")
        logs.logger("test").error("loud")
        logs.flush()
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == words


@pytest.mark.parametrize("name", logs.QUIET)
def test_what_libraries_say_below_a_warning_is_left_out(capsys, name):
    with configured_logs():
        logging.getLogger(name).info("routine")
        logging.getLogger(name).warning("something is wrong")
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "something is wrong"


def test_a_library_that_is_louder_than_asked_for_is_held_to_the_level(capsys):
    with configured_logs("error"):
        logging.getLogger("faust").warning("something is wrong")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "arguments", [(ValueError("Alice"),), ("plain", KeyError("Alice")), (OSError(2, "Alice"), 3)]
)
def test_the_message_of_an_exception_among_the_arguments_is_left_out(capsys, arguments):
    with configured_logs():
        logging.getLogger("anything").warning(" ".join(["%s"] * len(arguments)), *arguments)
    line = capsys.readouterr().err
    assert "Alice" not in line
    assert any(type(each).__name__ in line for each in arguments if isinstance(each, Exception))


def test_an_exception_is_told_by_the_places_it_came_from(capsys):
    def inner():
        raise ValueError("Alice Example")

    with configured_logs():
        try:
            inner()
        except ValueError:
            logs.logger("test").exception("failed")
    said = json.loads(capsys.readouterr().err)
    first, *places = said["exception"].splitlines()
    assert first == "ValueError"
    assert places[-1].endswith(" in inner")
    assert all(":" in place for place in places)


def test_places_go_from_the_outermost_to_where_it_was_raised():
    def raising():
        raise KeyError("x")

    try:
        raising()
    except KeyError as error:
        [outer, inner] = logs.places(error).splitlines()
    assert outer.split(" in ")[1].startswith("test_places_go")
    assert inner.startswith(f"{__name__}:")
    assert inner.endswith(" in raising")


def test_an_exception_that_was_never_raised_came_from_nowhere():
    assert logs.places(ValueError()) == ""


def test_outside_of_a_task_that_runs_something_nothing_is_told_of_it(capsys):
    item = types.SimpleNamespace(place="t[0]@7")
    with configured_logs():
        logs.enter("embed", "r-1", item, PARENT)  # no task has begun: it is nobody's
        logs.logger("test").info("a word")
        logs.leave()
    assert set(json.loads(capsys.readouterr().err)) == {"event", "level", "logger", "timestamp"}


async def test_a_field_that_is_given_is_not_replaced(capsys):
    async def work():
        logs.begin_task()
        logs.enter("embed", "r-1", types.SimpleNamespace(place="t[0]@7"), PARENT)
        logs.logger("test").info("moved", request="r-2")

    with configured_logs():
        await asyncio.create_task(work())
    line = json.loads(capsys.readouterr().err)
    assert (line["request"], line["step"], line["place"]) == ("r-2", "embed", "t[0]@7")
