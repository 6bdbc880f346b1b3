"""Where a rebuild reads from: an archive stays, the broker's log is looked at again."""

from types import SimpleNamespace

import pytest

from replay.archive import BadArchive
from replay.log import Snapshot
from replay.rebuild.lane_inputs import INPUTS, OUTCOMES, records_from
from replay.rebuild.log_sources import BrokerSource, source_of
from replay.recorded_erasures import read_of
from streams.log.offsets import Extent, NotTold
from streams.settings import Settings
from tests.memory_log import MemoryLog


class Offsets:
    """Tells one offset more at each reading, the first time after it could not."""

    def __init__(self):
        self.asked, self.end, self.untold = [], 5, 1

    async def read(self, groups, partitions):
        self.asked.append((groups, list(partitions)))
        if self.untold:
            self.untold -= 1
            raise NotTold("its coordinator moves")
        self.end += 1
        committed = {"playhead-index": {(INPUTS, 0): self.end - 1, (INPUTS, 1): -1}}
        extents = {(INPUTS, 0): Extent(INPUTS, 0, 2, self.end)}
        return SimpleNamespace(committed=committed, extents=extents)


async def test_each_look_tells_the_ends_of_the_steps_topics_and_how_far_it_is():
    told = sorted(read_of(2))
    topics = {topic for topic, _ in told[:-1]}  # a topic of later releases is not there
    snapshot = Snapshot({"index": {}}, {})
    offsets, log = Offsets(), SimpleNamespace(snapshot=snapshot, topics=topics)
    source = BrokerSource(Settings(partitions=2), offsets, log)
    for end in (6, 7):
        assert await source.look() is log
        assert log.snapshot.extents[INPUTS, 0].end == end
        assert log.snapshot.committed == {"index": {(INPUTS, 0): end - 1, (INPUTS, 1): 0}}
    groups, partitions = offsets.asked[0]
    assert groups == {"playhead-index": [(INPUTS, 0), (INPUTS, 1)]}
    expected = {(topic, lane) for topic in (INPUTS, OUTCOMES) for lane in (0, 1)}
    assert set(partitions) == expected | {one for one in told if one[0] in topics}
    assert len(told) == 8
    assert len(partitions) < 4 + len(told)


async def test_an_archive_is_read_as_it_is(archive):
    async with source_of(Settings(), str(archive.folder)) as source:
        log = await source.look()
        assert await source.look() is log
        lanes = [lane for topic, lane in log.extents() if topic == INPUTS]
        held = [one for lane in lanes for one in records_from(log, INPUTS, lane, 0)]
        assert held
        first = held[0]
        later = list(records_from(log, INPUTS, first.partition, first.offset + 1))
        assert first.offset not in {one.offset for one in later}
        assert [one for one in held if one.partition == first.partition][1:] == later


async def test_a_folder_that_is_no_archive_is_refused(tmp_path):
    with pytest.raises(BadArchive, match="not an archive"):
        async with source_of(Settings(), str(tmp_path)):
            pass


@pytest.mark.parametrize(("begin", "offsets"), [(0, [0, 1, 2]), (2, [2]), (3, []), (9, [])])
def test_records_are_read_from_an_offset_on(begin, offsets):
    log = MemoryLog()
    for _ in range(3):
        log.put(INPUTS, b"x")
    assert [one.offset for one in records_from(log, INPUTS, 0, begin)] == offsets
    assert list(records_from(log, OUTCOMES, 0, begin)) == []
