"""Chats of two programs, crowd by crowd."""

import json
import re

import pytest

from bench.chats import crowds as chats
from bench.chats import stub_server
from bench.chats.crowd import Chats
from bench.chats.questions import BadAnswer
from tests.bench.shown import shown


def test_chats_stand_beside_the_baseline_of_the_same_crowd():
    turns = {
        ("one at a time", 16): [Chats(16, 160, 12.0, 900.0, 1_000.0, 1_300.0, 5.0)],
        ("Playhead", 16): [Chats(16, 160, 36.0, 90.0, 200.0, 400.0, 20.0)],
        ("Playhead", 1): [Chats(1, 40, 6.0, 50.0, 60.0, 150.0, 20.0)],
    }
    rows = chats.rows(turns)
    assert [(row.program, row.at_once) for row in rows] == [
        ("Playhead", 1),
        ("one at a time", 16),
        ("Playhead", 16),
    ]
    assert rows[0].rate.ratio is None
    assert rows[2].rate.ratio == 3.0
    assert rows[2].first_p50_ms.ratio == pytest.approx(0.1)
    about = {"stub": {"first_ms": 20, "token_ms": 5, "tokens": 13}, "tenants": 1, "window": 16}
    assert "3.00x" in shown(chats.show, rows, about)
    assert json.loads(json.dumps(chats.as_json(rows, about)))["rows"][1]["chats"] == 160


def test_rounds_are_compared_with_rounds():
    def rate(value):
        return Chats(4, 8, value, 1.0, 1.0, 1.0, 1.0)

    turns = {
        (chats.BASELINE, 4): [rate(1.0), rate(10.0), rate(1.0)],
        (chats.OURS, 4): [rate(2.0), rate(30.0), rate(4.0)],
    }
    [ours] = [row for row in chats.rows(turns) if row.program == chats.OURS]
    assert (ours.rate.median, ours.rate.ratio) == (4.0, 3.0)


def met(at_once, rate=1.0):
    return Chats(at_once, 8, rate, 20.0, 30.0, 80.0, 5.0)


def test_programs_take_turns_and_each_meets_every_crowd():
    order, said = [], []

    def program(name):
        def measure():
            order.append(name)
            return [met(1), met(16, rate=12.25)]

        return measure

    programs = {name: program(name) for name in (chats.BASELINE, chats.OURS)}
    turns = chats.in_turns(programs, chats.Crowds(rounds=2), said.append)
    assert order == [chats.BASELINE, chats.OURS] * 2
    assert {key: len(rounds) for key, rounds in turns.items()} == {
        (name, at_once): 2 for name in programs for at_once in (1, 16)
    }
    assert said[1] == (
        f"round 1 of 2: {chats.BASELINE}, 16 at once: 12.2 chats/s, first text 20 ms,"
        " CPU 5 ms a chat"
    )
    assert len(said) == 2 * 2 * 2


def test_a_wrong_answer_ends_the_part():
    def measure():
        raise BadAnswer("chat 3 ended with AnswerRetracted")

    with pytest.raises(BadAnswer, match="chat 3"):
        chats.in_turns({chats.OURS: measure}, chats.Crowds(), pytest.fail)


def test_crowds_stand_in_the_order_of_their_size_and_the_baseline_first():
    turns = {
        (name, at_once): [met(at_once)]
        for at_once in (16, 1)
        for name in (chats.BASELINE, chats.OURS)
    }
    about = {"stub": {"first_ms": 20, "token_ms": 5, "tokens": 13}, "tenants": 1, "window": 16}
    lines = shown(chats.show, chats.rows(turns), about).splitlines()
    assert "20 ms to the first token, 5 ms to each further one, 13 tokens" in lines[0]
    assert [line.split()[-7:-5] for line in lines[2:]] == [["1.00", "1.00x"]] * 4
    assert [line.startswith(chats.BASELINE) for line in lines[2:]] == [True, False] * 2


def test_every_figure_has_its_own_ratio():
    base = Chats(4, 8, 10.0, 100.0, 200.0, 400.0, 50.0)
    ours = Chats(4, 8, 20.0, 50.0, 50.0, 40.0, 100.0)
    turns = {(chats.BASELINE, 4): [base], (chats.OURS, 4): [ours]}
    row = chats.rows(turns)[1]
    figures = (row.rate, row.first_p50_ms, row.first_p95_ms, row.whole_p50_ms, row.cpu_ms)
    assert [figure.ratio for figure in figures] == [2.0, 0.5, 0.25, 0.1, 2.0]


def test_what_is_told_of_the_stub_is_what_it_is_configured_with():
    text = (stub_server.MODELS / "stub/config.pbtxt").read_text()
    configured = dict(re.findall(r'key: "(\w+)"\s+value: \{ string_value: "(\d+)"', text))
    assert configured == {"first_ms": "20", "token_ms": "5"}
