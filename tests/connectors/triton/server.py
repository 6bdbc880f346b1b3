"""A server that speaks Triton's protocol: answers, refuses, stalls and dies on demand."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor

CHARACTERS_MAX = 1_000  # of a text that its embedder reads whole


class FakeTritonServer(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Embeds a text as its length; generates what the test's `script` sends."""

    def __init__(self) -> None:
        self.requests = []
        self.metadata = {}
        self.cancelled = asyncio.Event()
        self.script: Callable[[FakeStream], Awaitable[None]] | None = None
        self.failure: tuple[grpc.StatusCode, str] | None = None
        self.scores: int | None = None
        """How many heads are scored, whatever was asked."""
        self.held: asyncio.Event | None = None
        """Where there is one, embeddings wait for it."""

    async def ModelInfer(self, request, context):  # noqa: N802 - the protocol's name
        self.requests.append(request)
        self.metadata = dict(context.invocation_metadata())
        if self.failure:
            await context.abort(*self.failure)
        if self.held is not None:
            await self.held.wait()
        rows = request.inputs[0].shape[0]
        if request.model_name == "moderator":
            return self._scored(request, rows)
        response = service_pb2.ModelInferResponse(model_name="embedder", id=request.id)
        first = np.arange(rows, dtype=np.float32)[:, None]
        add(response, "vector", "FP32", np.hstack([first, np.zeros((rows, 3), np.float32)]))
        add(response, "token_vectors", "BYTES", np.array([[b"packed"]] * rows, object))
        add(response, "tokens", "INT32", np.full((rows, 1), 7, np.int32))
        texts = deserialize_bytes_tensor(request.raw_input_contents[0])
        cut = np.array([[len(text) > CHARACTERS_MAX] for text in texts])
        add(response, "truncated", "BOOL", cut)
        add(response, "model", "BYTES", np.array([[b"tiny@1"]] * rows, object))
        return response

    def _scored(self, request, rows):
        """Score a text by its place under the first head, and by 0.12345 under the others."""
        heads = deserialize_bytes_tensor(request.raw_input_contents[1])[0].decode().split(",")
        scores = np.full((rows, self.scores or len(heads)), 0.12345)
        scores[:, 0] = np.arange(rows)
        response = service_pb2.ModelInferResponse(model_name="moderator", id=request.id)
        add(response, "scores", "FP64", scores)
        add(response, "model", "BYTES", np.array([[b"tiny@1"]] * rows, object))
        return response

    async def ModelStreamInfer(self, request_iterator, context):  # noqa: N802 - likewise
        async for request in request_iterator:
            self.requests.append(request)
        self.metadata = dict(context.invocation_metadata())
        if self.failure:
            await context.abort(*self.failure)
        try:
            await self.script(FakeStream(context))
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


class FakeStream:
    """What a script sends of a generation."""

    def __init__(self, context) -> None:
        self.context = context

    async def token(self, text):
        await self._send(text=text)

    async def end(self, reason="stop", text=""):
        await self._send(final=True, text=text, finish_reason=reason, usage=(5, 2))

    async def error(self, message):
        await self.context.write(service_pb2.ModelStreamInferResponse(error_message=message))

    async def _send(self, **what):
        response = generated(**what)
        await self.context.write(service_pb2.ModelStreamInferResponse(infer_response=response))


def generated(text, *, final=False, finish_reason=None, usage=()):
    """Return one response of a generation."""
    response = service_pb2.ModelInferResponse(model_name="chat")
    add(response, "text", "BYTES", np.array([text.encode()], object))
    add(response, "model", "BYTES", np.array([b"tiny-chat@1"], object))
    if finish_reason:
        add(response, "finish_reason", "BYTES", np.array([finish_reason.encode()], object))
        for name, count in zip(("prompt_tokens", "completion_tokens"), usage, strict=True):
            add(response, name, "INT32", np.array([count], np.int32))
    response.parameters["triton_final_response"].bool_param = final
    return response


def add(response, name, datatype, values):
    response.outputs.add(name=name, datatype=datatype, shape=values.shape)
    raw = serialize_byte_tensor(values).item() if datatype == "BYTES" else values.tobytes()
    response.raw_output_contents.append(raw)


async def serve(fake, port=0):
    server = grpc.aio.server()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(fake, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, port
