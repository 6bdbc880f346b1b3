"""The connector: documents read elsewhere with the same result, tokens counted beside the loop."""

import asyncio
from dataclasses import replace

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from agents.errors import BeyondMeans, Permanent
from connectors.documents import Documents
from connectors.documents.connector import HERE_CHARS_MAX, THREADS
from connectors.readers.document_task import BLOCKS_MAX
from connectors.readers.parsing import FORMATS, parse
from schemas import CountTokens, Parse
from streams.running.world import Call, World
from streams.settings import Settings
from tests.connectors.readers.hostile import HTML, attributes

CALL = Call(tenant="acme", lane=0, request="r", session="d", event="e", topic="t", offset=0)


@pytest.fixture
async def documents(tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "[CLS]": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(path))
    made = Documents(Settings(tokenizer=str(path)))
    yield made
    await made.close()


async def test_tokens_are_counted_whatever_the_model_would_cut(documents):
    small = CountTokens(texts=("one two three four five", "", "one"))
    assert (await documents.count_tokens(small, CALL)).counts == (5, 0, 1)
    large = CountTokens(texts=("word " * HERE_CHARS_MAX, "one"))
    assert (await documents.count_tokens(large, CALL)).counts == (HERE_CHARS_MAX, 1)


@pytest.mark.parametrize("size", [1, 1_000])
async def test_documents_are_read_elsewhere_with_the_same_result(documents, size):
    content = b"# Title\n\nSome *text* here.\n\n" * size
    request = Parse(media_type="text/markdown", content=content, formats=FORMATS)
    assert await documents.parse(request, CALL) == parse("text/markdown", content)


async def test_a_missing_tokenizer_says_what_to_set():
    with pytest.raises(Permanent, match="PLAYHEAD_TOKENIZER"):
        await Documents(Settings()).count_tokens(CountTokens(texts=("a",)), CALL)


async def test_every_request_of_its_own_is_answered(documents):
    assert set(documents.handlers()) == {Parse, CountTokens}
    assert documents.stream_handlers() == {}


async def test_the_loop_goes_on_while_a_large_document_is_read(documents):
    content = b"word\n\n" * 100_000
    reading = asyncio.create_task(
        documents.parse(Parse(media_type="text/plain", content=content), CALL)
    )
    turns = 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100  # it comes in as many parts
    assert len((await reading).blocks) == 100_000


@pytest.mark.parametrize("size", [10, 20_000])
async def test_a_document_that_can_not_be_read_is_an_answer(documents, size):
    parsed = await documents.parse(Parse(media_type="text/plain", content=b"\0" * size), CALL)
    assert "submit" in parsed.error


@pytest.mark.slow  # it works for as long as it may
async def test_a_document_of_too_much_work_is_an_error():
    documents = Documents(Settings(document_cpu_s=1))
    request = Parse(media_type=HTML, content=attributes(2_000_000))
    with pytest.raises(BeyondMeans, match="more than 1 s"):
        await documents.parse(request, CALL)
    await documents.close()


@pytest.mark.parametrize(("blocks", "read"), [(BLOCKS_MAX, True), (BLOCKS_MAX + 1, False)])
async def test_a_document_of_too_many_parts_is_an_error_before_they_are_cut(
    documents, blocks, read
):
    request = Parse(media_type="text/plain", content=b"a\n\n" * blocks)
    if read:
        assert len((await documents.parse(request, CALL)).blocks) == BLOCKS_MAX
        return
    with pytest.raises(BeyondMeans, match="more than 100000 paragraphs, lines or cells: split it"):
        await documents.parse(request, CALL)


async def test_one_tenants_many_texts_let_anothers_pass(documents):
    order = []

    async def count(tenant):
        large = CountTokens(texts=("word " * HERE_CHARS_MAX,))
        await documents.count_tokens(large, replace(CALL, tenant=tenant))
        order.append(tenant)

    many = [asyncio.create_task(count("many")) for _ in range(50)]
    await asyncio.sleep(0)
    await count("one")
    assert order.count("many") <= 2 * THREADS
    await asyncio.gather(*many)


async def test_a_document_waits_for_others_however_short_the_bound_of_a_call(documents):
    world = World((documents,), timeout_s=0.001)
    request = Parse(media_type="text/plain", content=b"word\n\n" * 20_000)
    read = await asyncio.gather(*(world.ask(request, CALL) for _ in range(4)))
    assert {len(parsed.blocks) for parsed in read} == {20_000}


async def test_a_tokenizer_that_is_not_where_the_setting_says_is_named(tmp_path):
    missing = tmp_path / "tokenizer.json"
    documents = Documents(Settings(tokenizer=str(missing)))
    with pytest.raises(BeyondMeans, match=f"not at {missing}: set PLAYHEAD_TOKENIZER"):
        await documents.count_tokens(CountTokens(texts=("a",)), CALL)


async def test_no_texts_have_no_counts(documents):
    assert (await documents.count_tokens(CountTokens(texts=()), CALL)).counts == ()
