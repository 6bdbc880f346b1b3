"""Writing in batches."""

from types import SimpleNamespace
from uuid import uuid4

import pytest
from weaviate.classes.data import DataObject

from agents.errors import Permanent, Transient
from connectors.weaviate.batches import insert
from connectors.weaviate.tenant_objects import TenantObjects
from tests.connectors.weaviate.memory import MemoryWeaviate


@pytest.mark.parametrize(
    ("why", "kind"),
    [("vector lengths don't match", Permanent), ("store is READ-ONLY", Transient)],
)
async def test_a_refused_batch_says_why(why, kind):
    server = MemoryWeaviate()
    server.refusal = why
    client = server(None)
    await client.collections.create(
        "Chunk", properties=(), multi_tenancy_config=SimpleNamespace(enabled=True)
    )
    objects = [DataObject(properties={}, uuid=uuid4(), vector=[1.0]) for _ in range(2)]
    with pytest.raises(kind, match=f"refused 2 of 2 objects: {why}"):
        await insert(TenantObjects(client, "Chunk", "acme"), objects)
