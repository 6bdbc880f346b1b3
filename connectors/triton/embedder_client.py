"""The embedder, for whoever asks from outside a step: nothing of it is an effect on the log.

What nobody waits for in a conversation must not hold up one. So few texts are sent at once: those
embedded as queries stand in the server's own queue before the questions of chats, and those as
passages give way there to all else.
"""

from __future__ import annotations

from opentelemetry import trace

from connectors.text_vectors import TextVectors
from connectors.triton.answered_tensors import AnsweredTensors
from connectors.triton.tensors import embedder_inputs, infer_request
from connectors.triton.triton_server import TritonServer
from streams.running.fair_queue import FairQueue
from streams.running.world import Call
from streams.settings import Settings

TEXTS_AT_ONCE = {"query": 1, "passage": 16}
"""Of one request to the server. A question waits behind what is embedded as queries: behind four of
130 tokens, chats took five times as long."""
REQUESTS_AT_ONCE = {"query": 1, "passage": 2}


class EmbedderClient:
    """Asks the embedder. Make it anywhere; it connects at the first call."""

    def __init__(self, settings: Settings) -> None:
        self.embedder = settings.embedder
        self._server = TritonServer(
            settings, settings.triton_grpc, trace.get_tracer("connectors.triton.embedder_client")
        )
        self._timeout_s = settings.call_timeout_s
        self._turns = {kind: FairQueue(most) for kind, most in REQUESTS_AT_ONCE.items()}

    async def close(self) -> None:
        """Close the connection; running calls are cancelled."""
        await self._server.close()

    async def some(self, texts: tuple[str, ...], kind: str, call: Call) -> TextVectors:
        """Embed the first texts, as many as are sent at once; `kind` is query or passage.

        Raises Transient where the server is away or slow, Permanent where it refuses.
        """
        some = texts[: TEXTS_AT_ONCE[kind]]
        with self._server.call("embed", self.embedder, call) as (_, headers):
            async with self._turns[kind].turn(call):
                answer = AnsweredTensors(
                    await self._server.infer(
                        infer_request(
                            self.embedder,
                            embedder_inputs(some, kind, with_tokens=False),
                            call.event,
                        ),
                        self._timeout_s,
                        headers,
                    )
                )
            return TextVectors(
                vectors=tuple(row.tobytes() for row in answer.numbers("vector").astype("<f4")),
                tokens=tuple(answer.numbers("tokens").reshape(-1).tolist()),
                cut=tuple(answer.numbers("truncated").reshape(-1).tolist()),
                model=answer.text("model"),
            )
