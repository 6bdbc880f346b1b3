"""Score passages against a query by late interaction, from the embedder's packed token vectors.

Each token of the query finds its best match in the passage; the score is the mean of those
similarities. The packed form is described in infra/triton/models/embedder/1/token_vectors.py,
which writes it; scores compare only within one model and one query.

Source: Khattab and Zaharia, "ColBERT", SIGIR 2020 (there the sum; the mean is bounded).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.errors import Permanent

DIMENSIONS = 384
PASSAGE, QUERY = 1, 2  # first byte of the packed forms
NO_SCORE = -1.0  # of a passage without token vectors, and for a query without


def max_sim(query: bytes, passages: Sequence[bytes]) -> list[float]:
    """Score the passages, in their order: about -1 to 1, and NO_SCORE where one has no vectors.

    100 passages of 250 tokens take about 12 ms on one core. Raises Permanent on bytes of another
    form.
    """
    scores = [NO_SCORE] * len(passages)
    filled = [number for number, passage in enumerate(passages) if passage]
    if not query or not filled:
        return scores
    asked = _unpack_query(query)
    sizes, bits, lengths, means = _unpack_passages([passages[number] for number in filled])
    # a sign is 2 * bit - 1, so that one product with the bits serves
    signs = 2 * (bits @ asked.T) - asked.sum(axis=1)
    similarity = lengths[:, None] * signs + np.repeat(means @ asked.T, sizes, axis=0)
    best = np.maximum.reduceat(similarity, np.cumsum([0, *sizes[:-1]]), axis=0)
    for number, score in zip(filled, best.mean(axis=1), strict=True):
        scores[number] = min(1.0, max(-1.0, float(score)))
    return scores


def _unpack_query(packed: bytes) -> NDArray[np.float32]:
    count = _count(packed, QUERY, 0, 2 + DIMENSIONS)
    scales = np.frombuffer(packed, "<f2", count, offset=3).astype(np.float32)
    numbers = np.frombuffer(packed, np.int8, offset=3 + 2 * count).reshape(count, DIMENSIONS)
    return scales[:, None] * numbers.astype(np.float32)


def _unpack_passages(
    packed: Sequence[bytes],
) -> tuple[list[int], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the passages' sizes, and all their vectors' bits and lengths, and their means."""
    row = DIMENSIONS // 8
    sizes, bits, lengths, means = [], [], [], []
    for passage in packed:
        count = _count(passage, PASSAGE, 2 * DIMENSIONS, 2 + row)
        sizes.append(count)
        means.append(np.frombuffer(passage, "<f2", DIMENSIONS, offset=3))
        lengths.append(np.frombuffer(passage, "<f2", count, offset=3 + 2 * DIMENSIONS))
        start = 3 + 2 * DIMENSIONS + 2 * count
        bits.append(np.frombuffer(passage, np.uint8, offset=start).reshape(count, row))
    unpacked = np.unpackbits(np.concatenate(bits), axis=1)
    return (
        sizes,
        unpacked.astype(np.float32),
        np.concatenate(lengths).astype(np.float32),
        np.stack(means).astype(np.float32),
    )


def _count(packed: bytes, form: int, head: int, row: int) -> int:
    """Read how many vectors were packed, and check that the bytes are of that form and whole."""
    count = int.from_bytes(packed[1:3], "little")
    if packed[0] != form or not count or len(packed) != 3 + head + count * row:
        message = f"token vectors of {len(packed)} bytes are not in form {form} of this version; "
        raise Permanent(message + "embed the document again with the model in force")
    return count
