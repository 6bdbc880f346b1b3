"""`playhead keys`."""

from __future__ import annotations

import json

import pytest

from edge.cli.keys import keys
from tests.edge.cli.running import run


def test_a_key_is_made_listed_and_revoked(monkeypatch, tmp_path):
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    made = run(keys, "create", "--tenant", "acme", "--ttl", "12h", "--json")
    entry = json.loads(made.stdout)
    assert {"id", "key", "tenant", "scopes", "expires_at"} <= set(entry)
    assert entry["expires_at"].endswith("Z")
    listed = run(keys, "list", "--json").stdout
    assert entry["key"] not in listed
    assert [one["id"] for one in json.loads(listed)] == [entry["id"]]
    assert run(keys, "revoke", entry["id"]).exit_code == 0
    assert json.loads(run(keys, "list", "--json").stdout)[0]["revoked_at"]
    assert entry["id"] in run(keys, "list").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "--tenant", "a b"],
        ["create", "--tenant", "acme", "--scopes", "everything"],
        ["create", "--tenant", "acme", "--ttl", "soon"],
        ["revoke", "key-none"],
    ],
)
def test_a_mistake_is_one_line_and_exit_1(monkeypatch, tmp_path, arguments):
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    done = run(keys, *arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1
