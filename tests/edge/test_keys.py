"""The store of API keys."""

from __future__ import annotations

from edge.keys import ApiKeys, instant


def test_keys_are_stored_hashed_and_private(tmp_path):
    store = ApiKeys(tmp_path / "keys.sqlite")
    entry, secret = store.create("acme", user="jane", ttl_s=60)
    assert store.find(secret) == entry
    assert store.find(secret + "x") is None
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in stored
    assert (tmp_path / "keys.sqlite").stat().st_mode & 0o077 == 0
    assert entry.as_json()["expires_at"] == instant(entry.created_s + 60)
