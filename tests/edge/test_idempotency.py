"""The store of idempotency keys."""

from __future__ import annotations

import threading

from edge.idempotency import Idempotency


def test_two_threads_take_one_idempotency_key_once(tmp_path):
    store = Idempotency(tmp_path / "i.sqlite")
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
    store.taken("s", "k")
    assert store.begin("s", "k", "b")
