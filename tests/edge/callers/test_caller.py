"""Who calls, and what callers may do."""

from __future__ import annotations

import pytest

from edge.callers.api_keys import ApiKeys
from edge.callers.caller import Caller, bearer_of, caller_of
from edge.problems import Problem


def a_caller(*scopes, tenant="acme", groups=(), subject="subject"):
    return Caller("key-1", tenant, "jane", subject, frozenset(scopes), groups)


@pytest.mark.parametrize(
    ("header", "secret"),
    [
        ("Bearer ph_x", "ph_x"),
        ("bearer ph_x", "ph_x"),
        ("BEARER  ph_x ", "ph_x"),
        ("Bearer", ""),
        ("", ""),
        ("Basic ph_x", ""),
        ("ph_x", ""),
        ("Bearerph_x", ""),
    ],
)
def test_a_key_stands_behind_the_word_bearer(header, secret):
    assert bearer_of(header) == secret


async def test_a_key_says_who_calls(tmp_path):
    keys = ApiKeys(tmp_path / "keys.sqlite")
    entry, secret = keys.create("acme", user="jane", scopes=["read"], groups=["staff"])
    caller = await caller_of(secret, keys, lambda tenant, user: f"digest of {tenant}/{user}")
    assert caller == Caller(
        entry.id, "acme", "jane", "digest of acme/jane", frozenset({"read", "ask"}), ("staff",)
    )


@pytest.mark.parametrize("secret", ["", "ph_x", "x" * 10_000, "é", "\udc80"])
async def test_without_a_valid_key_nobody_calls(tmp_path, secret):
    with pytest.raises(Problem) as refused:
        await caller_of(secret, ApiKeys(tmp_path / "keys.sqlite"), lambda *_: "")
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_scope_that_lacks_is_named_with_the_command_that_gives_it():
    a_caller("read").need("read")
    with pytest.raises(Problem) as refused:
        a_caller("read").need("write")
    assert refused.value.status == 403
    assert "--tenant acme --scopes write" in refused.value.detail


@pytest.mark.parametrize("named", ["globex", "", "ACME", "acme "])
def test_another_tenant_is_refused(named):
    a_caller().belongs_to(None)
    a_caller().belongs_to("acme")
    with pytest.raises(Problem) as refused:
        a_caller().belongs_to(named)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("scopes", "kind", "seen"),
    [
        (["restore"], "PERSON", True),
        (["restore:PERSON"], "PERSON", True),
        (["restore:PERSON"], "EMAIL_ADDRESS", False),
        (["read", "write"], "PERSON", False),
        (["restore:"], "PERSON", False),
    ],
)
def test_personal_data_is_seen_only_where_a_scope_says_so(scopes, kind, seen):
    assert a_caller(*scopes).may_see(kind) == seen
