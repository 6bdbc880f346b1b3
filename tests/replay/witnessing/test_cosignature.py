"""Cosignatures: what a witness signed holds, and nothing else does."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.seal.note import DASH, BadNote, Signer
from replay.witnessing.cosignature import (
    COSIGNATURE_ED25519,
    KINDS,
    SUBTREE,
    Cosigner,
    cosignatures,
    cosigned,
    time_of,
    witness_key,
)
from tests.replay.seal.sealed_log import SIGNER

ROOT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
TEXT = f"playhead-test/topic/0\n5\n{ROOT}\nfirst 0\nnext 5\n"
NOTE = SIGNER.sign(TEXT)
COSIGNERS = {kind: Cosigner.new("witness.test/w", kind) for kind in KINDS}
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
def test_what_a_witness_signed_is_told_with_its_time(kind):
    cosigner = COSIGNERS[kind]
    note = cosigned(NOTE, [cosigner.line(TEXT, 1_679_315_147)])
    [found] = cosignatures(note, [Cosigner.new("other.test").verifier, cosigner.verifier])
    assert (found.by, found.at_s) == (cosigner.verifier, 1_679_315_147)
    assert note == NOTE + found.line


@kinds
@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n5\n", "\n6\n"),
        TEXT.replace(ROOT, ROOT.replace("4", "5", 1)),
        TEXT.replace("/0\n", "/1\n"),
    ],
)
def test_another_tree_is_not_what_was_signed(kind, text):
    line = COSIGNERS[kind].line(TEXT, 5)
    with pytest.raises(BadNote, match="does not hold"):
        cosignatures(SIGNER.sign(text) + line, [COSIGNERS[kind].verifier])


@pytest.mark.parametrize(("kind", "signed"), [(b"\4", True), (b"\6", False)])
def test_other_lines_of_a_checkpoint_are_signed_by_ed25519_alone(kind, signed):
    """So says the specification: the larger kind signs the tree."""
    note = SIGNER.sign(TEXT.replace("next 5", "next 6")) + COSIGNERS[kind].line(TEXT, 5)
    if signed:
        with pytest.raises(BadNote):
            cosignatures(note, [COSIGNERS[kind].verifier])
    else:
        assert len(cosignatures(note, [COSIGNERS[kind].verifier])) == 1


@kinds
@given(st.data())
def test_no_bit_of_a_cosignature_can_be_another(kind, data):
    name, _, encoded = COSIGNERS[kind].line(TEXT, 5).removeprefix(DASH).partition(" ")
    signed = bytearray(base64.b64decode(encoded))
    at = data.draw(st.integers(4, len(signed) - 1))  # before lies the id of the key
    signed[at] ^= 1 << data.draw(st.integers(0, 7))
    line = f"{DASH}{name} {base64.b64encode(signed).decode()}\n"
    with pytest.raises(BadNote, match="does not hold"):
        cosignatures(NOTE + line, [COSIGNERS[kind].verifier])


def test_the_message_of_the_larger_kind_is_the_one_of_the_specification():
    cosigner = COSIGNERS[b"\6"]
    name, origin = b"witness.test/w", b"playhead-test/topic/0"
    message = b"".join(
        (
            SUBTREE,
            bytes([len(name)]) + name,
            (5).to_bytes(8, "big"),
            bytes([len(origin)]) + origin,
            bytes(8),
            (5).to_bytes(8, "big"),
            base64.b64decode(ROOT),
        )
    )
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

    signed = base64.b64decode(cosigner.line(TEXT, 5).split(" ")[2])
    assert signed[4:12] == (5).to_bytes(8, "big")
    MLDSA44PublicKey.from_public_bytes(cosigner.verifier.key).verify(signed[12:], message)


@kinds
def test_keys_are_read_as_they_are_spelt(kind):
    cosigner = COSIGNERS[kind]
    assert witness_key(f" {cosigner.verifier}\n") == cosigner.verifier
    again = Cosigner.read(cosigner.secret())
    assert again.verifier == cosigner.verifier
    assert cosignatures(NOTE + again.line(TEXT, 5), [cosigner.verifier])


@pytest.mark.parametrize(
    "spelt",
    [
        "",
        "w",
        "w+00000000+",
        "w+00000000+####",
        "w+00000000+BA\xe4=",
        str(SIGNER.verifier),
        str(COSIGNERS[COSIGNATURE_ED25519].verifier)[:-4],
        str(COSIGNERS[COSIGNATURE_ED25519].verifier).replace("witness", "other"),
    ],
)
def test_what_is_no_key_of_a_witness_is_refused(spelt):
    with pytest.raises(BadNote):
        witness_key(spelt)


@pytest.mark.parametrize("spelt", ["", "PRIVATE+KEY+w+0+AAAA", Signer.new("w").secret()])
def test_what_is_no_private_key_of_a_witness_is_refused_without_telling_it(spelt):
    with pytest.raises(BadNote) as refused:
        Cosigner.read(spelt)
    assert spelt[-20:] not in str(refused.value) or not spelt


def test_of_several_the_newest_counts_and_others_signatures_are_passed_over():
    cosigner = COSIGNERS[COSIGNATURE_ED25519]
    lines = [cosigner.line(TEXT, at_s) for at_s in (7, 9, 8)]
    note = cosigned(NOTE, [*lines, lines[0], Cosigner.new("other.test").line(TEXT, 1)])
    [found] = cosignatures(note, [cosigner.verifier])
    assert found.at_s == 9
    assert note.count(lines[0]) == 1


@pytest.mark.parametrize(
    ("signature", "at_s"),
    [
        (b"", None),
        (bytes(8), None),
        (bytes(9), None),
        (b"\x80" + bytes(8), None),
        (b"\0\0\0\0\0\0\0\1s", 1),
    ],
)
def test_a_time_is_a_positive_number_before_a_signature(signature, at_s):
    assert time_of(signature) == at_s


def test_the_larger_kind_signs_no_name_beyond_a_byte():
    text = TEXT.replace("topic", "t" * 300)
    with pytest.raises(BadNote, match="255 bytes"):
        COSIGNERS[b"\6"].line(text, 5)
    with pytest.raises(BadNote, match="255 bytes"):
        Cosigner.new("w" * 256)
