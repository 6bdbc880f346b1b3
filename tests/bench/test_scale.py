"""More workers beside one."""

import json

import pytest

from bench import scale
from bench.transports.drive import Burst
from tests.bench.shown import shown


def a_burst(hop_rate, cpu_us=100.0, idle_share=0.0):
    return Burst(1_000, 1.0, hop_rate, cpu_us, idle_share)


def test_more_workers_stand_beside_one():
    turns = {1: [a_burst(1_000.0, 900.0)], 2: [a_burst(1_500.0, 1_000.0)]}
    one, two = scale.rows(turns)
    assert two.hop_rate.ratio == 1.5
    assert one.cpus.median == pytest.approx(0.9)
    assert "1.50x" in shown(scale.show, [one, two])
    assert json.loads(json.dumps(scale.as_json([one, two])))["rows"][1]["workers"] == 2


@pytest.mark.parametrize("workers", [(1, 2, 4), (2, 8)])
def test_the_first_number_of_workers_is_what_the_others_stand_beside(workers):
    turns = {count: [a_burst(100.0 * count), a_burst(200.0 * count)] for count in workers}
    rows = scale.rows(turns)
    assert [row.workers for row in rows] == list(workers)
    assert [row.hop_rate.ratio for row in rows] == [count / workers[0] for count in workers]


def test_idle_is_told_as_a_share():
    [row] = scale.rows({1: [a_burst(1.0, idle_share=share) for share in (0.1, 0.3, 0.2)]})
    assert (row.idle_share.low, row.idle_share.median, row.idle_share.high) == (0.1, 0.2, 0.3)
