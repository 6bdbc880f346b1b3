"""The ready file is whole whenever it is there, and comes as soon as it can be written."""

import asyncio
import json
import os

import pytest

from worker.ready_file import ReadyFile

AGAIN_S = 0.01


@pytest.fixture
def path(tmp_path):
    return tmp_path / "place" / "worker.ready"


@pytest.fixture
def file(path):
    return ReadyFile(path, ["redact", "rewrite"], AGAIN_S)


def said(path):
    return json.loads(path.read_text()) if path.exists() else None


async def until_said(path):
    while said(path) is None:  # noqa: ASYNC110 - a file tells nobody that it is there
        await asyncio.sleep(AGAIN_S)
    return said(path)


@pytest.mark.parametrize(("reasons", "state"), [([], "ready"), (["a lane is silent"], "stuck")])
async def test_it_says_who_is_ready_or_why_not(path, file, reasons, state):
    path.parent.mkdir()
    file.say(reasons)
    steps = ["redact", "rewrite"]
    assert said(path) == {"pid": os.getpid(), "steps": steps, "state": state, "reasons": reasons}


async def test_where_it_can_not_be_written_it_is_tried_again(path, file):
    file.say([])
    assert said(path) is None
    path.parent.mkdir()
    assert (await until_said(path))["state"] == "ready"


async def test_what_was_said_last_is_what_comes(path, file):
    file.say([])
    file.say(["a lane is silent"])
    path.parent.mkdir()
    assert (await until_said(path))["state"] == "stuck"
    await asyncio.sleep(5 * AGAIN_S)
    assert said(path)["state"] == "stuck"


async def test_who_is_forgotten_says_nothing_any_more(path, file):
    file.say([])
    file.forget()
    path.parent.mkdir()
    await asyncio.sleep(5 * AGAIN_S)
    assert list(path.parent.iterdir()) == []


async def test_nothing_is_left(path, file):
    path.parent.mkdir()
    file.say([])
    file.forget()
    assert list(path.parent.iterdir()) == []
