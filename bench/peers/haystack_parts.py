"""Components of the Haystack peer: redaction, and the embedder and the model on Triton."""

# no `from __future__ import annotations` here: Haystack reads the types of `run` as they are
import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from haystack import Document, component
from haystack.dataclasses import StreamingCallbackT, StreamingChunk
from tritonclient.grpc.aio import InferenceServerClient
from weaviate.classes.data import DataObject
from weaviate.util import generate_uuid5

from bench.peers.peer_tensors import client_inputs
from bench.peers.peer_work import Redaction, generation
from connectors.triton.tensors import chat_inputs, embedder_inputs

OVERLAP = "_split_overlap"  # what the splitter notes of neighbours: a list, which is no property
TEXTS_MAX = 32  # of one request to the embedder, as the platform's


@component
class QuestionRedactor:
    """Replaces personal data in a question."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        component.set_output_types(self, text=str)

    def run(self, text: str) -> dict[str, Any]:
        """Return the text without it."""
        return {"text": self._redaction([text])[0]}


@component
class PassageRedactor:
    """Replaces personal data in passages."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        component.set_output_types(self, documents=list[Document])

    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Return the passages without it."""
        texts = self._redaction([one.content for one in documents])
        redacted = [replace(one, content=text) for one, text in zip(documents, texts, strict=True)]
        return {"documents": redacted}


@component
class PassageWriter:
    """Writes passages to the index in one request, in a thread.

    Haystack's own writer asks the asynchronous client for batches, which that of the product's
    version has not got yet, and the batches of the other one take a second each, however small.
    """

    def __init__(self, store: Any) -> None:
        self._collection = store.collection  # made here: of two who ask first one would fail
        self._spelt = store._to_data_object  # noqa: SLF001 - as the store's own writer does
        component.set_output_types(self, documents_written=int)

    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Return how many were written; raises RuntimeError where one was not."""
        objects = []
        for one in documents:
            properties = self._spelt(one)
            properties.pop(OVERLAP, None)
            objects.append(DataObject(properties, generate_uuid5(one.id), one.embedding))
        written = self._collection.data.insert_many(objects)
        if written.has_errors:
            raise RuntimeError(f"passages were not written: {written.errors}")
        return {"documents_written": len(documents)}


class PeerTriton:
    """A connection to one Triton, made in the event loop that first needs it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: InferenceServerClient | None = None

    def connected(self) -> InferenceServerClient:
        """Return the client."""
        if self._client is None:
            self._client = InferenceServerClient(self._address)
        return self._client

    async def vectors(self, texts: list[str], kind: str) -> list[list[float]]:
        """Embed texts, one vector each."""
        found: list[list[float]] = []
        for start in range(0, len(texts), TEXTS_MAX):
            some = tuple(texts[start : start + TEXTS_MAX])
            inputs = client_inputs(embedder_inputs(some, kind, False))
            answer = await self.connected().infer("embedder", inputs)
            found += answer.as_numpy("vector").tolist()
        return found


@component
class QueryEmbedder:
    """Embeds a question."""

    def __init__(self, triton: PeerTriton) -> None:
        self._triton = triton
        component.set_output_types(self, embedding=list[float])

    def run(self, text: str) -> dict[str, Any]:
        """Embed it outside of a loop."""
        return asyncio.run(self.run_async(text))

    async def run_async(self, text: str) -> dict[str, Any]:
        """Return its vector."""
        return {"embedding": (await self._triton.vectors([text], "query"))[0]}


@component
class PassageEmbedder:
    """Embeds passages."""

    def __init__(self, triton: PeerTriton) -> None:
        self._triton = triton
        component.set_output_types(self, documents=list[Document])

    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Embed them outside of a loop."""
        return asyncio.run(self.run_async(documents))

    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """Return the passages with their vectors."""
        vectors = await self._triton.vectors([one.content for one in documents], "passage")
        embedded = [
            replace(one, embedding=vector) for one, vector in zip(documents, vectors, strict=True)
        ]
        return {"documents": embedded}


@component
class TritonGenerator:
    """Has a model on Triton continue a prompt, and hands on token by token."""

    def __init__(self, triton: PeerTriton, model: str) -> None:
        self._triton = triton
        self._model = model
        component.set_output_types(self, replies=list[str])

    def run(
        self, prompt: str, streaming_callback: StreamingCallbackT | None = None
    ) -> dict[str, Any]:
        """Answer outside of a loop, all at once."""
        del streaming_callback
        return asyncio.run(self.run_async(prompt))

    async def run_async(
        self,
        prompt: str,
        streaming_callback: StreamingCallbackT | None = None,
    ) -> dict[str, Any]:
        """Return the answer."""
        said = []
        async for text in self._tokens(prompt):
            said.append(text)
            if streaming_callback is not None:
                await streaming_callback(StreamingChunk(content=text))
        return {"replies": ["".join(said)]}

    async def _tokens(self, prompt: str) -> AsyncIterator[str]:
        inputs = client_inputs(chat_inputs(generation(prompt, self._model)))

        async def once() -> AsyncIterator[dict[str, Any]]:
            yield {"model_name": self._model, "inputs": inputs}

        async for answer, error in self._triton.connected().stream_infer(once()):
            if error is not None:
                raise error
            text = answer.as_numpy("text").reshape(-1)[0].decode()
            if text:
                yield text
            if answer.as_numpy("finish_reason") is not None:
                return
