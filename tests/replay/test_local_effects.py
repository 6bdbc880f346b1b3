"""What executes local effects again: all of those, and nothing that asks a model."""

import dataclasses

import pytest

from agents.errors import BeyondMeans
from replay.local_effects import local_handlers
from schemas import Detect, Digest, Embed, Generate, Parse, Seal, Search, Unseal
from streams.running.world import Call
from streams.settings import Settings
from tests.connectors.readers.hostile import attributes

CALL = Call(tenant="acme", lane=0, request="r", session="d", event="e", topic="t", offset=0)


def test_only_local_effects_are_executed_again(archive):
    local, keyring = local_handlers(archive.settings)
    assert {Digest, Unseal, Parse} <= set(local)
    assert not {Embed, Generate, Search, Detect} & set(local)
    assert all(request.EFFECT == "local" for request in local)
    assert len(keyring.digest_key("acme")) >= 32


@pytest.mark.slow  # it works for longer than it may live
async def test_what_was_read_within_the_limits_may_take_longer_here(archive):
    within = dataclasses.replace(archive.settings, document_cpu_s=1, document_memory_mb=64)
    local, _ = local_handlers(within)
    slow = Parse(media_type="text/html", content=attributes(550_000))
    assert (await local[Parse](slow, CALL)).blocks


async def test_without_a_key_store_none_is_made_and_what_needs_one_is_beyond_means(tmp_path):
    local, keyring = local_handlers(Settings(run=tmp_path))
    with pytest.raises(BeyondMeans, match=r"no key store at .*PLAYHEAD_KEYRING"):
        keyring.digest_key("acme")
    for request in (Unseal(values=()), Digest(values=()), Seal(values=())):
        with pytest.raises(BeyondMeans, match="no key store at"):
            await local[type(request)](request, CALL)
    assert list(tmp_path.iterdir()) == []
