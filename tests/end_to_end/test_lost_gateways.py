"""A gateway is killed with many answers under way: each client goes on at another one, and has what the log says.

Two real gateways over a real broker. What moderation would write is put on the log by the test, so that each answer is
in the middle of its text when the gateway is killed, and some begin anew, are taken away or show a value just then.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections import Counter
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import websockets

from bench.child import running as program
from bench.gateway_starts import MODULE, await_ready
from bench.sockets.talks import KEEP_UP_EVERY, KeepsUp
from connectors.keyring import Keyring
from edge.callers.api_keys import ApiKeys, keys_path
from edge.client.server_sent_events import EventDecoder
from infra.local import ports
from infra.local.supervisor import Stack, Wish
from replay.log import BrokerLog
from schemas import QuestionAsked
from streams.log.addressing import address_of
from streams.log.codec import Codec
from streams.log.writing import Writer
from streams.settings import Settings
from streams.topics import topic_of
from tests.chaos.gateway_tale import Tale, wrong_in
from tests.edge.fake_log import Answers, an_entry
from worker.wiring import known_schemas

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

STREAMS = int(os.environ.get("LOST_STREAMS", "40"))
"""Half over WebSockets, half as server-sent events; a quiet machine with more cores carries 200."""
TENANTS = 8
BEFORE = 3  # stretches of each answer that its client has read when the gateway dies
PATIENCE_S = 120.0
NAME = "Hanna Sorensen"
LOST = (websockets.ConnectionClosed, httpx.TransportError)
ENDS = {"completed", "retracted"}


# ---------------------------------------------------------------------- what the log says


def plain(answers, _keyring):
    texts = [f"{number} and so on, " for number in range(2 * BEFORE)]
    return answers.whole(*texts)


def begun_anew(answers, _keyring):
    """Another attempt of the model says something else, from its first word."""
    before = [answers.tokens(f"void {number}, ", number) for number in range(BEFORE)]
    first = answers.tokens("Anew: ", BEFORE, restart=True)
    rest = [answers.tokens(f"{number}, ", BEFORE + number) for number in range(1, BEFORE)]
    text = "".join(one.text for one in (first, *rest))
    return [*before, first, *rest, answers.released(text, 2 * BEFORE - 1)]


def taken_away(answers, _keyring):
    texts = [answers.tokens(f"never mind {number}, ", number) for number in range(BEFORE + 1)]
    return [*texts, answers.retracted("not allowed", BEFORE)]


def with_a_value(answers, keyring):
    """Its value came with the first stretch, and its placeholder is cut in two where it stands last."""
    tenant = answers.question.meta.tenant
    entry = an_entry(keyring, tenant, "<PERSON_1>", "PERSON", NAME)
    texts = ["<PERSON_1> ", "was here, ", "and <PERS", "ON_1> ", "will come, says ", "<PERSON_1>."]
    return answers.whole(*texts, entries=(entry,))


KINDS = (plain, begun_anew, taken_away, with_a_value)


@dataclass
class Follower:
    """One client: it asks, follows its answer, and takes it up again where it lost the connection."""

    number: int
    tenant: str
    key: str
    tale: Tale = field(default_factory=lambda: Tale("", "question"))
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def cursor(self):
        return self.tale.frames[-1]["cursor"]

    @property
    def deltas(self):
        return sum(frame["type"] == "delta" for frame in self.tale.frames)

    async def follow(self, urls):
        """Ask at the first address; go on at the next one whenever the connection is lost."""
        converse = self._over_socket if self.number % 2 else self._as_events
        for url in urls:
            with contextlib.suppress(*LOST):
                await converse(url)
                return
            self.tale.cuts += 1

    def _take(self, frame):
        if frame["type"] == "accepted" and not self.tale.accepted:
            self.tale.accepted.append(frame["request_id"])
        assert frame["type"] != "error", frame
        self.tale.frames.append(frame)
        self.asked.set()
        self.over = frame["type"] in ENDS

    async def _over_socket(self, url):
        address = f"{url.replace('http', 'ws', 1)}/v1/chat"
        async with websockets.connect(
            address, additional_headers=self.headers, proxy=None
        ) as socket:
            opening = {"type": "message", "text": "x", "budget_ms": 600_000}
            if self.tale.accepted:
                name = {"request_id": self.tale.accepted[0], "cursor": self.cursor}
                opening = {"type": "resume", **name}
            await socket.send(json.dumps(opening))
            while not self.over:
                self._take(json.loads(await socket.recv()))

    async def _as_events(self, url):
        limits = httpx.Timeout(PATIENCE_S)
        async with httpx.AsyncClient(
            base_url=url, headers=self.headers, timeout=limits, trust_env=False
        ) as client:
            async with self._events(client) as response:
                assert response.status_code == 200, await response.aread()
                decoder = EventDecoder()
                async for chunk in response.aiter_bytes():
                    for event in decoder.feed(chunk):
                        self._take(json.loads(event.data))
            if not self.over:
                raise httpx.ReadError("the stream ended before the answer")

    def _events(self, client):
        if not self.tale.accepted:
            body = {"text": "x", "stream": True, "budget_ms": 600_000}
            return client.stream("POST", "/v1/messages", json=body)
        told = {"Accept": "text/event-stream", "Last-Event-ID": self.cursor}
        return client.stream("GET", f"/v1/messages/{self.tale.accepted[0]}", headers=told)


async def until(what):
    async with asyncio.timeout(PATIENCE_S):
        while not what():  # noqa: ASYNC110 - other tasks make it so
            await asyncio.sleep(0.02)


# ---------------------------------------------------------------------- the stage


@pytest.fixture
def settings(tmp_path):
    """A log of this test's own: it says what no step said."""
    with Stack(tmp_path, Wish(names=frozenset({"kafka", "registry"}), free_ports=True)):
        yield Settings.load(environment={}, run=tmp_path)


