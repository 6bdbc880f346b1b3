"""Checkpoints: which tree, how large, its root, and where its first and last leaves lie."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from replay.seal.checkpoint import Checkpoint, origin_of, parsed, read
from replay.seal.merkle import EMPTY
from replay.seal.note import BadNote, Signer

SIGNER = Signer("playhead.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))
ORIGIN = origin_of("playhead.example/log", "playhead.question.asked", 3)
CHECKPOINT = Checkpoint(ORIGIN, 3, EMPTY, first=5, next=9)
ROOT = base64.b64encode(EMPTY).decode()


def test_a_checkpoint_is_spelt_as_its_standard_says():
    assert CHECKPOINT.text() == (
        f"playhead.example/log/playhead.question.asked/3\n3\n{ROOT}\nfirst 5\nnext 9\n"
    )


@given(
    st.builds(
        Checkpoint,
        st.just(ORIGIN),
        st.integers(0, 2**63 - 1),
        st.binary(min_size=32, max_size=32),
        st.integers(0, 2**63 - 1),
        st.integers(0, 2**63 - 1),
    )
)
def test_what_is_signed_is_what_is_read(checkpoint):
    assert read(checkpoint.signed(SIGNER), [SIGNER.verifier]) == checkpoint


def test_lines_of_others_are_passed_over():
    assert parsed(CHECKPOINT.text() + "timestamp 12\n") == CHECKPOINT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        "origin\n3\n",
        f"\n3\n{ROOT}\nfirst 5\nnext 9\n",
        f"origin\n03\n{ROOT}\nfirst 5\nnext 9\n",
        f"origin\n-3\n{ROOT}\nfirst 5\nnext 9\n",
        f"origin\n\u0663\n{ROOT}\nfirst 5\nnext 9\n",
        f"origin\n{'9' * 20}\n{ROOT}\nfirst 5\nnext 9\n",
        "origin\n3\nQUJD\nfirst 5\nnext 9\n",
        "origin\n3\n!\nfirst 5\nnext 9\n",
        f"origin\n3\n{ROOT}\n",
        f"origin\n3\n{ROOT}\nfirst 5\n",
        f"origin\n3\n{ROOT}\nfirst 5\nfirst 6\nnext 9\n",
        f"origin\n3\n{ROOT}\nfirst x\nnext 9\n",
    ],
)
def test_what_is_no_checkpoint_is_called_so(text):
    with pytest.raises(BadNote):
        parsed(text)
