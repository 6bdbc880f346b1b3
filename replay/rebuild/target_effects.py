"""What *index* sees when it is run to rebuild: its writes go live, into another generation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NoReturn

from agents.changes import RuleChange, has
from agents.index import index
from connectors.weaviate.versions import VersionWriter
from replay.rebuild.lane_inputs import IndexInput
from schemas import IndexChunks, PublishVersion, Request, StreamRequest, WithdrawVersions
from streams.running.run import StepBroken
from streams.running.world import Call, Handler


class TargetEffects:
    """The `fx` of one run, over an input that the live step ran too; no record is made of it."""

    policy = None
    began_us = 0

    def __init__(self, target: VersionWriter, of: IndexInput) -> None:
        self._call = Call.over(of.given)
        self._code = of.code
        self._handlers: dict[type[Any], Handler] = {
            IndexChunks: target.index,
            PublishVersion: target.publish,
            WithdrawVersions: target.withdraw,
        }

    @property
    def cancelled(self) -> bool:
        """Nobody cancels what is put into an index."""
        return False

    @property
    def configuration(self) -> dict[str, Any]:
        """Nothing is configured of this step."""
        return {}

    def has(self, change: RuleChange) -> bool:
        """Say whether the code that ran the input then behaves in a changed way."""
        return has(self._code, change)

    async def __call__(self, request: Request[Any]) -> Any:
        """Write to the target; raises Transient or Permanent."""
        handler = self._handlers.get(type(request))
        if handler is None:
            self._refuse(request)
        return await handler(request, self._call)

    async def gather(self, *requests: Request[Any]) -> tuple[Any, ...]:
        """Write one after the other."""
        return tuple([await self(request) for request in requests])

    async def pause(self) -> None:
        """Go on."""

    def stream(self, request: StreamRequest[Any]) -> AsyncIterator[Any]:
        """Refuse: this step asks for nothing in parts."""
        self._refuse(request)

    def _refuse(self, request: object) -> NoReturn:
        raise StepBroken(f"index asked for {type(request).__name__}: a rebuild has no answer to it")


async def index_into(target: VersionWriter, of: IndexInput) -> None:
    """Run the step over an input, into the target."""
    async for _ in index(of.event, TargetEffects(target, of)):
        pass
