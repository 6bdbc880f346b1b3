"""The connector: expressions worked out and policies read here, and hosts asked over HTTP.

Each host has a circuit of its own: one that is broken says nothing of the others. Calls of all
tenants take turns, as those of models do. What a host answers is redacted before anybody sees it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from agents.errors import Permanent
from connectors.answer_redaction import AnswerRedaction
from connectors.tools.calculator import calculated
from connectors.tools.tool_hosts import ToolHosts
from schemas import (
    Calculate,
    Calculated,
    CallTool,
    CheckPolicy,
    PolicyChecked,
    Request,
    StreamRequest,
    ToolAnswered,
)
from streams.running.breaker import Circuit
from streams.running.fair_queue import FairQueue
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import Settings

RUNNING_MAX = 16  # calls at once, of all tenants and hosts
RESERVED = 4  # of them for tenants that ask for one at a time
CIRCUITS_MAX = 256
ANYTHING = "*"


class Tools:
    """Answers for tools. Make it anywhere; it connects when asked."""

    def __init__(self, _settings: Settings, circuit: Callable[[str], Circuit] = Circuit) -> None:
        self._hosts = ToolHosts()
        self._turns = FairQueue(RUNNING_MAX, reserved=RESERVED)
        self._make_circuit = circuit
        self._redaction: AnswerRedaction | None = None
        self._circuits: OrderedDict[str, Circuit] = OrderedDict()

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer Calculate, CheckPolicy and CallTool."""
        return {Calculate: self.calculate, CheckPolicy: self.check, CallTool: self.call_tool}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer nothing in parts."""
        return {}

    async def close(self) -> None:
        """Close the connections."""
        await self._hosts.close()

    def circuit(self, request: Request[Any]) -> Circuit | None:
        """Return the circuit of the host that a request asks; None for what is answered here."""
        if not isinstance(request, CallTool):
            return None
        name = f"tool {urlsplit(request.url).netloc}"
        if name not in self._circuits:
            self._circuits[name] = self._make_circuit(name)
            if len(self._circuits) > CIRCUITS_MAX:
                self._circuits.popitem(last=False)
        self._circuits.move_to_end(name)
        return self._circuits[name]

    async def calculate(self, request: Calculate, _call: Call) -> Calculated:
        """Work out an expression; what has no value is an answer, and no error."""
        return calculated(request.expression)

    async def check(self, request: CheckPolicy, _call: Call) -> PolicyChecked:
        """Read a policy."""
        if ANYTHING in request.allowed:
            return PolicyChecked(allowed=True, reason=f"every {request.about} is allowed")
        allowed = request.name in request.allowed
        listed = ", ".join(request.allowed) or "none"
        return PolicyChecked(allowed=allowed, reason=f"allowed of each {request.about}: {listed}")

    def redact_by(self, redaction: AnswerRedaction) -> None:
        """Redact by it what hosts answer; until then none is asked."""
        self._redaction = redaction

    async def call_tool(self, request: CallTool, call: Call) -> ToolAnswered:
        """Ask a host, and redact what it answers.

        Raises Transient where it is away or slow, Permanent where it can't be asked or its answer
        not redacted.
        """
        if self._redaction is None:
            raise Permanent(f"tool {request.tool}: nobody here redacts what it would answer")
        async with self._turns.turn(call):
            answered = await self._hosts.ask(request, call)
        return await self._redaction.redacted(answered, request, call)
