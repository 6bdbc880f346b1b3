"""Tables in memory answer as the steps' own tables do, as long as no event is run again."""

import pytest

from bench.direct import MemoryTables
from bench.synthetic.answers import Tables
from schemas import (
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
    Written,
)
from streams.delivery.step_tables import DocumentVersions, PlaceholderNumbers, Releases, Sessions
from streams.running.world import Call
from streams.topics import step
from tests.streams.fake_tables import an_answer, table


class RealTables:
    """The steps' own tables; only Faust under them is a fake."""

    def __init__(self):
        tables = [
            table(kind)[0] for kind in (DocumentVersions, PlaceholderNumbers, Sessions, Releases)
        ]
        self._handlers = {kind: h for one in tables for kind, h in one.handlers().items()}
        self.remember = tables[2].remember

    def handlers(self):
        return self._handlers


class Tried:
    """Asks tables, each time for an event of its own."""

    def __init__(self, tables):
        self.tables = tables
        self._events = 0

    async def ask(self, request, tenant="acme", session="s-1", of="r-1", subject="u"):
        self._events += 1
        event = f"event-{self._events}"
        call = Call(tenant, 2, of, session, event, "topic", 0, subject=subject)
        return await self.tables.handlers()[type(request)](request, call)

    async def remember(self, *answers):
        for answer in answers:
            if (waiting := self.tables.remember(answer)) is not None:
                await waiting

    async def turns(self, of="r-9", limit=9, **where):
        read = await self.ask(ReadTurns(limit=limit), of=of, **where)
        return [turn.request for turn in read.turns]


KINDS = {"real": RealTables, "synthetic": Tables, "baseline": MemoryTables}
LASTING = [name for name in KINDS if name != "baseline"]


@pytest.fixture(params=KINDS)
def tables(request):
    return Tried(KINDS[request.param]())


@pytest.fixture(params=LASTING)
def lasting(request):
    """Tables that outlast a question: those of documents and turns too."""
    return Tried(KINDS[request.param]())


def numbered(*placeholders):
    entries = (Numbered(placeholder=one, kind="PERSON", digest=one) for one in placeholders)
    return Placeholders(entries=tuple(entries))


@pytest.mark.parametrize("name", LASTING)
def test_all_that_steps_ask_of_their_tables_is_answered(name):
    assert set(KINDS[name]().handlers()) == set(RealTables().handlers())


def test_the_baseline_answers_what_the_steps_on_a_questions_way_ask():
    documents = {ReadDocument, WriteDocument}
    assert set(MemoryTables().handlers()) == set(RealTables().handlers()) - documents
    assert step("ingest").tables == ("documents",)


# ---------------------------------------------------------------------- placeholders


async def test_where_nothing_was_written_there_are_no_placeholders(tables):
    assert await tables.ask(ReadPlaceholders(scope="s-1")) == Placeholders(entries=())


async def test_placeholders_are_those_that_were_written_last(tables):
    for state in (numbered("<PERSON_1>"), numbered("<PERSON_1>", "<PERSON_2>")):
        assert await tables.ask(WritePlaceholders(scope="s-1", state=state)) == Written()
        assert await tables.ask(ReadPlaceholders(scope="s-1")) == state


@pytest.mark.parametrize(
    ("tenant", "subject", "scope"),
    [("acme", "u", "s-2"), ("birch", "u", "s-1"), ("acme", "other", "s-1")],
)
async def test_placeholders_are_a_scopes_a_users_and_a_tenants_own(tables, tenant, subject, scope):
    await tables.ask(WritePlaceholders(scope="s-1", state=numbered("<PERSON_1>")))
    read = ReadPlaceholders(scope=scope)
    assert (await tables.ask(read, tenant=tenant, subject=subject)).entries == ()


# ---------------------------------------------------------------------- moderation


async def test_moderation_begins_with_nothing(tables):
    assert await tables.ask(ReadRelease(batch=0)) == ReleaseState()


