"""One step alone: run over events that an evaluation set gives, with its configuration in force.

It is the same step and the same live run as in a worker. What it asks is answered by connectors,
real ones where the answer decides what is measured, or by the set (`Given`), which knows the turns
of a conversation; no broker, no table and no log are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.configured.usability import known_fields
from agents.errors import Permanent
from schemas import Begun, Event, Meta, Record, Request, StepVersion, StreamRequest
from schemas.registry import FixedIds
from streams.log.codec import Codec
from streams.log.configuration import Configuration, configuration, load
from streams.log.subjects import subjects
from streams.running.live import LiveRun
from streams.running.run import Input
from streams.running.world import Call, Connector, Handler, StreamHandler, World
from streams.topics import step as step_named
from streams.topics import topic_of
from streams.version import CODE, RUNTIME

TENANT = "evaluation"
DIGEST_KEY = b"of an evaluation: nobody's texts"
BEGAN_US = 1_700_000_000_000_000  # any moment: nothing that is measured depends on it
CALL_S = 120.0


class Given:
    """Answers requests by functions: what an evaluation set says, and what is not to be had."""

    def __init__(self, answers: Mapping[type[Request[Any]], Callable[[Any], Record]]) -> None:
        self._answers = answers

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers which request."""
        return {kind: _handler(answer) for kind, answer in self._answers.items()}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Answer no streamed request."""
        return {}

    async def close(self) -> None:
        """Let go of nothing."""


def _handler(answer: Callable[[Any], Record]) -> Handler:
    async def handle(request: Request[Any], _call: Call) -> Record:
        return answer(request)

    return handle


class StepAlone:
    """Runs one step over events."""

    def __init__(
        self, name: str, connectors: Sequence[Connector], changed: Mapping[str, Any] | None = None
    ) -> None:
        """Take what answers the step; `changed` overrides values of its configuration."""
        self._step = step_named(name)
        self._world = World(tuple(connectors), CALL_S)
        self._codec = Codec(FixedIds.numbered(dict.fromkeys(subjects().values())))
        self.configuration: Configuration = in_force(name, changed or {})
        self._values = {self.configuration.digest: self.configuration.values}

    async def outcomes(self, event: Event) -> list[Any]:
        """Run the step and return what it yields; raises what the step raises."""
        yielded: list[Any] = []
        run = LiveRun(
            self._step,
            Input(event, topic_of(event), 0, 0),
            yielded.append,
            world=self._world,
            codec=self._codec,
            digest_key=DIGEST_KEY,
            begun=Begun(
                at=BEGAN_US,
                attempt=1,
                code=CODE,
                configuration=self.configuration.digest,
                trace="",
                runtime=RUNTIME,
            ),
            configuration=self._values,
        )
        await run.execute()
        return yielded


def in_force(step: str, changed: Mapping[str, Any]) -> Configuration:
    """Return a step's configuration with some values changed; raises Permanent for unknown ones."""
    values = load()[step].values
    fields = known_fields(step)
    if unknown := sorted(set(changed) - set(fields)):
        known = ", ".join(sorted(fields)) or "nothing"
        raise Permanent(f"configuration of {step}: no {', '.join(unknown)}; there is {known}")
    return configuration(step, {**values, **changed})


def meta_of(identity: str) -> Meta:
    """Make the meta of an event that an evaluation begins with."""
    return Meta(
        id=identity,
        tenant=TENANT,
        lane=0,
        request=identity,
        session=identity,
        at=BEGAN_US,
        step=StepVersion(name="evaluation", code=CODE, configuration=""),
    )
