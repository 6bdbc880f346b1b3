"""Objects in a bucket: S3, and what speaks its protocol, through botocore.

An object that must be fresh is put with `If-None-Match: *`, which S3 and servers like it refuse
where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents.errors import Transient
from connectors.object_store import FolderObjects, ObjectStore
from connectors.sources.bucket import s3_client, words_of
from streams.settings import Settings

SCHEME = "s3://"
THERE = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
GONE = frozenset({"NoSuchKey", "404"})


class BucketObjects:
    """Objects of a bucket below a prefix."""

    def __init__(self, address: str, *, endpoint: str = "", region: str = "") -> None:
        """`address` is s3://bucket/prefix; the credentials are those of the machine.

        `endpoint` is the address of a server other than AWS.
        """
        self._bucket, _, prefix = address.removeprefix(SCHEME).partition("/")
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._given = {"endpoint_url": endpoint, "region_name": region}
        self._made: Any = None

    def put(self, name: str, content: bytes, *, fresh: bool = False) -> bool:
        """Store an object, as `ObjectStore.put`."""
        condition = {"IfNoneMatch": "*"} if fresh else {}
        with self._as_transient("write", name):
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=self._prefix + name, Body=content, **condition
                )
            except self._client.exceptions.ClientError as error:
                if fresh and _code(error) in THERE:
                    return False
                raise
        return True

    def get(self, name: str) -> bytes | None:
        """Read an object, as `ObjectStore.get`."""
        with self._as_transient("read", name):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            except self._client.exceptions.ClientError as error:
                if _code(error) in GONE:
                    return None
                raise
            with answer["Body"] as body:
                content: bytes = body.read()
        return content

    def sizes(self, folder: str) -> dict[str, int]:
        """Return what lies in a folder, as `ObjectStore.sizes`."""
        within = self._within(folder)
        return {
            entry["Key"].removeprefix(within): entry["Size"]
            for page in self._pages(within, delimiter="/")
            for entry in page.get("Contents", ())
        }

    def folders(self, folder: str) -> list[str]:
        """List the folders of a folder, as `ObjectStore.folders`."""
        within = self._within(folder)
        return sorted(
            entry["Prefix"].removeprefix(within).rstrip("/")
            for page in self._pages(within, delimiter="/")
            for entry in page.get("CommonPrefixes", ())
        )

    def delete(self, name: str) -> None:
        """Delete an object, as `ObjectStore.delete`."""
        with self._as_transient("delete", name):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def delete_folder(self, folder: str) -> None:
        """Delete a folder, as `ObjectStore.delete_folder`."""
        for page in self._pages(self._within(folder)):
            for entry in page.get("Contents", ()):
                self.delete(entry["Key"].removeprefix(self._prefix))

    def _within(self, folder: str) -> str:
        return f"{self._prefix}{folder.strip('/')}/"

    def _pages(self, within: str, delimiter: str = "") -> Iterator[Any]:
        given = {"Bucket": self._bucket, "Prefix": within}
        if delimiter:
            given["Delimiter"] = delimiter
        with self._as_transient("list", within):
            yield from self._client.get_paginator("list_objects_v2").paginate(**given)

    @property
    def _client(self) -> Any:
        if self._made is None:
            self._made = s3_client(self._given)
        return self._made

    @contextmanager
    def _as_transient(self, what: str, name: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError, OSError) as error:
            raise Transient(
                f"can't {what} {name} in bucket {self._bucket}: {words_of(error)}"
            ) from None


def _code(error: Any) -> str:
    """Return the code of what S3 answers."""
    return str(error.response.get("Error", {}).get("Code", ""))


def objects_at(settings: Settings, place: str) -> ObjectStore:
    """Return the objects of a folder, or of an s3:// address."""
    if place.startswith(SCHEME):
        return BucketObjects(place, endpoint=settings.s3_endpoint, region=settings.s3_region)
    return FolderObjects(Path(place))
