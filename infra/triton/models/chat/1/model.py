"""The Triton model `chat`: continues prompts with a GGUF model through llama.cpp.

Each request holds one of llama.cpp's slots; more requests than slots wait in line. A client that
goes away or cancels frees its slot at the next token. At temperature 0 the answer is the most
likely one, but not to the last bit a function of the prompt: llama.cpp's sums depend on what shares
its batch and on which prefix was cached, so near ties can fall either way. Replays use the record.
"""

import hashlib
import json
import os
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb
import xllamacpp as llama

FINAL = pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL
WARM_UP_REPEATS = 100  # about as many tokens as a prompt with two passages
DIGITS_64 = 20  # of the largest numbers of 64 bits, a sign included
DIGESTED_BYTES = 1 << 20  # of the model's head and tail: a large file is not read whole


class TritonPythonModel:
    """What Triton calls."""

    def initialize(self, args: dict[str, str]) -> None:  # noqa: ARG002 - Triton's signature
        """Load the model into as many slots as generations may run at once."""
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
        gguf = Path(os.environ["PLAYHEAD_GGUF"])
        slots = int(os.environ["PLAYHEAD_LLM_SLOTS"])
        self.context = int(os.environ["PLAYHEAD_LLM_CONTEXT"])
        self.model = f"{name_of(gguf)}@{digest(gguf)}"
        params = llama.CommonParams()
        params.model.path = str(gguf)
        params.n_parallel = slots
        params.n_ctx = slots * self.context
        params.cpuparams.n_threads = int(os.environ["PLAYHEAD_LLM_THREADS"])
        params.cpuparams_batch.n_threads = params.cpuparams.n_threads
        params.cache_ram_mib = int(os.environ["PLAYHEAD_LLM_CACHE_MIB"])
        params.verbosity = 0  # prompts must not reach the log
        # llama.cpp also listens on a port of 127.0.0.1 that nobody here uses: shut it to others
        params.api_keys = [secrets.token_hex(16)]
        params.ui = False
        params.endpoint_slots = False
        self.server = llama.Server(params)
        self.pool = ThreadPoolExecutor(slots, thread_name_prefix="slot")
        # the first evaluation touches every page of the model: not while somebody waits for it
        list(self.pool.map(self.warm_up, range(slots)))

    def warm_up(self, slot: int) -> None:
        """Evaluate a prompt of some length once."""
        prompt = f"{slot} " + "one two three four " * WARM_UP_REPEATS
        completion = {"prompt": prompt, "n_predict": 1, "temperature": 0.0, "stream": True}
        self.server.handle_completions(completion, lambda _part: False)

    def execute(self, requests: list[Any]) -> None:
        """Hand each request to a slot's thread, which answers it."""
        for request in requests:
            sender = request.get_response_sender()
            try:
                completion = read(request)
            except ValueError as error:
                self.refuse(sender, str(error))
            else:
                self.pool.submit(self.generate, sender, completion)

    def generate(self, sender: Any, completion: dict[str, Any]) -> None:
        """Run one generation, a response a token; the last one says how it ended."""
        problem = ""
        last: dict[str, Any] = {}

        def on_part(part: dict[str, Any]) -> bool:
            """Pass a token on; True tells llama.cpp to stop."""
            nonlocal problem, last
            if sender.is_cancelled():
                last = {"finish_reason": "cancelled"}
                return True
            if "error" in part or "choices" not in part:
                problem = str(part.get("error", part).get("message", "no message"))
                return True
            [choice] = part["choices"]
            if choice["finish_reason"]:
                last = {
                    "finish_reason": choice["finish_reason"],
                    **part.get("usage", {}),
                }
            if choice["text"]:
                sender.send(pb.InferenceResponse(self.tensors(text=choice["text"])))
            return False

        try:
            if not sender.is_cancelled():
                self.server.handle_completions(completion, on_part)
        except Exception as error:  # noqa: BLE001 - a request must be answered, whatever fails
            failure = pb.TritonError(
                f"{type(error).__name__} in llama.cpp", pb.TritonError.INTERNAL
            )
            sender.send(pb.InferenceResponse(error=failure), flags=FINAL)
            return
        if problem:
            self.refuse(sender, problem)
            return
        end = self.tensors(
            text="",
            finish_reason=last.get("finish_reason", "cancelled"),
            prompt_tokens=last.get("prompt_tokens", 0),
            completion_tokens=last.get("completion_tokens", 0),
        )
        sender.send(pb.InferenceResponse(end), flags=FINAL)

    def refuse(self, sender: Any, why: str) -> None:
        """End a stream because the request is at fault; `why` never holds its text.

        It is an answer and not an error, since over a stream Triton passes no kind of error on.
        """
        end = self.tensors(text=why, finish_reason="refused", prompt_tokens=0, completion_tokens=0)
        sender.send(pb.InferenceResponse(end), flags=FINAL)

    def tensors(self, **values: str | int) -> list[Any]:
        """Make the output tensors of one response."""
        return [
            pb.Tensor(
                name,
                np.array([value], np.int32)
                if isinstance(value, int)
                else np.array([value.encode()], object),
            )
            for name, value in {**values, "model": self.model}.items()
        ]

    def finalize(self) -> None:
        """Let running generations end."""
        self.pool.shutdown(wait=True, cancel_futures=True)


