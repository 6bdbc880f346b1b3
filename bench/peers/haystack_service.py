"""The Haystack peer: pipelines of Haystack behind FastAPI, in one process.

python -m bench.peers.haystack_service PLACES
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from haystack import Document, Pipeline
from haystack.components.builders import PromptBuilder
from haystack.components.preprocessors import DocumentSplitter
from haystack.utils import Secret
from haystack_integrations.components.retrievers.weaviate import WeaviateHybridRetriever
from haystack_integrations.document_stores.weaviate import AuthApiKey, WeaviateDocumentStore
from pydantic import BaseModel
from weaviate.config import AdditionalConfig

from bench.peers.haystack_parts import (
    PassageEmbedder,
    PassageRedactor,
    PassageWriter,
    PeerTriton,
    QueryEmbedder,
    QuestionRedactor,
    TritonGenerator,
)
from bench.peers.peer_work import (
    ALPHA,
    COLLECTION,
    PASSAGES,
    PeerPlaces,
    Redaction,
    completed,
    frame,
    loaded_redaction,
)

CHUNK_WORDS, OVERLAP_WORDS = 280, 32  # some 430 of the embedder's tokens, as the platform's chunks
PROMPT = """Answer from the texts.

{% for document in documents | reverse -%}
Text: {{ document.content.split() | join(" ") }}
{% endfor -%}
Question: {{ question }}
Answer:"""


class PeerQuestion(BaseModel):
    """What is asked."""

    text: str


class PeerDocument(BaseModel):
    """What is to be found."""

    uri: str
    content: str


def document_store(places: PeerPlaces) -> WeaviateDocumentStore:
    """Open the collection of the peers' passages; it is made where there is none."""
    text = {"dataType": ["text"]}
    secret = places.weaviate_secret
    names = ("_original_id", "content", "blob_mime_type", "uri", "source_id")
    return WeaviateDocumentStore(
        url=places.weaviate_http,
        grpc_port=places.weaviate_grpc_port,
        auth_client_secret=AuthApiKey(api_key=Secret.from_token(secret)) if secret else None,
        additional_config=AdditionalConfig(trust_env=False),
        collection_settings={
            "class": COLLECTION,
            "properties": [
                *({"name": name, **text} for name in names),
                {"name": "blob_data", "dataType": ["blob"]},
                {"name": "score", "dataType": ["number"]},
                *({"name": name, "dataType": ["int"]} for name in ("split_id", "page_number")),
                {"name": "split_idx_start", "dataType": ["int"]},
            ],
        },
    )


def answering(
    places: PeerPlaces, store: WeaviateDocumentStore, redaction: Redaction, triton: PeerTriton
) -> Pipeline:
    """Make the pipeline of questions."""
    pipeline = Pipeline()
    pipeline.add_component("redactor", QuestionRedactor(redaction))
    pipeline.add_component("embedder", QueryEmbedder(triton))
    retriever = WeaviateHybridRetriever(document_store=store, top_k=PASSAGES, alpha=ALPHA)
    pipeline.add_component("retriever", retriever)
    pipeline.add_component("prompt", PromptBuilder(PROMPT))
    model = TritonGenerator(PeerTriton(places.model), places.model_name)
    pipeline.add_component("model", model)
    pipeline.connect("redactor.text", "embedder.text")
    pipeline.connect("redactor.text", "retriever.query")
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    pipeline.connect("redactor.text", "prompt.question")
    pipeline.connect("retriever.documents", "prompt.documents")
    pipeline.connect("prompt.prompt", "model.prompt")
    return pipeline


def indexing(store: WeaviateDocumentStore, redaction: Redaction, triton: PeerTriton) -> Pipeline:
    """Make the pipeline of documents."""
    pipeline = Pipeline()
    splitter = DocumentSplitter(
        split_by="word", split_length=CHUNK_WORDS, split_overlap=OVERLAP_WORDS
    )
    pipeline.add_component("splitter", splitter)
    pipeline.add_component("redactor", PassageRedactor(redaction))
    pipeline.add_component("embedder", PassageEmbedder(triton))
    pipeline.add_component("writer", PassageWriter(store))
    pipeline.connect("splitter", "redactor")
    pipeline.connect("redactor", "embedder")
    pipeline.connect("embedder", "writer")
    return pipeline


def service(places: PeerPlaces) -> FastAPI:
    """Make the application, with everything loaded."""
    store = document_store(places)
    redaction = loaded_redaction()
    triton = PeerTriton(places.triton)
    answer = answering(places, store, redaction, triton)
    index = indexing(store, redaction, triton)
    app = FastAPI()

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/documents", status_code=201)
    async def submit(document: PeerDocument) -> dict[str, int]:
        source = Document(content=document.content, meta={"uri": document.uri})
        written = await index.run_async({"splitter": {"documents": [source]}})
        return {"chunks": written["writer"]["documents_written"]}

    @app.post("/v1/messages")
    async def ask(question: PeerQuestion) -> StreamingResponse:
        return StreamingResponse(frames(answer, question.text), media_type="text/event-stream")

    return app


async def frames(pipeline: Pipeline, question: str) -> AsyncIterator[bytes]:
    """Answer, token by token."""
    yield frame("accepted")
    handle = pipeline.stream({"redactor": {"text": question}}, include_outputs_from={"retriever"})
    async for chunk in handle:
        yield frame("delta", text=chunk.content)
    result: dict[str, Any] = handle.result
    uris = [one.meta["uri"] for one in result["retriever"]["documents"]]
    yield completed(result["model"]["replies"][0], uris)


if __name__ == "__main__":
    here = PeerPlaces.given()
    uvicorn.run(service(here), host="127.0.0.1", port=here.port, log_level="warning")
