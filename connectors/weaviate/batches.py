"""Read and write the objects of one tenant's collection, many at a time.

Errors are those of `tenant_objects.py`, a refused batch apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import grpc  # type: ignore[import-untyped]  # it ships no types
from weaviate.exceptions import WeaviateInsertManyAllFailedError

from connectors.weaviate.conditions import Condition
from connectors.weaviate.failures import no_such_tenant, refusal
from connectors.weaviate.tenant_objects import ReadObject, TenantObjects

PAGE = 500  # objects read or listed at once

R = TypeVar("R")


def pages(items: Iterable[R]) -> list[list[R]]:
    """Cut into lists of at most PAGE items, in their order."""
    everything = list(items)
    return [everything[start : start + PAGE] for start in range(0, len(everything), PAGE)]


async def by_uuid(
    objects: TenantObjects, ids: Iterable[str], names: Sequence[str]
) -> list[ReadObject]:
    """Read objects by id; those that do not exist are left out, as is a whole tenant."""
    read: list[ReadObject] = []
    for some in pages(ids):
        try:
            read += await objects.by_ids(some, names)
        except grpc.RpcError as error:
            if no_such_tenant(error):
                return []
            raise
    return read


async def listed(
    objects: TenantObjects, where: Condition, names: Sequence[str]
) -> list[ReadObject]:
    """Read all objects that a condition lets through."""
    read: list[ReadObject] = []
    while True:
        some = await objects.page(where, names, PAGE, len(read))
        read += some
        if len(some) < PAGE:
            return read


async def insert(objects: TenantObjects, items: Sequence[Any]) -> None:
    """Write objects, new or not. Raises Transient or Permanent if any is refused."""
    if not items:
        return
    try:
        answer = await objects.data.insert_many(items)
    except WeaviateInsertManyAllFailedError as error:
        raise refusal(len(items), len(items), str(error)) from error
    if answer.errors:
        first = next(iter(answer.errors.values())).message
        raise refusal(len(answer.errors), len(items), first)
