"""Asking for unknown ids, of a registry in memory that is away, lags, lies or hangs."""

from __future__ import annotations

import threading
import time

import pytest

from schemas import Ask, Begin
from schemas.definitions import self_contained
from streams.log.codec import Codec
from streams.log.schema_asker import (
    ASKED_MAX,
    ASKED_OF_TENANT_MAX,
    PAUSE_MAX_S,
    SchemaAsker,
    growing,
)
from tests.memory_registry import MemoryRegistry


class HangingRegistry(MemoryRegistry):
    """Does not answer about some ids until it is let go."""

    def __init__(self, definitions, hangs=()):
        super().__init__(definitions)
        self.hangs, self.let_go = set(hangs), threading.Event()

    def definition_of(self, schema_id):
        if schema_id in self.hangs:
            assert self.let_go.wait(30)
        return super().definition_of(schema_id)


def an_asker(registry, grace_s=0.05):
    pauses = lambda: iter(lambda: 0.002, None)  # noqa: E731 - for ever
    return SchemaAsker(Codec(registry), grace_s=grace_s, between_tries=pauses)


def until(what):
    ends = time.monotonic() + 20
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.002)


def test_a_registry_that_hangs_at_one_id_keeps_nobody_from_another():
    registry = HangingRegistry(dict.fromkeys((1, 2), self_contained("Ask")), hangs=[1])
    asker = an_asker(registry)
    assert asker.ask(1, Ask, "acme")
    assert asker.ask(2, Ask, "globex")
    until(lambda: asker.codec.known(2, Ask))
    assert asker.is_silent(1, Ask)
    assert asker.any_silent
    assert not asker.codec.known(1, Ask)
    registry.let_go.set()
    until(lambda: asker.codec.known(1, Ask))
    until(lambda: not asker.any_silent)


def test_an_id_that_the_registry_does_not_know_is_refused_only_after_the_grace():
    registry = MemoryRegistry({})
    seconds = [0.0]
    pauses = lambda: iter(lambda: 0.002, None)  # noqa: E731 - for ever
    asker = SchemaAsker(
        Codec(registry), grace_s=5.0, clock=lambda: seconds[0], between_tries=pauses
    )
    asker.ask(1, Ask, "acme")
    until(lambda: len(registry.asked) > 3)
    assert not asker.codec.known(1, Ask)
    assert not asker.is_silent(1, Ask)
    seconds[0] = 4.9
    asked = len(registry.asked)
    until(lambda: len(registry.asked) > asked + 3)
    assert not asker.codec.known(1, Ask)
    seconds[0] = 5.0
    until(lambda: asker.codec.known(1, Ask))


def test_an_id_that_a_lagging_registry_learns_within_the_grace_is_known():
    registry = MemoryRegistry({})
    asker = an_asker(registry, grace_s=30)
    asker.ask(1, Ask, "acme")
    until(lambda: len(registry.asked) > 3)
    registry.hear(1, self_contained("Ask"))
    until(lambda: asker.codec.known(1, Ask))
    until(lambda: asker.ask(2, Begin, "acme") and 2 in registry.asked)


@pytest.mark.parametrize("error", [ValueError("unforeseen"), OSError("net")])
def test_any_other_error_is_a_registry_that_is_silent(error):
    registry = MemoryRegistry({1: self_contained("Ask")})
    registry.errors.extend([error] * 3)
    asker = an_asker(registry)
    asker.ask(1, Ask, "acme")
    until(lambda: asker.codec.known(1, Ask))
    assert len(registry.asked) == 4


def test_one_id_is_asked_for_once_however_many_want_it():
    registry = HangingRegistry({1: self_contained("Ask")}, hangs=[1])
    asker = an_asker(registry)
    before = threading.active_count()
    for tenant in ("acme", "acme", "globex"):
        assert asker.ask(1, Ask, tenant)
    assert threading.active_count() == before + 1
    registry.let_go.set()
    until(lambda: asker.codec.known(1, Ask))


def test_a_tenant_has_so_many_asked_for_and_all_together_so_many():
    registry = HangingRegistry({}, hangs=range(1_000))
    asker = an_asker(registry)
    taken = [asker.ask(number, Ask, "acme") for number in range(ASKED_OF_TENANT_MAX + 5)]
    assert taken == [True] * ASKED_OF_TENANT_MAX + [False] * 5
    others = [asker.ask(100 + number, Ask, f"t{number}") for number in range(ASKED_MAX)]
    assert others.count(True) == ASKED_MAX - ASKED_OF_TENANT_MAX
    asker.stop()
    registry.let_go.set()
    until(lambda: not asker.any_silent)
    assert asker.ask(999, Ask, "acme")


def test_pauses_grow_up_to_a_bound():
    pauses = growing()
    told = [next(pauses) for _ in range(20)]
    assert told == sorted(told)
    assert told[-1] == PAUSE_MAX_S
