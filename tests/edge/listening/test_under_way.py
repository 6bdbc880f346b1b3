"""What is under way, held against a plain list of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.listening.under_way import UnderWay, WorkByTenant

CHANGES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 1), st.sampled_from("ab"), st.sampled_from("xyz")),
    max_size=30,
)


@given(CHANGES)
def test_what_began_and_did_not_end_is_under_way(changes):
    work, expected = WorkByTenant(), {}
    for at, (begins, *place) in enumerate(changes, start=1):
        if begins:
            work.begin(*place, at)
            expected.setdefault(tuple(place), at)
        else:
            work.end(*place)
            expected.pop(tuple(place), None)
    for lane in (0, 1):
        for tenant in "abc":
            mine = [
                at for (in_lane, of, _), at in expected.items() if (in_lane, of) == (lane, tenant)
            ]
            tenants = {of for in_lane, of, _ in expected if in_lane == lane} | {tenant}
            assert work.of(lane, tenant) == UnderWay(len(mine), len(tenants), min(mine, default=0))
