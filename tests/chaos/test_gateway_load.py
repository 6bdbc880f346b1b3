"""The clients' part of the load, at the real gateway over a log in memory."""

import pytest

from edge.callers.api_keys import keys_path
from schemas import DocumentSubmitted, QuestionAsked
from tests.chaos.gateway_load import GatewayLoad
from tests.chaos.judgement import Expected
from tests.chaos.plan import Plan
from tests.edge.conftest import address_of, serving
from tests.edge.fake_log import Answers, FakeLog, a_gateway

PLAN = Plan(seed=5, requests=500, seconds=0.5, kills=0)


@pytest.fixture
async def load(tmp_path):
    log = FakeLog()
    log.answer = lambda event: (
        Answers(event).whole("a", "b", "c") if isinstance(event, QuestionAsked) else ()
    )
    gateway = a_gateway(tmp_path, log)
    gateway.start()
    async with serving(gateway) as server:
        url = f"http://{address_of(server)}"
        keys = keys_path(gateway.follower._settings)
        load = GatewayLoad(PLAN, url, keys, Expected(), gateway.follower._settings.partitions)
        load.log = log
        yield load
    await gateway.stop()


async def test_what_was_accepted_is_owed_an_end_in_the_lane_of_its_session(load, monkeypatch):
    monkeypatch.setattr("tests.chaos.gateway_load.DOCUMENTS", 0.0)
    await load.ask_all()
    on_log = {event.meta.request: event.meta.lane for event in load.log.published(QuestionAsked)}
    assert len(on_log) == load.count == 20
    assert load.expected.fates == {id_: (lane, "either") for id_, lane in on_log.items()}
    assert load.wrong() == []
    counted = load.as_json()
    assert (counted["requests"], counted["accepted"], counted["given_up"]) == (20, 20, 0)


async def test_documents_that_get_no_end_are_told_of_when_clients_are_to_stop(load, monkeypatch):
    monkeypatch.setattr("tests.chaos.gateway_load.DOCUMENTS", 1.0)
    monkeypatch.setattr("tests.chaos.gateway_client.QUIET_S", 0.0)
    waiting = iter(range(400))
    for client in load.clients.values():
        client.ended = lambda: next(waiting, None) is None
    await load.ask_all()
    lanes = {e.meta.request: e.meta.lane for e in load.log.published(DocumentSubmitted)}
    assert {id_: lane for id_, (lane, _) in load.expected.fates.items()} == lanes
    assert len(load.wrong()) == load.count
    assert all("is accepted when all is quiet" in line for line in load.wrong())
