"""The crowd: so many ask at once, each asks again when it was answered, and every chat is timed."""

import pytest

from bench.chats.crowd import Crowd, Times
from bench.chats.questions import Said
from bench.child import MeasurementFailed
from bench.ends import InputRecord, Stuck
from tests.bench.fakes import NO_WORD, FakeChain, FakeProgram, a_message, ends_of


class Numbers:
    """A language in which a chat is its number; an answer is as many records as `parts`."""

    asked, told = "asked", ("told",)

    def ask(self, chat):
        return InputRecord(chat % 4, str(chat).encode(), b"?")

    def read(self, message):
        return Said(int(message.key()), text=True, last=message.value() == b"last")


def answer(_value, key, _headers):
    return [a_message(b"part", key), a_message(b"last", key)]


def a_crowd(chain, program=None):
    return Crowd(Numbers(), ends_of(chain, program or FakeProgram()))


@pytest.mark.parametrize(("at_once", "chats"), [(1, 2), (3, 7), (16, 16), (50, 4)])
def test_as_many_chats_are_held_as_were_asked_for(at_once, chats):
    chain = FakeChain(answer)
    seen = a_crowd(chain, FakeProgram(0.5)).chat(at_once, chats)
    assert len(chain.produced) == chats
    assert (seen.at_once, seen.chats) == (at_once, chats)
    assert seen.cpu_ms == pytest.approx(500 / chats)
    assert 0 <= seen.first_p50_ms <= seen.first_p95_ms
    assert seen.first_p50_ms <= seen.whole_p50_ms


def test_no_more_than_so_many_are_under_way_at_once():
    under_way, most = set(), []
    held = []

    def later(_value, key, _headers):
        under_way.add(key)
        most.append(len(under_way))
        held.append(key)
        if len(held) < 3:
            return []
        ended = held.pop(0)
        under_way.discard(ended)
        return [a_message(b"last", ended)]

    chain = FakeChain(later)
    with pytest.raises(Stuck):  # the last two wait for others
        a_crowd(chain).chat(3, 10, silence_s=0.0)
    assert max(most) == 3


def test_a_second_round_asks_other_chats():
    chain = FakeChain(answer)
    crowd = a_crowd(chain)
    crowd.chat(2, 4)
    late = a_message(b"last", b"0")
    chain.waiting.append(late)  # of the round before: nobody waits for it
    assert crowd.chat(2, 4).chats == 4
    assert len(chain.produced) == 8
    crowd.close()
    assert chain.closed


def test_chats_that_get_no_answer_are_told():
    with pytest.raises(Stuck, match="0 of 2 chats ended"):
        a_crowd(FakeChain(lambda *_: [])).chat(2, 2, silence_s=0.01)


def test_a_program_that_ended_is_told_at_once():
    with pytest.raises(MeasurementFailed, match=NO_WORD):
        a_crowd(FakeChain(lambda *_: []), FakeProgram(fails_after=0)).chat(2, 2)


def test_the_first_text_counts_and_what_comes_after_the_end_does_not():
    times = Times(sent={1: 10.0, 2: 10.0})
    doings = [
        (Said(1, text=False, last=False), 11.0, False),
        (Said(1, text=True, last=False), 12.0, False),
        (Said(1, text=True, last=False), 13.0, False),
        (Said(1, text=True, last=True), 14.0, True),
        (Said(1, text=True, last=True), 15.0, False),
        (Said(9, text=True, last=True), 15.0, False),
        (Said(2, text=True, last=True), 16.0, True),
    ]
    for said, now, ends in doings:
        assert times.take(said, now) is ends
    assert (times.first, times.ended) == ({1: 12.0, 2: 16.0}, {1: 14.0, 2: 16.0})
    seen = times.summary(at_once=2, seconds=4.0, cpu_ms=3.0)
    assert (seen.chats, seen.rate, seen.cpu_ms) == (2, 0.5, 3.0)
    assert (seen.first_p50_ms, seen.whole_p50_ms) == (4_000.0, 5_000.0)
