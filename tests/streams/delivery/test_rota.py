from hypothesis import given
from hypothesis import strategies as st

from streams.delivery.item import Item
from streams.delivery.lane import Lane
from streams.delivery.rota import BESIDE, Rota

LANE = Lane("playhead.question.asked", 0, 0, 1)
FAR = 1_000


def entered(rota, *tenants, first=0):
    """Enter inputs of tenants, whose names are letters, one after the other."""
    items = [
        Item(LANE, first + number, 1, tenant.encode(), None)
        for number, tenant in enumerate(tenants)
    ]
    for item in items:
        rota.enter(item)
    return items


def begun(rota, reach=FAR):
    """Begin all that may; return them as tenants and offsets."""
    items = []
    while (item := rota.next(reach)) is not None:
        rota.begin(item)
        items.append(item)
    return items


def spelt(items):
    return " ".join(f"{item.tenant.decode()}{item.offset}" for item in items)


def test_tenants_take_turns_and_each_in_the_order_of_its_inputs():
    rota = Rota(6)
    entered(rota, *"aaaabcb")
    assert spelt(begun(rota)) == "a0 b4 c5 a1 b6 a2"


def test_a_tenant_of_whom_nothing_runs_begins_beside_a_full_window():
    rota = Rota(4)
    entered(rota, *"aaaaaa")
    assert spelt(begun(rota)) == "a0 a1 a2 a3"
    assert not rota.has_next(FAR)
    entered(rota, *"bbc", first=6)
    assert rota.has_next(FAR)
    assert spelt(begun(rota)) == "b6 c8"


def test_beside_a_full_window_as_many_begin_as_it_holds():
    rota = Rota(2)
    entered(rota, *"aabcdef")
    assert len(begun(rota)) == BESIDE * 2


def test_what_ends_makes_room_for_the_next():
    rota = Rota(2)
    entered(rota, *"aaa")
    first, _ = begun(rota)
    rota.end(first)
    assert spelt(begun(rota)) == "a2"


def test_what_lies_too_far_ahead_waits_and_keeps_nobody_else():
    rota = Rota(4)
    entered(rota, "a", first=50)
    entered(rota, "b", first=3)
    assert spelt(begun(rota, reach=10)) == "b3"
    assert not rota.has_next(10)
    assert spelt(begun(rota, reach=51)) == "a50"


def test_what_has_waited_for_its_session_comes_first_of_its_tenant():
    rota = Rota(1)
    entered(rota, *"aab")
    waited = rota.next(FAR)
    rota.ready(waited)
    assert rota.next(FAR).tenant == b"b"
    assert rota.next(FAR) is waited


def test_behind_what_is_held_only_its_tenant_waits():
    rota = Rota(4)
    entered(rota, *"aab")
    held = rota.next(FAR)
    rota.hold(held)
    assert spelt(begun(rota)) == "b2"
    rota.let_pass(held)
    assert spelt(begun(rota)) == "a1"
    rota.put_back(held)
    assert spelt(begun(rota)) == "a0"


def test_a_tenant_that_is_done_leaves_nothing_behind():
    rota = Rota(2)
    entered(rota, *"ab")
    for item in begun(rota):
        rota.end(item)
    assert (rota.running, rota.waiting, rota._shares) == (0, 0, {})


@given(
    st.lists(st.sampled_from("abcdef"), max_size=40),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_everybody_comes_to_their_turn_within_the_bounds(tenants, window, random):
    rota, running, began = Rota(window), [], []
    entered(rota, *tenants)
    while rota.waiting or running:
        running += (new := begun(rota))
        began += new
        assert rota.running == len(running) <= BESIDE * window
        waiting = {
            tenant for tenant in "abcdef" if tenants.count(tenant) > spelt(began).count(tenant)
        }
        at_work = {item.tenant.decode() for item in running}
        assert len(running) >= min(window, len(tenants) - len(began) + len(running))
        assert waiting <= at_work or len(running) == BESIDE * window
        rota.end(running.pop(random.randrange(len(running))))
    assert sorted(item.offset for item in began) == list(range(len(tenants)))
    for tenant in "abcdef":
        offsets = [item.offset for item in began if item.tenant == tenant.encode()]
        assert offsets == sorted(offsets)


def test_only_what_is_held_lets_the_others_of_its_tenant_pass():
    rota = Rota(4)
    entered(rota, *"aaa")
    first, other = rota.next(FAR), rota.next(FAR)
    rota.hold(first)
    rota.let_pass(other)
    assert not rota.has_next(FAR)
    rota.let_pass(first)
    assert spelt(begun(rota)) == "a2"


def test_what_is_put_back_is_counted_as_waiting_and_comes_next():
    rota = Rota(4)
    entered(rota, *"aab")
    item = rota.next(FAR)
    rota.hold(item)
    assert rota.waiting == 2
    rota.put_back(item)
    assert rota.waiting == 3
    assert spelt(begun(rota)) == "b2 a0 a1"
    assert rota.waiting == 0
