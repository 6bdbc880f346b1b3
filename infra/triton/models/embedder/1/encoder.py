"""Encode: texts into vectors with bge-small-en-v1.5 (int8 ONNX), and their token vectors.

Why it is so: a text goes through the model alone, never in a padded batch. The int8 model scales
its activations by the extremes of the whole batch, so in a batch a text's vector depends on its
neighbours and on the padding; alone it is a function of the text, which replays and caches rely on.
On a CPU this costs nothing: a passage's matrices are large enough to keep a core busy, and several
texts run at once on threads instead.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from token_vectors import FORM, pack_passage, pack_query
from tokenizers import Tokenizer

TOKENS_MAX = 512  # the model's positions
# what the model's card asks for; it raised nDCG@10 only with passages left bare
QUERY_PREFIX = "Represent this sentence for searching relevant passages: "


@dataclass(frozen=True)
class Encoding:
    """One text's vectors."""

    vector: NDArray[np.float32]  # (384,), unit length
    token_vectors: bytes  # empty unless asked for
    tokens: int  # seen by the model, its own marks included
    truncated: bool


class Encoder:
    """The model, safe to call from several threads at once; each call uses one core."""

    def __init__(self, folder: Path) -> None:
        weights = (folder / "model.onnx").read_bytes()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        definition = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        # the file asks for padding and truncation of its own: here every text is encoded alone
        self._tokenizer = Tokenizer.from_str(
            json.dumps({**definition, "padding": None, "truncation": None})
        )
        self._prefix = len(self._tokenizer.encode(QUERY_PREFIX, add_special_tokens=False).ids)
        digest = hashlib.sha256(weights).hexdigest()[:8]
        self.model = f"{folder.name}-int8@{digest}+{FORM}"

    def encode(self, text: str, *, query: bool, with_tokens: bool) -> Encoding:
        """Encode one text. Its end is cut where it has more than TOKENS_MAX tokens."""
        encoded = self._tokenizer.encode(QUERY_PREFIX + text if query else text)
        ids = encoded.ids
        truncated = len(ids) > TOKENS_MAX
        if truncated:
            ids = [*ids[: TOKENS_MAX - 1], ids[-1]]  # the last one is [SEP]
        row = np.asarray([ids], dtype=np.int64)
        states = self._session.run(
            ["last_hidden_state"],
            {
                "input_ids": row,
                "attention_mask": np.ones_like(row),
                "token_type_ids": np.zeros_like(row),
            },
        )[0][0]
        units = states / np.linalg.norm(states, axis=1, keepdims=True)
        packed = b""
        if with_tokens and query:
            packed = pack_query(units[1 + self._prefix : -1])
        elif with_tokens:
            packed = pack_passage(units[1:-1])
        return Encoding(units[0].astype("<f4"), packed, len(ids), truncated)
