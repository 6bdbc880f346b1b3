"""Writing in batches."""

import pytest
from weaviate.exceptions import WeaviateInsertManyAllFailedError

from agents.errors import Permanent, Transient
from connectors.weaviate.batches import insert


@pytest.mark.parametrize(
    ("why", "kind"),
    [("vector lengths don't match", Permanent), ("store is READ-ONLY", Transient)],
)
async def test_a_refused_batch_says_why(why, kind):
    class FakeData:
        async def insert_many(self, _):
            raise WeaviateInsertManyAllFailedError(f"Here is the set of all errors: {why}")

    class FakeCollection:
        data = FakeData()

    with pytest.raises(kind, match=f"refused 2 of 2 objects: {why}"):
        await insert(FakeCollection(), [1, 2])
