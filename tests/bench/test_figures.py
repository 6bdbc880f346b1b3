"""What the bench makes of its figures: spreads, ratios, tables, documents."""

import io
import json
from itertools import pairwise

import pytest
from rich.console import Console

from bench import scale
from bench.chats import contest as chats
from bench.chats.crowd import Chats
from bench.spread import number, percentiles, spread
from bench.transports import report
from bench.transports.chain import Chain
from bench.transports.contenders import BASELINE, CONTENDERS, OURS, Guarantee, contender
from bench.transports.contest import Plan, Turn
from bench.transports.drive import Burst, summary
from bench.transports.inputs import VALUE_BYTES

PLAN = Plan(rounds=3, rates=(20.0,))


def a_burst(hop_rate, cpu_us=100.0, idle_share=0.0):
    return Burst(1_000, 1.0, hop_rate, cpu_us, idle_share)


def a_turn(name, hop_rate):
    return Turn(name, a_burst(hop_rate), (summary(20.0, [8.0, 8.0, 16.0], 8),), VALUE_BYTES)


def shown(show, *arguments):
    text = io.StringIO()
    show(*arguments, Console(file=text, width=250))
    return text.getvalue()


def test_a_ratio_is_taken_round_by_round():
    found = spread([30.0, 20.0, 100.0], [10.0, 10.0, 100.0])
    assert (found.median, found.low, found.high) == (30.0, 20.0, 100.0)
    assert found.ratio == 2.0  # of 3, 2 and 1; the medians' ratio would be 3


def test_a_round_in_which_the_baseline_has_no_figure_has_no_ratio():
    assert spread([30.0, 20.0], [None, 10.0]).ratio == 2.0
    assert spread([0.5], [0.0]).ratio is None
    assert spread([1.0]).times == ""


@pytest.mark.parametrize(
    ("value", "text"), [(12_345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23")]
)
def test_numbers_show_three_figures(value, text):
    assert number(value) == text


def test_extremes_are_shown_where_they_differ():
    assert str(spread([1.0, 2.0, 3.0])) == "2.00 (1.00–3.00)"
    assert str(spread([2.0])) == "2.00"


def test_percentiles_lie_between_the_values():
    assert percentiles(range(101)) == (50.0, 95.0, 99.0)


def test_every_contender_stands_beside_stock_faust_of_its_rounds():
    entries = [contender(BASELINE), contender(OURS)]
    turns = [
        a_turn(BASELINE, 1_000.0),
        a_turn(OURS, 9_000.0),
        Turn(BASELINE, failure="Stuck: 1 of 2"),
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
    turns = [a_turn(BASELINE, 1_000.0), Turn(OURS, failure="Failed: ended with 1: no word")]
    rows = report.rows(entries, turns, PLAN)
    assert rows[1].hop_rate is None
    text = shown(report.show, rows, PLAN)
    assert "failed" in text
    assert "ended with 1: no word" in text


def test_records_out_of_order_are_told():
    turns = [Turn(OURS, a_burst(1.0), (summary(20.0, [1.0, 2.0], 8),), 540, 3, 2)]
    rows = report.rows([contender(OURS)], turns, PLAN)
    assert "3 copies, 2 out of order" in shown(report.show, rows, PLAN)


@pytest.mark.parametrize("topics", [("a", "b"), ("a", "b", "c")])
def test_a_chain_survives_the_command_line(topics):
    chain = Chain("kafka", "registry", "a run", "group", topics)
    assert Chain.parse(chain.argument()) == chain
    assert list(chain.hops) == list(pairwise(topics))


def test_contenders_have_names_of_their_own_and_promise_no_more_than_ours():
    assert len({entry.name for entry in CONTENDERS}) == len(CONTENDERS)
    assert all(entry.guarantees <= contender(OURS).guarantees for entry in CONTENDERS)
    with pytest.raises(KeyError, match="stock Faust"):
        contender("another")


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


def test_more_workers_stand_beside_one():
    turns = {1: [a_burst(1_000.0, 900.0)], 2: [a_burst(1_500.0, 1_000.0)]}
    one, two = scale.rows(turns)
    assert two.hop_rate.ratio == 1.5
    assert one.cpus.median == pytest.approx(0.9)
    assert "1.50x" in shown(scale.show, [one, two])
    assert json.loads(json.dumps(scale.as_json([one, two])))["rows"][1]["workers"] == 2
