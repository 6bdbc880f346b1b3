"""The Triton model `moderator`: see heads.py for what it computes.

Why it is so: its vectors come from an embedder of its own, in its own process, always the one that
Playhead comes with. The heads were trained on that one's vectors, so another embedder for the
search must not reach them; and a verdict stands in no queue behind a document's passages.

One thread scores, and requests take turns at its steps: a short question is one step of some
20 ms, a text of 8,000 characters up to 20 steps of 110 ms at most. So who asks about a short one
waits for one step of each request before it, however long those are.
"""

import os
import queue
import sys
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb
from heads import WEIGHTS, Heads

HEADS_MAX = 8


@dataclass
class Scoring:
    """A request under way."""

    sender: Any
    steps: Generator[None, None, list[list[float]]]
    """What is left of it; the scores of each text come with its end."""


class TritonPythonModel:
    """What Triton calls."""

    def initialize(self, args: dict[str, str]) -> None:  # noqa: ARG002 - Triton's signature
        """Load heads and embedder, try them once and start the thread."""
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
        sys.path.append(str(Path(__file__).parents[2] / "embedder" / "1"))
        from encoder import Encoder

        encoder = Encoder(Path(os.environ["PLAYHEAD_MODERATOR_EMBEDDER"]))
        self.encode = lambda text: encoder.encode(text, query=False, with_tokens=False).vector
        self.heads = Heads(WEIGHTS.read_bytes())
        self.heads.scores("ready", self.heads.names, self.encode)
        self.turns: queue.SimpleQueue[Scoring | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def execute(self, requests: list[Any]) -> None:
        """Queue the requests; the thread answers them, a wrong one with what is wrong."""
        for request in requests:
            sender = request.get_response_sender()
            try:
                self.turns.put(self.read(request, sender))
            except ValueError as error:
                send(sender, refusal(str(error), pb.TritonError.INVALID_ARG))

    def read(self, request: Any, sender: Any) -> Scoring:
        """Take a request apart. Raises ValueError where Triton can't check it."""
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
            known = ", ".join(self.heads.names)
            raise ValueError(f"heads must be among {known}, the same for every text")
        return Scoring(sender, self.scoring(texts, heads))

    def scoring(
        self, texts: list[str], heads: list[str]
    ) -> Generator[None, None, list[list[float]]]:
        """Score texts in steps."""
        scores = []
        for text in texts:
            scores.append((yield from self.heads.scoring(text, heads, self.encode)))
            yield
        return scores

    def work(self) -> None:
        """Do one step of a request after that of another, until told to stop."""
        while True:
            request = self.turns.get()
            if request is None:
                if self.turns.empty():
                    return
                self.turns.put(None)
                continue
            if request.sender.is_cancelled():
                send(request.sender, refusal("the client went away", pb.TritonError.CANCELLED))
                continue
            try:
                next(request.steps)
            except StopIteration as end:
                send(request.sender, self.answer(end.value))
            except Exception as error:  # noqa: BLE001 - a request must be answered, whatever fails
                why = f"{type(error).__name__} while scoring"
                send(request.sender, refusal(why, pb.TritonError.INTERNAL))
            else:
                self.turns.put(request)

    def answer(self, scores: list[list[float]]) -> Any:
        """Spell the scores, one row a text."""
        model = np.array([[self.heads.model.encode()]] * len(scores), dtype=object)
        outputs = [
            pb.Tensor("scores", np.array(scores, dtype=np.float64)),
            pb.Tensor("model", model),
        ]
        return pb.InferenceResponse(output_tensors=outputs)

    def finalize(self) -> None:
        """Stop the thread; what is queued is answered first."""
        self.turns.put(None)
        self.thread.join()


def send(sender: Any, response: Any) -> None:
    """Answer a request, once."""
    sender.send(response, flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


def refusal(why: str, kind: int) -> Any:
    """Make an answer that says what is wrong."""
    return pb.InferenceResponse(error=pb.TritonError(why, kind))


def end_with(server: int) -> None:
    """End this process once the server is gone: killed, it leaves its models waiting for ever."""
    while os.getppid() == server:
        time.sleep(1)
    os._exit(1)
