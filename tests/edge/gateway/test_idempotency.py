"""The store of idempotency keys."""

from __future__ import annotations

import threading

import pytest

from edge.gateway.idempotency import KEPT_S, Idempotency
from edge.problems import Problem


@pytest.fixture
def store(tmp_path):
    return Idempotency(tmp_path / "i.sqlite")


def test_two_threads_take_one_idempotency_key_once(store):
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(store.begin("s", "k", "b")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [False] * 8
    store.confirm("s", "k")
    assert store.begin("s", "k", "b")


def test_a_key_that_came_with_another_body_is_a_mistake(store):
    store.begin("s", "k", "b")
    with pytest.raises(Problem) as refused:
        store.begin("s", "k", "another")
    assert (refused.value.status, refused.value.slug) == (422, "idempotency-key-reused")
    assert not store.begin("s", "k", "b")


def test_nobody_meets_anothers_keys(store):
    store.begin("s", "k", "b")
    store.confirm("s", "k")
    assert not store.begin("another", "k", "something else")


@pytest.mark.parametrize("key", ["k", "x" * 255, "!~", "a|b"])
def test_a_key_is_visible_ascii(store, key):
    assert not store.begin("s", key, "b")


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é", "a\n", "a\0"])
def test_what_is_no_key_is_refused_and_not_kept(store, key):
    for _ in range(2):
        with pytest.raises(Problem) as refused:
            store.begin("s", key, "b")
        assert refused.value.status == 400


def test_keys_outlive_the_process_and_are_forgotten_in_time(tmp_path, store):
    store.begin("s", "old", "b")
    store.confirm("s", "old")
    store.begin("s", "new", "b")
    store.confirm("s", "new")
    store._database.execute(
        "UPDATE idempotency SET at_s = at_s - ? WHERE key = 'old'", (KEPT_S + 1,)
    )
    store.close()
    again = Idempotency(tmp_path / "i.sqlite")
    assert again.begin("s", "new", "b")
    assert not again.begin("s", "old", "another body")
