"""Whoever hosts steps keeps their lease and watches over them in the one way."""

import asyncio
import inspect
from types import SimpleNamespace

import pytest

from agents.errors import Transient
from schemas import DocumentWithdrawn, PersonErased
from streams.log.producer_signature import PRODUCER, SignedRecord
from streams.running.producer_gate import ProducerRules, WrittenAt
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta
from tests.producer_keys import ProducerKeys
from worker import apps, cli, oversight
from worker.oversight import keep_lease, signed_entries, watch_over


def a_step(proven):
    async def prove():
        proven.append(1)
        return True

    app = SimpleNamespace(consumer=SimpleNamespace(prove=prove), may_write=None)
    return SimpleNamespace(app=app, group="redact", topics=("t",), held=[], trouble="")


async def test_steps_write_while_the_lease_is_sure_and_ask_their_groups_when_it_is_not():
    proven = []
    steps = [a_step(proven), a_step(proven)]
    renewing = asyncio.create_task(keep_lease(steps))
    lease = steps[0].app.may_write.__self__
    assert all(one.app.may_write == lease.sure for one in steps)
    await asyncio.sleep(0.15)
    assert (proven, lease.sure()) == ([], True)
    lease._in_doubt = True
    assert not steps[1].app.may_write()
    async with asyncio.timeout(60):
        while not steps[0].app.may_write():  # noqa: ASYNC110 - it asks every tenth of a second
            await asyncio.sleep(0.01)
    assert proven == [1, 1]
    renewing.cancel()


async def test_the_watchdog_asks_the_broker_of_the_settings(monkeypatch):
    asked = []

    class Told(Exception):
        pass

    def topic_ids(settings, topics):
        asked.append((settings.kafka, sorted(topics)))
        raise Told

    monkeypatch.setattr(oversight, "topic_ids", topic_ids)
    watching = watch_over([a_step([])], Settings(kafka="127.0.0.1:9"), print)
    watchdog = inspect.getcoroutinelocals(watching)["self"]
    with pytest.raises(Told):
        await watchdog._compare_topics([], [("t", 0)])
    watching.close()
    assert asked == [("127.0.0.1:9", ["t"])]
    assert watchdog._partitions == Settings().partitions


def test_withdrawals_of_an_erased_person_are_signed_as_requests_must_be():
    """Unsigned they would become dead letters, and what was erased would go on to be found."""
    events = [
        DocumentWithdrawn(meta=a_meta(), document="d"),
        PersonErased(meta=a_meta(), subject="s", keys=()),
    ]
    with pytest.raises(Transient, match="PRODUCER_KEY_FILE"):
        list(signed_entries(a_codec(), None, events, must_sign=True))
    assert len(list(signed_entries(a_codec(), None, events, must_sign=False))) == 2
    keys = ProducerKeys({topic_of(DocumentWithdrawn): [0]})
    entries = list(signed_entries(a_codec(), keys.signer("*"), events, must_sign=True))
    for (topic, lane, key, value, headers), event in zip(entries, events, strict=True):
        record, at = SignedRecord(topic, key, value, event.meta.tenant), WrittenAt(topic, lane, 7)
        assert ProducerRules(keys.values).why_not(at, record, headers) == ""
        assert (PRODUCER in dict(headers)) == isinstance(event, DocumentWithdrawn)


@pytest.mark.parametrize("host", [apps, cli])
def test_nobody_else_wires_a_lease_or_a_watchdog(host):
    assert not {"Lease", "Watchdog"} & vars(host).keys()
    assert host.keep_lease is keep_lease
    assert host.watch_over is watch_over
