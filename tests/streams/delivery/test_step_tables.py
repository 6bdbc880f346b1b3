"""What each step remembers: whose it is, what an event sees of it, and what is kept of an answer."""

import dataclasses

import pytest
from msgspec.structs import replace

from schemas import (
    Answer,
    AnswerReleased,
    ChunksCut,
    DocumentState,
    MapEntry,
    Numbered,
    Placeholders,
    ReadDocument,
    ReadPlaceholders,
    ReadRelease,
    ReadTurns,
    ReleaseState,
    Sealed,
    Turn,
    Turns,
    Usage,
    Verdict,
    WriteDocument,
    WritePlaceholders,
    WriteRelease,
)
from streams.delivery.rows import RowKey
from streams.delivery.step_tables import ANSWERS_MAX, RELEASES_MAX, TABLES
from streams.running.world import Call
from streams.topics import STEPS, changelog_of, topic_of
from tests.fakes import a_meta
from tests.streams.delivery.memory_publisher import sent
from tests.streams.fake_tables import table as a_table

CALL = Call("acme", 2, "r-1", "s-1", "e-1", "topic", 0, subject="u")
LATER = dataclasses.replace(CALL, event="e-2", request="r-2")
LAST = dataclasses.replace(CALL, event="e-3", request="r-3")


def table_of(name):
    return a_table(TABLES[name])


def released(request="r-1", finish_reason="stop", **fields):
    """An answer, as moderation lets it pass; it lies in the session and the lane of CALL."""
    return AnswerReleased(
        meta=a_meta(request=request, id=f"released-{request}", lane=2),
        text=f"answer to {request}",
        answer=Answer(
            text="as it was generated",
            usage=Usage(prompt_tokens=1, completion_tokens=1),
            finish_reason=finish_reason,
            question="as it was asked",
            query=f"query of {request}",
        ),
        verdict=Verdict(allowed=True),
        subject="u",
        **fields,
    )


def in_use(*placeholders):
    return Placeholders(
        entries=tuple(Numbered(placeholder=one, kind="PERSON", digest=one) for one in placeholders)
    )


# each table, as a request that writes to it and one that reads what was written
WRITES = {
    "documents": WriteDocument(document="d", state=DocumentState(version=7)),
    "placeholders": WritePlaceholders(scope="s-1", state=in_use("<PERSON_1>")),
    "releases": WriteRelease(state=ReleaseState(batch=0, released="text")),
}
READS = {
    "documents": ReadDocument(document="d"),
    "placeholders": ReadPlaceholders(scope="s-1"),
    "releases": ReadRelease(batch=1),
    "sessions": ReadTurns(limit=5),
}
NOTHING = {
    "documents": DocumentState(),
    "placeholders": Placeholders(),
    "releases": ReleaseState(),
}
WRITTEN = {name: write.state for name, write in WRITES.items()}


async def answer(table, request, call):
    return await table.handlers()[type(request)](request, call)


async def a_turn_each(*requests):
    sessions, broker = table_of("sessions")
    for request in requests:
        await sessions.remember(released(request), 0)
    return sessions, broker


@pytest.mark.parametrize("name", TABLES)
async def test_a_table_answers_requests_of_its_own(name):
    table, _ = table_of(name)
    asked = {type(READS[name])} | ({type(WRITES[name])} if name in WRITES else set())
    assert set(table.handlers()) == asked


def test_each_table_of_the_topology_is_kept_under_its_name():
    assert {name for entry in STEPS for name in entry.tables} == set(TABLES)


@pytest.mark.parametrize("name", WRITES)
async def test_what_an_event_wrote_the_next_one_of_its_session_sees(name):
    table, broker = table_of(name)
    assert await answer(table, READS[name], CALL) == NOTHING[name]
    await answer(table, WRITES[name], CALL)
    later = dataclasses.replace(LATER, request="r-1")  # a batch of the same answer
    assert await answer(table, READS[name], later) == WRITTEN[name]
    assert [(one.topic(), one.partition()) for one in sent(broker)] == [
        (changelog_of(name), CALL.lane)
    ]


@pytest.mark.parametrize("name", WRITES)
async def test_an_event_that_is_run_again_sees_nothing_that_it_wrote_itself(name):
    table, _ = table_of(name)
    await answer(table, WRITES[name], CALL)
    assert await answer(table, READS[name], CALL) == NOTHING[name]


OTHERS = {
    "another tenant": {"tenant": "globex"},
    "another lane": {"lane": 3},
}
OTHER_REQUESTS = {
    "documents": ReadDocument(document="other"),
    "placeholders": ReadPlaceholders(scope="other"),
}


@pytest.mark.parametrize("whose", OTHERS)
@pytest.mark.parametrize("name", WRITES)
async def test_what_is_remembered_is_its_tenants_and_its_lanes_alone(name, whose):
    table, _ = table_of(name)
    await answer(table, WRITES[name], CALL)
    others = dataclasses.replace(CALL, event="e-2", **OTHERS[whose])
    assert await answer(table, READS[name], others) == NOTHING[name]


