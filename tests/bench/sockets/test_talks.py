"""What is streamed: an echo's tokens, and the log's."""

from __future__ import annotations

import json

import pytest

from bench.child import MeasurementFailed
from bench.sockets.talks import Echoes, KeepsUp, LoggedTokens, asked, number_of, released, text_of
from edge.listening.entries import Entry
from edge.listening.live_records import entry_of, whose_is
from schemas import QuestionAsked, TokensReleased
from streams.topics import topic_of
from tests.edge.chat_client import connect
from tests.edge.conftest import address_of, serving
from tests.edge.fake_log import FakeLog, a_gateway, a_key
from tests.fakes import a_codec, a_meta
from tests.memory_broker import MemoryBroker
from tests.memory_producer import MemoryProducer

CODEC = a_codec()


def test_a_token_is_read_as_it_was_spelt():
    assert [number_of(text_of(number)) for number in (0, 7, 4_999)] == [0, 7, 4_999]


async def test_an_echo_is_as_long_as_a_frame_of_the_gateways():
    sent = []

    class Socket:
        async def send(self, text):
            sent.append(text)

    echoes = Echoes([Socket()])
    await echoes.say(0, 7)
    assert echoes.number_in(sent[0]) == 7
    assert 200 < len(sent[0]) < 400


async def test_tokens_are_put_where_a_gateway_reads_them_of_their_request():
    meta = a_meta(tenant="acme", request="r-1", session="s-1", lane=2)
    broker = MemoryBroker(partitions=4)
    broker.create(topic_of(TokensReleased))
    producer = MemoryProducer(broker)
    logged = LoggedTokens(producer, CODEC, [meta])
    for number in range(3):
        await logged.say(0, number)
    logged.close()
    assert producer.closed
    lying = broker.rows[topic_of(TokensReleased), 2].messages
    assert [whose_is(one) for one in lying] == [("acme", "r-1")] * 3
    events = [entry_of(CODEC, one, TokensReleased).event for one in lying]
    assert [number_of(event.text) for event in events] == [0, 1, 2]
    assert len({event.meta.id for event in events}) == 3
    assert [event.meta.cause.offset for event in events] == [0, 1, 2]


async def test_tokens_that_the_broker_does_not_take_keep_no_client_from_its_end(monkeypatch):
    monkeypatch.setattr("bench.sockets.talks.FLUSH_S", 0.0)
    broker = MemoryBroker(partitions=4)
    broker.away = True
    producer = MemoryProducer(broker)
    logged = LoggedTokens(producer, CODEC, [a_meta(tenant="acme", lane=2)])
    await logged.say(0, 0)
    logged.close()
    assert (len(producer), producer.closed) == (0, True)


@pytest.mark.parametrize(
    ("frame", "number"),
    [
        ({"type": "delta", "text": "12 and so on, "}, 12),
        ({"type": "step", "step": "retrieve"}, None),
    ],
)
def test_tokens_are_those_of_deltas(frame, number):
    assert LoggedTokens(None, CODEC, []).number_in(json.dumps(frame)) == number


def test_an_error_of_the_gateway_is_told():
    with pytest.raises(MeasurementFailed, match="503: come later"):
        LoggedTokens(None, CODEC, []).number_in(
            '{"type":"error","status":503,"detail":"come later"}'
        )


async def test_what_is_released_for_a_question_that_was_asked_reaches_its_asker(tmp_path):
    log = FakeLog()
    gateway = a_gateway(tmp_path, log)
    async with (
        serving(gateway) as server,
        connect(f"ws://{address_of(server)}/v1/chat", a_key(gateway)) as socket,
    ):
        kept = []
        partitions = gateway.settings.partitions
        [meta] = await asked([socket], ["acme"], partitions, lambda: kept.append(log.entries))
        assert len(kept) == 2, "before the first question, and after the last"
        [question] = log.published(QuestionAsked)
        assert (meta.request, meta.lane) == (question.meta.request, question.meta.lane)
        for number in range(2):
            gateway.dispatch.take([Entry(released(meta, number), meta.lane, number, 0)])
        logged = LoggedTokens(None, CODEC, [meta])
        assert [logged.number_in(await socket.recv()) for _ in range(2)] == [0, 1]


def test_what_a_step_has_to_do_is_committed_as_done():
    committed = []

    class Group:
        def get_watermark_offsets(self, place, timeout):
            return 0, 10 * place.partition

        def commit(self, offsets, asynchronous):
            assert not asynchronous
            committed.extend((one.topic, one.partition, one.offset) for one in offsets)

    KeepsUp(Group(), "asked", 3)()
    assert committed == [("asked", 0, 0), ("asked", 1, 10), ("asked", 2, 20)]


async def test_a_question_that_is_refused_ends_the_measurement(tmp_path):
    gateway = a_gateway(tmp_path, FakeLog())
    gateway.log.broker = False
    async with (
        serving(gateway) as server,
        connect(f"ws://{address_of(server)}/v1/chat", a_key(gateway)) as socket,
    ):
        with pytest.raises(MeasurementFailed, match="503"):
            await asked([socket], ["acme"], 4)
