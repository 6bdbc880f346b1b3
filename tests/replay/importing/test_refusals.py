"""What an import refuses by the archive's manifest alone."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from replay.archive import BadArchive, File
from replay.importing import importing
from streams.log.offsets import Extent
from streams.settings import Settings

ASKED, ERASED = "playhead.question.asked", "playhead.person.erased"


def an_archive(*extents, files=()):
    """Give it extents, and files as (topic, first, last, records)."""
    told = [
        File(f"{topic}/0/{first:020}.avro", "", first, last, records)
        for topic, first, last, records in files
    ]
    at = {
        (topic, number): Extent(topic, number, begin, end) for topic, number, begin, end in extents
    }
    return SimpleNamespace(extents=lambda: at, manifest=SimpleNamespace(files=told))


@pytest.mark.parametrize(
    ("begin", "files", "held", "empty"),
    [
        (100, [(100, 109, 10)], 0, 100),
        (0, [(0, 9, 4), (50, 109, 60)], 0, 46),
        (0, [(0, 9, 4), (50, 109, 60)], 10, 40),
        (100, [(100, 109, 10)], 104, 0),
        (0, [(0, 109, 110)], 0, 0),
    ],
)
def test_offsets_that_hold_nothing_are_counted_before_any_is_filled(begin, files, held, empty):
    archive = an_archive((ASKED, 0, begin, 110), files=[(ASKED, *one) for one in files])
    lies = {(ASKED, 0): Extent(ASKED, 0, 0, held)} if held else {}
    importing._refuse_to_fill(archive, lies, empty)
    if empty:
        with pytest.raises(
            BadArchive, match=f"{empty} offsets hold nothing .* `--fill-max {empty}`"
        ):
            importing._refuse_to_fill(archive, lies, empty - 1)
    assert importing.offsets_of(archive) == 110


@pytest.mark.parametrize(
    ("lanes", "partitions", "fits"), [(1, 1, True), (1, 8, False), (8, 8, True), (0, 8, True)]
)
def test_lanes_of_an_archive_are_those_of_the_cluster(lanes, partitions, fits):
    archive = an_archive(*((ASKED, number, 0, 0) for number in range(lanes)), (ERASED, 0, 0, 0))
    with (
        nullcontext() if fits else pytest.raises(BadArchive, match=f"PLAYHEAD_PARTITIONS={lanes} ")
    ):
        importing._refuse_other_lanes(archive, Settings(partitions=partitions))
