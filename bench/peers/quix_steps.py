"""The Quix peer's stream steps, each in a process of its own.

python -m bench.peers.quix_steps PLACES prepare|generate

A step of Quix Streams takes one record after the other: what waits for a model holds up what lies
behind it. So the second one runs in as many processes as its topic has partitions.
"""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable, Iterator
from typing import Any

from quixstreams import Application
from tritonclient.grpc import InferenceServerClient

from bench.peers.peer_tensors import client_inputs
from bench.peers.peer_work import (
    ALPHA,
    COLLECTION,
    PASSAGES,
    PeerPlaces,
    Redaction,
    generation,
    loaded_redaction,
    prompt_of,
)
from bench.peers.quix_topics import ASKED, PROMPTS, SAID, group_of_step
from connectors.triton.tensors import chat_inputs, embedder_inputs

SILENCE_S = 60.0  # of the model: then the step fails, and is told


class Preparing:
    """Makes the prompt of a question: redaction, vector, search."""

    def __init__(self, places: PeerPlaces, redaction: Redaction) -> None:
        import weaviate  # not in the processes that generate
        from weaviate.classes.init import AdditionalConfig, Auth

        self._redaction = redaction
        self._triton = InferenceServerClient(places.triton)
        host, port = places.weaviate_host
        secret = places.weaviate_secret
        self._weaviate = weaviate.connect_to_custom(
            host, port, False, host, places.weaviate_grpc_port, False,
            auth_credentials=Auth.api_key(secret) if secret else None,
            additional_config=AdditionalConfig(trust_env=False), skip_init_checks=True,
        )  # fmt: skip
        self._passages = self._weaviate.collections.get(COLLECTION)

    def __call__(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return prompt and sources."""
        [text] = self._redaction([asked["text"]])
        inputs = client_inputs(embedder_inputs((text,), "query", False))
        answer = self._triton.infer("embedder", inputs)
        [vector] = answer.as_numpy("vector").tolist()
        found = self._passages.query.hybrid(
            text, vector=vector, alpha=ALPHA, limit=PASSAGES, return_properties=["content", "uri"]
        ).objects
        passages = [str(one.properties["content"]) for one in found]
        uris = [one.properties["uri"] for one in found]
        return {"request": asked["request"], "prompt": prompt_of(text, passages), "uris": uris}


class Generating:
    """Has the model say an answer, token by token."""

    def __init__(self, places: PeerPlaces) -> None:
        self._model = places.model_name
        self._answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
        self._client = InferenceServerClient(places.model)
        self._client.start_stream(lambda result, error: self._answers.put((result, error)))

    def close(self) -> None:
        """End the stream."""
        self._client.stop_stream()
        self._client.close()

    def __call__(self, prompt: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield a record a token, and the whole of it as the last one."""
        inputs = client_inputs(chat_inputs(generation(prompt["prompt"], self._model)))
        self._client.async_stream_infer(self._model, inputs)
        said = []
        while True:
            answer, error = self._answers.get(timeout=SILENCE_S)
            if error is not None:
                raise error
            text = answer.as_numpy("text").reshape(-1)[0].decode()
            if text:
                said.append(text)
                yield {"request": prompt["request"], "text": text}
            if answer.as_numpy("finish_reason") is not None:
                break
        yield {"request": prompt["request"], "whole": "".join(said), "uris": prompt["uris"]}


def application(places: PeerPlaces, group: str) -> Application:
    """Make an application that delivers at least once and lets nothing wait."""
    return Application(
        broker_address=places.kafka,
        consumer_group=group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        use_changelog_topics=False,
        commit_interval=0.2,  # as often as the platform
        state_dir=f"{places.run}/{group}",
        loglevel="WARNING",
        producer_extra_config={"acks": "all", "enable.idempotence": True, "linger.ms": 0},
    )


def run(
    places: PeerPlaces, source: str, target: str, step: Callable[..., Any], *, expand: bool
) -> None:
    """Run one step until SIGTERM."""
    app = application(places, group_of_step(source))
    frames = app.dataframe(app.topic(source)).apply(step, expand=expand)
    frames.to_topic(app.topic(target))
    app.run()


if __name__ == "__main__":
    here = PeerPlaces.given()
    if sys.argv[2] == "prepare":
        run(here, ASKED, PROMPTS, Preparing(here, loaded_redaction()), expand=False)
    else:
        run(here, PROMPTS, SAID, Generating(here), expand=True)
