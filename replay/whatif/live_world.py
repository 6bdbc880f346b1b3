"""The models and the index, for runs that only read: no connector that writes is among them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.who_answers import KEYRING, connectors_for
from replay.whatif.outside import ASKED
from schemas import Request, Search, StreamRequest
from streams.running.world import Connector, Handler, StreamHandler, World
from streams.settings import Settings

INDEX = connectors_for([Search])[-1]


class OnlyAsked:
    """A connector, but for whatever of it is not asked here."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self.service = getattr(connector, "service", "")
        if circuit := getattr(connector, "circuit", None):
            self.circuit = circuit

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers what is asked."""
        handlers = self._connector.handlers()
        return {kind: handler for kind, handler in handlers.items() if kind in ASKED}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Return who answers what is asked in parts."""
        return self._connector.stream_handlers()

    async def close(self) -> None:
        """Close it."""
        await self._connector.close()


def live_world(settings: Settings, generation: int | None = None) -> World:
    """Make what is asked live; of the index the generation in force, or another one.

    Nothing that was answered before is kept, and an index without collections gets none.
    """
    settings = replace(settings, cache_mb=0, answer_cache_s=0.0)
    made = []
    for path in connectors_for(ASKED):
        if path == KEYRING:  # a worker's makes keys
            continue
        module, attribute = path.split(":")
        factory = getattr(importlib.import_module(module), attribute)
        if path == INDEX:
            connector = factory(settings, generation)
            connector.creates_missing = False
        else:
            connector = factory(settings)
        made.append(OnlyAsked(connector))
    return World(tuple(made), settings.call_timeout_s)