class OnLog:
    """The log as the test sees it: it reads questions, and writes what moderation would."""

    def __init__(self, settings):
        self._settings = settings
        self._codec = Codec(known_schemas(settings))
        self.writer = Writer(settings, "test")

    def questions(self):
        """Every question by its request."""
        topic = topic_of(QuestionAsked)
        with closing(BrokerLog(self._settings)) as log:
            found = [
                self._codec.decode(stored.value, QuestionAsked)
                for lane in range(self._settings.partitions)
                for stored in log.records(topic, lane)
            ]
        return {one.meta.request: one for one in found}

    def put(self, events):
        records = [(event, address_of(event)) for event in events]
        self.writer.write_all(
            [
                (topic, lane, key, self._codec.encode(event), headers)
                for event, (topic, lane, key, headers) in records
            ]
        )


def a_gateway(settings):
    """Start a gateway on the log; gives its process and its address."""

    @contextlib.contextmanager
    def serving():
        port = str(ports.free_block()["gateway"])
        arguments = "gateway", "--no-inbox", "--port", port, "--run", str(settings.run)
        with program(MODULE, *arguments) as child:
            await_ready(child, f"{ports.HOST}:{port}", PATIENCE_S)
            yield child, f"http://{ports.HOST}:{port}"

    return serving()


async def asked_by_all(followers, urls, settings, tasks):
    """Have all ask, one after the other, while what a worker would have to do counts as done."""
    with closing(KeepsUp.on(settings.kafka, settings.partitions)) as keep_up:
        for number, one in enumerate(followers):
            if number % KEEP_UP_EVERY == 0:
                await asyncio.to_thread(keep_up)
            task = tasks.create_task(one.follow(urls))
            asked = asyncio.create_task(one.asked.wait())
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
            assert one.asked.is_set(), "it ended before it was taken in"


async def read_back(follower, url):
    async with httpx.AsyncClient(base_url=url, headers=follower.headers, trust_env=False) as http:
        answer = await http.get(f"/v1/messages/{follower.tale.accepted[0]}", timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(text: str) -> str:
    """What a reader who may see it has in place of a placeholder."""
    return text.replace("<PERSON_1>", NAME)


async def test_every_client_of_a_killed_gateway_ends_with_the_text_of_the_log_at_another(settings):
    keys = ApiKeys(keys_path(settings))
    secrets = [keys.create(f"lost-{number}")[1] for number in range(TENANTS)]
    followers = [
        Follower(number, f"lost-{number % TENANTS}", secrets[number % TENANTS])
        for number in range(STREAMS)
    ]
    log, keyring = OnLog(settings), Keyring(settings)
    async with AsyncExitStack() as stage:
        stage.push(lambda *_: log.writer.close())
        first, one = stage.enter_context(a_gateway(settings))
        _, other = stage.enter_context(a_gateway(settings))
        async with asyncio.TaskGroup() as tasks:
            await asked_by_all(followers, (one, other), settings, tasks)
            questions = await asyncio.to_thread(log.questions)
            said: dict[str, list[Any]] = {
                follower.tale.accepted[0]: KINDS[follower.number // 2 % len(KINDS)](
                    Answers(questions[follower.tale.accepted[0]]), keyring
                )
                for follower in followers
            }
            assert len(said) == STREAMS
            begun = [event for events in said.values() for event in events[:BEFORE]]
            await asyncio.to_thread(log.put, begun)
            await until(lambda: all(follower.deltas >= BEFORE - 1 for follower in followers))
            rest = [event for events in said.values() for event in events[BEFORE:]]
            half = len(rest) // 2
            os.kill(first.pid, signal.SIGKILL)
            await asyncio.to_thread(log.put, rest[:half])
            assert not any(follower.over for follower in followers)
            await asyncio.to_thread(log.put, rest[half:])
        for follower in followers:
            follower.tale.final = await read_back(follower, other)
    assert Counter(follower.tale.cuts for follower in followers) == {1: STREAMS}
    assert [wrong for follower in followers for wrong in wrong_in(follower.tale)] == []
    for follower in followers:
        closing_event = said[follower.tale.accepted[0]][-1]
        text = shown(getattr(closing_event, "text", ""))
        last = follower.tale.frames[-1]
        assert (last["type"] == "completed") is bool(text)
        assert last.get("text", "") == follower.tale.final["text"] == text
    kinds = Counter(frame["type"] for follower in followers for frame in follower.tale.frames)
    assert kinds["restarted"] == STREAMS // len(KINDS)
    assert kinds["retracted"] == STREAMS // len(KINDS)