@pytest.mark.parametrize("name", OTHER_REQUESTS)
async def test_what_is_remembered_of_one_scope_is_not_told_of_another(name):
    table, _ = table_of(name)
    await answer(table, WRITES[name], CALL)
    assert await answer(table, OTHER_REQUESTS[name], LATER) == NOTHING[name]


async def test_placeholders_of_a_document_are_told_whatever_the_session_of_its_chunks():
    table, _ = table_of("placeholders")
    cut = dataclasses.replace(CALL, topic=topic_of(ChunksCut), subject="")
    await answer(table, WritePlaceholders(scope="d-1", state=in_use("<PERSON_1>")), cut)
    other_session = dataclasses.replace(cut, event="e-2", request="r-2", session="s-2")
    found = await answer(table, ReadPlaceholders(scope="d-1"), other_session)
    assert found == in_use("<PERSON_1>")


async def test_of_a_documents_versions_the_newest_is_told():
    table, _ = table_of("documents")
    await answer(table, WRITES["documents"], CALL)
    newer = WriteDocument(document="d", state=DocumentState(version=8))
    await answer(table, newer, LATER)
    assert await answer(table, READS["documents"], LAST) == newer.state


async def test_placeholders_are_all_those_of_the_event_before():
    table, _ = table_of("placeholders")
    await answer(table, WRITES["placeholders"], CALL)
    both = WritePlaceholders(scope="s-1", state=in_use("<PERSON_1>", "<PERSON_2>"))
    await answer(table, both, LATER)
    assert await answer(table, READS["placeholders"], LATER) == in_use("<PERSON_1>")
    assert await answer(table, READS["placeholders"], LAST) == both.state


async def test_a_turn_holds_what_was_released_the_query_and_the_values_behind_both():
    value = Sealed(key="k", event="e", field="f", ciphertext=b"\x00")
    entry = MapEntry(placeholder="<PERSON_1>", kind="PERSON", digest="d", value=value)
    sessions, _ = table_of("sessions")
    await sessions.remember(released(entries=(entry,)), 0)
    [turn] = (await answer(sessions, ReadTurns(limit=5), LATER)).turns
    assert (turn.request, turn.question, turn.answer) == ("r-1", "query of r-1", "answer to r-1")
    assert turn.entries == (entry,)


@pytest.mark.parametrize(
    ("limit", "seen"),
    [(0, []), (-1, []), (1, ["r-2"]), (2, ["r-1", "r-2"]), (9, ["r-1", "r-2"])],
)
async def test_a_request_sees_the_newest_turns_oldest_first(limit, seen):
    sessions, _ = await a_turn_each("r-1", "r-2")
    turns = (await answer(sessions, ReadTurns(limit=limit), LAST)).turns
    assert [turn.request for turn in turns] == seen


async def test_a_request_that_is_run_again_sees_the_turns_before_its_own():
    sessions, _ = await a_turn_each("r-1", "r-2", "r-3")
    turns = (await answer(sessions, ReadTurns(limit=5), LATER)).turns
    assert [turn.request for turn in turns] == ["r-1"]


@pytest.mark.parametrize(
    "others",
    [{"session": "s-2"}, {"tenant": "globex"}, {"lane": 3}, {"subject": "other"}],
    ids=min,
)
async def test_turns_are_told_within_their_conversation_alone(others):
    sessions, _ = await a_turn_each("r-1")
    call = dataclasses.replace(LATER, **others)
    assert (await answer(sessions, ReadTurns(limit=5), call)).turns == ()


@pytest.mark.parametrize("reason", ["refused", "search", "small_talk"])
async def test_what_ended_without_an_answer_is_no_turn(reason):
    sessions, broker = table_of("sessions")
    await sessions.remember(released(finish_reason=reason), 0)
    assert sent(broker) == []


@pytest.mark.parametrize("reason", ["stop", "length", "cancelled"])
async def test_an_answer_is_a_turn_however_it_ended(reason):
    sessions, _ = table_of("sessions")
    await sessions.remember(released(finish_reason=reason), 0)
    turns = (await answer(sessions, ReadTurns(limit=5), LATER)).turns
    assert [turn.answer for turn in turns] == ["answer to r-1"]


async def test_what_was_cancelled_before_its_first_word_is_no_turn():
    sessions, broker = table_of("sessions")
    await sessions.remember(replace(released(finish_reason="cancelled"), text=""), 0)
    assert sent(broker) == []


# ---------------------------------------------------------------------- long conversations


async def a_long_conversation(length=40):
    """Ask and answer, a turn an offset; more than a row keeps."""
    sessions, _ = table_of("sessions")
    for number in range(length):
        await sessions.remember(released(f"r-{number}"), number)
    return sessions


