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
        ["create", "--tenant", "acme", "--scopes", " ,"],
        ["create", "--tenant", "acme", "--ttl", "soon"],
        ["create", "--tenant", "acme", "--ttl", "99999d"],
        ["revoke", "key-none"],
    ],
)
def test_a_mistake_is_one_line_and_exit_1(monkeypatch, tmp_path, arguments):
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    done = run(keys, *arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Scopes: ask, ingest, restore (all that users need; --scopes gives fewer). It"),
        (["--scopes", "read"], "Scopes: read. It does not expire (--ttl sets an end). Keep the"),
        (["--scopes", "read", "--ttl", "1h"], "Scopes: read. It expires at 2"),
    ],
)
def test_what_a_key_may_do_and_for_how_long_is_said(monkeypatch, tmp_path, arguments, said):
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    made = run(keys, "create", "--tenant", "acme", *arguments)
    assert made.stdout.startswith("ph_")
    assert said in made.stderr


def test_no_keys_are_said_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    listed = run(keys, "list")
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert "playhead keys create" in listed.stderr
