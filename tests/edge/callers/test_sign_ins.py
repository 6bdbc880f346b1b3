"""The store of sign-ins."""

import pytest

from edge.callers.access_tokens import PersonKnown
from edge.callers.people import People
from edge.callers.sign_ins import EACH_MAX, SignIns
from tests.edge.callers.issuing import STAFF, URL, issuers, tokens

JANE = PersonKnown("staff", "acme", "oidc:https://id.acme.test#jane", ("ask",), ("hr",))
JOE = PersonKnown("staff", "acme", "oidc:https://id.acme.test#joe", ("ask",), ())


@pytest.fixture
def store(tmp_path):
    return SignIns(tmp_path / "sign-ins.sqlite")


def test_who_signed_in_is_found_by_what_the_browser_holds_and_nothing_else(store, tmp_path):
    secret = store.create(JANE, 60)
    identity, who, _ = store.find(secret)
    assert who == JANE
    assert store.find(identity) is None
    assert store.find(secret + "x") is None
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in stored
    assert (tmp_path / "sign-ins.sqlite").stat().st_mode & 0o077 == 0


def test_signing_out_holds_in_every_process_at_once(store, tmp_path):
    secret, other = store.create(JANE, 60), store.create(JANE, 60)
    identity = store.find(secret)[0]
    elsewhere = SignIns(tmp_path / "sign-ins.sqlite")
    assert elsewhere.end(secret) == "staff"
    assert store.find(secret) is None
    assert store.find(other)
    assert store.ended([identity]) == {identity: "ended"}
    assert store.end(secret) == ""


def test_a_sign_in_ends_in_its_time(store):
    over, stands = store.create(JANE, -1), store.create(JANE, 60)
    assert store.find(over) is None
    identity = store.find(stands)[0]
    store._database.execute("UPDATE sign_ins SET ends_s = 1")
    assert store.ended([identity]) == {identity: "expired"}
    store.forget_old()
    assert store.ended([identity]) == {identity: "ended"}


def test_a_person_has_so_many_at_once_and_nobody_elses_go(store):
    joes = store.create(JOE, 60)
    mine = [store.create(JANE, 60 + number) for number in range(EACH_MAX + 2)]
    assert [bool(store.find(one)) for one in mine] == [False] * 2 + [True] * EACH_MAX
    assert store.find(joes)


@pytest.mark.parametrize(
    ("changed", "stands"),
    [
        ({}, True),
        ({"tenants": ["*"]}, True),
        ({"tenants": {"a": "acme"}}, True),
        ({"tenants": [], "tenant": "acme"}, True),
        ({"tenants": ["globex"]}, False),
        ({"tenants": [], "tenant": "globex"}, False),
        ({"scopes": {"chat": ["restore"]}}, False),
        ({"issuer": f"{URL}2"}, False),
        ({"issuer": URL[:-1]}, False),
        ({"name": "guests"}, False),
        ({"login": None}, False),
    ],
)
def test_a_sign_in_says_no_more_than_its_issuer_may_after_a_start_with_another_file(
    store, changed, stands
):
    cookie = store.create(PersonKnown("staff", "acme", f"oidc:{URL}#jane", ("ask",), ()), 60)
    entry = {**STAFF, "login": {"client_id": "pages"}, **changed}
    found, _ = tokens(issuers(entry, public_url="https://chat.acme.test"))
    assert People(found, store).stands(cookie) is stands
