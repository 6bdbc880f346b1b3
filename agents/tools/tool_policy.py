"""Tool policy: what is configured of tools (agents/configuration/tools-1.json, and tools.json).

It is a part of the configuration of generate, so the log holds by its digest which tools a tenant
had, where they may lead, and what they may cost. Hosts, and the credentials that go with them, are
given by whoever runs the platform; the interfaces of a tenant name hosts and can't add any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from agents.errors import Permanent
from schemas.prepared_types import prepared

BUILT_IN = ("calculator", "retrieval", "policy")
EVERYBODY = "*"
HOSTS_MAX = 64
TOOLS_MAX = 32  # of a tenant: a model reads all of them before each answer
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Micros = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000_000)]
Origin = Annotated[
    str, msgspec.Meta(pattern=r"^https?://(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\]):[0-9]{1,5}\Z")
]
"""Scheme, host and port, all of them: https://api.example.com:443."""
Reference = Annotated[str, msgspec.Meta(pattern=r"^(?:(?:env|file):\S{1,500})?\Z")]


class ToolLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What tools may take of one answer."""

    steps_max: Positive = 4
    """How often a model is asked what to call."""
    calls_max: Positive = 8
    time_ms: Positive = 20_000
    """Until the last call begins."""
    cost_max: Micros = 0
    """Of models and tools together, in millionths of the accounting currency; 0 for any."""
    result_characters: Positive = 4_000
    """Of what a tool gave that are read."""


class ToolHost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A host that tools may ask."""

    origin: Origin
    private: bool = False
    """Whether it may have an address that is not public."""
    credential: Reference = ""
    """Where the key is that goes with each call: env:NAME or file:PATH."""
    credential_header: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z-]{1,64}\Z")] = "Authorization"
    timeout_ms: Positive = 5_000
    bytes_max: Positive = 65_536
    price: Micros = 0
    """Of a call, in millionths of the accounting currency."""


class TenantTools(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a tenant's answers may use."""

    use: Annotated[tuple[str, ...], msgspec.Meta(max_length=TOOLS_MAX)] = ()
    """Built-in tools, and operationIds of its interfaces."""
    interfaces: Annotated[tuple[dict[str, Any], ...], msgspec.Meta(max_length=TOOLS_MAX)] = ()
    """OpenAPI documents."""
    content: Annotated[tuple[str, ...], msgspec.Meta(max_length=16)] = ("*",)
    """Kinds of content that `policy` says may be handed on."""


class ToolPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is configured."""

    limits: ToolLimits = ToolLimits()
    hosts: Annotated[tuple[ToolHost, ...], msgspec.Meta(max_length=HOSTS_MAX)] = ()
    tenants: dict[str, TenantTools] = {}
    """By tenant; `*` for those that are not named."""
    said: dict[str, dict[str, str]] = {}
    """Sentences by name and language."""

    def tenant(self, name: str) -> TenantTools:
        """Return what a tenant may use."""
        return self.tenants.get(name) or self.tenants.get(EVERYBODY) or TenantTools()

    def host(self, origin: str) -> ToolHost | None:
        """Return the host of an origin; None where it is not listed."""
        return next((host for host in self.hosts if host.origin == origin), None)

    def sentence(self, name: str, language: str, **values: str) -> str:
        """Return a sentence in a language, or in English, with its values."""
        texts = self.said.get(name, {})
        text = texts.get(language) or texts.get("en", "")
        for slot, value in values.items():
            text = text.replace("{" + slot + "}", value)
        return text


prepared(ToolPolicy)


def tool_policy_of(configured: Mapping[str, Any]) -> ToolPolicy | None:
    """Read what is configured; None where nothing is. Raises Permanent that says what is wrong."""
    if not configured:
        return None
    try:
        return msgspec.convert(configured, ToolPolicy)
    except msgspec.ValidationError as error:
        raise Permanent(f"configuration of the tools: {error}; see docs/how-to/tools.md") from None
