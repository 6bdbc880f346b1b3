"""The contests on a real broker and a real Triton, with few events: who takes part gets through."""

import pytest

from bench import scale
from bench.chats import crowds as chats
from bench.transports import comparison, contest
from bench.transports.contenders import BASELINE, OURS, SAFE, Contender, contender
from infra.local.supervisor import Stack, Wish
from streams.settings import Settings

pytestmark = pytest.mark.stack

FAKE = Contender("one that can't run", "no_such_module", (), SAFE)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Broker and registry of these tests' own: the contests make and delete the platform's topics."""
    run = tmp_path_factory.mktemp("bench")
    with Stack(run, Wish(names=frozenset({"kafka", "registry"}), free_ports=True)):
        yield Settings.load(environment={}, run=run)


def test_transports_get_through_and_one_that_fails_fails_alone(log):
    entries = [FAKE, *map(contender, (BASELINE, "bare confluent-kafka", "bare aiokafka", OURS))]
    # a process's clock of CPU ticks every 10 ms: a burst must last for many of them
    plan = contest.Plan(rounds=1, rates=(50.0,), latency_s=0.4, warm_up=20, burst_s=0.5)
    said = []
    turns = contest.contest(log, entries, plan, said.append)
    assert len(said) == len(turns) == len(entries)
    assert "No module named" in turns[0].failure
    rows = comparison.rows(entries, turns, plan)
    assert [row.failures for row in rows[1:]] == [()] * 4
    for row in rows[1:]:
        assert row.hop_rate.median > 0
        assert row.cpu_us.median > 0
        assert row.disorders == row.copies == 0
        assert 450 <= row.value_bytes <= 700
    assert rows[1].hop_rate.ratio == 1.0


def test_more_workers_get_through(log):
    plan = scale.Scaling(rounds=1, workers=(1, 2), warm_up=20, settle_s=0.0, burst_s=0.0)
    one, two = scale.contest(log, plan, lambda _: None)
    assert (one.workers, two.workers) == (1, 2)
    assert two.hop_rate.median > 0


def test_chats_end_with_the_stubs_answer(log):
    plan = chats.Crowds(rounds=1, chats=((1, 2), (4, 8)), warm_up=2)
    rows, _ = chats.contest(log, plan, lambda _: None)  # another answer would raise BadAnswer
    assert [(row.program, row.at_once) for row in rows] == [
        (chats.BASELINE, 1),
        (chats.OURS, 1),
        (chats.BASELINE, 4),
        (chats.OURS, 4),
    ]