def read(request: Any) -> dict[str, Any]:
    """Take a request apart into llama.cpp's terms. Raises ValueError where one is out of bounds."""

    def first(name: str, default: Any) -> Any:
        tensor = pb.get_input_tensor_by_name(request, name)
        return default if tensor is None else tensor.as_numpy().reshape(-1)[0]

    stop = pb.get_input_tensor_by_name(request, "stop")
    max_tokens = int(first("max_tokens", 0))
    temperature = float(first("temperature", 0.0))
    if not first("prompt", b""):
        raise ValueError("prompt is empty")
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, not {max_tokens}")
    if not 0 <= temperature <= 2:
        raise ValueError(f"temperature must be between 0 and 2, not {temperature}")
    completion = {
        "prompt": first("prompt", b"").decode(),
        "n_predict": max_tokens,
        "temperature": temperature,
        "seed": int(first("seed", 0)),
        "stop": [] if stop is None else [text.decode() for text in stop.as_numpy().reshape(-1)],
        "cache_prompt": True,
        "stream": True,
    }
    if schema := first("json_schema", b"").decode():
        completion["json_schema"] = schema_of(schema)
    return completion


def schema_of(text: str) -> Any:
    """Read a JSON schema. Raises ValueError where llama.cpp has no form for what it holds.

    It would raise itself, and that would count as its own failure, which is everybody's.
    """
    try:
        schema = json.loads(text, parse_int=of_64_bits)
        json.dumps(schema, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("json_schema holds half a character: write it whole") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"json_schema is not JSON: {error}") from error
    return schema


def of_64_bits(digits: str) -> int:
    """Read an integer of a schema. Raises ValueError for one that 64 bits do not hold."""
    if len(digits) > DIGITS_64 or not -(2**63) <= (number := int(digits)) < 2**64:
        raise ValueError(f"a number of {len(digits)} digits is above 64 bits: lower it")
    return number


def name_of(gguf: Path) -> str:
    """Name a model after its file, or after its folder where the file is called model.gguf."""
    return gguf.parent.name if gguf.stem == "model" else gguf.stem


def digest(gguf: Path) -> str:
    """Tell two versions of a model apart by their size, head and tail."""
    size = gguf.stat().st_size
    state = hashlib.sha256(str(size).encode())
    with gguf.open("rb") as file:
        state.update(file.read(DIGESTED_BYTES))
        file.seek(max(0, size - DIGESTED_BYTES))
        state.update(file.read(DIGESTED_BYTES))
    return state.hexdigest()[:8]


def end_with(server: int) -> None:
    """End this process once the server is gone: killed, it leaves its models waiting for ever."""
    while os.getppid() == server:
        time.sleep(1)
    os._exit(1)
