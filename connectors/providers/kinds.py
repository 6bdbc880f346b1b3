"""Kinds of providers. Adding one takes a module beside this and a row here."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from typing import Any, Protocol

from connectors.providers.configured import ProviderSettings
from schemas import Generate, Generated
from streams.running.world import Call
from streams.settings import BadSetting, Settings

KINDS = {
    "openai": "connectors.providers.openai_compatible:OpenAICompatible",
    "anthropic": "connectors.providers.anthropic_api:AnthropicAPI",
    "triton": "connectors.providers.triton_models:TritonModels",
    "triton-vllm": "connectors.providers.triton_models:TritonModels",
    "triton-tensorrt-llm": "connectors.providers.triton_models:TritonModels",
}
"""By `module:Class`: only those that are configured are imported."""


class Provider(Protocol):
    """Who serves some models."""

    def generate(self, request: Generate, call: Call) -> AsyncIterator[Generated]:
        """Continue a prompt, in parts, the last of which says how it ended.

        Raises Transient for what is worth another try, Permanent for what is not; no message holds
        a text that was sent, or a credential.
        """

    async def close(self) -> None:
        """Let go of connections."""


def make(name: str, own: ProviderSettings, settings: Settings) -> Provider:
    """Make a provider; raises BadSetting for a kind that there is not."""
    if own.kind not in KINDS:
        raise BadSetting(
            f"provider {name}: there is no kind {own.kind!r}; choose from {', '.join(KINDS)}"
        )
    module, attribute = KINDS[own.kind].split(":")
    factory: Any = getattr(importlib.import_module(module), attribute)
    provider: Provider = factory(name, own, settings)
    return provider
