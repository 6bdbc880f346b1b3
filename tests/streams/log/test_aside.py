"""What waits aside, held against the rules: order, known at once, bounded, fair."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Ask
from schemas.definitions import self_contained
from streams.log.aside import Aside, AsideBounds
from streams.log.codec import Codec
from tests.memory_registry import MemoryRegistry


class ScriptedAsker:
    """Knows what it is told, and asks for all but when it is full."""

    def __init__(self):
        self.grace_s = 5.0
        self.told, self.silent, self.full = set(), set(), False
        self.codec = self

    def known(self, schema_id, _record):
        return schema_id in self.told

    def ask(self, schema_id, _record, _tenant):
        return not self.full or schema_id in self.told

    def is_silent(self, schema_id, _record):
        return schema_id in self.silent


def hold(aside, what, order="o", schema_id=1, tenant="acme", size=1):
    return aside.hold(what, order=order, schema_id=schema_id, record=Ask, tenant=tenant, size=size)


@given(st.lists(st.tuples(st.sampled_from("xy"), st.integers(1, 3)), max_size=20), st.data())
def test_records_go_on_in_their_order_and_only_when_their_schema_is_known(records, data):
    asker = ScriptedAsker()
    aside, gone = Aside(asker), []
    for number, (order, schema_id) in enumerate(records):
        if aside.lets_pass(order, schema_id, Ask):
            gone.append((order, number))
        else:
            assert hold(aside, (order, number), order, schema_id)
        if data.draw(st.booleans()):
            asker.told.add(data.draw(st.integers(1, 3)))
            gone += [what for what, known in aside.turn() if known]
    asker.told |= {1, 2, 3}
    gone += [what for what, _ in aside.turn()]
    assert len(aside) == 0
    for order in "xy":
        mine = [number for of, number in gone if of == order]
        assert mine == [number for number, (of, _) in enumerate(records) if of == order]


def test_what_is_known_passes_beside_what_waits():
    asker = ScriptedAsker()
    asker.told.add(2)
    aside = Aside(asker)
    hold(aside, "a", order="x", schema_id=1)
    assert aside.lets_pass("y", 2, Ask)
    assert not aside.lets_pass("x", 2, Ask)  # behind a


@pytest.mark.parametrize(("silent", "late"), [(True, True), (False, False)])
def test_a_record_waits_for_a_silent_registry_no_longer_than_its_grace(silent, late):
    asker, seconds = ScriptedAsker(), [0.0]
    aside = Aside(asker, clock=lambda: seconds[0])
    asker.silent = {1} if silent else set()
    hold(aside, "a")
    seconds[0] = 4.9
    assert list(aside.turn()) == []
    seconds[0] = 5.0
    assert list(aside.turn()) == ([("a", False)] if late else [])
    assert len(aside) == (0 if late else 1)


def test_one_tenant_fills_its_share_and_no_more():
    aside = Aside(ScriptedAsker(), AsideBounds(records=16, size_bytes=1_600, tenants=4))
    assert [hold(aside, n, tenant="acme") for n in range(6)] == [True] * 4 + [False] * 2
    assert hold(aside, "x", tenant="globex", size=400)
    assert not hold(aside, "x", tenant="globex", size=1)
    assert not hold(aside, "x", tenant="another", size=401)
    assert len(aside) == 5


def test_room_that_was_left_is_there_again():
    asker = ScriptedAsker()
    aside = Aside(asker, AsideBounds(records=4, size_bytes=100, tenants=1))
    for number in range(4):
        assert hold(aside, number, size=25)
    assert not hold(aside, 4, size=0)
    asker.told.add(1)
    assert [what for what, _ in aside.turn()] == [0, 1, 2, 3]
    asker.told.clear()
    assert hold(aside, 5, size=100)


def test_all_together_have_a_bound_whoever_they_are():
    aside = Aside(ScriptedAsker(), AsideBounds(records=8, size_bytes=80, tenants=4))
    taken = [hold(aside, n, tenant=f"t{n}", size=15) for n in range(9)]
    assert taken.count(True) == 5


def test_a_record_waits_though_there_is_no_room_to_ask_and_is_asked_for_when_there_is():
    asker, seconds = ScriptedAsker(), [0.0]
    aside = Aside(asker, clock=lambda: seconds[0])
    asker.full = True
    assert hold(aside, "a")
    assert hold(aside, "b", order="p", schema_id=2)
    seconds[0] = 4.9
    assert list(aside.turn()) == []
    asker.full = False
    seconds[0] = 5.0
    assert list(aside.turn()) == []
    asker.full = True
    assert list(aside.turn()) == [("a", False), ("b", False)]  # nothing was said of them


def test_a_registry_that_answers_lets_all_go_on():
    from streams.log.schema_asker import SchemaAsker

    asker = SchemaAsker(Codec(MemoryRegistry({1: self_contained("Ask")})))
    aside = Aside(asker)
    assert not aside.lets_pass("o", 1, Ask)
    hold(aside, "a")
    ends, gone = time.monotonic() + 20, []
    while not gone and time.monotonic() < ends:
        gone = list(aside.turn())
        time.sleep(0.002)
    assert gone == [("a", True)]
