"""The trivial steps keep the topology, count what tables hold, and go wrong where they are told to."""

from itertools import pairwise

import pytest

from agents.errors import Permanent
from bench.handing_on import HOP_TOPICS, noop
from bench.transports.chain import HOPS as CHAIN_HOPS
from bench.trivial_steps import FLOW, LETTERS, PARTS, QUESTION, AskingSteps, described
from schemas import (
    AnswerReleased,
    Ask,
    DocumentState,
    DocumentSubmitted,
    DocumentWithdrawn,
    Embed,
    Embedded,
    Found,
    Generate,
    Generated,
    GeneratedToken,
    IndexChunks,
    IndexWritten,
    Placeholders,
    PublishVersion,
    QuestionAsked,
    ReadDocument,
    ReadPlaceholders,
    ReadRelease,
    ReadTurns,
    ReleaseState,
    Sealed,
    Search,
    TokensReleased,
    Turns,
    WithdrawVersions,
    WriteDocument,
    WritePlaceholders,
    WriteRelease,
    Written,
)
from streams.topics import STEPS, step_reading, topic_of
from tests.fakes import FakeEffects, a_meta

SEALED = Sealed(key="user/u", event="e", field="text", ciphertext=b"c")


class World:
    """Answers of tables, models and index; the tables are remembered from event to event."""

    def __init__(self):
        self.tables = {}
        self.asked = []

    def read(self, kind, key, empty):
        return self.tables.get((kind, key), empty)

    def write(self, kind, key, state):
        self.tables[kind, key] = state
        return Written()

    def answers(self, event):
        """Return the functions that answer a step over an event."""
        request = event.meta.request
        written = IndexWritten(count=1, position=1)
        part = Generated(tokens=(GeneratedToken(text="t", at_us=0),), model="fake")
        end = Generated(tokens=(), model="fake", last=True, finish_reason="stop")
        return {
            ReadDocument: lambda r: self.read("document", r.document, DocumentState()),
            WriteDocument: lambda r: self.write("document", r.document, r.state),
            ReadPlaceholders: lambda r: self.read("placeholders", r.scope, Placeholders()),
            WritePlaceholders: lambda r: self.write("placeholders", r.scope, r.state),
            ReadRelease: lambda _: self.read("release", request, ReleaseState()),
            WriteRelease: lambda r: self.write("release", request, r.state),
            ReadTurns: lambda _: Turns(),
            Embed: lambda r: Embedded(vectors=(b"v",), model="fake", dimensions=1),
            Search: lambda _: Found(candidates=(), index="fake"),
            Generate: lambda _: [part] * PARTS + [end],
            IndexChunks: lambda _: written,
            PublishVersion: lambda _: written,
            WithdrawVersions: lambda _: written,
        }


async def through(event, world=None, asking=None):
    """Run a request through all steps that follow; return every record, the request first."""
    asking, world = asking or AskingSteps(), world or World()
    records, waiting = [], [event]
    while waiting:
        given = waiting.pop(0)
        records.append(given)
        if (reader := step_reading(type(given))) is not None:
            fx = FakeEffects(reader.name, given, world.answers(given))
            [fx.step] = asking.steps(reader.name)
            await fx.execute()
            world.asked += [type(request) for request in fx.asked]
            waiting += fx.outcomes
    return records


def asked(subject, number=1):
    meta = a_meta(request=f"r-{number}")
    return QuestionAsked(meta=meta, subject=subject, text=SEALED, ask=Ask())


def submitted(uri):
    return DocumentSubmitted(
        meta=a_meta(), document="d", uri=uri, media_type="text/plain", content=SEALED, metadata={}
    )


def names(records):
    return [type(record).__name__ for record in records]


async def test_a_question_goes_the_way_of_the_topology_in_one_record_a_step():
    records = await through(asked("hop"))
    assert names(records) == [
        "QuestionAsked",
        "QuestionRedacted",
        "QueryRewritten",
        "ChunksRetrieved",
        "TokensGenerated",
        "AnswerReleased",
    ]
    assert records[-1].text == records[-1].answer.text == LETTERS[0]


async def test_a_streamed_answer_comes_in_parts_and_its_end_has_the_whole_text():
    records = await through(asked("answer"))
    released = [record for record in records if isinstance(record, TokensReleased)]
    assert [record.batch.number for record in released] == list(range(PARTS))
    [end] = [record for record in records if isinstance(record, AnswerReleased)]
    assert end.text == end.answer.text == LETTERS[:PARTS]
    assert "".join(record.text for record in released) == end.text


