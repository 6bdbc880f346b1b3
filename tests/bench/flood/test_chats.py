"""Chats: one question at a time until the time is over, and what was seen of them."""

from itertools import islice

from bench.flood.chats import PhaseChats, chat, questions
from bench.flood.visitor import Heard
from tests.bench.flood.gateway import FakeGateway


def a_clock(ticks):
    times = iter(range(ticks + 1))
    return lambda: next(times)


async def test_one_question_follows_the_other_until_the_time_is_over():
    gateway, said = FakeGateway(), PhaseChats()
    await chat(gateway.visitor(), questions(3), 0.0, 5, said, a_clock(5))
    assert gateway.asked == list(islice(questions(3), 5))
    assert len(said.heard) == 5


async def test_who_is_refused_asks_the_same_again():
    gateway, said = FakeGateway(refusals=[503, 503]), PhaseChats()
    await chat(gateway.visitor(), questions(3), 0.0, 4, said, a_clock(4))
    assert gateway.asked == list(islice(questions(3), 2))
    assert said.refused == {503: 2}


def test_no_wording_comes_twice():
    asked = list(islice(questions(7), 100))
    assert len(set(asked)) == 100


def test_what_was_seen_is_summed_up():
    heard = [Heard(0.1 * n, 0.2 * n, "completed", "r") for n in range(1, 100)]
    said = PhaseChats([*heard, Heard(0.0, 20.0, "error", "r")])
    said.refused[503] += 1
    figures = said.figures()
    assert (figures.chats, figures.errors, figures.refused) == (100, 1, {503: 1})
    assert round(figures.whole_p50_ms) == 10_100
    assert round(figures.first_p50_ms) == 5_050
    assert figures.whole_p95_ms > figures.whole_p50_ms
    assert figures.first_p95_ms > figures.first_p50_ms
