import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agents.errors import Permanent, Transient
from schemas import (
    AnswerReleased,
    ChunksCut,
    DocumentState,
    Numbered,
    Placeholders,
    ReadDocument,
    ReadPlaceholders,
    ReadRelease,
    ReadTurns,
    ReleaseState,
    WriteDocument,
    WritePlaceholders,
    WriteRelease,
)
from schemas.definitions import self_contained
from schemas.registry import RegistryAway
from streams.delivery.changelog import Change
from streams.delivery.rows import ROW_BYTES_MAX, RowKey, before, whose_row, written
from streams.delivery.step_tables import (
    DocumentVersions,
    PlaceholderNumbers,
    Releases,
    Sessions,
)
from streams.log.codec import HEADER, Codec
from streams.log.subjects import subjects
from streams.log.writing import RECORD_BYTES_MAX, check_size
from streams.topics import topic_of
from tests.fakes import a_codec
from tests.memory_broker import a_broker
from tests.memory_registry import MemoryRegistry
from tests.streams.delivery.memory_publisher import sent
from tests.streams.fake_tables import a_call, an_answer, table

IDS = {name: number for number, name in enumerate(dict.fromkeys(subjects().values()), start=1)}
"""Record -> schema id, as `a_codec` numbers them."""


def row_of(*writes, entries_max=16):
    row = None
    for event, value in writes:
        row = written(row, event, value, entries_max)
    return row


def test_an_event_sees_the_newest_value_before_it():
    row = row_of(("e1", b"1"), ("e2", b"2"))
    assert before(row, "e3")[-1].value == b"2"


def test_an_event_that_is_run_again_sees_what_it_saw_the_first_time():
    row = row_of(("e1", b"1"), ("e2", b"2"), ("e3", b"3"))
    assert before(row, "e2")[-1].value == b"1"
    assert before(row, "e1") == ()


def test_an_event_that_is_run_again_replaces_its_own_value():
    row = row_of(("e1", b"1"), ("e2", b"2"), ("e1", b"other"))
    assert [(e.event, e.value) for e in row.entries] == [("e1", b"other"), ("e2", b"2")]


@given(st.lists(st.sampled_from("abcdefgh"), max_size=40))
def test_a_row_is_bounded_and_holds_an_event_once(events):
    row = row_of(*((event, event.encode()) for event in events), entries_max=4)
    if row is not None:
        held = [entry.event for entry in row.entries]
        assert len(held) == len(set(held)) <= 4
        assert events[-1] in held


SMALL, HALF, LARGE = b"x", b"x" * (ROW_BYTES_MAX // 2), b"x" * (RECORD_BYTES_MAX // 2)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([SMALL] * 5, 4),
        ([HALF] * 4, 2),
        ([LARGE, SMALL, SMALL], 2),
        ([SMALL, LARGE], 2),
        ([SMALL, LARGE, LARGE], 1),
        ([LARGE + LARGE], 1),
    ],
)
def test_of_large_values_as_many_are_kept_as_a_row_may_hold(values, kept):
    row = row_of(*((f"e{n}", value) for n, value in enumerate(values)), entries_max=4)
    assert [entry.value for entry in row.entries] == values[-kept:]


