"""Build states: how far a generation of the index has come, kept beside what it holds.

So a generation that is gone takes its state along, and any machine may go on with one. The state is
one object of a tenant that is nobody's.
"""

from __future__ import annotations

import uuid
from typing import Any

import grpc  # type: ignore[import-untyped]  # it ships no types
import msgspec
from weaviate.classes.data import DataObject

from agents.errors import Permanent
from connectors.weaviate.batches import insert
from connectors.weaviate.failures import no_such_tenant, translated
from connectors.weaviate.generations import Index
from connectors.weaviate.schema import BUILD_TENANT
from schemas.prepared_types import prepared

STATE = str(uuid.uuid5(uuid.NAMESPACE_URL, "playhead:build-state"))


class BuildState(msgspec.Struct, kw_only=True):
    """How far a generation is built."""

    generation: int
    filled: bool = False
    """Whether it held all of the log once; from then on it only has to catch up."""
    tenant: str = ""
    """The only tenant that it holds; empty for all."""
    archive: str = ""
    """The archive that it is built from; empty for the broker's log."""
    embedder: str = ""
    """Who embedded its chunks anew, as Triton calls it; empty where vectors are the record's."""
    model: str = ""
    """What that embedder calls itself."""
    dimensions: int = 0
    lanes: dict[int, int] = {}
    """Lane -> offset of the next record of chunks to be written; what is before it is written."""
    records: int = 0
    chunks: int = 0
    erasures: int = 0
    """How many erasures of documents the log told of when it was begun."""
    replaced: int = 0
    """Generation that came into force in its place; 0 where none did."""
    owner: str = ""
    """Who is writing it: a new name for each process; empty for nobody."""
    beat: int = 0
    """Grows while the owner lives."""


prepared(BuildState)


class BuildStates:
    """Reads and writes the state of one generation; raises Transient or Permanent."""

    def __init__(self, index: Index) -> None:
        self._index = index

    @translated
    async def read(self) -> BuildState | None:
        """Return the state, or None where the generation was built by the workers alone."""
        documents = (await self._index.collections_of(BUILD_TENANT))["documents"]
        try:
            items = await documents.by_ids([STATE], ("metadata",))
        except grpc.RpcError as error:
            if no_such_tenant(error):
                return None
            raise
        if not items:
            return None
        try:
            return msgspec.json.decode(items[0].properties["metadata"][0], type=BuildState)
        except msgspec.MsgspecError as error:
            raise Permanent(
                f"the state of a generation can't be read ({error}): a later release wrote it"
            ) from None

    @translated
    async def write(self, state: BuildState) -> None:
        """Write the state over that of before."""
        properties: dict[str, Any] = {
            "document": "",
            "versions": [],
            "positions": [],
            "metadata": [msgspec.json.encode(state).decode()],
        }
        documents = (await self._index.collections_of(BUILD_TENANT))["documents"]
        await insert(documents, [DataObject(uuid=STATE, properties=properties)])
