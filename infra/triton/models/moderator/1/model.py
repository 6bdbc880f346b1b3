"""The Triton model `moderator`: see heads.py for what it computes.

Why it is so: its vectors come from an embedder of its own, in its own process, always the one that
Playhead comes with. The heads were trained on that one's vectors, so another embedder for the
search must not reach them; and a verdict stands in no queue behind a document's passages. One
thread answers, request by request: a verdict takes one core for some 20 ms.
"""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb
from heads import WEIGHTS, Heads

HEADS_MAX = 8


class TritonPythonModel:
    """What Triton calls."""

    def initialize(self, args: dict[str, str]) -> None:  # noqa: ARG002 - Triton's signature
        """Load heads and embedder, and try them once."""
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
        sys.path.append(str(Path(__file__).parents[2] / "embedder" / "1"))
        from encoder import Encoder

        encoder = Encoder(Path(os.environ["PLAYHEAD_MODERATOR_EMBEDDER"]))
        self.encode = lambda text: encoder.encode(text, query=False, with_tokens=False).vector
        self.heads = Heads(WEIGHTS.read_bytes())
        self.heads.scores("ready", self.heads.names, self.encode)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request; a wrong one is answered with what is wrong, never with its text."""
        return [self.answer(request) for request in requests]

    def answer(self, request: Any) -> Any:
        """Score the texts of one request."""
        texts, names = (
            [
                value.decode("utf-8", errors="replace")
                for value in pb.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)
            ]
            for name in ("text", "heads")
        )
        heads = names[0].split(",")
        if (
            len(set(names)) != 1
            or len(heads) > HEADS_MAX
            or not set(heads) <= set(self.heads.names)
        ):
            why = f"heads must be among {', '.join(self.heads.names)}, the same for every text"
            return refusal(why, pb.TritonError.INVALID_ARG)
        try:
            scores = [self.heads.scores(text, heads, self.encode) for text in texts]
        except Exception as error:  # noqa: BLE001 - a request must be answered, whatever fails
            why = f"{type(error).__name__} while scoring"
            return refusal(why, pb.TritonError.INTERNAL)
        model = np.array([[self.heads.model.encode()]] * len(texts), dtype=object)
        outputs = [
            pb.Tensor("scores", np.array(scores, dtype=np.float64)),
            pb.Tensor("model", model),
        ]
        return pb.InferenceResponse(output_tensors=outputs)


def refusal(why: str, kind: int) -> Any:
    """Make an answer that says what is wrong."""
    return pb.InferenceResponse(error=pb.TritonError(why, kind))


def end_with(server: int) -> None:
    """End this process once the server is gone: killed, it leaves its models waiting for ever."""
    while os.getppid() == server:
        time.sleep(1)
    os._exit(1)
