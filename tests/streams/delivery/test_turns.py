from hypothesis import given
from hypothesis import strategies as st

from streams.delivery.item import Item
from streams.delivery.lane import Lane
from streams.delivery.turns import BESIDE, Turns

LANE = Lane("playhead.question.asked", 0, 0, 1)
FAR = 1_000


def entered(turns, *tenants, first=0):
    """Enter inputs of tenants, whose names are letters, one after the other."""
    items = [
        Item(LANE, first + number, 1, tenant.encode(), None)
        for number, tenant in enumerate(tenants)
    ]
    for item in items:
        turns.enter(item)
    return items


def begun(turns, reach=FAR):
    """Begin all that may; return them as tenants and offsets."""
    items = []
    while (item := turns.next(reach)) is not None:
        turns.begin(item)
        items.append(item)
    return items


def spelt(items):
    return " ".join(f"{item.tenant.decode()}{item.offset}" for item in items)


def test_tenants_take_turns_and_each_in_the_order_of_its_inputs():
    turns = Turns(6)
    entered(turns, *"aaaabcb")
    assert spelt(begun(turns)) == "a0 b4 c5 a1 b6 a2"


def test_a_tenant_of_whom_nothing_runs_begins_beside_a_full_window():
    turns = Turns(4)
    entered(turns, *"aaaaaa")
    assert spelt(begun(turns)) == "a0 a1 a2 a3"
    assert not turns.has_next(FAR)
    entered(turns, *"bbc", first=6)
    assert turns.has_next(FAR)
    assert spelt(begun(turns)) == "b6 c8"


def test_beside_a_full_window_as_many_begin_as_it_holds():
    turns = Turns(2)
    entered(turns, *"aabcdef")
    assert len(begun(turns)) == BESIDE * 2


def test_what_ends_makes_room_for_the_next():
    turns = Turns(2)
    entered(turns, *"aaa")
    first, _ = begun(turns)
    turns.end(first)
    assert spelt(begun(turns)) == "a2"


def test_what_lies_too_far_ahead_waits_and_keeps_nobody_else():
    turns = Turns(4)
    entered(turns, "a", first=50)
    entered(turns, "b", first=3)
    assert spelt(begun(turns, reach=10)) == "b3"
    assert not turns.has_next(10)
    assert spelt(begun(turns, reach=51)) == "a50"


def test_what_has_waited_for_its_session_comes_first_of_its_tenant():
    turns = Turns(1)
    entered(turns, *"aab")
    waited = turns.next(FAR)
    turns.ready(waited)
    assert turns.next(FAR).tenant == b"b"
    assert turns.next(FAR) is waited


def test_behind_what_is_held_only_its_tenant_waits():
    turns = Turns(4)
    entered(turns, *"aab")
    held = turns.next(FAR)
    turns.hold(held)
    assert spelt(begun(turns)) == "b2"
    turns.let_pass(held)
    assert spelt(begun(turns)) == "a1"
    turns.put_back(held)
    assert spelt(begun(turns)) == "a0"


def test_a_tenant_that_is_done_leaves_nothing_behind():
    turns = Turns(2)
    entered(turns, *"ab")
    for item in begun(turns):
        turns.end(item)
    assert (turns.running, turns.waiting, turns._shares) == (0, 0, {})


@given(
    st.lists(st.sampled_from("abcdef"), max_size=40),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_everybody_comes_to_their_turn_within_the_bounds(tenants, window, random):
    turns, running, began = Turns(window), [], []
    entered(turns, *tenants)
    while turns.waiting or running:
        running += (new := begun(turns))
        began += new
        assert turns.running == len(running) <= BESIDE * window
        waiting = {
            tenant for tenant in "abcdef" if tenants.count(tenant) > spelt(began).count(tenant)
        }
        at_work = {item.tenant.decode() for item in running}
        assert len(running) >= min(window, len(tenants) - len(began) + len(running))
        assert waiting <= at_work or len(running) == BESIDE * window
        turns.end(running.pop(random.randrange(len(running))))
    assert sorted(item.offset for item in began) == list(range(len(tenants)))
    for tenant in "abcdef":
        offsets = [item.offset for item in began if item.tenant == tenant.encode()]
        assert offsets == sorted(offsets)
