"""Objects in a bucket: S3, and what speaks its protocol, through botocore.

An object that must be fresh is put with `If-None-Match: *`, one that replaces another by
`If-Match`, which S3 and servers like it refuse where something else lies there. The client repeats
a request whose answer was lost, so one that is refused may have been carried out before: whoever
needs to know reads what lies there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from agents.errors import Permanent, Transient
from connectors.object_store import FolderObjects, ObjectStore
from connectors.sources.bucket import TRIES_MAX, s3_client, words_of
from streams.settings import Settings
from streams.storage_places import SCHEME

THERE = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
GONE = frozenset({"NoSuchKey", "404"})
CHUNK_BYTES = 1_048_576
CREDENTIALS = (
    "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or "
    "AWS_SHARED_CREDENTIALS_FILE"
)
T = TypeVar("T")
MAKING = threading.Lock()


class BucketObjects:
    """Objects of a bucket below a prefix."""

    def __init__(self, address: str, *, endpoint: str = "", region: str = "") -> None:
        """`address` is s3://bucket/prefix; the credentials are those of the machine.

        `endpoint` is the address of a server other than AWS.
        """
        self._bucket, _, prefix = address.removeprefix(SCHEME).partition("/")
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._given = endpoint, region

    def put(
        self, name: str, content: bytes, *, fresh: bool = False, replaces: str | None = None
    ) -> bool:
        """Store an object, as `ObjectStore.put`; with `replaces` only over what has that tag."""
        condition = {"IfNoneMatch": "*"} if fresh else {"IfMatch": replaces} if replaces else {}
        with self._as_transient("write", name):
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=self._key(name), Body=content, **condition
                )
            except self._client.exceptions.ClientError as error:
                if condition and _code(error) in (THERE | GONE if replaces else THERE):
                    return False
                raise
        return True

    def get(self, name: str) -> bytes | None:
        """Read an object, as `ObjectStore.get`."""
        return self.get_tagged(name)[0]

    def get_tagged(self, name: str, bytes_max: int = -1) -> tuple[bytes | None, str]:
        """Read an object, or its first bytes, and the tag of its version; None where none is."""
        from botocore.exceptions import IncompleteReadError

        def read() -> tuple[bytes | None, str]:
            answer = self._answer(name)
            if answer is None:
                return None, ""
            size = answer["ContentLength"]
            expected = size if bytes_max < 0 else min(size, bytes_max)
            with closing(answer["Body"]) as body:
                content: bytes = body.read(expected)
            if len(content) < expected:
                raise IncompleteReadError(actual_bytes=len(content), expected_bytes=expected)
            return content, answer.get("ETag", "")

        with self._as_transient("read", name):
            return _whole(read)

    def copy_out(self, name: str, begin: Callable[[], Callable[[bytes], object]]) -> bool:
        """Hand an object over in chunks; False where there is none.

        `begin` is called before the first chunk, and again where the answer breaks off; returns
        what takes the chunks.
        """

        def read() -> bool:
            answer = self._answer(name)
            if answer is None:
                return False
            take = begin()
            with closing(answer["Body"]) as body:
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    take(chunk)
            return True

        with self._as_transient("read", name):
            return _whole(read)

    def _answer(self, name: str) -> Any:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._key(name))
        except self._client.exceptions.ClientError as error:
            if _code(error) in GONE:
                return None
            raise

    def size(self, name: str) -> int | None:
        """Return how many bytes an object has, as `ObjectStore.size`."""
        with self._as_transient("read", name):
            try:
                answer = self._client.head_object(Bucket=self._bucket, Key=self._key(name))
            except self._client.exceptions.ClientError as error:
                if _code(error) in GONE:
                    return None
                raise
        size: int = answer["ContentLength"]
        return size

    def copy(self, name: str, to: str) -> bool:
        """Have the server copy an object within the bucket; False where there is none."""
        source = {"Bucket": self._bucket, "Key": self._key(name)}
        with self._as_transient("write", to):
            try:
                self._client.copy_object(Bucket=self._bucket, Key=self._key(to), CopySource=source)
            except self._client.exceptions.ClientError as error:
                if _code(error) in GONE:
                    return False
                raise
        return True

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

    def names(self, folder: str = "") -> Iterator[str]:
        """List all that lies in a folder, however deep, by whole names in the order of bytes."""
        for page in self._pages(self._within(folder)):
            for entry in page.get("Contents", ()):
                yield entry["Key"].removeprefix(self._prefix)

    def delete(self, name: str) -> None:
        """Delete an object, as `ObjectStore.delete`: where the bucket keeps versions, those too."""
        key = self._key(name)
        with self._as_transient("delete", name):
            answer = self._client.delete_object(Bucket=self._bucket, Key=key)
            if answer.get("DeleteMarker"):
                self._delete_versions(key)

    def _delete_versions(self, key: str) -> None:
        pages = self._client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix=key):
            for kind in ("Versions", "DeleteMarkers"):
                for entry in page.get(kind, ()):
                    if entry["Key"] == key:
                        self._client.delete_object(
                            Bucket=self._bucket, Key=key, VersionId=entry["VersionId"]
                        )

    def delete_folder(self, folder: str) -> None:
        """Delete a folder, as `ObjectStore.delete_folder`."""
        for name in self.names(folder):
            self.delete(name)

    def _key(self, name: str) -> str:
        """Return the key of a name; raises Permanent for one that could lead elsewhere."""
        if any(part in {"", ".", ".."} for part in name.split("/")):
            raise Permanent(f"{name[:200]!r} is no name of an object of ours")
        return self._prefix + name

    def _within(self, folder: str) -> str:
        inner = folder.strip("/")
        return f"{self._prefix}{inner}/" if inner else self._prefix

    def _pages(self, within: str, delimiter: str = "") -> Iterator[Any]:
        given = {"Bucket": self._bucket, "Prefix": within}
        if delimiter:
            given["Delimiter"] = delimiter
        with self._as_transient("list", within):
            yield from self._client.get_paginator("list_objects_v2").paginate(**given)

    @property
    def _client(self) -> Any:
        return _client_of(*self._given, os.getpid())

    @contextmanager
    def _as_transient(self, what: str, name: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        try:
            yield
        except NoCredentialsError:
            raise Transient(
                f"can't {what} {name} in bucket {self._bucket}: {CREDENTIALS}"
            ) from None
        except (BotoCoreError, ClientError, OSError) as error:
            raise Transient(
                f"can't {what} {name} in bucket {self._bucket}: {words_of(error)}"
            ) from None


@lru_cache(maxsize=16)
def _made_client(endpoint: str, region: str, _process: int) -> Any:
    return s3_client({"endpoint_url": endpoint, "region_name": region})


def _client_of(endpoint: str, region: str, process: int) -> Any:
    """Return the client of a server, which all threads of a process share."""
    with MAKING:
        return _made_client(endpoint, region, process)


def _whole(read: Callable[[], T]) -> T:
    """Read again where an answer breaks off: the client repeats only those that never began."""
    from botocore.exceptions import IncompleteReadError, ResponseStreamingError

    for _ in range(TRIES_MAX - 1):
        try:
            return read()
        except (IncompleteReadError, ResponseStreamingError):
            continue
    return read()


def _code(error: Any) -> str:
    """Return the code of what S3 answers."""
    return str(error.response.get("Error", {}).get("Code", ""))


def objects_at(settings: Settings, place: str) -> ObjectStore:
    """Return the objects of a folder, or of an s3:// address."""
    return bucket_at(settings, place) if place.startswith(SCHEME) else FolderObjects(Path(place))


def bucket_at(settings: Settings, address: str) -> BucketObjects:
    """Return the objects below an s3:// address, by the settings that all buckets share."""
    return BucketObjects(address, endpoint=settings.s3_endpoint, region=settings.s3_region)
