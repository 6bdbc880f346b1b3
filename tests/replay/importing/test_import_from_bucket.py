"""A golden log goes to a bucket, is verified there, and goes on into a lone broker as it was."""

import json
import shutil
import sys
from contextlib import closing

import pytest

from infra.local.supervisor import Stack, Wish
from replay.archive import ArchiveLog
from replay.export import export
from replay.importing.importing import import_archive
from replay.log import BrokerLog
from streams.settings import Settings
from tests.golden.packing import unpacked
from tests.golden.test_golden import HERE
from tests.golden.verifying import verify
from tests.replay.bucket_archives import PLACE, a_server, bucket_of, emptied, rows_in

RELEASE = "0.1.0"
"""Whose log it is: the shortest."""


@pytest.fixture
def lone(tmp_path_factory):
    """A broker and a registry of which nobody has set up anything."""
    run = tmp_path_factory.mktemp("run") / "lone"
    wish = Wish(names=frozenset({"kafka", "registry"}), free_ports=True, setup=False)
    with Stack(run, wish, say=lambda line: sys.stderr.write(f"{line}\n")):
        yield run
    shutil.rmtree(run, ignore_errors=True)


@pytest.mark.stack
def test_a_golden_log_is_verified_in_a_bucket_and_imported_from_it(lone, tmp_path):
    folder = unpacked(HERE / RELEASE, tmp_path / "golden")
    golden = ArchiveLog(folder / "log")
    lanes = 1 + max(lane for _, lane in golden.extents())
    broker = Settings.load(environment={"PLAYHEAD_PARTITIONS": str(lanes)}, run=lone)
    with a_server() as server:
        emptied(server)
        files = bucket_of(server, tmp_path / "cache")
        export(golden, files, segment_records=200, cluster=golden.manifest.cluster)
        code, report = verify(
            folder,
            *("--archive", PLACE),
            AWS_ACCESS_KEY_ID="id",
            AWS_SECRET_ACCESS_KEY="secret",
            PLAYHEAD_S3_ENDPOINT=server.url,
            PLAYHEAD_ARCHIVE_CACHE=str(tmp_path / "cache"),
        )
        told = json.loads((folder / "report.json").read_text())
        assert (code, report["records"], report["diverged"]) == (0, told["records"], [])
        archive = ArchiveLog(files)
        assert rows_in(archive) == rows_in(golden)
        done = import_archive(archive, broker)
        assert done.records == done.written == sum(one.records for one in golden.manifest.files)
        with closing(BrokerLog(broker)) as log:
            assert {place: list(log.records(*place)) for place in golden.extents()} == rows_in(
                golden
            )
    reached = {"PLAYHEAD_KAFKA": broker.kafka, "PLAYHEAD_REGISTRY": broker.registry}
    code, report = verify(folder, **reached, PLAYHEAD_PARTITIONS=str(lanes))
    assert (code, report["records"], report["diverged"]) == (0, told["records"], [])
