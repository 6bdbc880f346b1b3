"""Handing in: a request first, what was seen once the broker has it, and never more than there is room for."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from agents.errors import Transient
from edge.sources.outlet import LOOK_EVERY, WINDOW, HandInPace, IngestRoom, LogOutlet
from schemas import DocumentSeen, DocumentSubmitted, Sealed
from streams.log.writing import Position, QueueFull
from streams.settings import Settings
from tests.fake_clock import FakeClock
from tests.fakes import a_meta


def a_request(number):
    sealed = Sealed(key="document/d", event="e", field="content", ciphertext=b"x")
    return DocumentSubmitted(
        meta=a_meta(request=f"r-{number}"),
        document=f"d-{number}",
        uri=f"u-{number}",
        media_type="text/plain",
        content=sealed,
    )


def a_sight(number):
    return DocumentSeen(meta=a_meta(), source="s", document=f"d-{number}", uri=f"u-{number}")


class Broker:
    """Takes requests and records, and says so when a test lets it."""

    def __init__(self):
        self.requests, self.sights = [], []
        self.words = []
        self.at_once = True
        self.refusals = []

    def send(self, event):
        if self.refusals:
            raise self.refusals.pop(0)
        self.requests.append(event.document)
        return self._word()

    def put(self, seen):
        if self.refusals:
            raise self.refusals.pop(0)
        self.sights.append(seen.document)
        return self._word()

    def _word(self):
        word = Future()
        self.words.append(word)
        if self.at_once:
            word.set_result(Position("t", 0, len(self.words), 0))
        return word

    def answer(self):
        for word in self.words:
            if not word.done():
                word.set_result(Position("t", 0, 0, 0))


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def outlet(broker):
    return LogOutlet(broker, broker, HandInPace(0), lambda _lane: None)


def test_what_was_seen_is_written_once_the_request_lies_on_the_log(broker, outlet):
    broker.at_once = False
    for number in range(WINDOW - 1):
        outlet.hand_in(a_request(number), a_sight(number))
    assert (len(broker.requests), broker.sights) == (WINDOW - 1, [])
    broker.answer()
    broker.at_once = True
    outlet.flush()
    assert broker.sights == broker.requests


def test_what_the_broker_has_is_noted_before_the_window_is_full(broker, outlet):
    outlet.hand_in(a_request(1), a_sight(1))
    assert broker.sights == ["d-1"]


def test_what_is_noted_keeps_its_place_behind_requests(broker, outlet):
    broker.at_once = False
    outlet.hand_in(a_request(1), a_sight(1))
    broker.answer()
    broker.at_once = True
    outlet.note(a_sight(2))
    assert broker.sights == ["d-1", "d-2"]


@pytest.mark.parametrize("refusal", [Transient("the queue is full")])
def test_a_full_queue_is_waited_for_once(broker, outlet, refusal):
    broker.at_once = False
    outlet.hand_in(a_request(1), a_sight(1))
    broker.refusals.append(refusal)
    broker.answer()
    broker.at_once = True
    outlet.hand_in(a_request(2), a_sight(2))
    assert broker.requests == ["d-1", "d-2"]
    broker.refusals += [refusal]
    with pytest.raises(Transient):
        outlet.hand_in(a_request(3), a_sight(3))


def test_a_full_queue_of_records_is_waited_for(broker, outlet):
    outlet.note(a_sight(1))
    broker.refusals.append(QueueFull("full"))
    outlet.note(a_sight(2))
    assert broker.sights == ["d-1", "d-2"]


def test_a_request_that_the_broker_did_not_take_is_never_noted(broker, outlet):
    broker.at_once = False
    outlet.hand_in(a_request(1), a_sight(1))
    broker.words[0].set_exception(Transient("the broker is away"))
    with pytest.raises(Transient, match="away"):
        outlet.flush()
    assert broker.sights == []


def test_a_pace_keeps_requests_apart_and_saves_up_nothing():
    clock, slept = FakeClock(), []

    def pause(seconds):
        slept.append(seconds)
        clock.now += seconds

    pace = HandInPace(4, pause=pause, clock=clock)
    for _ in range(3):
        pace.wait()
    clock.now += 100
    pace.wait()
    pace.wait()
    assert slept == pytest.approx([0.25, 0.25, 0.25])
    free = HandInPace(0, pause=pause, clock=clock)
    for _ in range(1_000):
        free.wait()
    assert len(slept) == 3


def test_a_lane_that_is_far_behind_is_waited_for(tmp_path):
    settings = Settings(run=tmp_path, document_lag_max=1_000)
    waiting, slept, asked = [501, 800, 500, 0], [], []

    def ask(lane):
        asked.append(lane)
        return waiting.pop(0)

    room = IngestRoom(settings, waiting=ask, pause=slept.append)
    for _ in range(LOOK_EVERY):
        room.wait(3)
    assert (len(slept), asked) == (2, [3, 3, 3])
    room.wait(3)
    assert len(asked) == 4


def test_a_broker_that_tells_no_offsets_holds_nobody_up(tmp_path):
    settings = Settings(run=tmp_path, kafka="127.0.0.1:9", document_lag_max=1)
    slept = []
    IngestRoom(settings, pause=slept.append).wait(0)
    assert slept == []
