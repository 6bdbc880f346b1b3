"""What the models that Triton serves make of texts: a program of the installed part's own Python.

    PART/venv/bin/python -m bench.quality.model_program EMBEDDER MODELS

EMBEDDER is the folder of weights, MODELS the repository of infra/triton/models. A line of JSON on
standard input asks, one on standard output answers. It runs in the part's environment, which has
onnxruntime and nothing of ours: so nothing of ours is imported here but the models' own modules.
"""

import base64
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def embedded(encoder: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Encode texts as the model `embedder` does."""
    how = {"query": asked["query"], "with_tokens": asked["with_tokens"]}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each of a text alone: a core a text
        rows = list(pool.map(lambda text: encoder.encode(text, **how), asked["texts"]))
    return {
        "vectors": [base64.b64encode(row.vector.tobytes()).decode() for row in rows],
        "token_vectors": [base64.b64encode(row.token_vectors).decode() for row in rows],
        "counts": [row.tokens for row in rows],
        "model": encoder.model,
    }


def scored(encoder: Any, heads: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Score texts as the model `moderator` does."""

    def encode(text: str) -> Any:
        return encoder.encode(text, query=False, with_tokens=False).vector

    scores = [heads.scores(text, asked["heads"], encode) for text in asked["texts"]]
    return {"scores": scores, "model": heads.model}


def main(embedder: str, models: str) -> None:
    """Answer until standard input ends."""
    sys.path += [str(Path(models) / name / "1") for name in ("embedder", "moderator")]
    from encoder import Encoder  # type: ignore[import-not-found]
    from heads import WEIGHTS, Heads  # type: ignore[import-not-found]

    encoder, heads = Encoder(Path(embedder)), Heads(WEIGHTS.read_bytes())
    for line in sys.stdin:
        asked = json.loads(line)
        answer = scored(encoder, heads, asked) if "heads" in asked else embedded(encoder, asked)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
