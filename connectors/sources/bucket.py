"""A bucket as a source: S3, and what speaks its protocol, through botocore.

Objects are told apart by ETag, or by time and size where a server gives none. The listing streams,
a thousand objects a request. An object that is replaced or deleted between listing and reading is
what it is when it is read.

Why botocore and not obstore or s3fs: docs/decisions/0063-sources.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.media_types import PICTURES
from connectors.sources.file_uris import PICTURE, media_type_of, no_kind
from connectors.sources.findings import (
    FoundDocument,
    GoneMeanwhile,
    KnownVersions,
    LeftOut,
    ReadVersion,
    SourceAway,
    SourceFinding,
    UnreadDocument,
)
from connectors.sources.folder import too_large
from connectors.sources.name_patterns import NamePatterns

TRIES_MAX = 4  # of a request that the server did not answer, or answered with 5xx
TIMEOUT_S = (10, 60)  # to connect, and between two parts of an answer
REGION = "us-east-1"  # what servers other than AWS take for one
GONE = {"NoSuchKey", "404"}
WORDS_MAX = 200  # characters of what a server says


class BucketSource:
    """The objects of a bucket below a prefix."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        patterns: NamePatterns,
        bytes_max: int,
        *,
        endpoint: str = "",
        region: str = "",
        access_key: str = "",
        secret_key: str = "",
        anonymous: bool = False,
    ) -> None:
        """`endpoint` is the address of a server other than AWS; the credentials are plain here.

        Without credentials those of the machine are used (environment, profile, instance).
        """
        self._bucket, self._prefix = bucket, prefix
        self._patterns, self._bytes_max = patterns, bytes_max
        self.absence_tells = True
        self.incomplete = ""
        self.cursor = ""
        self._given = {
            "endpoint_url": endpoint,
            "region_name": region,
            "aws_access_key_id": access_key,
            "aws_secret_access_key": secret_key,
        }
        self._anonymous = anonymous
        self._made: Any = None

    def expected(self) -> int | None:
        """Tell nothing: a bucket counts its objects by listing them."""
        return None

    def found(self, _known: KnownVersions, _cursor: str) -> Iterator[SourceFinding]:
        """List the objects; where the listing breaks off, what was listed stands."""
        from botocore.exceptions import BotoCoreError, ClientError

        listed = False
        try:
            pages = self._client().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
                listed = True
                for entry in page.get("Contents", ()):
                    if (finding := self._finding(entry)) is not None:
                        yield finding
        except (BotoCoreError, ClientError) as error:
            said = words_of(error)
            if not listed:
                raise SourceAway(f"bucket {self._bucket} can't be listed: {said}") from None
            self.incomplete = f"the listing broke off: {said}"

    def _client(self) -> Any:
        if self._made is None:
            self._made = s3_client(self._given, anonymous=self._anonymous)
        return self._made

    def _finding(self, entry: Any) -> SourceFinding | None:
        key, size = entry["Key"], entry["Size"]
        if not self._patterns.takes(key) or key.endswith("/"):
            return None  # the latter are folders, as consoles make them
        uri = f"s3://{self._bucket}/{key}"
        media_type = media_type_of(key)
        if media_type is None:
            return LeftOut(uri, no_kind(key))
        if media_type.startswith(PICTURES) and not self._patterns.include:
            return LeftOut(uri, PICTURE)
        if size > self._bytes_max:
            return LeftOut(uri, too_large(size, self._bytes_max), "failed", uri)
        marker = _marker(entry, size)
        return FoundDocument(uri, lambda: self._read(key, media_type), marker)

    def _read(self, key: str, media_type: str) -> ReadVersion:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client().get_object(Bucket=self._bucket, Key=key)
            expected = min(answer["ContentLength"], self._bytes_max + 1)
            with answer["Body"] as body:
                # it may have grown since it was listed
                content = body.read(expected)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in GONE:
                raise GoneMeanwhile from None
            raise UnreadDocument(f"it can't be read: {words_of(error)}") from None
        except (BotoCoreError, OSError) as error:
            raise UnreadDocument(f"it can't be read: {words_of(error)}") from None
        if len(content) < expected:
            raise UnreadDocument(f"it can't be read: {len(content)} bytes came of {expected}")
        if len(content) > self._bytes_max:
            raise UnreadDocument(too_large(answer["ContentLength"], self._bytes_max))
        return ReadVersion(content, media_type, marker=_marker(answer, len(content)))


def _marker(told: Any, size: int) -> str:
    """Spell the version of an object from what a listing, or an answer, tells of it."""
    modified = told.get("LastModified")
    return told.get("ETag") or f"{modified.isoformat() if modified else ''}-{size}"


def words_of(error: Exception) -> str:
    """Say an error of the library in one short line."""
    return " ".join(str(error).split())[:WORDS_MAX] or type(error).__name__


def s3_client(given: Mapping[str, str], *, anonymous: bool = False) -> Any:
    """Make a client of S3, or of a server that speaks its protocol; what is empty is not given.

    Without credentials those of the machine are used (environment, profile, instance).
    """
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.session import get_session

    endpoint = given.get("endpoint_url", "")
    config = Config(
        connect_timeout=TIMEOUT_S[0],
        read_timeout=TIMEOUT_S[1],
        retries={"total_max_attempts": TRIES_MAX, "mode": "standard"},
        # servers other than AWS know neither buckets as hosts nor its checksums
        s3={"addressing_style": "path"} if endpoint else {},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        signature_version=UNSIGNED if anonymous else None,
    )
    options = {name: value for name, value in given.items() if value}
    if endpoint:
        options.setdefault("region_name", REGION)
    return get_session().create_client("s3", config=config, **options)
