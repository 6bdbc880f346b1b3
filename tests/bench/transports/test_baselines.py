"""The baselines keep what they promise: nothing is committed before it is acknowledged, and SIGTERM ends them."""

import asyncio
import contextlib
import signal
import subprocess
import sys

import faust
import pytest

from bench.chats import one_at_a_time
from bench.chats.stub_server import STUB
from bench.child import ROOT
from bench.transports import bare_aiokafka, stock_faust
from schemas import Generated, GeneratedToken
from tests.bench.transports.fake_aiokafka import FakeAioConsumer, FakeAioProducer, Row

FOLLOWING = {"a": "b", "b": "c"}
PROGRAM = """
import asyncio
from bench.transports.aiokafka_clients import until_terminated

async def serve():
    print("serving", flush=True)
    try:
        await asyncio.sleep({sleep_s})
    finally:
        print("closed", flush=True)

until_terminated(serve())
"""


async def handed_on(*polls, commit_s=0.0):
    """Return what a bare loop did with some polls, in order."""
    notes = []
    consumer = FakeAioConsumer(notes, polls)
    loop = asyncio.create_task(
        bare_aiokafka.hand_on(FOLLOWING, consumer, FakeAioProducer(notes), commit_s)
    )
    await asyncio.wait_for(consumer.drained.wait(), 60)
    loop.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loop
    return notes


async def test_a_record_goes_to_the_topic_that_follows_its_own_as_it_is():
    rows = [Row("a", 3, 0, b"k", b"v"), Row("b", 1, 7, None, b"")]
    notes = await handed_on(rows)
    assert notes[:2] == [("sent", "b", 3, b"k", b"v"), ("sent", "c", 1, None, b"")]


@pytest.mark.parametrize("count", [1, 5])
async def test_all_is_sent_before_any_word_is_waited_for_and_then_committed(count):
    notes = await handed_on([Row("a", 0, n, b"k", b"v") for n in range(count)])
    kinds = [note if isinstance(note, str) else note[0] for note in notes]
    assert kinds == ["sent"] * count + ["acknowledged"] * count + ["commit"]


async def test_where_nothing_came_nothing_is_committed():
    assert await handed_on([], []) == []


@pytest.mark.parametrize(("commit_s", "commits"), [(0.0, 3), (60.0, 0)])
async def test_commits_are_no_more_frequent_than_they_may_be(commit_s, commits):
    polls = [[Row("a", 0, number, b"k", b"v")] for number in range(3)]
    assert (await handed_on(*polls, commit_s=commit_s)).count("commit") == commits


async def answered(*prompts):
    """Return what the one-at-a-time consumer did with some questions, and what it asked."""
    notes, asked = [], []
    rows = [[Row("asked", 0, n, str(n).encode(), p.encode())] for n, p in enumerate(prompts)]
    consumer = FakeAioConsumer(notes, rows)

    async def generate(request, _call):
        asked.append(request)
        for word in request.prompt.split():
            yield Generated(tokens=(GeneratedToken(text=word, at_us=0),), model="m")
        yield Generated(tokens=(), model="m", last=True)

    loop = asyncio.create_task(
        one_at_a_time.answer(consumer, FakeAioProducer(notes), "told", generate)
    )
    await asyncio.wait_for(consumer.drained.wait(), 60)
    loop.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loop
    return notes, asked


async def test_questions_are_answered_one_after_the_other_token_by_token():
    notes, asked = await answered("one two", "three")
    more, last = ("last", b""), ("last", b"1")
    assert notes == [
        ("sent", "told", 0, b"0", b"one", more),
        ("sent", "told", 0, b"0", b"two", more),
        ("sent", "told", 0, b"0", b"", last),
        "flushed",
        "commit",
        ("sent", "told", 0, b"1", b"three", more),
        ("sent", "told", 0, b"1", b"", last),
        "flushed",
        "commit",
    ]
    assert {request.model for request in asked} == {STUB}


def test_stock_faust_has_an_agent_a_hop():
    app = faust.App("test-stock-faust", broker="kafka://127.0.0.1:1", store="memory://")
    for source, target in FOLLOWING.items():
        stock_faust.mount(app, source, target)
    agents = list(app.agents.values())
    assert [agent.channel.topics for agent in agents] == [("a",), ("b",)]
    assert len({agent.name for agent in agents}) == 2


def terminated(sleep_s, send=None):
    """Run a program over `until_terminated`; send it a signal once it serves."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(sleep_s=sleep_s)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "serving\n"
        if send is not None:
            process.send_signal(send)
        said = process.stdout.read()  # to its end: the program is over, or the test is
    return process.returncode, said


@pytest.mark.parametrize(("sleep_s", "send"), [(60, signal.SIGTERM), (0, None)])
def test_a_program_closes_what_it_holds_and_ends_well(sleep_s, send):
    assert terminated(sleep_s, send) == (0, "closed\n")
