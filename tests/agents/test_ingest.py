import re
import sys

import pytest
from msgspec.structs import replace
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from agents.changes import OLDEST
from agents.errors import KeyDestroyed
from agents.ingest import (
    MANIFEST_IDS_BESIDE_CHUNKS_MAX,
    PIECE_CHARS_MAX,
    PIECES_MAX,
    Unfit,
    _pieces_max,
    _within,
)
from connectors.documents import Documents
from connectors.keyring import Keyring
from connectors.readers.parsing import parse
from replay.recorded import RecordedRun
from schemas import (
    Begun,
    ChunksCut,
    CountTokens,
    DocumentState,
    DocumentSubmitted,
    DocumentWithdrawn,
    Parse,
    ReadDocument,
    Seal,
    TokenCounts,
    Unseal,
    WriteDocument,
    Written,
)
from streams.log.configuration import load
from streams.running.live import LiveRun
from streams.running.run import Input
from streams.running.world import World
from streams.settings import Settings
from streams.topics import step
from streams.version import CODE
from tests.agents.fake_services import FakeKeys, FakeRow, sealed, unsealed
from tests.fakes import NOW_US, FakeEffects, a_codec, a_meta

CONFIGURATION = load()["ingest"].values
RECORD_BYTES_MAX = 900_000  # the broker takes 1 MiB


class IngestBench:
    """Runs ingest over one document, with keys, a table and the real parser."""

    def __init__(self, code=CODE, **configuration):
        self.row = FakeRow(ReadDocument, WriteDocument, DocumentState())
        self.configuration = {**CONFIGURATION, **configuration}
        self.submissions = 0
        self.fx = None
        self.code = code

    async def run(self, event):
        self.fx = FakeEffects(
            "ingest",
            event,
            {
                **self.row.answers(),
                **FakeKeys().answers(),
                Parse: lambda r: parse(r.media_type, r.content, r.formats),
                CountTokens: lambda r: TokenCounts(counts=tuple(map(tokens, r.texts))),
            },
            self.configuration,
        )
        self.fx.code = self.code
        await self.fx.execute()
        return self.fx.outcomes

    async def submit(self, content, title="Manual", media_type="text/markdown", **fields):
        self.submissions += 1
        content = content if isinstance(content, bytes) else content.encode()
        request = f"r-{self.submissions}"
        event = DocumentSubmitted(
            meta=a_meta(session="d-1", request=request),
            document="d-1",
            uri="file:manual.md",
            media_type=media_type,
            title=None if title is None else sealed("document/d-1", "e", "title", title.encode()),
            content=sealed("document/d-1", "e", "content", content),
            **fields,
        )
        return await self.run(event)

    async def withdraw(self):
        return await self.run(DocumentWithdrawn(meta=a_meta(session="d-1"), document="d-1"))

    def asked(self, kind):
        return [request for request in self.fx.asked if isinstance(request, kind)]


def opened(sealed):
    return unsealed(sealed).decode()


def tokens(text):
    return len(re.findall(r"[A-Za-z0-9]{1,6}|[^\sA-Za-z0-9]", text))