async def test_moderation_goes_on_from_the_batch_before(tables):
    for batch in range(6):
        before = await tables.ask(ReadRelease(batch=batch))
        assert before.released == (f"text {batch - 1}" if batch else "")
        state = ReleaseState(batch=batch, released=f"text {batch}")
        assert await tables.ask(WriteRelease(state=state)) == Written()


@pytest.mark.parametrize(("tenant", "of"), [("acme", "r-2"), ("birch", "r-1")])
async def test_moderation_is_a_requests_and_a_tenants_own(tables, tenant, of):
    await tables.ask(WriteRelease(state=ReleaseState(batch=0, released="t")))
    assert (await tables.ask(ReadRelease(batch=1), tenant=tenant, of=of)).released == ""
    assert (await tables.ask(ReadRelease(batch=1))).released == "t"


# ---------------------------------------------------------------------- turns


async def test_a_new_session_has_no_turns(tables):
    assert await tables.turns() == []


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 9])
async def test_the_newest_turns_are_told_oldest_first(lasting, limit):
    await lasting.remember(*(an_answer(f"r-{number}") for number in range(3)))
    assert await lasting.turns(limit=limit) == ["r-0", "r-1", "r-2"][3 - min(limit, 3) :]


@pytest.mark.parametrize("number", range(4))
async def test_a_request_sees_the_turns_before_its_own(lasting, number):
    await lasting.remember(*(an_answer(f"r-{number}") for number in range(3)))
    assert await lasting.turns(of=f"r-{number}") == [f"r-{before}" for before in range(number)]


async def test_a_turn_is_what_was_asked_and_answered(lasting):
    await lasting.remember(an_answer("r-1"))
    [turn] = (await lasting.ask(ReadTurns(limit=1), of="r-2")).turns
    assert (turn.question, turn.answer) == ("query of r-1", "answer to r-1")


async def test_an_answer_that_comes_twice_is_one_turn(lasting):
    await lasting.remember(an_answer("r-1"), an_answer("r-1"))
    assert await lasting.turns() == ["r-1"]


@pytest.mark.parametrize(
    ("reason", "text", "is_turn"),
    [
        ("refused", "Refused.", False),
        ("search", "", False),
        ("small_talk", "Hello.", False),
        ("cancelled", "", False),
        ("cancelled", "As far as it was shown.", True),
    ],
)
async def test_a_turn_is_what_somebody_can_refer_to(lasting, reason, text, is_turn):
    await lasting.remember(an_answer("r-1", reason, text), an_answer("r-2"))
    assert await lasting.turns() == ["r-1"] * is_turn + ["r-2"]


@pytest.mark.parametrize(
    "where", [{"session": "s-2"}, {"tenant": "birch"}, {"subject": "other"}], ids=str
)
async def test_turns_are_a_sessions_a_users_and_a_tenants_own(lasting, where):
    await lasting.remember(an_answer("r-1"))
    assert await lasting.turns(**where) == []
    assert await lasting.turns() == ["r-1"]


# ---------------------------------------------------------------------- documents


async def test_a_document_that_nobody_handed_in_has_no_version(lasting):
    assert await lasting.ask(ReadDocument(document="d")) == DocumentState()


async def test_a_document_is_at_the_version_that_was_written_last(lasting):
    for version in (1, 2, 3):
        state = DocumentState(version=version)
        assert await lasting.ask(WriteDocument(document="d", state=state)) == Written()
        assert await lasting.ask(ReadDocument(document="d")) == state


@pytest.mark.parametrize(("tenant", "document"), [("acme", "e"), ("birch", "d")])
async def test_documents_are_a_tenants_own(lasting, tenant, document):
    await lasting.ask(WriteDocument(document="d", state=DocumentState(version=1)))
    assert (await lasting.ask(ReadDocument(document=document), tenant=tenant)).version == 0
