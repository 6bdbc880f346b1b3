"""Two gateways take one idempotency key in at the same moment: the log decides, and both find out."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from itertools import permutations

import pytest

from edge.gateway import first_of_key
from edge.gateway.idempotency import Idempotency
from edge.listening.log_index import LogIndex
from edge.protocols.http.app import create_app
from schemas import QuestionAsked
from streams.topics import topic_of
from tests.edge.fake_log import Answers, FakeLog, a_gateway, a_key
from tests.edge.http_client import HttpClient, is_problem

INTERLEAVINGS = sorted(set(permutations(["ask 0", "ask 1", *["read 0"] * 2, *["read 1"] * 2])))
"""Each gateway asks, and reads what comes first and second of the log, at any time."""


class TwoReaders(FakeLog):
    """A log whose records come to each of two gateways when they are told to."""

    def __init__(self):
        super().__init__()
        self.waiting = (deque(), deque())
        self.dispatches = {}
        self.told = ([], [])
        """Questions that each has read, since both were asked last."""

    def of(self, number):
        """Return the log as one gateway knows it."""
        log = self

        class Reads:
            def __getattr__(self, name):
                return getattr(log, name)

            def start(self, dispatch):
                log.dispatches[number] = dispatch

        return Reads()

    def append(self, event):
        entry = super().append(event)
        for one in self.waiting:
            one.append(entry)
        return entry

    def read(self, number):
        if self.waiting[number]:
            entry = self.waiting[number].popleft()
            if isinstance(entry.event, QuestionAsked):
                self.told[number].append(entry.event)
            self.dispatches[number].take([entry])


def of_the_first(log):
    """Return what answers as the steps do: a copy of a request is passed over."""

    def answer(event):
        same = [one.event for one in log.entries[topic_of(QuestionAsked)]]
        same = [one for one in same if one.meta.id == event.meta.id]
        return Answers(event).whole(f"of {event.ask.max_tokens}") if same == [event] else ()

    return answer


class TwoGateways:
    """Two gateways over one log and one key store, each with an index and a memory of its own."""

    def __init__(self, folder):
        self.log = TwoReaders()
        self.log.answer = of_the_first(self.log)
        first = replace(a_gateway(folder, self.log), log=self.log.of(0))
        second = replace(
            first,
            log=self.log.of(1),
            index=LogIndex(folder / "second"),
            idempotency=Idempotency(folder / "second.sqlite"),
        )
        self.gateways = first, second
        key = a_key(first)
        self.clients = [HttpClient(create_app(one), key) for one in self.gateways]

    async def ask(self, number, body, key):
        """Ask; return once the question is on the log, or nobody puts it there."""
        before = len(self.log.published(QuestionAsked))
        gateway, headers = self.gateways[number], {"Idempotency-Key": key}
        is_known = bool(self.log.told[number])
        asking = asyncio.create_task(
            self.clients[number]("POST", "/v1/messages", body, headers=headers)
        )
        async with asyncio.timeout(60):
            while not asking.done():
                if len(self.log.published(QuestionAsked)) > before:
                    break
                if is_known and gateway.dispatch.waiting:
                    break
                await asyncio.sleep(0.001)
        return asking

    async def asked_at_both(self, order, bodies, key):
        """Take steps in an order, then read the rest; return both responses."""
        self.log.told = ([], [])
        asking = {}
        for step in order:
            what, number = step.split()
            if what == "read":
                self.log.read(int(number))
            else:
                asking[int(number)] = await self.ask(int(number), bodies[int(number)], key)
        async with asyncio.timeout(60):
            while any(self.log.waiting) or not all(one.done() for one in asking.values()):
                for number in (0, 1):
                    self.log.read(number)
                await asyncio.sleep(0.001)
        return [asking[number].result() for number in (0, 1)]


@pytest.fixture
async def two(tmp_path):
    both = TwoGateways(tmp_path)
    for one in both.gateways:
        one.start()
    yield both
    for one in both.gateways:
        await one.stop()


SHORT, LONG = {"text": "x", "max_tokens": 7}, {"text": "y", "max_tokens": 8}


async def test_the_first_on_the_log_is_answered_and_the_other_is_told_so(two):
    for number, order in enumerate(INTERLEAVINGS):
        told = await two.asked_at_both(order, (SHORT, LONG), f"k-{number}")
        first = 0 if order.index("ask 0") < order.index("ask 1") else 1
        answered, refused = told[first], told[1 - first]
        assert (answered.status_code, refused.status_code) == (200, 422), order
        assert answered.json()["text"] == f"of {(SHORT, LONG)[first]['max_tokens']}"
        assert is_problem(refused, 422)["type"].endswith("idempotency-key-reused")


async def test_equal_questions_are_one_and_both_are_answered(two):
    for number, order in enumerate(INTERLEAVINGS[:40]):
        told = await two.asked_at_both(order, (SHORT, SHORT), f"k-{number}")
        assert [one.status_code for one in told] == [200, 200]
        assert told[0].json() == told[1].json()


async def test_who_was_refused_is_refused_again_and_may_send_what_was_first(two):
    order = ["ask 0", "ask 1"]
    await two.asked_at_both(order, (SHORT, LONG), "k")
    again = [
        await two.clients[1]("POST", "/v1/messages", body, headers={"Idempotency-Key": "k"})
        for body in (LONG, SHORT)
    ]
    assert [one.status_code for one in again] == [422, 200]
    assert again[1].json()["text"] == "of 7"


async def test_a_gateway_whose_reading_stands_still_looks_at_the_log(two, monkeypatch):
    monkeypatch.setattr(first_of_key, "ECHO_S", 0.05)
    asking = [await two.ask(number, body, "k") for number, body in enumerate((SHORT, LONG))]
    refused = await asking[1]
    is_problem(refused, 422)
    while not asking[0].done():
        two.log.read(0)
        await asyncio.sleep(0.001)
    assert asking[0].result().json()["text"] == "of 7"