@given(st.lists(st.integers(0, RECORD_BYTES_MAX // 2), min_size=1, max_size=20))
def test_a_row_fits_the_log_whatever_its_values_were(sizes):
    row = row_of(*((f"e{n}" * 50, bytes(size)) for n, size in enumerate(sizes)))
    check_size("table", b"k" * 1_000, a_codec().encode(row), [])
    assert row.entries[-1].event == f"e{len(sizes) - 1}" * 50


PLACES = (
    RowKey(3, "acme", "s-1"),
    RowKey.of_conversation(3, "acme", "jane", "s-1"),
    RowKey.of_conversation(3, "acme", "john", "s-1"),
    RowKey.of_conversation(3, "acme", "", "s-1"),
    RowKey.of_conversation(3, "globex", "jane", "s-1"),
    RowKey.of_conversation(4, "acme", "jane", "s-1"),
)


def test_each_place_has_a_key_of_its_own_and_survives_it():
    assert len({place.key for place in PLACES}) == len(PLACES)
    assert tuple(RowKey.at(place.key) for place in PLACES) == PLACES


def test_the_keys_of_documents_and_requests_are_those_of_earlier_versions():
    assert RowKey(3, "acme", "d-1").key == b"3\0acme\0d-1"


def test_a_document_that_is_called_like_the_rest_of_a_key_has_no_place():
    conversation = RowKey.of_conversation(0, "acme", "jane", "s-1")
    with pytest.raises(Permanent, match="zero character"):
        _ = RowKey(0, "acme", conversation.key.decode().removeprefix("0\0acme\0")).key


@given(*[st.text(alphabet="a\0", max_size=4)] * 4)
def test_no_name_makes_one_place_another(tenant, subject, session, document):
    try:
        conversation = RowKey.of_conversation(0, tenant, subject, session).key
        other = RowKey(0, tenant, document).key
    except Permanent:
        assert "\0" in f"{tenant}{subject}{session}{document}"
    else:
        assert conversation != other


# ---------------------------------------------------------------------- tables in memory


async def test_the_changelog_lies_in_the_lane_of_the_event():
    documents, broker = table(DocumentVersions)
    await documents.write(WriteDocument(document="d", state=DocumentState(version=1)), a_call("e1"))
    assert [(one.topic(), one.partition()) for one in sent(broker)] == [
        ("playhead.table.documents", 2)
    ]


async def test_a_document_has_the_version_of_the_event_before():
    documents, _ = table(DocumentVersions)
    assert (await documents.read(ReadDocument(document="d"), a_call("e1"))).version == 0
    await documents.write(WriteDocument(document="d", state=DocumentState(version=1)), a_call("e1"))
    assert (await documents.read(ReadDocument(document="d"), a_call("e2"))).version == 1
    assert (await documents.read(ReadDocument(document="d"), a_call("e1"))).version == 0


async def test_a_row_is_in_the_table_once_the_broker_has_it():
    documents, broker = table(DocumentVersions)
    broker.away = True
    request = WriteDocument(document="d", state=DocumentState(version=1))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(documents.write(request, a_call("e1")), 0.05)
    assert (await documents.read(ReadDocument(document="d"), a_call("e2"))).version == 0
    broker.away = False
    await documents.write(request, a_call("e1"))
    assert (await documents.read(ReadDocument(document="d"), a_call("e2"))).version == 1


async def a_document_of_a_newer_version(documents):
    """Let a row hold what another worker has written under a schema that is new here.

    What else it takes to read it is known: only the new one is asked for.
    """
    codec = a_codec()
    state = codec.encode(DocumentState(version=1))
    for value in (state, HEADER.pack(0, 99) + state[HEADER.size :]):
        row = codec.encode(written(None, "e1", value, 16))
        documents.apply([Change(2, [(RowKey(2, "acme", "d").key, row)], 1)])
        if value is state:
            await documents.read(ReadDocument(document="d"), a_call("e2"))


async def test_what_a_newer_version_has_written_is_read_once_the_registry_tells_its_schema(
    monkeypatch,
):
    documents, _ = table(DocumentVersions)
    registry = MemoryRegistry({number: self_contained(name) for name, number in IDS.items()}, IDS)
    documents.attach(Codec(registry))
    await a_document_of_a_newer_version(documents)
    monkeypatch.setattr("streams.delivery.row_reader.TOLD_S", 0.05)
    with pytest.raises(Transient, match="under schema 99, which the registry does not tell yet"):
        await documents.read(ReadDocument(document="d"), a_call("e2"))
    registry.away = True
    with pytest.raises(Transient):
        await documents.read(ReadDocument(document="d"), a_call("e2"))
    registry.away = False
    registry.hear(99, self_contained("DocumentState"))
    monkeypatch.setattr("streams.delivery.row_reader.TOLD_S", 30.0)
    assert (await documents.read(ReadDocument(document="d"), a_call("e2"))).version == 1


async def test_a_registry_that_never_answers_takes_no_thread_that_others_need(monkeypatch):
    monkeypatch.setattr("streams.delivery.row_reader.TOLD_S", 0.05)
    documents, _ = table(DocumentVersions)
    registry, answer = MemoryRegistry({}, IDS), threading.Event()
    asked_on = []

    def hangs(schema_id):
        asked_on.append(threading.current_thread().name)
        answer.wait(10.0)
        raise RegistryAway("hangs")

    monkeypatch.setattr(registry, "definition_of", hangs)
    documents.attach(Codec(registry))
    documents.apply([Change(2, [(RowKey(2, "acme", "d").key, HEADER.pack(0, 99))], 1)])
    with pytest.raises(Transient, match="which the registry does not tell yet"):
        await documents.read(ReadDocument(document="d"), a_call("e2"))
    answer.set()
    await documents.close()
    assert {name.partition("-")[0] for name in asked_on} == {"schema"}


@pytest.mark.parametrize("junk", [b"junk", HEADER.pack(0, IDS["TableRow"]) + b"\xff" * 20])
async def test_a_row_that_can_not_be_read_is_told_by_its_table(junk):
    documents, _ = table(DocumentVersions)
    documents.apply([Change(2, [(RowKey(2, "acme", "d").key, junk)], 1)])
    with pytest.raises(Permanent, match="a row of documents can't be read"):
        await documents.read(ReadDocument(document="d"), a_call("e2"))


async def test_rows_of_lanes_that_moved_are_forgotten():
    documents, _ = table(DocumentVersions)
    for lane in (2, 3):
        request = WriteDocument(document="d", state=DocumentState(version=lane))
        await documents.write(request, a_call("e1", lane=lane))
        documents._recovered[lane] = 1
    documents.keep_only({3})
    read = ReadDocument(document="d")
    assert (await documents.read(read, a_call("e2", lane=2))).version == 0
    assert (await documents.read(read, a_call("e2", lane=3))).version == 3
    assert documents._recovered == {3: 1}


async def test_a_table_has_what_its_changelog_says_in_that_order():
    documents, broker = table(DocumentVersions)
    one, other = (RowKey(2, "acme", scope).key for scope in "ab")
    await documents.write(WriteDocument(document="c", state=DocumentState(version=1)), a_call("e1"))
    [written_row] = sent(broker)
    row = written_row.value()
    documents.apply([Change(2, [(one, row), (other, row), (one, None)], 9)])
    call = a_call("e2")
    versions = [
        (await documents.read(ReadDocument(document=scope), call)).version for scope in "abc"
    ]
    assert versions == [0, 1, 1]
    assert documents.known([2, 3]) == {2: 9, 3: 0}


async def test_a_changelog_is_read_from_where_it_is_known_in_the_lanes_that_are_asked_for():
    broker = a_broker()
    documents, _ = table(DocumentVersions, broker)
    for lane, key, value in [
        (1, b"other", b"0"),
        (2, b"a", b"1"),
        (2, b"b", b"2"),
        (2, b"a", None),
    ]:
        broker.put("playhead.table.documents", value, partition=lane, key=key)
    no_fence = frozenset({b""})
    assert documents.changes({2: 0, 3: 0}) == [
        Change(2, [(b"b", b"2")], 3, by_drops=no_fence),
        Change(3, [], 0),
    ]
    documents.apply([Change(2, [(b"a", b"1")], 2)])
    assert documents.changes({2: 2}) == [Change(2, [(b"a", None)], 3)], "of a row that is there"


async def test_old_rows_make_room_in_their_own_lane_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(Releases, "ROWS_MAX", 3)
    releases, broker = table(Releases)
    rows = [(RowKey(2, "acme", f"old-{number}").key, b"row") for number in range(20)]
    releases.apply(
        [Change(1, [(RowKey(1, "acme", "other lane").key, b"row")], 1), Change(2, rows, 20)]
    )
    await releases.write(WriteRelease(state=ReleaseState(batch=0)), a_call("e", request="new"))
    dropped = [RowKey.at(one.key()) for one in sent(broker) if one.value() is None]
    assert [place.scope for place in dropped] == ["old-0", "old-1", "old-2", "old-3"]
    assert len(releases._table.data) == 1 + 20 + 1 - 4


async def turns(sessions, request, limit=5, subject="u"):
    call = a_call("e", request=request, subject=subject)
    return [turn.request for turn in (await sessions.read(ReadTurns(limit=limit), call)).turns]


async def test_a_request_sees_the_turns_before_it():
    sessions, _ = table(Sessions)
    for request in ("r-1", "r-2", "r-3"):
        await sessions.remember(an_answer(request), 0)
    assert await turns(sessions, "r-4") == ["r-1", "r-2", "r-3"]
    assert await turns(sessions, "r-4", limit=2) == ["r-2", "r-3"]
    assert await turns(sessions, "r-2") == ["r-1"]
    assert await turns(sessions, "r-1") == []


async def test_another_user_who_names_the_session_sees_no_turn_of_it_and_leaves_none():
    sessions, _ = table(Sessions)
    await sessions.remember(an_answer("r-1"), 0)
    assert await turns(sessions, "r-2", subject="other") == []
    await sessions.remember(structs.replace(an_answer("r-2"), subject="other"), 0)
    assert await turns(sessions, "r-3", subject="other") == ["r-2"]
    assert await turns(sessions, "r-4") == ["r-1"]


async def test_turns_from_before_users_were_told_apart_are_read_for_nobody():
    """Whose they are the row does not say: the conversation begins anew."""
    sessions, broker = table(Sessions)
    await sessions.remember(an_answer("r-1"), 0)
    [row] = sent(broker)
    sessions.apply([Change(2, [(b"2\0acme\0s-0", row.value())], 1)])
    for subject in ("u", ""):
        call = a_call("e", request="r-2", session="s-0", subject=subject)
        assert (await sessions.read(ReadTurns(limit=5), call)).turns == ()


async def test_the_rows_of_the_erased_are_dropped_and_nobody_elses():
    sessions, broker = table(Sessions)
    await sessions.remember(an_answer("r-1"), 0)
    await sessions.remember(structs.replace(an_answer("r-2"), subject="other"), 1)
    assert sessions.forget_people({("globex", "u"), ("acme", "nobody")}) == 0
    assert sessions.forget_people({("acme", "u")}) == 1
    assert await turns(sessions, "r-3") == []
    assert await turns(sessions, "r-3", subject="other") == ["r-2"]
    assert sent(broker)[-1].value() is None
    assert sessions.forget_people({("acme", "u")}) == 0


@pytest.mark.parametrize("key", [b"2\0acme\0d-1", b"", b"2\0acme\0\xff\0u"])
def test_a_row_that_is_nobodys_is_nobodys(key):
    assert whose_row(key) is None


NUMBERS = Placeholders(entries=(Numbered(placeholder="<PERSON_1>", kind="PERSON", digest="d"),))


@pytest.mark.parametrize(
    "stranger",
    [
        pytest.param(a_call("e2", session="d-1", subject="other"), id="another user"),
        pytest.param(
            a_call("e2", session="d-1", subject="", record=ChunksCut), id="a document of that name"
        ),
    ],
)
async def test_the_numbers_of_a_conversation_are_seen_by_nobody_else(stranger):
    numbers, _ = table(PlaceholderNumbers)
    mine = a_call("e1", session="d-1")
    await numbers.write(WritePlaceholders(scope="d-1", state=NUMBERS), mine)
    read = ReadPlaceholders(scope="d-1")
    assert (await numbers.read(read, stranger)).entries == ()
    assert await numbers.read(read, a_call("e2", session="d-1")) == NUMBERS


async def test_an_asker_who_calls_a_session_like_a_document_learns_nothing_of_its_numbers():
    numbers, broker = table(PlaceholderNumbers)
    cut = a_call("e1", session="d-1", subject="", record=ChunksCut)
    await numbers.write(WritePlaceholders(scope="d-1", state=NUMBERS), cut)
    read = ReadPlaceholders(scope="d-1")
    for subject in ("u", ""):
        assert (
            await numbers.read(read, a_call("e2", session="d-1", subject=subject))
        ).entries == ()
    assert [row.key() for row in sent(broker)] == [b"2\0acme\0d-1"]  # where it was in 0.1.0
    again = a_call("e3", session="d-1", subject="", record=ChunksCut)
    assert await numbers.read(read, again) == NUMBERS


async def test_an_answer_that_is_folded_twice_is_one_turn():
    sessions, _ = table(Sessions)
    await sessions.remember(an_answer("r-1"), 0)
    await sessions.remember(an_answer("r-1"), 0)
    assert await turns(sessions, "r-2") == ["r-1"]


@pytest.mark.parametrize(
    ("reason", "text"),
    [("refused", "No."), ("search", ""), ("cancelled", ""), ("small_talk", "Hello.")],
)
async def test_what_was_not_answered_is_no_turn(reason, text):
    sessions, _ = table(Sessions)
    await sessions.remember(an_answer("r-1", reason, text), 0)
    assert await turns(sessions, "r-2") == []


async def release(releases, batch, attempt="a"):
    state = ReleaseState(batch=batch, released=f"{attempt}{batch}")
    await releases.write(WriteRelease(state=state), a_call(f"batch-{batch}"))


async def released_before(releases, batch):
    return (await releases.read(ReadRelease(batch=batch), a_call(f"batch-{batch}"))).released


async def test_moderation_goes_on_from_the_batch_before():
    releases, _ = table(Releases)
    for batch in range(9):
        assert await released_before(releases, batch) == (f"a{batch - 1}" if batch else "")
        await release(releases, batch)


@pytest.mark.parametrize("batches", [1, 3, 4, 5, 9])
async def test_a_superseding_attempt_sees_nothing_of_the_one_before(batches):
    releases, _ = table(Releases)
    for batch in range(batches):
        await release(releases, batch)
    for batch in range(12):
        assert await released_before(releases, batch) == (f"b{batch - 1}" if batch else "")
        await release(releases, batch, "b")


async def test_answers_of_long_ago_are_dropped_from_the_changelog_too(monkeypatch):
    monkeypatch.setattr(Releases, "ROWS_MAX", 3)
    releases, broker = table(Releases)
    for number in range(5):
        await releases.write(
            WriteRelease(state=ReleaseState(batch=0)), a_call("e", request=str(number))
        )
    dropped = [RowKey.at(one.key()).scope for one in sent(broker) if one.value() is None]
    assert dropped == ["0", "1"]


def test_each_table_of_the_topology_is_kept_somewhere():
    from streams.delivery.step_tables import TABLES
    from streams.topics import STEPS

    assert {name for entry in STEPS for name in entry.tables} == set(TABLES)
    assert topic_of(AnswerReleased) == "playhead.answer.released"
