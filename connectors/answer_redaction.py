"""Answer redaction: what a host answers loses its personal data before it is an answer at all.

What a connector answers lies on the log for ever, so it is too late in the step that asked. Here
nothing was recorded yet: what remains is text with placeholders, and each value sealed under a key
of its own, as in documents and questions. So who is erased is erased from what hosts said, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

from msgspec.structs import replace

from agents.errors import Permanent, Transient
from agents.personal.tenant_policy import policy_of
from agents.tools.tool_results import told
from agents.without_values import redacted_answer
from schemas import CallTool, Record, Request, ToolAnswered
from streams.log.configuration import Configuration
from streams.running.world import Call

A = TypeVar("A", bound=Record)
REDACT = "redact"
"""The step by whose configuration it is done."""


class AnswerRedaction:
    """Redacts answers of hosts by the configuration of redact that is in force."""

    def __init__(
        self,
        ask: Callable[[Request[Any], Call], Awaitable[Record]],
        configurations: Mapping[str, Configuration],
    ) -> None:
        """`ask` reaches who detects, digests and seals."""
        self._ask = ask
        self._configurations = configurations
        self._read: tuple[str, dict[str, Any]] = "", {}
        """Digest and values of what was read last: lists are compiled once for the same values."""

    def policy(self, tenant: str) -> Mapping[str, Any]:
        """Return the policy of a tenant that is in force."""
        configured = self._configurations[REDACT]
        if configured.digest != self._read[0]:
            self._read = configured.digest, configured.values
        return policy_of(self._read[1], tenant)

    async def redacted(self, answered: ToolAnswered, request: CallTool, call: Call) -> ToolAnswered:
        """Tell JSON in lines without values; raises Permanent where that can't be done.

        It is the tool that fails then: its host answered, so its circuit hears nothing of it.
        """
        if not answered.content:
            return answered
        configured = self._configurations[REDACT]
        text = told(answered.content, request.characters_max or len(answered.content))

        async def ask(one: Request[A], /) -> A:
            return cast(A, await self._ask(one, call))

        try:
            content, entries = await redacted_answer(
                text, request.known, self.policy(call.tenant), call.event, ask
            )
        except (Transient, Permanent) as error:
            raise Permanent(
                f"tool {request.tool}: what it answered can't be redacted: {error}"
            ) from None
        return replace(answered, content=content, entries=entries, policy=configured.digest)
