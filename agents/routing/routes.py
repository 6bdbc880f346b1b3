"""Routes: what is configured of the models that may answer (agents/configuration/routes.json)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from agents.errors import Permanent
from schemas.prepared_types import prepared

ROUTES_MAX = 64  # of a configuration: each request looks at all
ContentClass = Literal["public", "internal", "personal"]
Trust = Literal["phrase", "quote", "none"]
ToolAsking = Literal["native", "grammar", "none"]

RouteTerm = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][\w./:-]{0,99}\Z")]
UnitShare = Annotated[float, msgspec.Meta(ge=0, le=1)]
Whole = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class Canary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A route on trial: what part of another one's requests it gets, and what ends the trial."""

    of: RouteTerm
    """The route that it may replace."""
    share: UnitShare
    """Of that one's requests."""
    calls_min: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 20
    """Calls, and ratings, before it is judged."""
    failures_more: UnitShare = 0.1
    """How much larger its share of failures may be."""
    slower: Annotated[float, msgspec.Meta(ge=1, le=1_000)] = 2.0
    """How many times as long its first token may take."""
    ungrounded_more: UnitShare = 0.1
    """How much larger its share of answers that can't stand may be."""


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way to an answer: a model at a provider, and what speaks for and against it."""

    name: RouteTerm
    model: RouteTerm
    provider: Annotated[str, msgspec.Meta(pattern=r"^[\w.-]{0,99}\Z")] = ""
    """Named in the workers' providers.json; empty for Triton."""
    regions: tuple[str, ...] = ()
    """Where it may process a text; empty for unknown, which no contract on residency allows."""
    classes: tuple[ContentClass, ...] = ("public", "internal", "personal")
    """Content that may be sent there."""
    input_price: Whole | None = None
    """Of a thousand tokens, in millionths of the accounting currency; null for unknown."""
    output_price: Whole | None = None
    first_token_ms: Whole = 0
    """How long its first token is expected to take, until it is measured."""
    quality: Whole = 1
    """Rank among the routes, 1 for the best."""
    distilled: bool = False
    """Whether it is a small or quantised model: for those in a hurry, and when others are away."""
    trust: Trust = "quote"
    """phrase: of its sentences those that stand are the answer; quote: only where all of them do;
    none: it is asked for JSON alone, and prose is quoted from the passages."""
    tools: ToolAsking = "none"
    """How its model asks for tools: native, by its interface's own shapes; grammar, by JSON that a
    schema holds it to; none: it is not asked."""
    fallbacks: tuple[RouteTerm, ...] = ()
    """Routes to try next, before all others."""
    running_max: Whole = 0
    """Calls under way from which others are preferred; 0 for any number."""
    system: str = ""
    """Instructions before each prompt."""
    canary: Canary | None = None
    """Where it is on trial."""
    revision: str = ""
    """Digest of its entry: one that was changed begins anew in every count. Not configured."""

    @property
    def key(self) -> str:
        """How records name it."""
        return f"{self.name}@{self.revision}" if self.revision else self.name

    def price_of(self, prompt_tokens: int, max_tokens: int) -> int | None:
        """Return what an answer costs at most, in millionths; None where that is unknown."""
        if self.input_price is None or self.output_price is None:
            return None
        return -(-(prompt_tokens * self.input_price + max_tokens * self.output_price) // 1_000)


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a tenant was promised."""

    routes: tuple[RouteTerm, ...] | None = None
    """The only ones that may be taken; null for all."""
    regions: tuple[str, ...] | None = None
    """Where its texts may be processed; null for anywhere."""
    price_max: Whole | None = None
    """Of one answer, in millionths of the accounting currency; null for any price."""
    content: ContentClass = "internal"
    """Class of what its documents hold; with a person's data in it, a prompt is personal."""


class HedgePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a second model is asked beside a slow one: see `agents.routing.hedging`."""

    after_ms: Annotated[int, msgspec.Meta(ge=1, le=600_000)] = 800
    """How long the first one has for its first part at least; more where it mostly takes more."""
    share_max: UnitShare = 0.05
    """Part of a worker's calls that may ask a second one."""
    calls_min: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 20
    """Answered calls of a route before it is known how long it mostly takes."""


class Routes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is configured."""

    routes: Annotated[tuple[Route, ...], msgspec.Meta(min_length=1, max_length=ROUTES_MAX)]
    contracts: dict[str, Contract] = {}
    """By tenant; `*` for those that are not named."""
    hurried_ms: Whole = 300
    """With less time left only distilled models are asked."""
    hedging: HedgePolicy | None = None
    """Null for one model at a time."""

    def contract(self, tenant: str) -> Contract:
        """Return what holds for a tenant."""
        return self.contracts.get(tenant) or self.contracts.get("*") or Contract()


prepared(Routes)


def routes_of(configured: Mapping[str, Any] | None) -> Routes | None:
    """Read the routes of a configuration; None where it has none, as that of 0.1.0.

    Raises Permanent that says what is wrong.
    """
    if configured is None:
        return None
    try:
        read = msgspec.convert(configured, Routes)
    except msgspec.ValidationError as error:
        raise Permanent(f"configuration of the routes: {error}; see routes.json") from None
    _hold_together(read)
    entries = configured["routes"]
    revised = [
        msgspec.structs.replace(route, revision=_revision(entry))
        for route, entry in zip(read.routes, entries, strict=True)
    ]
    return msgspec.structs.replace(read, routes=tuple(revised))


def _hold_together(read: Routes) -> None:
    """Raise Permanent for a name that is used twice, or names nothing."""
    names = [route.name for route in read.routes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Permanent(f"configuration of the routes: two are called {twice[0]}; see routes.json")
    for route in read.routes:
        named = [*route.fallbacks, *([route.canary.of] if route.canary else [])]
        if unknown := [name for name in named if name not in names or name == route.name]:
            raise Permanent(
                f"configuration of the routes: {route.name} names {unknown[0]}, "
                "which is no other route; see routes.json"
            )
        if route.revision:
            raise Permanent("configuration of the routes: a revision is not configured")


def _revision(entry: Mapping[str, Any]) -> str:
    content = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:8]
