"""Contenders take turns, and of each turn is told how it went."""

import re
from contextlib import closing

import pytest

from bench.transports.contenders import BASELINE, CONTENDERS, OURS, contender
from bench.transports.contest import ContenderTurn, Plan, chain_of, in_turns
from bench.transports.drive import Burst
from streams.log.reading import new_consumer

ENTRIES = [contender(BASELINE), contender(OURS)]
OTHERS = [entry for entry in CONTENDERS if entry.name != OURS]  # which bring topics of their own


def topics_on(settings):
    with closing(new_consumer(settings, "test-contest")) as consumer:
        return consumer.list_topics(timeout=10).topics


def reached(entry, hop_rate=1_234.5):
    return ContenderTurn(entry.name, Burst(1_000, 1.0, hop_rate, cpu_us=1.0, idle_share=0.0))


def failing(entry):
    return ContenderTurn(entry.name, failure="Stuck: 1 of 2 records came")


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_in_each_round_each_contender_has_one_turn(rounds):
    turns = in_turns(ENTRIES, Plan(rounds=rounds), reached, lambda _: None)
    assert [turn.contender for turn in turns] == [BASELINE, OURS] * rounds


def test_of_every_turn_is_told_what_was_reached_or_why_not():
    said = []

    def take(entry):
        return reached(entry) if entry.name == OURS else failing(entry)

    in_turns(ENTRIES, Plan(rounds=2), take, said.append)
    assert [re.sub(r"\(\d+ s\)", "(N s)", line) for line in said] == [
        f"round 1 of 2: {BASELINE}: Stuck: 1 of 2 records came (N s)",
        f"round 1 of 2: {OURS}: 1,234 hop-events/s (N s)",
        f"round 2 of 2: {BASELINE}: Stuck: 1 of 2 records came (N s)",
        f"round 2 of 2: {OURS}: 1,234 hop-events/s (N s)",
    ]


def test_without_contenders_there_is_nothing_to_tell():
    assert in_turns([], Plan(rounds=3), reached, pytest.fail) == []


@pytest.mark.stack
@pytest.mark.parametrize("entry", OTHERS, ids=lambda entry: entry.module)
def test_a_chain_is_made_for_one_turn_and_forgotten_behind_it(running, entry):
    with chain_of(running.settings, entry, hops=2) as chain:
        assert len(chain.topics) == 3
        assert all(topic.startswith(f"bench-{entry.module}-") for topic in chain.topics)
        made = topics_on(running.settings)
        assert set(chain.topics) <= set(made)
        assert {len(made[topic].partitions) for topic in chain.topics} == {4}
    assert not set(chain.topics) & set(topics_on(running.settings))
