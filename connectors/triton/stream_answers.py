"""Read what Triton's chat models answer: ours, and those of its vLLM and TensorRT-LLM backends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from agents.errors import Permanent
from connectors.arrivals import Arrival
from connectors.triton.answered_tensors import AnsweredTensors
from schemas import GeneratedFinishReason, Usage

REFUSED = "refused"  # the chat model's finish_reason where the request is at fault
FINISHED: dict[str, GeneratedFinishReason] = {"length": "length"}


StreamAnswers = AsyncIterator[service_pb2.ModelStreamInferResponse]


async def pieces(answers: StreamAnswers) -> AsyncGenerator[Arrival, None]:
    """Read the answers of our own model `chat`; raises what Triton raises.

    They are read to the end even after the last one: Triton 2.51 crashed (signal 11) where streams
    were cancelled after their last answer, and where errors were asked for as gRPC statuses (header
    triton_grpc_error).
    """
    async for answer in answers:
        yield _piece(_response(answer))


def _response(answer: service_pb2.ModelStreamInferResponse) -> service_pb2.ModelInferResponse:
    """Return what a model said; raises what went wrong, which has words and no status."""
    if answer.error_message:
        raise InferenceServerException(answer.error_message)
    return answer.infer_response


def _piece(response: service_pb2.ModelInferResponse) -> Arrival:
    tensors = AnsweredTensors(response)
    text = model = ""
    if "text" in tensors:
        text, model = tensors.text("text"), tensors.text("model")
    last = response.parameters["triton_final_response"].bool_param
    if "finish_reason" not in tensors:
        return Arrival(text, model, last=last)
    reason = tensors.text("finish_reason")
    if reason == REFUSED:
        raise Permanent(f"the chat model refused a request: {text}")
    usage = Usage(
        prompt_tokens=tensors.number("prompt_tokens"),
        completion_tokens=tensors.number("completion_tokens"),
    )
    return Arrival(text, model, reason, usage, last)  # type: ignore[arg-type]  # by its contract


async def backend_pieces(
    answers: StreamAnswers, model: str, max_tokens: int
) -> AsyncGenerator[Arrival, None]:
    """Read the answers of a vLLM or TensorRT-LLM backend, in which `text_output` is what is new.

    TensorRT-LLM does not say why it ended: after as many pieces as tokens were allowed, it is for
    their number.
    """
    count, prompt_tokens, reason = 0, 0, ""
    async for answer in answers:
        response = _response(answer)
        tensors = AnsweredTensors(response)
        text = tensors.text("text_output") if "text_output" in tensors else ""
        count += _number(tensors, "num_output_tokens", 1 if text else 0)
        prompt_tokens = _number(tensors, "num_input_tokens", prompt_tokens)
        if "finish_reason" in tensors:
            told = tensors.text("finish_reason")
            reason = reason if told == "None" else told
        if not response.parameters["triton_final_response"].bool_param:
            yield Arrival(text, model)
            continue
        ended = reason or ("length" if count >= max_tokens else "stop")
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=count)
        yield Arrival(text, model, FINISHED.get(ended, "stop"), usage, last=True)


def _number(tensors: AnsweredTensors, name: str, default: int) -> int:
    return tensors.number(name) if name in tensors else default
