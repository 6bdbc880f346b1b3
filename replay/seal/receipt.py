"""A receipt: that one record is in a log that somebody signed, in a file that needs no log.

It holds the leaf's bytes (where the record lies, when it was written, key, value, headers; see
`leaves`), the hashes beside its path to the root, and the signed checkpoint with that root. For an
answer it names the text, which must be a whole string of these bytes: Avro keeps one as its length
and its UTF-8. Which string of the record it is, is not told.

docs/examples/verify_receipt.py checks one without a line of Playhead.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from replay.seal.checkpoint import Checkpoint
from replay.seal.merkle import BadProof, HashReader, check_inclusion, inclusion_proof, leaf_hash
from replay.seal.note import NOTE_BYTES_MAX, BadNote, VerifierKey
from replay.seal.seal_folder import checkpoint_for
from schemas.prepared_types import prepared

FORMAT = 1
RECEIPT_BYTES_MAX = 16 * 2**20  # a record has a megabyte
PROOF_MAX = 64  # of a tree of 2^64 leaves
PENDING = "pending"


class BadReceipt(ValueError):
    """A file that is no receipt, or one that does not hold; the message says why."""


class _Pending(msgspec.Struct):
    """What a gateway tells of a record that no checkpoint covers yet."""

    state: Any = ""


class RecordReceipt(msgspec.Struct, forbid_unknown_fields=False):
    """As it is written, in JSON; bytes are base64."""

    format: int
    topic: str
    partition: Annotated[int, msgspec.Meta(ge=0, le=2**31)]
    offset: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    index: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    """Of the leaf in its tree."""
    leaf: str
    proof: Annotated[list[str], msgspec.Meta(max_length=PROOF_MAX)]
    checkpoint: str
    """The signed note."""
    key: str
    """The public key that has signed it, as whoever made the receipt knows it."""
    request: str = ""
    text: str = ""
    """That the record holds: an answer as it was released, with placeholders for what is sealed."""


def receipt_of(
    place: tuple[str, int, int],
    leaf: bytes,
    index: int,
    tree: HashReader,
    signed: tuple[Checkpoint, str],
    key: VerifierKey,
    *,
    request: str = "",
    text: str = "",
) -> RecordReceipt:
    """Make the receipt of a leaf at topic, partition and offset.

    `signed` is a checkpoint with its note. Raises LookupError where the tree's hashes are lacking.
    """
    checkpoint, note = signed
    proof = inclusion_proof(tree, index, checkpoint.size)
    return RecordReceipt(
        FORMAT,
        *place,
        index,
        base64.b64encode(leaf).decode(),
        [base64.b64encode(one).decode() for one in proof],
        note,
        str(key),
        request,
        text,
    )


prepared(_Pending, RecordReceipt)


def read_receipt(content: bytes) -> RecordReceipt:
    """Read a receipt; raises BadReceipt."""
    try:
        state = msgspec.json.decode(content, type=_Pending).state
        if state == PENDING:
            raise BadReceipt(
                "no checkpoint covered the record when it was made: get it again once the log "
                "is sealed (`playhead audit seal`)"
            )
        receipt = msgspec.json.decode(content, type=RecordReceipt)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadReceipt(f"it is no receipt: {error}") from None
    if receipt.format != FORMAT:
        raise BadReceipt(f"it is a receipt of format {receipt.format}; this release reads {FORMAT}")
    if len(receipt.checkpoint) > NOTE_BYTES_MAX:
        raise BadReceipt("its checkpoint is longer than a checkpoint can be")
    return receipt


def check_receipt(receipt: RecordReceipt, keys: Iterable[VerifierKey] = ()) -> Checkpoint:
    """Check that the record lies in the tree that a known key has signed; raises BadReceipt.

    Without `keys` the one that the receipt names is taken: then it shows that receipt and
    checkpoint are of one piece, and not whose they are.
    """
    try:
        known = list(keys) or [VerifierKey.read(receipt.key)]
        checkpoint = checkpoint_for(receipt.checkpoint, known, (receipt.topic, receipt.partition))
        leaf = _decoded(receipt.leaf)
        proof = [_decoded(one) for one in receipt.proof]
        check_inclusion(leaf_hash(leaf), receipt.index, checkpoint.size, proof, checkpoint.root)
    except (BadNote, BadProof) as error:
        raise BadReceipt(str(error)) from None
    if not leaf.startswith(b"\1" + receipt.offset.to_bytes(8, "big")):
        raise BadReceipt(f"the record that is proved does not lie at offset {receipt.offset}")
    for what, told in (("request", receipt.request), ("text", receipt.text)):
        if told and as_string(told) not in leaf:
            raise BadReceipt(f"the {what} that it tells does not stand in the record it proves")
    return checkpoint


def as_string(text: str) -> bytes:
    """Spell a text as Avro does: its length, zigzag and seven bits a byte, and its UTF-8."""
    content = text.encode()
    number, length = 2 * len(content), bytearray()
    while number >= 128:
        length.append(number & 127 | 128)
        number >>= 7
    return bytes([*length, number]) + content


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadReceipt("its leaf and its proof are base64") from None
