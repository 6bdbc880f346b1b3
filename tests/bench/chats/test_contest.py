"""Chats of two programs, crowd by crowd."""

import json

import pytest

from bench.chats import contest as chats
from bench.chats.crowd import Chats
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
