"""An archive goes into a real, empty broker and registry, and lies there as it lay before."""

import shutil
import sys
from contextlib import closing

import pytest

from infra.local.supervisor import Stack, Wish
from replay.archive import ArchiveLog, BadArchive
from replay.export import export
from replay.importing import importing
from replay.importing.importing import import_archive, offsets_of
from replay.importing.partition_writer import PartitionWriter
from replay.log import BrokerLog, Stored
from schemas import SourceConfigured
from streams.log.offsets import Extent
from streams.settings import Settings
from streams.topics import topic_of
from tests.memory_log import MemoryLog
from tests.replay.little_log import ASKED, CONFIGURATION_TOPIC, REDACTED, with_every_topic

SOURCES = topic_of(SourceConfigured)
LANES = 4
HELD = {
    (ASKED, 0): ((5, 6, 7), 5, 8),  # what was before was dropped
    (ASKED, 1): ((2, 4, 5, 9), 2, 12),  # holes of one and of more, and at the end
    (ASKED, 2): ((), 7, 7),  # all of it was dropped
    (REDACTED, 3): ((0, 1, 2, 3), 0, 4),
    (CONFIGURATION_TOPIC, 0): ((1, 2, 4, 8, 10), 0, 11),  # compacted
    (SOURCES, 0): ((), 0, 8),
}


class GappedLog(MemoryLog):
    """A log whose partitions begin late and have holes."""

    def extents(self):
        told = {place: Extent(*place, *bounds) for place, (_, *bounds) in HELD.items()}
        return super().extents() | told


class Dying(PartitionWriter):
    """One whose process is killed when a transaction has ended and nobody has seen it."""

    def _await_end(self, *_):
        raise InterruptedError


@pytest.fixture(scope="module")
def gapped(unit_path_factory):
    log = with_every_topic(GappedLog(), LANES)
    for place, (offsets, *_) in HELD.items():
        log.topics[place] = [
            Stored(
                *place, one, 1_700_000_000_000 + one, b"k%d" % one, b"v", (("h", b"1"), ("h", b""))
            )
            for one in offsets
        ]
    folder = unit_path_factory.mktemp("gapped") / "archive"
    export(log, folder)
    return ArchiveLog(folder)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A broker and a registry of which nobody has set up anything."""
    run = tmp_path_factory.mktemp("run") / "empty"
    wish = Wish(names=frozenset({"kafka", "registry"}), free_ports=True, setup=False)
    with Stack(run, wish, say=lambda line: sys.stderr.write(f"{line}\n")):
        yield Settings.load(environment={}, run=run)
    shutil.rmtree(run, ignore_errors=True)


@pytest.mark.stack
def test_an_import_that_is_cut_off_goes_on_and_keeps_every_offset(empty, gapped, archive):
    with pytest.raises(InterruptedError):
        import_archive(gapped, empty, new_writer=Dying)
    told = []
    done = import_archive(gapped, empty, told.append)
    records = sum(entry.records for entry in gapped.manifest.files)
    assert (done.records, told[-1]) == (records, offsets_of(gapped))
    assert 0 < done.written < records
    with closing(BrokerLog(empty)) as log:
        for place, extent in gapped.extents().items():
            assert log.extents()[place].end == extent.end
            assert list(log.records(*place)) == list(gapped.records(*place)), place
        assert log.extents()[ASKED, 0].begin == 5
        assert {step: dict(log.committed(step)) for step in gapped.manifest.committed} == {
            step: dict(gapped.committed(step)) for step in gapped.manifest.committed
        }
    assert import_archive(gapped, empty).written == 0
    with pytest.raises(BadArchive, match=r"other records on playhead\.configuration\.set") as no:
        import_archive(ArchiveLog(archive.folder), empty)
    assert "Nothing was changed" in str(no.value)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda folder: next(folder.glob("*/0/*.avro")).unlink(), "is missing: the manifest lists"),
        (lambda folder: (folder / "more").write_text("x"), "the manifest does not name it"),
        (
            lambda folder: next(folder.glob("*/0/*.avro")).write_bytes(b"Obj\x01"),
            "its SHA-256 is not the manifest's",
        ),
    ],
)
def test_a_damaged_archive_is_refused_before_anybody_is_asked(tmp_path, archive, edit, says):
    folder = shutil.copytree(archive.folder, tmp_path / "copy")
    edit(folder)
    away = Settings(kafka="127.0.0.1:1", registry="http://127.0.0.1:1")
    with pytest.raises(BadArchive, match=says):
        import_archive(ArchiveLog(folder), away)


def test_another_number_of_lanes_is_refused(archive):
    with pytest.raises(BadArchive, match="set PLAYHEAD_PARTITIONS=4"):
        importing._refuse_other_lanes(ArchiveLog(archive.folder), Settings(partitions=8))
