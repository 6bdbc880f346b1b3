"""Starts of a gateway, side by side; and the log that they read."""

import json

from bench import gateway_starts as starts
from bench.facts import TENANT
from bench.gateway_starts import AGAIN, EMPTY, FIRST, Start
from schemas import QuestionAsked
from streams.log.lanes import lanes
from streams.settings import Settings
from tests.bench.shown import shown

SEEN = [
    Start(EMPTY, 0, 2.0, 1.5, 90.0),
    Start(FIRST, 100_000, 20.0, 15.0, 120.0),
    Start(AGAIN, 100_000, 2.5, 1.5, 93.0),
]


def test_a_start_with_an_index_stands_beside_one_without():
    table = shown(starts.show, SEEN)
    line = next(line for line in table.splitlines() if line.startswith(AGAIN))
    assert line.split()[-7:] == ["100,000", "2.5", "0.12x", "1.5", "0.10x", "93", "0.78x"]
    told = json.loads(json.dumps(starts.as_json(SEEN)))
    assert [one["log"] for one in told["starts"]] == [EMPTY, FIRST, AGAIN]


def test_questions_are_all_different_and_lie_where_their_tenants_do(tmp_path):
    settings = Settings(run=tmp_path, partitions=4)
    asked = list(starts.questions(settings, 200))
    assert all(isinstance(one, QuestionAsked) for one in asked)
    assert len({one.meta.request for one in asked}) == len({one.meta.id for one in asked}) == 200
    assert {one.meta.lane for one in asked} == set(lanes(TENANT, 4))
