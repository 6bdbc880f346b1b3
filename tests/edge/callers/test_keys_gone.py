"""When a key is destroyed, what the gateway keeps of texts goes, and streams that show values end."""

import pytest

from agents.answering.terms import terms
from agents.errors import Transient
from edge.callers.keys_gone import KeysGone
from streams.operations.erasures.kept_texts import forget_texts
from tests.erased_people import PeopleHeld


@pytest.mark.parametrize(
    ("key", "tenant", "times", "kept"),
    [
        ("user/jane", "acme", 1, False),
        ("value/v", "acme", 1, False),
        ("user/bob", "globex", 0, False),  # the texts may be anybody's
        (None, "acme", 0, True),
    ],
)
async def test_texts_are_kept_no_longer_than_the_keys_of_what_they_were_made_of(
    tmp_path, key, tenant, times, kept
):
    people = PeopleHeld(tmp_path)
    keys = KeysGone(people.keyring)
    terms("keys of the tower")
    if key is not None:
        people.keyring.prepare(tenant, [key, "user/other"])
        people.keyring.erase(tenant, "e", [key])
    for _ in range(2):
        await keys.look()
        assert keys.times("acme") == times
        assert bool(terms.cache_info().currsize) == kept
    forget_texts()


async def test_a_key_store_that_is_busy_is_asked_again(tmp_path, monkeypatch):
    people = PeopleHeld(tmp_path)
    keys = KeysGone(people.keyring)
    people.keyring.prepare("acme", ["user/jane", "user/bob"])
    people.keyring.erase("acme", "e", ["user/jane"])
    with monkeypatch.context() as patch:

        def busy(_):
            raise Transient("busy")

        patch.setattr(people.keyring, "destroyed_since", busy)
        await keys.look()
    assert keys.times("acme") == 0
    await keys.look()
    assert keys.times("acme") == 1
