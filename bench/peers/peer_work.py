"""What both peers do alike: where things are, redaction, the prompt, frames of an answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from schemas import Generate, Span
from streams.settings import Settings

PASSAGES = 6  # as the platform's prompt is offered
TOKENS_MAX = 256  # above the longest answer
COLLECTION = "PeersPassage"
ALPHA = 0.5  # words and vectors count alike, as in the platform


@dataclass(frozen=True)
class PeerPlaces:
    """Where a peer finds what it leans on, and where it is found."""

    kafka: str
    weaviate_http: str
    weaviate_grpc: str
    weaviate_key: str
    """File of its API key; empty for anonymous access."""
    triton: str
    """The platform's own, with its embedder."""
    model: str
    """The Triton of the stub, and"""
    model_name: str
    """what it is called there."""
    port: int
    """Of the peer's own HTTP."""
    run: str
    """A folder for what it keeps on disk."""

    @classmethod
    def on(cls, settings: Settings, model: tuple[str, str], port: int) -> PeerPlaces:
        """Take them from a running stack, and from address and name of the model."""
        return cls(
            settings.kafka,
            settings.weaviate_http,
            settings.weaviate_grpc,
            settings.weaviate_key_file,
            settings.triton_grpc,
            *model,
            port,
            str(settings.run),
        )

    def argument(self) -> str:
        """Spell it as the first argument of a process."""
        return json.dumps(asdict(self))

    @classmethod
    def given(cls) -> PeerPlaces:
        """Read it from the command line of this process."""
        return cls(**json.loads(sys.argv[1]))

    @property
    def weaviate_secret(self) -> str:
        """Read the index's API key; empty where it asks for none."""
        return (
            Path(self.weaviate_key).read_text(encoding="utf-8").strip() if self.weaviate_key else ""
        )

    @property
    def weaviate_grpc_port(self) -> int:
        """Port of the index's gRPC."""
        return int(self.weaviate_grpc.rpartition(":")[2])

    @property
    def weaviate_host(self) -> tuple[str, int]:
        """Host and port of the index's HTTP."""
        parts = urlsplit(self.weaviate_http)
        return parts.hostname or "127.0.0.1", parts.port or 80


class Redaction:
    """Replaces personal data, as the platform finds it, by its kind."""

    def __init__(self, find: Callable[[tuple[str, ...]], list[tuple[Span, ...]]]) -> None:
        """Take what finds it: a detector's `find`."""
        # only where it is needed: it brings all steps along
        from agents.spans import join
        from streams.log.configuration import load

        self._find = find
        self._join = join
        self._policy = load()["redact"].values

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Replace it in some texts."""
        found = self._find(tuple(texts))
        return [self._replaced(text, spans) for text, spans in zip(texts, found, strict=True)]

    def _replaced(self, text: str, spans: Iterable[Span]) -> str:
        parts, end = [], 0
        for mention in self._join(text, spans, self._policy):
            parts += [text[end : mention.start], f"<{mention.kind}>"]
            end = mention.end
        return "".join([*parts, text[end:]])


def loaded_redaction() -> Redaction:
    """Load the detector, which takes some seconds."""
    from connectors.tagger.tagger_detector import TaggerDetector

    return Redaction(TaggerDetector().find)


def prompt_of(question: str, passages: Sequence[str]) -> str:
    """Fill a prompt: a line for each passage, the best one next to the question."""
    lines = "\n".join(f"Text: {' '.join(text.split())}" for text in reversed(passages))
    return f"Answer from the texts.\n\n{lines}\nQuestion: {question}\nAnswer:"


def generation(prompt: str, model: str) -> Generate:
    """Ask the model to continue a prompt."""
    return Generate(prompt=prompt, max_tokens=TOKENS_MAX, model=model)


def frame(kind: str, **fields: Any) -> bytes:
    """Spell one server-sent event, in the frames of the platform's own gateway."""
    return b"data: " + orjson.dumps({"type": kind, **fields}) + b"\n\n"


def completed(text: str, uris: Sequence[str]) -> bytes:
    """Spell the last one: the whole answer, and what it is from, best first."""
    return frame("completed", text=text, citations=[{"uri": uri} for uri in uris])
