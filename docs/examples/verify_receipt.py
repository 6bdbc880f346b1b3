"""Check a receipt of Playhead without Playhead: python verify_receipt.py RECEIPT KEY

KEY is the public key of whose log it is, NAME+ID+BASE64, from where its owner publishes it. Needs
`cryptography` for Ed25519, and nothing else. Prints what is proved, or says what is wrong and exits
with 1.
"""

import base64
import hashlib
import json
import struct
import sys
from pathlib import Path
from typing import NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def fail(why: str) -> NoReturn:
    """End, and say why."""
    sys.exit(f"this receipt proves nothing: {why}")


def signed_by(note: str, key: str) -> tuple[str, str]:
    """C2SP signed-note: the text above the blank line, if KEY has signed it."""
    name, key_id, encoded = key.split("+", 2)
    public = base64.b64decode(encoded)
    digest = hashlib.sha256(f"{name}\n".encode() + public).digest()[:4]
    if public[:1] != b"\1" or digest.hex() != key_id:
        fail("the key is none")
    head, _, signatures = note.rpartition("\n\n")
    for line in signatures.splitlines():
        dash, who, signature = line.split(" ")
        raw = base64.b64decode(signature)
        if (dash, who, raw[:4]) == ("\N{EM DASH}", name, digest):
            try:
                Ed25519PublicKey.from_public_bytes(public[1:]).verify(raw[4:], f"{head}\n".encode())
            except InvalidSignature:
                fail("the signature does not hold")
            return name, f"{head}\n"
    fail("it was not signed by this key")


def root_of(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.3.2: the root to which a leaf and the hashes beside its path lead."""
    node, last = index, size - 1
    value = hashlib.sha256(b"\0" + leaf).digest()
    for beside in proof:
        if last == 0:
            fail("the proof is too long")
        if node & 1 or node == last:
            value = hashlib.sha256(b"\1" + beside + value).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            value = hashlib.sha256(b"\1" + value + beside).digest()
        node, last = node >> 1, last >> 1
    if last:
        fail("the proof is too short")
    return value


def as_string(text: str) -> bytes:
    """Avro: a string is its length, zigzag and seven bits a byte, and its UTF-8."""
    content = text.encode()
    number, length = 2 * len(content), bytearray()
    while number >= 128:
        length.append(number & 127 | 128)
        number >>= 7
    return bytes([*length, number]) + content


def main(path: str, key: str) -> None:
    """Check the receipt in a file by a key."""
    try:
        receipt = json.loads(Path(path).read_bytes())
    except ValueError:
        fail("it is no JSON")
    name, text = signed_by(receipt["checkpoint"], key)
    origin, size, root, *_ = text.splitlines()
    if origin != f"{name}/{receipt['topic']}/{receipt['partition']}":
        fail(f"the checkpoint is of {origin}")
    leaf = base64.b64decode(receipt["leaf"])
    proof = [base64.b64decode(one) for one in receipt["proof"]]
    if not 0 <= receipt["index"] < int(size):
        fail(f"a tree of {size} leaves has no leaf {receipt['index']}")
    if root_of(leaf, receipt["index"], int(size), proof) != base64.b64decode(root):
        fail("the record is not in the tree that was signed")
    version, offset, written_ms = struct.unpack_from(">cqq", leaf)
    if version != b"\1" or offset != receipt["offset"]:
        fail(f"the record lies at offset {offset}")
    told = [receipt.get(name) for name in ("request", "text")]
    if any(one and as_string(one) not in leaf for one in told):
        fail("what it tells does not stand in the record")
    print(f"record {offset} of {origin}, written at {written_ms} ms, is one of {size} signed")
    print(f"sha256 of the record: {hashlib.sha256(leaf).hexdigest()}")
    if receipt.get("text"):
        print(f"it holds this text: {receipt['text']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