async def test_questions_of_a_session_are_numbered():
    world = World()
    texts = []
    for number in (1, 2, 3):
        texts += [
            r.text
            for r in await through(asked("hop", number), world)
            if "Redacted" in names([r])[0]
        ]
    assert texts == ["1", "2", "3"]


@pytest.mark.parametrize("batches", [1, 3])
async def test_a_document_comes_in_as_many_batches_as_it_says(batches):
    world = World()
    records = await through(submitted(f"{batches}:plain"), world)
    for name in ("ChunksCut", "ChunksRedacted", "ChunksEmbedded", "ChunksIndexed"):
        found = [record for record in records if type(record).__name__ == name]
        assert [record.batch.number for record in found] == list(range(batches))
        assert [record.batch.last for record in found] == [False] * (batches - 1) + [True]
    assert world.asked.count(PublishVersion) == 1
    assert world.asked.count(IndexChunks) == batches - 1


async def test_versions_of_a_document_are_counted_and_a_withdrawal_is_no_version():
    world = World()
    first = await through(submitted("1:plain"), world)
    second = await through(submitted("1:plain"), world)
    assert [records[1].document.version for records in (first, second)] == [1, 2]
    gone = await through(DocumentWithdrawn(meta=a_meta(), document="d"), world)
    assert [record.outcome for record in gone[1:]] == ["withdrawn"] * 4
    assert world.asked[-1] is WithdrawVersions


@pytest.mark.parametrize("name", QUESTION)
async def test_a_question_stumbles_in_the_step_that_is_told_to(name):
    seen = []

    def spoil(step, what):
        seen.append((step, what))
        if step == name:
            raise Permanent(what)

    with pytest.raises(Permanent, match="answer"):
        await through(asked("answer"), asking=AskingSteps(spoil))
    assert seen[-1] == (name, "answer")


@pytest.mark.parametrize("name", FLOW[:4])
async def test_a_document_stumbles_in_the_step_that_is_told_to(name):
    def spoil(step, what):
        if step == name:
            raise Permanent(what)

    world = World()
    with pytest.raises(Permanent, match="broken"):
        await through(submitted("2:broken"), world, AskingSteps(spoil))
    assert PublishVersion not in world.asked


@pytest.mark.parametrize("batches", [1, 3])
async def test_a_document_meets_what_spoils_it_once_a_step_with_its_last_batch(batches):
    met = []
    await through(submitted(f"{batches}:plain"), asking=AskingSteps(lambda *what: met.append(what)))
    assert met == [(name, "plain") for name in FLOW[:4]]


@pytest.mark.parametrize(
    ("uri", "batches", "what"), [("1:plain", 1, "plain"), ("12:a:b", 12, "a:b"), ("3", 3, "")]
)
def test_a_document_says_how_it_comes_in_its_uri(uri, batches, what):
    assert described(uri) == (batches, what)


def test_every_step_of_the_table_has_its_trivial_one():
    assert sorted(FLOW) == sorted(step.name for step in STEPS)
    for real, trivial in zip(
        STEPS, AskingSteps().steps(*(step.name for step in STEPS)), strict=True
    ):
        assert (trivial.name, trivial.flows, trivial.tables) == (real.name, real.flows, real.tables)
        assert trivial.function != real.function


@pytest.mark.parametrize("name", ["spoil", "translate"])
def test_what_is_no_step_has_no_function(name):
    with pytest.raises(KeyError, match="choose from ingest"):
        AskingSteps().function(name)


def test_the_noop_chain_hands_on_from_step_to_step():
    steps = noop()
    assert len(steps) == CHAIN_HOPS == len({step.name for step in steps})
    assert {step.name for step in steps} == {step.name for step in STEPS}
    for before, after in pairwise(steps):
        assert before.writes == after.reads
    written = [topic_of(step.writes[0]) for step in steps]
    assert list(HOP_TOPICS) == [topic_of(steps[0].reads[0]), *written]


@pytest.mark.parametrize("count", range(1, 9))
async def test_a_noop_chain_of_any_length_writes_one_record_a_hop_and_asks_nothing(count):
    event = asked("u")
    for hop in noop(count):
        fx = FakeEffects(hop.name, event, {})
        fx.step = hop
        await fx.execute()
        [event] = fx.outcomes
        assert [effect.kind for effect in event.meta.effects] == ["Begin"]
    assert topic_of(event) == HOP_TOPICS[count]
