"""Where an archive lies, as it is named on the command line: a folder, or an s3:// address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeAlias

import click

from streams.storage_places import BUCKET, SCHEME, is_address


class BucketPlace(str):
    """The address of an archive in a bucket, as s3://bucket/prefix without a slash at its end."""

    __slots__ = ()


ArchivePlace: TypeAlias = Path | BucketPlace


class ArchiveParameter(click.ParamType):
    """A folder, or s3://bucket/prefix."""

    name = "folder or s3://"

    def __init__(self, *, exists: bool = True) -> None:
        """Take a folder that `exists`, or any; a bucket is asked when it is opened."""
        self._folder = click.Path(exists=exists, file_okay=False)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ArchivePlace:
        """Return what a word names; fails for what is neither."""
        if isinstance(value, BucketPlace | Path):
            return value
        if not is_address(value):
            return Path(str(self._folder.convert(value, param, ctx)))
        try:
            return bucket_place(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def bucket_place(address: str) -> BucketPlace:
    """Return a checked address; raises ValueError for one that leads elsewhere."""
    if not address.startswith(SCHEME):
        raise ValueError(
            f"{address[:200]!r} is no place of an archive: it must be s3://bucket/prefix, or a "
            "folder (with ./ before its name, where that begins like an address)"
        )
    bucket, _, prefix = address.removeprefix(SCHEME).strip("/").partition("/")
    if not re.fullmatch(BUCKET, bucket):
        raise ValueError(f"{address[:200]!r} names no bucket: it must be s3://bucket/prefix")
    if prefix and {"", ".", ".."} & set(prefix.split("/")):
        raise ValueError(f"{address[:200]!r}: a prefix has no empty part, '.' or '..'")
    return BucketPlace(SCHEME + "/".join(filter(None, (bucket, prefix))))


def archive_place(spelt: str) -> ArchivePlace:
    """Return what an address or the path of a folder names, as it was spelt by `str`."""
    return bucket_place(spelt) if is_address(spelt) else Path(spelt)


def absolute(archive: ArchivePlace) -> str:
    """Spell a place as any process on this machine finds it."""
    return str(archive.resolve()) if isinstance(archive, Path) else str(archive)


archive_option = click.option("--archive", type=ArchiveParameter(), help="Read this archive.")
and_log_option = click.option(
    "--and-log",
    is_flag=True,
    help="Go on with the broker's log where the archive ends: whatever left the broker since is "
    "read there.",
)


def check_and_log(archive: ArchivePlace | None, *, and_log: bool) -> None:
    """Raise UsageError for --and-log without an archive."""
    if and_log and archive is None:
        raise click.UsageError("--and-log goes on from an archive: name it (--archive)")
