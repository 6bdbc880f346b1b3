"""Of an input that was not done when a lane came, no table tells what a run before has left."""

import pytest
from msgspec import structs

from schemas import (
    DocumentState,
    DocumentSubmitted,
    DocumentWithdrawn,
    ReadDocument,
    ReadTurns,
    WriteDocument,
)
from streams.delivery.progress import Progress
from streams.delivery.step_tables import ANSWERS, DocumentVersions, Sessions
from streams.topics import topic_of
from tests.streams.fake_tables import a_call, an_answer, table

LANE = 2
SUBMITTED, WITHDRAWN = topic_of(DocumentSubmitted), topic_of(DocumentWithdrawn)


def call(offset, record=DocumentSubmitted):
    made = a_call(f"e{offset}-{record.__name__}", lane=LANE, record=record)
    return type(made)(**{**vars(made), "offset": offset})


async def write(documents, offset, record=DocumentSubmitted, version=None):
    state = DocumentState(version=offset if version is None else version)
    await documents.write(WriteDocument(document="d", state=state), call(offset, record))


async def version_for(documents, offset, record=DocumentSubmitted):
    return (await documents.read(ReadDocument(document="d"), call(offset, record))).version


def came(documents, committed=0, closed=(), log="log", topic=SUBMITTED):
    documents.came(LANE, topic, log, Progress(committed, frozenset(closed)))


async def handed_on(first, broker, **told):
    """Let another worker take the lane over."""
    documents, _ = table(DocumentVersions, broker)
    await documents.fence([LANE])
    documents.apply(documents.changes({LANE: 0}))
    came(documents, **told)
    return documents


@pytest.fixture
async def left():
    """A worker that has run inputs 1, 2 and 3 of a document, and its broker."""
    documents, broker = table(DocumentVersions)
    came(documents)
    for offset in (1, 2, 3):
        await write(documents, offset)
    return documents, broker


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ({"committed": 4}, 3),
        ({"committed": 3}, 2),
        ({"committed": 2, "closed": [3]}, 3),
        ({"committed": 2, "closed": [2]}, 2),
        ({"committed": 0}, 0),
        ({"committed": 0, "log": "made anew"}, 3),  # none of the old log's inputs comes again
        ({"committed": 0, "log": ""}, 3),
    ],
)
async def test_an_input_sees_what_those_left_that_are_done(left, told, seen):
    documents = await handed_on(*left, **told)
    assert await version_for(documents, 9) == seen


async def test_what_did_not_count_is_gone_with_the_next_write(left):
    documents = await handed_on(*left, committed=2)
    await write(documents, 2, version=20)
    later = await handed_on(documents, left[1], committed=4)
    assert await version_for(later, 9) == 20


async def test_what_a_worker_writes_itself_counts_before_it_is_done(left):
    documents = await handed_on(*left, committed=2)
    await write(documents, 2, version=20)
    assert await version_for(documents, 3) == 20
    assert await version_for(documents, 2) == 1  # tried again


async def test_a_lane_that_comes_back_is_judged_anew(left):
    documents, _ = left
    assert await version_for(documents, 9) == 3
    documents.apply(documents.changes(documents.known([LANE])))
    came(documents, committed=2)
    assert await version_for(documents, 9) == 1


async def test_each_topic_of_a_lane_tells_of_its_own_inputs(left):
    first, broker = left
    came(first, log="other", topic=WITHDRAWN)
    await write(first, 7, DocumentWithdrawn)
    documents = await handed_on(first, broker, committed=4)
    came(documents, committed=7, log="other", topic=WITHDRAWN)
    assert await version_for(documents, 9) == 3
    came(documents, committed=8, log="other", topic=WITHDRAWN)
    assert await version_for(documents, 9) == 7


async def test_another_topic_that_comes_later_leaves_what_runs_alone(left):
    documents, _ = left
    await documents.fence([LANE])
    changes = documents.changes(documents.known([LANE]))
    documents.apply(changes)
    came(documents, log="other", topic=WITHDRAWN)
    assert await version_for(documents, 9) == 3


async def test_a_copy_further_on_keeps_the_place_of_the_first(left):
    """So it counts as done once the first was, and is seen by those that came between."""
    documents, broker = left
    again = structs.replace(DocumentState(version=11))
    first = call(1)
    put_back = type(first)(**{**vars(first), "offset": 8})
    await documents.write(WriteDocument(document="d", state=again), put_back)
    later = await handed_on(documents, broker, committed=3)
    assert (await later.read(ReadDocument(document="d"), call(2))).version == 11


async def answered(sessions, request, offset):
    await sessions.remember(an_answer(request), offset)


async def turns(sessions):
    read = await sessions.read(ReadTurns(limit=99), a_call("e", request="r-new"))
    return [turn.request for turn in read.turns]


async def test_answers_that_are_folded_again_stand_in_their_order_and_push_out_nothing_newer():
    sessions, _ = table(Sessions)
    sessions.came(LANE, ANSWERS, "log", None)
    for offset in range(20):
        await answered(sessions, f"r-{offset}", offset)
    newest = [f"r-{offset}" for offset in range(4, 20)]
    assert await turns(sessions) == newest
    for offset in range(20):
        await answered(sessions, f"r-{offset}", offset)
        assert await turns(sessions) == newest
