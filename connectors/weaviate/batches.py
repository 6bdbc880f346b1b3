"""Read and write the objects of one tenant's collection, many at a time.

`collection` is the client's, of one tenant. Errors are the client's too, a refused batch apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from weaviate.exceptions import WeaviateBaseError, WeaviateInsertManyAllFailedError

from connectors.weaviate.failures import no_such_tenant, refusal

PAGE = 500  # objects read or listed at once

R = TypeVar("R")


def pages(items: Iterable[R]) -> list[list[R]]:
    """Cut into lists of at most PAGE items, in their order."""
    everything = list(items)
    return [everything[start : start + PAGE] for start in range(0, len(everything), PAGE)]


async def by_uuid(collection: Any, ids: Iterable[str], properties: Sequence[str]) -> list[Any]:
    """Read objects by id; those that do not exist are left out, as is a whole tenant."""
    objects = []
    for some in pages(ids):
        try:
            answer = await collection.query.fetch_objects_by_ids(
                some, limit=len(some), return_properties=list(properties)
            )
        except WeaviateBaseError as error:
            if no_such_tenant(error):
                return []
            raise
        objects += answer.objects
    return objects


async def listed(collection: Any, where: Any, properties: Sequence[str]) -> list[Any]:
    """Read all objects that a filter lets through."""
    objects: list[Any] = []
    while True:
        answer = await collection.query.fetch_objects(
            filters=where,
            limit=PAGE,
            offset=len(objects),
            return_properties=list(properties),
        )
        objects += answer.objects
        if len(answer.objects) < PAGE:
            return objects


async def insert(collection: Any, objects: Sequence[Any]) -> None:
    """Write objects, new or not. Raises Transient or Permanent if any is refused."""
    if not objects:
        return
    try:
        answer = await collection.data.insert_many(objects)
    except WeaviateInsertManyAllFailedError as error:
        raise refusal(len(objects), len(objects), str(error)) from error
    if answer.errors:
        first = next(iter(answer.errors.values())).message
        raise refusal(len(answer.errors), len(objects), first)
