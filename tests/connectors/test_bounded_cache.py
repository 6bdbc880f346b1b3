"""The cache: bounds in bytes and age, and who pays for room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from connectors import bounded_cache
from connectors.bounded_cache import ENTRY_BYTES, SHARE, BoundedCache

ROOM = 10 * SHARE * ENTRY_BYTES


class Watch:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self):
        return self.now


def a_cache(bytes_max=ROOM, kept_s=60.0, clock=None):
    return BoundedCache("tests", bytes_max, kept_s, clock or Watch())


def test_what_is_kept_is_found_by_its_tenant_and_key_alone():
    cache = a_cache()
    cache.keep("acme", "k", "value", 5)
    assert cache.get("acme", "k") == "value"
    assert cache.get("other", "k") is None
    assert cache.get("acme", "other") is None


def test_a_tenant_that_is_forgotten_leaves_the_others_theirs_and_its_room():
    cache = a_cache()
    for tenant in ("acme", "other"):
        for key in "kl":
            cache.keep(tenant, key, tenant, 5)
    cache.forget_tenant("acme")
    cache.forget_tenant("nobody")
    assert [cache.get("acme", key) for key in "kl"] == [None, None]
    assert [cache.get("other", key) for key in "kl"] == ["other", "other"]
    assert cache.bytes == 2 * (5 + ENTRY_BYTES)


def test_a_newer_value_takes_the_place_and_the_room_of_the_older():
    cache = a_cache()
    cache.keep("acme", "k", "old", 100)
    cache.keep("acme", "k", "new", 5)
    assert (cache.get("acme", "k"), cache.bytes) == ("new", 5 + ENTRY_BYTES)


def test_it_is_kept_for_its_time_and_no_longer():
    clock = Watch()
    cache = a_cache(kept_s=60, clock=clock)
    cache.keep("acme", "k", "value", 5)
    clock.now = 59.9
    assert cache.get("acme", "k") == "value"
    clock.now = 60
    assert cache.get("acme", "k") is None
    assert cache.bytes == 0


@pytest.mark.parametrize(("bytes_max", "kept_s"), [(0, 60), (ROOM, 0)])
def test_without_room_or_time_nothing_is_kept(bytes_max, kept_s):
    cache = a_cache(bytes_max, kept_s)
    cache.keep("acme", "k", "value", 5)
    assert not cache.on
    assert cache.get("acme", "k") is None


def test_what_would_take_more_than_a_share_is_not_kept():
    cache = a_cache()
    cache.keep("acme", "fits", "value", ROOM // SHARE - ENTRY_BYTES)
    cache.keep("acme", "large", "value", ROOM // SHARE - ENTRY_BYTES + 1)
    assert cache.get("acme", "fits") == "value"
    assert cache.get("acme", "large") is None
    cache.keep("acme", "fits", "a newer one", ROOM)
    assert (cache.get("acme", "fits"), cache.bytes) == (None, 0)


def test_what_was_not_used_for_longest_goes_first():
    cache = a_cache(bytes_max=SHARE * ENTRY_BYTES)
    for number in range(SHARE):
        cache.keep("acme", number, number, 0)
    assert cache.get("acme", 0) == 0
    cache.keep("acme", "one more", 0, 0)
    assert [cache.get("acme", number) for number in (0, 1, 2)] == [0, None, 2]


def test_a_flood_of_one_tenant_leaves_the_others_theirs():
    cache = a_cache()
    cache.keep("quiet", "k", "value", 0)
    for number in range(1_000):
        cache.keep("loud", number, number, 0)
    assert cache.get("quiet", "k") == "value"
    assert cache.bytes <= ROOM


def test_a_tenant_below_its_share_gets_room_from_whoever_used_theirs_least():
    cache = a_cache()
    for number in range(10 * SHARE):
        cache.keep("loud", number, number, 0)
    cache.keep("quiet", "k", "value", 0)
    assert cache.get("quiet", "k") == "value"
    assert cache.get("loud", 0) is None


def test_what_is_forgotten_is_gone_and_takes_no_room():
    cache = a_cache()
    cache.keep("acme", "k", "value", 5)
    cache.forget()
    assert (cache.get("acme", "k"), cache.bytes) == (None, 0)
    cache.keep("acme", "k", "value", 5)
    assert cache.get("acme", "k") == "value"


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(0, 3_000), st.booleans())
    )
)
def test_bytes_are_bounded_whatever_is_asked_and_each_value_is_its_keys(doings):
    cache = a_cache(bytes_max=10_000)
    for tenant, key, size, asks in doings:
        if asks:
            assert cache.get(tenant, key) in {None, (tenant, key)}
        else:
            cache.keep(tenant, key, (tenant, key), size)
        assert 0 <= cache.bytes <= 10_000


def test_hits_and_misses_are_counted_and_tell_neither_tenant_nor_key(monkeypatch):
    reader = InMemoryMetricReader()
    counter = MeterProvider([reader]).get_meter("m").create_counter("playhead.cache.lookups")
    monkeypatch.setattr(bounded_cache, "_lookups", counter)
    cache = a_cache()
    cache.get("acme", "k")
    cache.keep("acme", "k", "value", 5)
    cache.get("acme", "k")
    cache.get("acme", "k")
    [resource] = reader.get_metrics_data().resource_metrics
    points = resource.scope_metrics[0].metrics[0].data.data_points
    counts = {point.attributes["playhead.cache.hit"]: point.value for point in points}
    assert counts == {False: 1, True: 2}
    assert all(set(p.attributes) == {"playhead.cache", "playhead.cache.hit"} for p in points)
