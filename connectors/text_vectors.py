"""Vectors of texts, for whoever asks from outside a step; the client that asks comes when needed.

Why it is so: that client brings gRPC, Triton's messages and NumPy, 12 MB and 0.1 s of CPU, and most
gateways are never asked for vectors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Protocol

from streams.running.world import Call
from streams.settings import Settings


class TextVectors(NamedTuple):
    """What the embedder said of texts, in their order."""

    vectors: tuple[bytes, ...]
    """Each of float32, little-endian, unit length."""
    tokens: tuple[int, ...]
    """As many as the model saw of each."""
    cut: tuple[bool, ...]
    """Whether a text was longer than the model reads, so that its vector is not of all of it."""
    model: str

    def and_then(self, more: TextVectors) -> TextVectors:
        """Return these and those of further texts."""
        return TextVectors(
            self.vectors + more.vectors, self.tokens + more.tokens, self.cut + more.cut, more.model
        )


NO_VECTORS = TextVectors((), (), (), "")


class EmbedsTexts(Protocol):
    """What embeds."""

    embedder: str
    """The model's name."""

    async def some(self, texts: tuple[str, ...], kind: str, call: Call) -> TextVectors:
        """Embed the first of the texts; raises Transient or Permanent."""

    async def close(self) -> None:
        """Let go of the connection."""


NewEmbedder = Callable[[Settings], EmbedsTexts]


def _client() -> NewEmbedder:
    from connectors.triton.embedder_client import EmbedderClient

    return EmbedderClient


class LateEmbedder:
    """The embedder, whose client is imported and made when somebody first asks."""

    def __init__(self, settings: Settings, client: Callable[[], NewEmbedder] = _client) -> None:
        """`client` is called in a thread: importing it takes longer than the loop may stand."""
        self.embedder = settings.embedder
        self._settings = settings
        self._load = client
        self._made: EmbedsTexts | None = None

    async def some(self, texts: tuple[str, ...], kind: str, call: Call) -> TextVectors:
        """Embed the first of the texts; raises Transient or Permanent."""
        if self._made is None:
            new = await asyncio.to_thread(self._load)
            self._made = self._made or new(self._settings)
        return await self._made.some(texts, kind, call)

    async def close(self) -> None:
        """Let go of the connection, where there is one."""
        if self._made is not None:
            await self._made.close()
