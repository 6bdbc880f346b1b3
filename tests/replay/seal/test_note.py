"""Signed notes, as C2SP's signed-note and Go's sumdb/note have them."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from replay.seal.note import BadNote, Signer, VerifierKey, opened

GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
"""The key of the example in the documentation of golang.org/x/mod/sumdb/note, and its note."""
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SIGNER = Signer("playhead.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))
TEXT = "a text\nof two lines\n"


def test_a_note_of_gos_own_documentation_is_read():
    verifier = VerifierKey.read(GO_PUBLIC)
    assert str(verifier) == GO_PUBLIC
    note = opened(GO_NOTE, [verifier])
    assert note.by == (verifier,)
    assert note.text.endswith("what your problem is.\n")


def test_what_is_signed_is_read_with_the_key_as_it_is_published():
    note = SIGNER.sign(TEXT)
    assert opened(note, [VerifierKey.read(str(SIGNER.verifier))]).text == TEXT


def test_a_private_key_is_read_as_it_is_spelt():
    again = Signer.read(SIGNER.secret())
    assert again.verifier == SIGNER.verifier
    assert again.sign(TEXT) == SIGNER.sign(TEXT)


def test_a_key_shows_nothing_of_itself_where_it_is_printed():
    seed = SIGNER.secret().rpartition("+")[2]
    assert seed not in f"{SIGNER!r} {SIGNER.verifier!r}"


@given(st.data())
def test_a_text_that_was_changed_does_not_hold(data):
    note = SIGNER.sign(TEXT)
    place = data.draw(st.integers(0, len(TEXT) - 2))
    sign = data.draw(st.characters(codec="utf-8", categories=["L", "N"]))
    changed = note[:place] + sign + note[place + 1 :]
    if changed != note:
        with pytest.raises(BadNote):
            opened(changed, [SIGNER.verifier])


def test_a_note_of_several_is_read_by_each():
    other = Signer.new("witness")
    note = SIGNER.sign(TEXT) + other.line(TEXT)
    assert opened(note, [SIGNER.verifier]).by == (SIGNER.verifier,)
    assert opened(note, [other.verifier, SIGNER.verifier]).by == (
        SIGNER.verifier,
        other.verifier,
    )


def test_who_signs_twice_counts_once():
    note = SIGNER.sign(TEXT) + SIGNER.line(TEXT)
    assert opened(note, [SIGNER.verifier]).by == (SIGNER.verifier,)


def test_one_bad_signature_of_a_known_key_is_not_passed_over():
    note = SIGNER.sign(TEXT)
    other = Signer.new("witness")
    forged = other.line("another text\n")
    with pytest.raises(BadNote, match="witness does not hold"):
        opened(note + forged, [SIGNER.verifier, other.verifier])


def test_a_key_of_the_same_name_is_another_key():
    with pytest.raises(BadNote, match="by a key that is known here"):
        opened(SIGNER.sign(TEXT), [Signer.new("playhead.example/log").verifier])


@pytest.mark.parametrize("known", [[], [VerifierKey("witness", bytes(32))]])
def test_a_note_that_nobody_known_has_signed_is_none(known):
    with pytest.raises(BadNote, match="by a key that is known here"):
        opened(SIGNER.sign(TEXT), known)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        TEXT,
        TEXT + "\n",
        SIGNER.sign(TEXT)[:-1],
        SIGNER.sign(TEXT) + "\n",
        SIGNER.sign(TEXT) + "no dash\n",
        SIGNER.sign(TEXT).replace("—", "-"),
        SIGNER.sign(TEXT).replace(" \n", "\n") + "— witness !!!\n",
        SIGNER.sign(TEXT) + "— witness " + base64.b64encode(b"four").decode() + "\n",
        SIGNER.sign(TEXT) + "— wit+ness " + base64.b64encode(b"12345").decode() + "\n",
        "a\ttab\n\n" + SIGNER.line(TEXT),
        SIGNER.sign(TEXT) + "— witness MTIzNDU=\n" * 100,
        "x" * 1_000_001,
    ],
)
def test_what_is_no_note_is_called_so(note):
    with pytest.raises(BadNote):
        opened(note, [SIGNER.verifier])


@pytest.mark.parametrize("text", ["", "no line break", "a\rreturn\n", "half a character \ud800\n"])
def test_what_can_be_no_text_of_a_note_is_not_signed(text):
    with pytest.raises(BadNote):
        SIGNER.sign(text)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "name",
        "name+id",
        "name+c74f20a3+!!!",
        "name+c74f20a3+" + base64.b64encode(b"\1short").decode(),
        "name+c74f20a3+" + base64.b64encode(b"\2" + bytes(32)).decode(),
        GO_PUBLIC.replace("c74f20a3", "c74f20a4"),
        GO_PUBLIC.replace("PeterNeumann", "Peter Neumann"),
        GO_PUBLIC.replace("PeterNeumann", ""),
    ],
)
def test_what_is_no_key_is_called_so(key):
    with pytest.raises(BadNote):
        VerifierKey.read(key)


@pytest.mark.parametrize(
    "secret", ["", str(SIGNER.verifier), SIGNER.secret().replace("log", "lob")]
)
def test_what_is_no_private_key_is_called_so_and_not_shown(secret):
    with pytest.raises(BadNote) as told:
        Signer.read(secret)
    assert secret.rpartition("+")[2] not in str(told.value) or not secret


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\nb"])
def test_what_can_be_no_name_is_called_so(name):
    with pytest.raises(BadNote):
        Signer.new(name)
