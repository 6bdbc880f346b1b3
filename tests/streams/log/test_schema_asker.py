"""Asking for unknown ids, of a registry in memory that is away, lags, lies or hangs."""

from __future__ import annotations

import threading
import time

import pytest

from schemas import Ask, Begin
from schemas.definitions import self_contained
from streams.log.asking_turns import ASKED_MAX, ASKED_OF_TENANT_MAX
from streams.log.codec import Codec
from streams.log.pauses import PAUSE_MAX_S
from streams.log.schema_asker import ASKING_PAUSES, SchemaAsker
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
    ends = time.monotonic() + 60
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
    assert asker._threads == 1
    assert threading.active_count() <= before + 1
    registry.let_go.set()
    until(lambda: asker.codec.known(1, Ask))


def strangers(asker, registry, first=1_000):
    """64 ids that no registry knows, of four tenants, each asked for by now."""
    ids = range(first, first + 64)
    for number in ids:
        assert asker.ask(number, Ask, f"evil-{number % 4}")
    until(lambda: registry.hangs or set(ids) <= set(registry.asked))
    return ids


@pytest.mark.parametrize("hang", [False, True])
def test_however_many_ids_of_others_are_unknown_or_hang_who_has_none_is_asked_for(hang):
    registry = HangingRegistry(
        {7: self_contained("Ask")}, hangs=range(1_000, 9_000) if hang else ()
    )
    asker = an_asker(registry, grace_s=30)
    strangers(asker, registry)
    assert asker.ask(7, Ask, "bank")
    until(lambda: asker.codec.known(7, Ask))
    asker.stop()
    registry.let_go.set()


def test_an_id_that_others_want_too_is_asked_for_in_the_turn_of_who_has_none():
    hangs = range(1_000, 9_000)
    registry = HangingRegistry({7: self_contained("Ask")}, hangs)
    asker = an_asker(registry)
    for number in (*hangs[:100], 7):
        assert asker.ask(number, Ask, "evil")
    assert asker.ask(7, Ask, "bank")
    until(lambda: asker.codec.known(7, Ask))
    asker.stop()
    registry.let_go.set()


def test_all_of_very_many_ids_get_their_turn_by_few_threads():
    registry = HangingRegistry({number: self_contained("Ask") for number in range(400)})
    asker = an_asker(registry)
    before = threading.active_count()
    assert all(asker.ask(number, Ask, "acme") for number in range(400))
    assert threading.active_count() <= before + ASKED_OF_TENANT_MAX + 1
    until(lambda: all(asker.codec.known(number, Ask) for number in range(400)))
    until(lambda: not asker._threads)
    assert not asker.any_asked


def test_threads_have_a_hard_bound_however_many_tenants_hang():
    registry = HangingRegistry({}, hangs=range(1_000))
    asker = an_asker(registry)
    before = threading.active_count()
    for number in range(3 * ASKED_MAX):
        assert asker.ask(number, Ask, f"t{number}")
    until(lambda: asker._threads == ASKED_MAX)
    assert threading.active_count() <= before + ASKED_MAX
    asker.stop()
    registry.let_go.set()
    until(lambda: not asker._threads)


def test_no_room_says_nothing_of_an_id_and_who_has_none_has_room_longer(monkeypatch):
    monkeypatch.setattr("streams.log.schema_asker.WANTED_MAX", 8)
    monkeypatch.setattr("streams.log.schema_asker.WANTED_OF_TENANT_MAX", 4)
    registry = HangingRegistry({}, hangs=range(1_000))
    asker = an_asker(registry)
    assert [asker.ask(n, Ask, "acme") for n in range(5)] == [True] * 4 + [False]
    assert not asker.is_asked(4, Ask)
    assert not asker.is_unknown(4, Ask)
    assert not asker.codec.known(4, Ask)
    others = [asker.ask(100 + n, Ask, f"t{n}") for n in range(16)]
    assert others == [True] * 12 + [False] * 4
    asker.stop()
    assert not asker.ask(500, Ask, "late")
    registry.let_go.set()
    until(lambda: not asker.any_asked)


def test_room_that_is_left_is_there_again(monkeypatch):
    monkeypatch.setattr("streams.log.schema_asker.WANTED_OF_TENANT_MAX", 1)
    asker = an_asker(MemoryRegistry({}), grace_s=0.0)
    for number in range(3):
        until(lambda number=number: asker.ask(number, Ask, "acme"))
    until(lambda: not asker.any_asked)
    assert not asker._of_tenant


def test_pauses_grow_up_to_a_bound():
    pauses = ASKING_PAUSES()
    told = [next(pauses) for _ in range(20)]
    assert told == sorted(told)
    assert told[-1] == PAUSE_MAX_S