NEXT = dataclasses.replace(LAST, request="r-new")


@pytest.mark.parametrize("length", [1, 5, 6, 16, 17, 40])
async def test_the_summary_is_of_all_turns_before_those_that_are_read(length):
    sessions = await a_long_conversation(length)
    read = await answer(sessions, ReadTurns(limit=5), NEXT)
    assert len(read.turns) + (read.summary.turns if read.summary else 0) == length
    assert (await answer(sessions, ReadTurns(limit=0), NEXT)).summary is None


async def test_a_turn_that_is_remembered_again_is_summed_up_once():
    sessions = await a_long_conversation(20)
    before = [await answer(sessions, ReadTurns(limit=limit), NEXT) for limit in range(6)]
    for number in (17, 18, 19):
        await sessions.remember(released(f"r-{number}"), number)
    after = [await answer(sessions, ReadTurns(limit=limit), NEXT) for limit in range(6)]
    assert after == before


async def test_a_turn_that_comes_late_is_summed_up_where_it_belongs():
    sessions, _ = table_of("sessions")
    sessions.came(CALL.lane, topic_of(AnswerReleased), "log", None)
    for number in (0, 2, 1):
        await sessions.remember(released(f"r-{number}"), number)
    read = await answer(sessions, ReadTurns(limit=2), NEXT)
    assert [turn.request for turn in read.turns] == ["r-1", "r-2"]
    assert read.summary.turns == 1


async def test_a_request_that_is_run_again_sees_the_summary_of_then():
    sessions = await a_long_conversation(20)
    again = dataclasses.replace(LAST, request="r-12")
    read = await answer(sessions, ReadTurns(limit=3), again)
    assert [turn.request for turn in read.turns] == ["r-9", "r-10", "r-11"]
    assert read.summary.turns == 9


async def test_turns_of_before_there_were_summaries_begin_one():
    sessions, _ = table_of("sessions")
    old = Turns(turns=(Turn(request="r-0", question="q", answer="a"),))
    place = RowKey.of_conversation(CALL.lane, CALL.tenant, CALL.subject, CALL.session)
    await sessions._write(place, "event of r-0", old, topic_of(AnswerReleased), 0)
    await sessions.remember(released("r-1"), 1)
    read = await answer(sessions, ReadTurns(limit=1), NEXT)
    assert (read.turns[0].request, read.summary.turns) == ("r-1", 1)


async def test_a_question_to_which_nothing_was_found_is_known_as_such():
    sessions, _ = table_of("sessions")
    await sessions.remember(released("r-0", finish_reason="not_found"), 0)
    await sessions.remember(released("r-1"), 1)
    read = await answer(sessions, ReadTurns(limit=1), NEXT)
    assert read.summary.unanswered == ("query of r-0",)


async def checked(releases, batch, text):
    state = ReleaseState(batch=batch, released=text)
    await answer(releases, WriteRelease(state=state), batch_call(batch))


def batch_call(batch):
    return dataclasses.replace(CALL, event=f"batch-{batch}")


async def test_a_batch_that_is_checked_again_goes_on_from_the_one_before_it():
    releases, _ = table_of("releases")
    for batch in range(3):
        await checked(releases, batch, f"first {batch}")
    # another attempt at the answer, which is cut otherwise: its records are other events
    other = dataclasses.replace(CALL, event="of another attempt")
    assert (await answer(releases, ReadRelease(batch=0), other)) == ReleaseState()
    assert (await answer(releases, ReadRelease(batch=1), other)).released == "first 0"
    assert (await answer(releases, ReadRelease(batch=2), other)).released == "first 1"


async def test_moderation_of_one_answer_knows_nothing_of_another():
    releases, _ = table_of("releases")
    await checked(releases, 0, "text")
    other = dataclasses.replace(batch_call(1), request="r-2")
    assert await answer(releases, ReadRelease(batch=1), other) == ReleaseState()


async def test_of_an_answers_moderation_the_newest_states_are_kept():
    releases, _ = table_of("releases")
    for batch in range(RELEASES_MAX + 3):
        await checked(releases, batch, f"text {batch}")
    oldest = RELEASES_MAX + 3 - RELEASES_MAX
    seen = [
        (await answer(releases, ReadRelease(batch=batch), batch_call("other"))).released
        for batch in (oldest, oldest + 1)
    ]
    assert seen == ["", f"text {oldest}"]


async def test_the_moderation_of_answers_of_long_ago_is_dropped():
    releases, broker = table_of("releases")
    for number in range(ANSWERS_MAX + 1):
        call = dataclasses.replace(CALL, request=f"r-{number}")
        await answer(releases, WRITES["releases"], call)
    dropped = [RowKey.at(one.key()).scope for one in sent(broker) if one.value() is None]
    assert dropped == ["r-0"]
