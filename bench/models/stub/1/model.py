"""The Triton model `stub`: a stand-in for a chat model, with a fixed pace and no thought.

The first token comes after `first_ms`, each further one after `token_ms` (config.pbtxt). All
requests sleep in one event loop, so any number of them runs at once without a busy core. The tokens
are the words of the prompt's last passage, so that an answer passes the checks of a real one.
"""

import asyncio
import json
import os
import threading
import time
from typing import Any

import numpy as np
import triton_python_backend_utils as pb

FINAL = pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL
NAME = "stub"


class TritonPythonModel:
    """What Triton calls."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the pace and start the loop in which requests sleep."""
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
        parameters = json.loads(args["model_config"])["parameters"]
        self.first_s = int(parameters["first_ms"]["string_value"]) / 1000
        self.token_s = int(parameters["token_ms"]["string_value"]) / 1000
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def execute(self, requests: list[Any]) -> None:
        """Let each request be answered in the loop."""
        for request in requests:
            answer = self.answer(
                request.get_response_sender(),
                str(first(request, "prompt").decode()),
                int(first(request, "max_tokens")),
            )
            asyncio.run_coroutine_threadsafe(answer, self.loop)

    async def answer(self, sender: Any, prompt: str, max_tokens: int) -> None:
        """Send a response a token, each at its time; the last one says how it ended."""
        words = said(prompt)
        tokens = [words[0], *(f" {word}" for word in words[1:])][:max_tokens]
        due = self.loop.time() + self.first_s
        reason = "stop" if len(tokens) == len(words) else "length"
        for token in tokens:
            await asyncio.sleep(max(0.0, due - self.loop.time()))
            due += self.token_s
            if sender.is_cancelled():
                reason = "cancelled"
                break
            sender.send(pb.InferenceResponse(tensors(text=token)))
        end = tensors(
            text="",
            finish_reason=reason,
            prompt_tokens=len(prompt.split()),
            completion_tokens=len(tokens),
        )
        sender.send(pb.InferenceResponse(end), flags=FINAL)

    def finalize(self) -> None:
        """Stop the loop; what still sleeps is not answered."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


def first(request: Any, name: str) -> Any:
    """Return the one element of an input."""
    return pb.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)[0]


def said(prompt: str) -> list[str]:
    """Return the words of the passage before the prompt's last question, or of all of it."""
    passages = prompt.rpartition("\nQuestion:")[0].strip() or prompt
    return passages.rpartition("\n")[2].removeprefix("Text:").split() or ["nothing"]


def tensors(**values: str | int) -> list[Any]:
    """Make the output tensors of one response."""
    return [
        pb.Tensor(
            name,
            np.array([value], np.int32)
            if isinstance(value, int)
            else np.array([value.encode()], object),
        )
        for name, value in {**values, "model": NAME}.items()
    ]


def end_with(server: int) -> None:
    """End this process once the server is gone: killed, it leaves its models waiting for ever."""
    while os.getppid() == server:
        time.sleep(1)
    os._exit(1)
