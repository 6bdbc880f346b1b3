"""The clients' part of the load, at the real gateway over a log in memory."""

import httpx
import pytest

from schemas import DocumentSubmitted, QuestionAsked
from tests.chaos.gateway_load import GatewayLoad
from tests.chaos.judgement import Expected
from tests.chaos.plan import Plan
from tests.chaos.test_gateway_client import CutAtOnce
from tests.edge.conftest import address_of, serving
from tests.edge.fake_log import Answers, FakeLog, a_gateway

PLAN = Plan(seed=5, requests=500, seconds=0.5, kills=0)


class Sent(Exception):
    """A request was sent."""


class Deaf:
    """Sends what it is given, and never hears what came of it."""

    def __init__(self, http):
        self._http = http
        self.aclose = http.aclose

    async def post(self, *given, **named):
        await self._http.post(*given, **named)
        raise httpx.ReadTimeout("nobody heard")


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
        load = GatewayLoad(PLAN, url, gateway.settings, Expected())
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


async def test_what_is_tried_is_known_by_its_key_before_it_is_sent(load):
    seen = []

    def sent(tale, _said):
        seen.append(tale.attempt)
        assert load.expected.attempted[tale.attempt] >= 0
        raise Sent

    for client in load.clients.values():
        client.ask = client.hand_in = sent
    with pytest.raises(ExceptionGroup):
        await load.ask_all()
    assert seen
    assert set(seen) <= load.expected.attempted.keys()


async def test_what_a_client_gave_up_on_is_what_the_gateway_took_in_all_the_same(load):
    """Every request's answer is lost on its way to the client, so none is heard of."""
    for client in load.clients.values():
        client._take, client.chance = lambda *_: None, CutAtOnce()
        client.ended = lambda: len(load.log.published(QuestionAsked)) > 3
        client.http = Deaf(client.http)
    await load.ask_all()
    taken_in = {
        event.meta.request: event.meta.lane
        for kind in (QuestionAsked, DocumentSubmitted)
        for event in load.log.published(kind)
    }
    assert taken_in
    assert load.expected.fates == {}
    assert taken_in.items() <= load.expected.attempted.items()
    counted = load.as_json()
    assert (counted["accepted"], counted["given_up"]) == (0, load.count)
    assert load.wrong() == []


async def test_what_had_no_end_for_its_client_is_read_back_once_all_is_quiet(load, monkeypatch):
    monkeypatch.setattr("tests.chaos.gateway_load.DOCUMENTS", 0.0)  # nothing ends them here
    answer, load.log.answer = load.log.answer, lambda _: ()
    for client in load.clients.values():
        client.ended = lambda: any(tale.accepted for tale in load.tales)
        client.chance = CutAtOnce()
    await load.ask_all()
    given_up = [tale for tale in load.tales if tale.accepted]
    assert all(tale.given_up and tale.is_missing for tale in given_up)
    for asked in load.log.published(QuestionAsked):
        for outcome in answer(asked):
            load.log.append(outcome)
    await load.read_back()
    assert load.read_patiently == len(given_up) > 0
    assert [tale.key for tale in given_up if tale.is_missing] == []
