"""The contenders' rows and tables."""

import json
import re
from dataclasses import replace

import pytest

from bench.transports import comparison
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
    base, ours = comparison.rows(entries, turns, PLAN)
    assert base.rounds == 2
    assert base.failures == ("Stuck: 1 of 2",)
    assert ours.hop_rate.median == 9_000.0
    assert ours.hop_rate.ratio == 7.0  # of 9 and 5: the second round has no baseline
    assert ours.paced[0].hop_ms.median == 1.0
    text = shown(comparison.show, [base, ours], PLAN)
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
    rows = comparison.rows(entries, turns, PLAN)
    assert rows[1].hop_rate is None
    text = shown(comparison.show, rows, PLAN)
    assert "failed" in text
    assert "ended with 1: no word" in text


def test_records_out_of_order_are_told():
    turns = [replace(a_turn(OURS, 1.0), copies=3, disorders=2)]
    rows = comparison.rows([contender(OURS)], turns, PLAN)
    assert "3 copies, 2 out of order" in shown(comparison.show, rows, PLAN)


def test_copies_and_disorders_of_all_rounds_add_up():
    turns = [replace(a_turn(OURS, 1.0), copies=n, disorders=2 * n) for n in (1, 2, 3)]
    [row] = comparison.rows([contender(OURS)], turns, PLAN)
    assert (row.copies, row.disorders) == (6, 12)


@pytest.mark.parametrize("rates", [(20.0,), (20.0, 100.0)])
def test_every_rate_has_a_table_of_its_own(rates):
    latencies = tuple(summary(rate, [rate, rate], 8) for rate in rates)
    turns = [replace(a_turn(name, 1.0), latencies=latencies) for name in (BASELINE, OURS)]
    plan = Plan(rounds=1, rates=rates)
    rows = comparison.rows([contender(BASELINE), contender(OURS)], turns, plan)
    assert [paced.rate for paced in rows[1].paced] == list(rates)
    text = shown(comparison.show, rows, plan)
    assert all(f"at {rate:g} events/s" in text for rate in rates)
    assert text.count("1.00x") == 2 * 2 + 2 * len(rates)


def test_without_the_baseline_there_are_figures_but_no_ratios():
    [row] = comparison.rows([contender(OURS)], [a_turn(OURS, 5.0)], PLAN)
    assert row.hop_rate.median == 5.0
    assert row.hop_rate.ratio is None


def tables_of(text):
    """Split what is shown into tables, each a list of lines of cells; cells are two spaces apart."""
    return [
        [re.split(r"\s{2,}", line.strip()) for line in block.splitlines()]
        for block in text.split("\n\n")
    ]


def test_each_table_has_a_line_for_each_contender():
    turns = [a_turn(BASELINE, 1_000.0), a_turn(OURS, 9_000.0)]
    rows = comparison.rows([contender(BASELINE), contender(OURS)], turns, PLAN)
    rates, promises, paced = tables_of(re.sub(" +\n", "\n", shown(comparison.show, rows, PLAN)))
    assert rates[1:] == [
        ["program", "hop-events/s", "x", "CPU µs a hop", "x", "value bytes"],
        [BASELINE, "1,000", "1.00x", "100", "1.00x", str(VALUE_BYTES)],
        [OURS, "9,000", "9.00x", "100", "1.00x", str(VALUE_BYTES)],
    ]
    assert promises == [
        ["promises", *Guarantee],
        [BASELINE, *("yes" if each == Guarantee.ORDER else "-" for each in Guarantee)],
        [OURS, *["yes"] * len(Guarantee)],
    ]
    assert paced == [
        ["at 20 events/s", "p50 ms", "x", "p95 ms", "p99 ms", "a hop, p50 ms"],
        [BASELINE, "8.00", "1.00x", "15.2", "15.8", "1.00"],
        [OURS, "8.00", "1.00x", "15.2", "15.8", "1.00"],
    ]


def test_who_failed_has_a_line_in_the_first_table_and_none_among_the_times():
    turns = [a_turn(BASELINE, 1_000.0), ContenderTurn(OURS, failure="Stuck: 1 of 2")]
    rows = comparison.rows([contender(BASELINE), contender(OURS)], turns, PLAN)
    rates, promises, paced = tables_of(re.sub(" +\n", "\n", shown(comparison.show, rows, PLAN)))
    assert rates[-1] == [OURS, "failed"]
    assert promises[-1][0] == OURS
    assert [line[0] for line in paced[1:]] == [
        BASELINE,
        f"{OURS}: 0 copies, 0 out of order; failed rounds: Stuck: 1 of 2",
    ]


def test_a_round_of_ours_that_failed_is_compared_with_none():
    turns = [
        a_turn(BASELINE, 1_000.0),
        ContenderTurn(OURS, failure="Stuck: 1 of 2"),
        a_turn(BASELINE, 4_000.0),
        a_turn(OURS, 8_000.0),
    ]
    ours = comparison.rows([contender(BASELINE), contender(OURS)], turns, PLAN)[1]
    assert (ours.rounds, ours.hop_rate.median, ours.hop_rate.ratio) == (1, 8_000.0, 2.0)


def test_a_contender_that_did_not_take_part_has_no_rounds():
    [row] = comparison.rows([contender(OURS)], [], PLAN)
    assert (row.rounds, row.hop_rate, row.paced) == (0, None, ())
