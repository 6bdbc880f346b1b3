"""The contenders' rows and tables."""

import json
from dataclasses import replace

import pytest

from bench.transports import report
from bench.transports.contenders import BASELINE, OURS, Guarantee, contender
from bench.transports.contest import ContenderTurn, Plan
from bench.transports.drive import Burst, summary
from bench.transports.inputs import VALUE_BYTES
from tests.bench.shown import shown

PLAN = Plan(rounds=3, rates=(20.0,))


def a_turn(name, hop_rate):
    burst = Burst(1_000, 1.0, hop_rate, cpu_us=100.0, idle_share=0.0)
    return ContenderTurn(name, burst, (summary(20.0, [8.0, 8.0, 16.0], 8),), VALUE_BYTES)


def test_every_contender_stands_beside_stock_faust_of_its_rounds():
    entries = [contender(BASELINE), contender(OURS)]
    turns = [
        a_turn(BASELINE, 1_000.0),
        a_turn(OURS, 9_000.0),
        ContenderTurn(BASELINE, failure="Stuck: 1 of 2"),
        a_turn(OURS, 8_000.0),
        a_turn(BASELINE, 2_000.0),
        a_turn(OURS, 10_000.0),
    ]
    base, ours = report.rows(entries, turns, PLAN)
    assert base.rounds == 2
    assert base.failures == ("Stuck: 1 of 2",)
    assert ours.hop_rate.median == 9_000.0
    assert ours.hop_rate.ratio == 7.0  # of 9 and 5: the second round has no baseline
    assert ours.paced[0].hop_ms.median == 1.0
    text = shown(report.show, [base, ours], PLAN)
    assert "9,000 (8,000–10,000)" in text
    assert "failed rounds: Stuck: 1 of 2" in text
    document = json.loads(json.dumps([row.as_json() for row in (base, ours)]))
    assert document[1]["guarantees"] == [str(each) for each in Guarantee]
    assert document[0]["guarantees"] == ["order"]
    assert document[0]["versions"]["faust-streaming"] == "0.15.3"


def test_who_fails_in_all_rounds_is_shown_with_the_reason():
    entries = [contender(BASELINE), contender(OURS)]
    turns = [
        a_turn(BASELINE, 1_000.0),
        ContenderTurn(OURS, failure="MeasurementFailed: ended with 1: no word"),
    ]
    rows = report.rows(entries, turns, PLAN)
    assert rows[1].hop_rate is None
    text = shown(report.show, rows, PLAN)
    assert "failed" in text
    assert "ended with 1: no word" in text


def test_records_out_of_order_are_told():
    turns = [replace(a_turn(OURS, 1.0), copies=3, disorders=2)]
    rows = report.rows([contender(OURS)], turns, PLAN)
    assert "3 copies, 2 out of order" in shown(report.show, rows, PLAN)


def test_copies_and_disorders_of_all_rounds_add_up():
    turns = [replace(a_turn(OURS, 1.0), copies=n, disorders=2 * n) for n in (1, 2, 3)]
    [row] = report.rows([contender(OURS)], turns, PLAN)
    assert (row.copies, row.disorders) == (6, 12)


@pytest.mark.parametrize("rates", [(20.0,), (20.0, 100.0)])
def test_every_rate_has_a_table_of_its_own(rates):
    latencies = tuple(summary(rate, [rate, rate], 8) for rate in rates)
    turns = [replace(a_turn(name, 1.0), latencies=latencies) for name in (BASELINE, OURS)]
    plan = Plan(rounds=1, rates=rates)
    rows = report.rows([contender(BASELINE), contender(OURS)], turns, plan)
    assert [paced.rate for paced in rows[1].paced] == list(rates)
    text = shown(report.show, rows, plan)
    assert all(f"at {rate:g} events/s" in text for rate in rates)
    assert text.count("1.00x") == 2 * 2 + 2 * len(rates)


def test_without_the_baseline_there_are_figures_but_no_ratios():
    [row] = report.rows([contender(OURS)], [a_turn(OURS, 5.0)], PLAN)
    assert row.hop_rate.median == 5.0
    assert row.hop_rate.ratio is None
