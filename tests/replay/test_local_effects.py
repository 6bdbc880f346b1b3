"""What executes local effects again: all of those, and nothing that asks a model."""

import pytest

from replay.local_effects import local_handlers
from schemas import Detect, Digest, Embed, Generate, Parse, Search, Unseal
from streams.settings import BadSetting, Settings


def test_only_local_effects_are_executed_again(archive):
    local, keyring = local_handlers(archive.settings)
    assert {Digest, Unseal, Parse} <= set(local)
    assert not {Embed, Generate, Search, Detect} & set(local)
    assert all(request.EFFECT == "local" for request in local)
    assert len(keyring.digest_key("acme")) >= 32


def test_without_a_key_store_none_is_made(tmp_path):
    with pytest.raises(BadSetting, match=r"no key store at .*PLAYHEAD_KEYRING"):
        local_handlers(Settings(run=tmp_path))
    assert list(tmp_path.iterdir()) == []
