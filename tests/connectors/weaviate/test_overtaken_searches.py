"""A search and a new version in each other's way, at each request of both: one whole version is shown."""

import pytest
from msgspec.structs import replace

from schemas import Search
from tests.connectors.weaviate.request_turns import ALL, RequestTurns
from tests.connectors.weaviate.test_versions import Log, call

VERSIONS = ({*"ka"}, {*"kb"}, {*"c"}, set(), {*"d"})
"""What each shows; the empty one is withdrawn."""


@pytest.mark.parametrize("first", [1, 2, 3, 4])
@pytest.mark.parametrize("begun", [0, 3, 5], ids="begun-{}".format)
@pytest.mark.parametrize("searched", [False, True])
async def test_a_search_shows_one_whole_version_whatever_overtakes_it(first, begun, searched):
    for read in range(7):
        for written in (4, 8, ALL):
            log = Log()
            for names in VERSIONS:
                log.publish(frozenset(names)) if names else log.withdraw()
            writer, reader = log.open(), log.open()
            for number in range(1, first + 1):
                await log.play(writer, number)
            asked = Search(text="lanes", vector=b"\0\0\x80\x3f", limit=9)
            if searched:  # something else: the revision is known, and nothing is kept of this
                await reader.search(replace(asked, limit=8), call(9))
            turns = RequestTurns(log.server)

            async def write(log=log, writer=writer):
                for number in range(first + 1, len(VERSIONS) + 1):
                    await log.play(writer, number)

            writing = turns.begin("writer", write())
            await turns.let("writer", begun)
            reading = turns.begin("reader", reader.search(asked, call(9)))
            await turns.let("reader", read)
            await turns.let("writer", written)
            await turns.let("reader")
            shown = {one.chunk for one in reading.result().candidates}
            assert shown in VERSIONS[first - 1 :], (read, written)
            writing.cancel()
