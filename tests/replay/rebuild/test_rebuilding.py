"""The verbs of a rebuild, one after the other, on an index and a log in memory."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from agents.errors import Permanent
from connectors.weaviate.build_states import BuildState, BuildStates
from replay.archive import BadArchive
from replay.rebuild.filler import FillWatch
from replay.rebuild.lane_inputs import INPUTS
from replay.rebuild.rebuilding import Rebuilding, RebuildTimes
from replay.rebuild.swapping import SwapTimes
from schemas import Ask, ChunksRetrieved
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import a_meta
from tests.memory_log import MemoryLog
from tests.replay.rebuild.indexed_log import CODEC, IndexedLog
from tests.replay.rebuild.test_reembedding import LengthEmbedder

PATIENCE_S = 60.0

TIMES = RebuildTimes(follow_s=0.01, later_s=0, swap=SwapTimes(followed_s=0))


class Fixed:
    """A log that does not grow, as a source."""

    def __init__(self, log):
        self.log = log

    async def look(self):
        return self.log


@pytest.fixture
async def past():
    made = IndexedLog()
    made.publish("a", {"a1", "a2"})
    made.publish("b", {"b1"}, "globex")
    await made.index_all()
    return made


def verbs(past, archives=(), **fields):
    @asynccontextmanager
    async def source(_settings, archive):
        if archive and archive not in dict(archives):
            raise BadArchive(f"{archive} has no manifest.json")
        yield Fixed(dict(archives)[archive]) if archive else past

    return Rebuilding(
        Settings(cache_mb=0), client=past.server, source=source, times=TIMES, **fields
    )


def wanted(**fields):
    return BuildState(**{"generation": 0, **fields})


async def test_from_filling_to_dropping_the_old_one(past):
    done = []
    verb = verbs(past, watch=FillWatch(progress=lambda *how_far: done.append(how_far)))
    told = await verb.fill(wanted())
    assert told == {
        "generation": 2, "index": "PlayheadChunk_2", "filled": True, "records": 2, "chunks": 3,
        "unreadable": 0, "embedder": "", "model": "",
    }  # fmt: skip
    assert done[-1] == (2, 2)
    assert (await verb.compare(None, None)).equal
    assert await verb.swap(None) == (1, 2)
    past.publish("a", {"a3"})
    await past.index_all()
    assert [(one["generation"], one["state"]) for one in await verb.told()] == [
        (2, "in force"),
        (1, "complete, was in force before 2"),
    ]
    assert await verb.swap(None, back=True) == (2, 1)
    assert await past.visible() == {"a3"}
    with pytest.raises(Permanent, match="generation 1 is in force"):
        await verb.drop(1)
    await verb.drop(2)
    with pytest.raises(Permanent, match="there is no generation 2"):
        await verb.drop(2)


async def test_the_same_again_brings_it_up_to_date(past):
    verb = verbs(past)
    await verb.fill(wanted())
    assert (await verb.fill(wanted()))["records"] == 0
    past.publish("c", {"c1"})
    await past.index_all()
    again = await verb.fill(wanted())
    assert (again["generation"], again["records"], again["filled"]) == (2, 1, True)
    assert (await verb.told())[1]["lanes"] == {"0": 3}


async def test_comparing_brings_it_up_to_date_too_and_is_of_a_tenant_where_one_is_named(past):
    verb = verbs(past)
    await verb.fill(wanted())
    past.publish("c", {"c1"})
    await past.index_all()
    made = await verb.compare(2, "acme")
    assert made.equal
    assert set(made.tenants) == {"acme"}
    with pytest.raises(Permanent, match="there is no generation 5"):
        await verb.compare(5, None)


async def test_one_that_follows_takes_what_comes_in_until_it_is_stopped(past):
    following = asyncio.create_task(verbs(past).fill(wanted(), follow=True))
    await asyncio.sleep(0.05)
    past.publish("c", {"c1"})
    await past.index_all()
    async with asyncio.timeout(PATIENCE_S):
        # nobody tells when it is there, nor when that has been noted
        while await past.visible(generation=2) != {"a1", "a2", "c1"}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        while not (await BuildStates(past.opened(2)).read()).filled:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    state = await BuildStates(past.opened(2)).read()
    assert (state.owner, state.filled, state.lanes) == ("", True, {0: 3})


async def test_an_archive_is_read_and_the_swap_goes_on_at_the_broker(past):
    archive = MemoryLog()
    archive.topics = {place: list(rows) for place, rows in past.log.topics.items()}
    verb = verbs(past, {"/a": archive})
    assert (await verb.fill(wanted(archive="/a")))["records"] == 2
    past.publish("a", {"a9"})
    await past.index_all()
    await verb.swap(None)
    assert await past.visible() == {"a9"}
    assert (await BuildStates(past.opened(2)).read()).archive == ""


async def test_the_archive_of_another_log_is_refused_before_anything_is_held(past):
    other = IndexedLog()
    other.publish("x", {"x1"})
    other.publish("y", {"y1"})
    await other.index_all()
    verb = verbs(past, {"/a": other.log})
    await verb.fill(wanted(archive="/a"))
    with pytest.raises(Permanent, match=r"the archive is of another log: .*\[0\]@1 is another"):
        await verb.swap(None)
    assert past.server.pointers == {"PlayheadChunk": "PlayheadChunk_1"}
    with pytest.raises(BadArchive):
        await verbs(past).fill(wanted(archive="/none", generation=7))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "incomplete"),
        ({"filled": True, "tenant": "acme"}, "complete, tenant acme alone"),
        ({"filled": True, "embedder": "b", "model": "b@1"}, "complete, embedder b (b@1)"),
    ],
)
async def test_what_is_told_of_a_generation(past, fields, said):
    await BuildStates(past.opened(2)).write(BuildState(generation=2, **fields))
    await past.opened(3).chunks_of("acme")
    told = {one["generation"]: one for one in await verbs(past).told()}
    assert told[1]["in_force"]
    assert (told[2]["state"], told[3]["state"]) == (said, "not made by a rebuild")
    assert told[1]["filled"]
    assert told[2]["filled"] is fields.get("filled", False)


async def test_recorded_questions_are_searched_on_both_sides(past):
    verb = verbs(past)
    await verb.fill(wanted())
    questions = MemoryLog()
    for request in ("r-1", "r-2"):
        event = ChunksRetrieved(
            meta=a_meta(request=request),
            outcome="retrieved",
            subject="u",
            question="q",
            query="lanes a1",
            ask=Ask(),
        )
        questions.put(topic_of(ChunksRetrieved), CODEC.encode(event))
    embedder = LengthEmbedder(numbers=1)
    numbers, made = await verb.recalls(None, None, 5, 10, questions, embedder)
    assert numbers == (1, 2)
    assert made.overlap.as_json() == {"mean": 1.0, "queries": 2}
    assert [asked.embedder for asked in embedder.asked] == [""] * 4
    assert {asked.kind for asked in embedder.asked} == {"query"}


async def test_nothing_of_another_log_is_written_where_a_lane_is_unknown(past):
    verb = verbs(past)
    past.log.topics[INPUTS, 3] = []
    assert (await verb.fill(wanted()))["records"] == 2
    assert (await verb.told())[1]["lanes"] == {"0": 2, "3": 0}
