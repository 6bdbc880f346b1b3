"""Configured limits: what a request may hold as far as a step's configuration says so.

They are read from the configurations in force at the moment at which they are asked for, so an edge
that follows the log takes in what the steps behind it take.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.asked import hold_to_bounds
from agents.errors import Permanent
from agents.personal.tenant_policy import policy_of
from agents.routing import Routes, routes_of
from edge.requests.policy_followed import PolicyFollowed
from edge.requests.validity import Refused
from schemas import Ask
from streams.log.configuration import Configuration, load

BOUNDING = ("retrieve", "generate")
"""Steps that bound what is asked for."""


class ConfiguredLimits:
    """Reads configurations, each once."""

    def __init__(self, configurations: Mapping[str, Configuration] | None = None) -> None:
        """Without any, those are read that lie beside the code."""
        self._configurations = load() if configurations is None else configurations
        self.policy = PolicyFollowed(self._configurations)
        self._read: dict[str, tuple[str, dict[str, Any]]] = {}
        """Step -> digest and values of what was read last."""
        self._routes: tuple[str, Routes | None] = "", None

    def _values(self, step: str) -> dict[str, Any]:
        configured = self._configurations[step]
        known = self._read.get(step)
        if known is None or known[0] != configured.digest:
            known = self._read[step] = configured.digest, configured.values
        return known[1]

    @property
    def chunk_policies(self) -> tuple[str, ...]:
        """The ways to cut a document, by name."""
        return tuple(self._values("ingest")["policies"])

    @property
    def document_bytes_max(self) -> int:
        """The bytes of a document that ingest reads."""
        return int(self._values("ingest")["bytes_max"])

    @property
    def routes(self) -> Routes | None:
        """The routes by which generate answers; None where it has none."""
        values = self._values("generate")
        digest = self._configurations["generate"].digest
        if self._routes[0] != digest:
            self._routes = digest, routes_of(values.get("routes"))
        return self._routes[1]

    def redaction(self, tenant: str) -> Mapping[str, Any]:
        """Return the policy of a tenant for personal data."""
        return policy_of(self._values("redact"), tenant)

    def hold(self, ask: Ask) -> None:
        """Hold what is asked for to the bounds of the steps; raises Refused."""
        for step in BOUNDING:
            try:
                hold_to_bounds(ask, self._values(step).get("asked_max", {}))
            except Permanent as error:
                raise Refused(str(error)) from None
