"""Triton's models: our own one, and those of its vLLM and TensorRT-LLM backends."""

from __future__ import annotations

from collections.abc import AsyncIterator

from connectors.providers.configured import ProviderSettings
from connectors.triton.connector import Backend, Triton
from schemas import Generate, Generated
from streams.running.world import Call
from streams.settings import Settings

BACKENDS: dict[str, Backend] = {
    "triton": "python",
    "triton-vllm": "vllm",
    "triton-tensorrt-llm": "tensorrt_llm",
}


class TritonModels:
    """Generates by a Triton server; that of the settings where the provider names none."""

    def __init__(self, _name: str, own: ProviderSettings, settings: Settings) -> None:
        self._backend = BACKENDS[own.kind]
        self._triton = Triton(settings, address=own.url)

    def generate(self, request: Generate, call: Call) -> AsyncIterator[Generated]:
        """Continue a prompt."""
        return self._triton.generate(request, call, self._backend)

    async def close(self) -> None:
        """Close the connection."""
        await self._triton.close()