def section(name, words=340):
    return (
        f"## {name}\n\n"
        + " ".join(f"{name} is a word that stands here." for _ in range(words // 7))
        + "\n\n"
    )


def manual(*names):
    return "".join(section(name) for name in names)


def texts(outcomes):
    return [opened(chunk.text) for outcome in outcomes for chunk in outcome.chunks]


async def test_a_document_becomes_batches_of_sealed_chunks_and_a_manifest():
    world = IngestBench(batch_chunks_max=2)
    first, last = await world.submit(
        manual("Alpha", "Beta", "Gamma"), metadata={"kind": "m"}, groups=("staff",)
    )
    assert [outcome.outcome for outcome in (first, last)] == ["cut", "cut"]
    assert [(o.batch.number, o.batch.last) for o in (first, last)] == [(0, False), (1, True)]
    assert [(chunk.number, chunk.text.field) for o in (first, last) for chunk in o.chunks] == [
        (0, "chunk/0"),
        (1, "chunk/1"),
        (2, "chunk/2"),
    ]
    assert {chunk.text.key for chunk in first.chunks} == {"document/d-1"}
    assert {chunk.text.event for chunk in first.chunks} == {"id-of-r-1"}
    assert texts([first, last])[0].startswith("Manual\n\nAlpha\n\nAlpha is a word")
    assert opened(first.title) == opened(last.title) == "Manual"
    assert first.manifest is None
    assert last.manifest.chunks == tuple(chunk.id for o in (first, last) for chunk in o.chunks)
    assert last.manifest.kept == last.manifest.retired == ()
    assert (last.manifest.parser, last.manifest.policy) == ("markdown-it-py", "procedural")
    assert last.manifest.checksum == world.row.state.checksum
    assert (last.document.version, last.document.groups) == (1, ("staff",))
    assert world.row.state.chunks == last.manifest.chunks
    assert world.row.state.ref == last.document


async def test_batches_are_bounded_in_bytes_too():
    outcomes = await IngestBench(batch_bytes_max=4_000).submit(
        manual("Alpha", "Beta", "Gamma", "Delta")
    )
    assert [len(outcome.chunks) for outcome in outcomes] == [2, 2]


async def test_no_plain_text_is_in_the_record_of_what_was_done():
    [outcome] = await IngestBench().submit("The secret of Alice.", title="Alice")
    encoded = a_codec().encode(outcome)
    assert b"secret" not in encoded
    assert b"Alice" not in encoded


async def test_the_same_input_gives_the_same_bytes():
    one, two = [await IngestBench().submit(manual("Alpha", "Beta")) for _ in range(2)]
    assert [a_codec().encode(outcome) for outcome in one] == [
        a_codec().encode(outcome) for outcome in two
    ]


async def test_the_state_is_written_before_the_last_batch_and_nothing_is_asked_after():
    world = IngestBench(batch_chunks_max=1)
    await world.submit(manual("Alpha", "Beta"))
    assert [type(request) for request in world.fx.asked][-3:] == [Seal, Seal, WriteDocument]


async def test_an_unchanged_document_is_not_parsed_again():
    world = IngestBench()
    [first] = await world.submit(manual("Alpha"), metadata={"a": "1", "b": "2"}, groups=("x", "y"))
    [again] = await world.submit(manual("Alpha"), metadata={"b": "2", "a": "1"}, groups=("y", "x"))
    assert (again.outcome, again.document, again.batch.last) == ("unchanged", first.document, True)
    assert again.chunks == ()
    assert again.manifest is None
    assert world.asked(Parse) == world.asked(WriteDocument) == []


async def test_a_changed_document_puts_out_what_is_new_and_retires_what_is_gone():
    world = IngestBench()
    [before] = await world.submit(manual("Alpha", "Beta", "Gamma"))
    [after] = await world.submit(manual("Alpha", "Delta", "Gamma"))
    alpha, beta, gamma = before.manifest.chunks
    assert after.document.version == 2
    assert [chunk.number for chunk in after.chunks] == [1]
    assert after.manifest.kept == (alpha, gamma)
    assert after.manifest.retired == (beta,)
    assert after.manifest.chunks == (alpha, after.chunks[0].id, gamma)


async def test_a_document_that_only_lost_a_section_still_has_its_manifest():
    world = IngestBench()
    [before] = await world.submit(manual("Alpha", "Beta"))
    [after] = await world.submit(manual("Alpha"))
    assert (after.outcome, after.chunks, after.batch.last) == ("cut", (), True)
    assert after.manifest.retired == before.manifest.chunks[1:]
    assert after.manifest.kept == before.manifest.chunks[:1]


@pytest.mark.parametrize(
    "change",
    [{"metadata": {"kind": "x"}}, {"groups": ("staff",)}, {"media_type": "text/plain"}],
)
async def test_chunks_are_put_out_again_when_what_the_index_says_of_them_changed(change):
    world = IngestBench()
    [before] = await world.submit("Just one sentence.")
    [after] = await world.submit("Just one sentence.", **change)
    assert (
        after.manifest.chunks == before.manifest.chunks == tuple(chunk.id for chunk in after.chunks)
    )
    assert after.manifest.kept == after.manifest.retired == ()


async def test_another_title_or_policy_makes_other_chunks():
    world = IngestBench()
    content = "# A\n\nWhy?\n\n" + section("Alpha", 200) + "How?\n\n" + section("Beta", 200)
    await world.submit(content)
    [renamed] = await world.submit(content, title="Handbook")
    await world.submit(content, title="Handbook", chunk_policy="faq")
    assert renamed.manifest.kept == ()
    assert world.row.state.version == 3
    assert world.row.state.policy == "faq"


TALK = "".join(f"Ann: It pumps {n}.\n\nBob: It leaks {n}.\n\n" for n in range(4))


async def test_a_document_that_names_no_policy_is_cut_as_fits_its_kind():
    world = IngestBench()
    [outcome] = await world.submit(TALK, chunk_policy="")
    assert outcome.manifest.policy == world.row.state.policy == "conversation"
    [again] = await world.submit(TALK, chunk_policy="")
    assert again.outcome == "unchanged"
    [other] = await world.submit("It pumps.", chunk_policy="")
    assert other.manifest.policy == "procedural"
    world.configuration["default_policy"] = "faq"
    [plain] = await world.submit("It leaks.", chunk_policy="")
    assert plain.manifest.policy == "faq"
    del world.configuration["default_policy"]
    [oldest] = await world.submit("It pumps and leaks.", chunk_policy="")
    assert oldest.manifest.policy == "procedural"


async def test_any_policy_that_changed_cuts_a_document_again_whose_kind_chooses():
    world = IngestBench()
    for chunk_policy, outcome in (("", "cut"), ("conversation", "unchanged")):
        world.configuration["policies"] = CONFIGURATION["policies"]
        await world.submit(TALK, chunk_policy=chunk_policy)
        table = {**CONFIGURATION["policies"]["table"], "tokens_min": 5}
        world.configuration["policies"] = {**CONFIGURATION["policies"], "table": table}
        [again] = await world.submit(TALK, chunk_policy=chunk_policy)
        assert again.outcome == outcome


async def test_the_manifest_names_the_language_since_that_was_declared():
    german = "Die Pumpe ist nicht für den Betrieb mit Sand und Wasser."
    for code, language in ((CODE, "de"), ("0.2.0.dev2", ""), (OLDEST, "")):
        [outcome] = await IngestBench(code).submit(german)
        assert outcome.manifest.language == language


async def test_before_it_was_declared_a_long_section_was_split_evenly():
    text = "# Pump\n\n" + " ".join(f"Part {n} is no. {n * 7919 % 9973}." for n in range(150))
    sizes = {}
    for code in (CODE, "0.2.0.dev2", OLDEST):
        outcomes = await IngestBench(code).submit(text)
        sizes[code] = [chunk.tokens for outcome in outcomes for chunk in outcome.chunks]
    assert sizes[OLDEST] == sizes["0.2.0.dev2"] != sizes[CODE]
    assert max(sizes[OLDEST]) - min(sizes[OLDEST]) < 60


async def test_other_sizes_in_the_configuration_cut_a_document_again():
    world = IngestBench()
    await world.submit(manual("Alpha"))
    policies = {**CONFIGURATION["policies"]}
    policies["procedural"] = {
        **policies["procedural"],
        "tokens_min": 200,
        "tokens_target": 250,
        "tokens_max": 300,
    }
    world.configuration["policies"] = policies
    [again] = await world.submit(manual("Alpha"))
    assert again.outcome == "cut"


async def test_a_text_that_comes_twice_has_two_chunks():
    [outcome] = await IngestBench().submit(manual("Alpha", "Alpha"))
    one, two = outcome.chunks
    assert opened(one.text) == opened(two.text)
    assert one.id != two.id


async def test_the_title_comes_from_the_document_if_none_is_given():
    [outcome] = await IngestBench().submit("# Pump\n\nIt pumps.", title=None)
    assert opened(outcome.title) == "Pump"
    [untitled] = await IngestBench().submit("It pumps.", title=None)
    assert untitled.title is None
    assert texts([untitled]) == ["It pumps."]


async def test_a_title_is_one_clean_line():
    [outcome] = await IngestBench().submit("It pumps.", title=" The\n\x00pu\u0308mp\t" + "x" * 500)
    assert opened(outcome.title).startswith("The pümp xxx")
    assert len(opened(outcome.title)) == 300


@pytest.mark.parametrize(
    ("content", "fields", "says"),
    [
        ("", {}, "no text"),
        ("<p> </p><script>x()</script>", {"media_type": "text/html"}, "no text"),
        ("%PDF-1.7", {}, "PDF"),
        ("text", {"media_type": "image/x-icon"}, "media type"),
        ("text", {"media_type": "application/pdf"}, "this PDF file is damaged, or is none"),
        (
            "text",
            {"chunk_policy": "poetry"},
            "choose one of code, conversation, faq, procedural, table, windows",
        ),
        ("x" * 2_001, {}, "2001 bytes, more than the 2000"),
        ("ab " * 600, {}, "tokens, more than the 1 chunks allowed hold"),
    ],
)
async def test_a_bad_document_fails_with_a_reason_and_leaves_the_version_in_force(
    content, fields, says
):
    world = IngestBench(bytes_max=2_000, chunks_max=1)
    await world.submit("It pumps.")
    [outcome] = await world.submit(content, **fields)
    assert (outcome.outcome, outcome.batch.last, outcome.document.version) == ("failed", True, 1)
    assert says in outcome.reason
    assert outcome.chunks == ()
    assert world.row.state.version == 1
    assert world.asked(WriteDocument) == []


MANY = {
    "lines": ("text/plain", "a b\n"),
    "lines of code": ("text/markdown", "    a\n"),
    "sentences": ("text/plain", "Ab. "),
}


@pytest.mark.slow  # it is cut into so many
@pytest.mark.parametrize("kind", MANY)
async def test_a_document_of_too_many_pieces_fails(kind):
    media_type, one = MANY[kind]
    world = IngestBench()
    [outcome] = await world.submit(one * (PIECES_MAX + 1), media_type=media_type)
    assert outcome.outcome == "failed"
    assert f"more than {PIECES_MAX} sentences, lines and cells: split it" in outcome.reason
    assert world.row.state.version == 0


SECTIONS = ("A", 122), ("B", 24)  # too much for one chunk to be filled with, not for one to hold


async def test_what_would_fit_the_chunks_is_cut_and_may_be_too_many_all_the_same():
    sections = "".join(f"# {name}\n\n{'Ab cd. ' * number}\n\n" for name, number in SECTIONS)
    procedural = {**CONFIGURATION["policies"]["procedural"], "tokens_min": 1}
    world = IngestBench(chunks_max=1, policies={"procedural": procedural})
    [outcome] = await world.submit(sections)
    assert "chunks, more than the 1 allowed" in outcome.reason


async def test_before_it_was_declared_all_was_cut_however_much():
    world = IngestBench(OLDEST, chunks_max=1)
    [outcome] = await world.submit("ab " * 600)
    assert "chunks, more than the 1 allowed" in outcome.reason


async def test_what_a_reader_left_out_stands_in_the_manifest():
    world = IngestBench()
    document = b"{\\rtf1 It pumps.{\\pict 00}\\par}"
    [outcome] = await world.submit(document, media_type="application/rtf")
    assert list(outcome.manifest.notes) == ["1 pictures were not read"]
    assert outcome.manifest.parser == "striprtf"


async def test_before_it_was_declared_no_other_format_was_read():
    world = IngestBench(OLDEST)
    [outcome] = await world.submit("{\\rtf1 It pumps.}", media_type="application/rtf")
    assert outcome.reason.startswith(
        "this media type can't be read: submit text/html, text/markdown, text/plain, or"
    )
    [outcome] = await world.submit("%PDF-1.7")
    assert outcome.reason == "this is a PDF file, not text: extract its text and submit that"


@pytest.mark.parametrize(("code", "most"), [(CODE, PIECES_MAX), (OLDEST, sys.maxsize)])
async def test_before_it_was_declared_a_document_could_fall_into_however_many(code, most):
    world = IngestBench(code)
    await world.submit("It pumps.")
    assert _pieces_max(world.fx) == most


@pytest.mark.parametrize(
    "text", ["*" * (2 * PIECE_CHARS_MAX), "a b\n" * PIECE_CHARS_MAX, "x y " * PIECE_CHARS_MAX]
)
async def test_what_is_very_long_is_divided_before_it_is_measured(text):
    for code, within in ((CODE, True), (OLDEST, False)):
        world = IngestBench(code, chunks_max=10**6)
        await world.submit(f"```\n{text}\n```")
        counted = [one for request in world.asked(CountTokens) for one in request.texts]
        assert (max(map(len, counted)) <= PIECE_CHARS_MAX) is within


def test_as_many_pieces_as_may_be_are_passed_on():
    assert list(_within([None, "a", None, "b"], 2)) == [None, "a", None, "b"]
    with pytest.raises(Unfit):
        list(_within([None, "a", "b"], 1))


async def test_a_withdrawn_document_is_gone_and_can_come_back_whole():
    world = IngestBench()
    [before] = await world.submit(manual("Alpha"))
    [gone] = await world.withdraw()
    assert (gone.outcome, gone.document) == ("withdrawn", before.document)
    assert world.row.state.withdrawn
    [twice] = await world.withdraw()
    assert twice.outcome == "withdrawn"
    assert world.asked(WriteDocument) == []
    [back] = await world.submit(manual("Alpha"))
    assert (back.outcome, back.document.version, back.manifest.kept) == ("cut", 2, ())
    assert len(back.chunks) == 1
    assert not world.row.state.withdrawn


async def test_an_unknown_document_cannot_be_withdrawn():
    [outcome] = await IngestBench().withdraw()
    assert outcome.outcome == "failed"
    assert "check its id" in outcome.reason


async def test_an_erased_document_is_the_runners_business():
    def erased(_request):
        raise KeyDestroyed("the key document/d-1 was destroyed")

    event = DocumentSubmitted(
        meta=a_meta(),
        document="d-1",
        uri="u",
        media_type="text/plain",
        content=sealed("k", "e", "f", b"x"),
    )
    answers = {ReadDocument: lambda r: DocumentState(), Unseal: erased}
    with pytest.raises(KeyDestroyed):
        await FakeEffects("ingest", event, answers, CONFIGURATION).execute()


async def test_five_megabytes_come_out_whole_in_records_that_fit_the_broker():
    world = IngestBench()
    sentence = "Pump {} stands here, and it says a lot about how the water goes up the hill again. "
    paragraphs = [sentence.format(n) * 10 + "\n\n" for n in range(6_000)]
    content = "".join(paragraphs)
    assert len(content) > 5_000_000
    outcomes = await world.submit(content, media_type="text/plain")
    assert all(isinstance(outcome, ChunksCut) and outcome.outcome == "cut" for outcome in outcomes)
    assert [outcome.batch.number for outcome in outcomes] == list(range(len(outcomes)))
    assert [outcome.batch.last for outcome in outcomes].count(True) == 1
    assert max(len(outcome.chunks) for outcome in outcomes) <= CONFIGURATION["batch_chunks_max"]
    assert len(outcomes[-1].manifest.chunks) > MANIFEST_IDS_BESIDE_CHUNKS_MAX
    assert outcomes[-1].chunks == ()
    assert sum(text.count("stands here") for text in texts(outcomes)) >= 60_000
    assert max(len(a_codec().encode(outcome)) for outcome in outcomes) < RECORD_BYTES_MAX


@pytest.mark.parametrize(
    "content",
    [
        "这是一个句子。" * 2_000,
        "これはペンです。" * 2_000,
        "นี่คือประโยค" * 2_000,
        "هذه جملة. " * 2_000,
        "👩\u200d🚀" * 3_000,
    ],
)
async def test_a_document_in_any_script_is_cut_within_bounds(content):
    outcomes = await IngestBench().submit(content, title="T", media_type="text/plain")
    found = [chunk for outcome in outcomes for chunk in outcome.chunks]
    policy = CONFIGURATION["policies"]["procedural"]
    assert len(found) > 3
    assert max(chunk.tokens for chunk in found) <= policy["tokens_max"]
    assert len("".join(texts(outcomes))) >= len(content.strip())


async def test_control_characters_do_not_reach_a_chunk():
    [outcome] = await IngestBench().submit("It\x00 pu\x1bmps.\x07\u202e", media_type="text/plain")
    assert texts([outcome]) == ["Manual\n\nIt pumps."]


async def test_a_full_manifest_fits_beside_the_state_that_was_read():
    ids = tuple(f"{n:036}" for n in range(CONFIGURATION["chunks_max"]))
    world = IngestBench()
    await world.submit("It pumps.")
    world.row.state = replace(world.row.state, chunks=ids + world.row.state.chunks)
    outcomes = await world.submit("It pumps. It leaks.")
    assert max(len(a_codec().encode(outcome)) for outcome in outcomes) < RECORD_BYTES_MAX


async def test_what_ran_live_runs_again_to_the_same_bytes(tmp_path):
    """With the real key store, parser and tokenizer; only the table is in memory."""
    path = tmp_path / "tokenizer.json"
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(path))
    settings = Settings(run=tmp_path, tokenizer=str(path), claim_bytes=1_000)
    keyring, documents, state = Keyring(settings), Documents(settings), {"now": DocumentState()}

    class Table:
        def handlers(self):
            return {ReadDocument: self.read, WriteDocument: self.write}

        def stream_handlers(self):
            return {}

        async def read(self, request, call):
            return state["now"]

        async def write(self, request, call):
            state["now"] = request.state
            return Written()

        async def close(self):
            pass

    world = World((keyring, documents, Table()), timeout_s=10)
    for number, content in enumerate((manual("Alpha", "Beta") * 20, manual("Alpha", "Gamma") * 20)):
        sealed = keyring.seal("acme", "document/d", f"e-{number}", "content", content.encode())
        assert sealed.claim
        event = DocumentSubmitted(
            meta=a_meta(id=f"e-{number}"),
            document="d",
            uri="u",
            media_type="text/markdown",
            content=sealed,
        )
        given = Input(event=event, topic="t", partition=0, offset=0)
        key, codec = b"k" * 32, a_codec()
        live, again = [], []
        run = LiveRun(
            step("ingest"),
            given,
            live.append,
            world=world,
            codec=codec,
            digest_key=key,
            begun=Begun(at=NOW_US, attempt=1, code="c", configuration="x", trace=""),
            configuration={"x": CONFIGURATION},
        )
        await run.execute()
        recorded = RecordedRun(
            step("ingest"),
            given,
            again.append,
            effects=[effect for outcome in live for effect in outcome.meta.effects],
            closed=True,
            codec=codec,
            digest_key=lambda key=key: key,
            local={**keyring.handlers(), **documents.handlers()},
            configuration=lambda _digest: CONFIGURATION,
        )
        await recorded.execute()
        assert [codec.encode(outcome) for outcome in again] == [
            codec.encode(outcome) for outcome in live
        ]
        assert live[-1].outcome == "cut"
        assert live[-1].document.version == number + 1
    await world.close()
