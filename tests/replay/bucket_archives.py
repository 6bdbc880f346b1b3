"""Archives in a bucket of FakeS3, and what a test asks of them."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.bucket_objects import BucketObjects
from replay.archive import UNFINISHED, ArchiveLog
from replay.archive_in_bucket import BucketFiles
from replay.part_cache import PartCache
from tests.fake_s3 import FakeS3

PLACE = "s3://backups/some/log"
PREFIX = "some/log/"


@contextmanager
def a_server():
    """A server of S3, and a client that does not wait between its tries."""
    with pytest.MonkeyPatch.context() as patch, FakeS3() as server:
        patch.setenv("AWS_ACCESS_KEY_ID", "id")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
        yield server


def emptied(server: FakeS3) -> FakeS3:
    """Return a server that is well, with nothing in its bucket but what is another's."""
    new = FakeS3({"backups": {"some/logs": b"another's", "x": b"another's"}}, page=50)
    vars(server).update(vars(new))
    return server


def bucket_of(server: FakeS3, cache: Path, bytes_max: int = 2**30) -> BucketFiles:
    """Return the files of the archive, as a machine of its own sees them."""
    objects = BucketObjects(PLACE, endpoint=server.url)
    return BucketFiles(PLACE, objects, PartCache(cache, bytes_max))


def objects_in(server: FakeS3, *, unfinished: bool = True) -> dict[str, bytes]:
    """Return what lies below the prefix, by its name there."""
    found = {
        key.removeprefix(PREFIX): content
        for key, content in server.buckets["backups"].items()
        if key.startswith(PREFIX)
    }
    return {name: one for name, one in found.items() if unfinished or UNFINISHED not in name}


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, by their paths in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows_in(log: ArchiveLog):
    """Read all records."""
    return {place: list(log.records(*place)) for place in sorted(log.extents())}
