"""Runs single steps without a broker, with the configuration that lies in the repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.trusted import trusting
from connectors.keyring import Keyring
from schemas import Begun, Event
from schemas.registry import SchemaIds
from streams.log.clock import now_us
from streams.log.codec import Codec
from streams.log.configuration import Configuration
from streams.running.live import LiveRun
from streams.running.run import Emit, Input
from streams.running.world import Connector, World
from streams.topics import Step, topic_of
from streams.version import CODE, RUNTIME


class StepRuns:
    """What steps run over: connectors, configurations, schemas and keys."""

    def __init__(
        self,
        connectors: Sequence[Connector],
        keyring: Keyring,
        ids: SchemaIds,
        timeout_s: float,
        *,
        configurations: Mapping[str, Configuration] | None = None,
    ) -> None:
        """Take what answers the steps, the keys of their tenants, and other configurations."""
        self.codec = Codec(ids)
        self.configurations = trusting() if configurations is None else configurations
        self._keyring = keyring
        self._world = World(tuple(connectors), timeout_s)

    async def run(self, step: Step, event: Event, offset: int, emit: Emit, trace: str = "") -> None:
        """Run a step once over an event that lies at an offset; raises what the step raises."""
        configuration = self.configurations[step.name]
        run = LiveRun(
            step,
            Input(event, topic_of(event), event.meta.lane, offset),
            emit,
            world=self._world,
            codec=self.codec,
            digest_key=self._keyring.digest_key(event.meta.tenant),
            begun=Begun(
                at=now_us(),
                attempt=1,
                code=CODE,
                configuration=configuration.digest,
                trace=trace,
                runtime=RUNTIME,
            ),
            configuration={configuration.digest: configuration.values},
        )
        await run.execute()

    async def close(self) -> None:
        """Close the connectors."""
        await self._world.close()
