from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.log.lanes import lane_of, lanes

LANES_OF_ACME = (4, 12, 13, 3)
LANES_OF_SESSIONS = [3, 4, 12, 4, 13, 3]

tenants = st.text(min_size=1, max_size=20)
partition_counts = st.integers(1, 64)


@given(tenants, partition_counts, st.data())
def test_more_lanes_keep_the_ones_there_were(tenant, partitions, data):
    many = data.draw(st.integers(1, partitions))
    few = data.draw(st.integers(1, many))
    assert lanes(tenant, partitions, few) == lanes(tenant, partitions, many)[:few]


@given(tenants, tenants, partition_counts, st.data())
def test_a_session_lies_in_a_lane_of_its_tenant(tenant, session, partitions, data):
    count = data.draw(st.integers(1, partitions))
    assert lane_of(tenant, session, partitions, count) in lanes(tenant, partitions, count)


@given(tenants, tenants, st.integers(2, 64))
def test_a_further_lane_moves_a_session_there_or_not_at_all(tenant, session, partitions):
    for count in range(1, min(partitions, 6)):
        before = lane_of(tenant, session, partitions, count)
        after = lane_of(tenant, session, partitions, count + 1)
        assert after in {before, lanes(tenant, partitions, count + 1)[-1]}


def test_tenants_spread_evenly_over_partitions():
    found = Counter(lanes(f"tenant-{n}", 16)[0] for n in range(4_000))
    assert len(found) == 16
    assert max(found.values()) < 1.4 * 250, found


def test_sessions_spread_evenly_over_a_tenants_lanes():
    found = Counter(lane_of("big", f"session-{n}", 16, 4) for n in range(2_000))
    assert len(found) == 4
    assert max(found.values()) < 1.3 * 500, found


def test_lanes_never_change():
    # these stand on disk: another answer would lose every session of a tenant
    assert lanes("acme", 16, 4) == LANES_OF_ACME
    assert [lane_of("acme", f"s-{n}", 16, 4) for n in range(6)] == LANES_OF_SESSIONS


@pytest.mark.parametrize("count", [0, -1, 5])
def test_an_impossible_number_of_lanes_is_refused(count):
    with pytest.raises(ValueError, match="choose 1 to 4"):
        lanes("acme", 4, count)
