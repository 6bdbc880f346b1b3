"""Read what Triton's chat models answer: ours, and those of its vLLM and TensorRT-LLM backends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from agents.errors import Permanent
from connectors.arrivals import Arrival
from schemas import GeneratedFinishReason, Usage

REFUSED = "refused"  # the chat model's finish_reason where the request is at fault
FINISHED: dict[str, GeneratedFinishReason] = {"length": "length"}


async def pieces(answers: AsyncIterator[tuple[Any, Any]]) -> AsyncGenerator[Arrival, None]:
    """Read the answers of our own model `chat`; raises what Triton raises.

    They are read to the end even after the last one: Triton 2.51 crashed (signal 11) where streams
    were cancelled after their last answer, and where errors were asked for as gRPC statuses (header
    triton_grpc_error).
    """
    async for answer, error in answers:
        if error is not None:
            raise error
        yield _piece(answer)


def _piece(answer: Any) -> Arrival:
    response = answer.get_response()
    names = {output.name for output in response.outputs}
    text = model = ""
    if "text" in names:
        text, model = _first_text(answer, "text"), _first_text(answer, "model")
    last = response.parameters["triton_final_response"].bool_param
    if "finish_reason" not in names:
        return Arrival(text, model, last=last)
    reason = _first_text(answer, "finish_reason")
    if reason == REFUSED:
        raise Permanent(f"the chat model refused a request: {text}")
    usage = Usage(
        prompt_tokens=int(answer.as_numpy("prompt_tokens")[0]),
        completion_tokens=int(answer.as_numpy("completion_tokens")[0]),
    )
    return Arrival(text, model, reason, usage, last)  # type: ignore[arg-type]  # by its contract


async def backend_pieces(
    answers: AsyncIterator[tuple[Any, Any]], model: str, max_tokens: int
) -> AsyncGenerator[Arrival, None]:
    """Read the answers of a vLLM or TensorRT-LLM backend, in which `text_output` is what is new.

    TensorRT-LLM does not say why it ended: after as many pieces as tokens were allowed, it is for
    their number.
    """
    count, prompt_tokens, reason = 0, 0, ""
    async for answer, error in answers:
        if error is not None:
            raise error
        response = answer.get_response()
        names = {output.name for output in response.outputs}
        text = _first_text(answer, "text_output") if "text_output" in names else ""
        count += _number(answer, "num_output_tokens", names, 1 if text else 0)
        prompt_tokens = _number(answer, "num_input_tokens", names, prompt_tokens)
        if "finish_reason" in names:
            told = _first_text(answer, "finish_reason")
            reason = reason if told == "None" else told
        if not response.parameters["triton_final_response"].bool_param:
            yield Arrival(text, model)
            continue
        ended = reason or ("length" if count >= max_tokens else "stop")
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=count)
        yield Arrival(text, model, FINISHED.get(ended, "stop"), usage, last=True)


def _first_text(answer: Any, name: str) -> str:
    text: str = answer.as_numpy(name).reshape(-1)[0].decode()
    return text


def _number(answer: Any, name: str, names: set[str], default: int) -> int:
    return int(answer.as_numpy(name).reshape(-1)[0]) if name in names else default
