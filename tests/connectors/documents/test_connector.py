"""The connector: small documents at once, large ones beside the loop, with the same result."""

import asyncio

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from agents.errors import Permanent
from connectors.documents import Documents, parse
from connectors.documents.connector import HERE_BYTES_MAX
from schemas import CountTokens, Parse
from streams.running.world import Call
from streams.settings import Settings

CALL = Call(tenant="acme", lane=0, request="r", session="d", event="e", topic="t", offset=0)


@pytest.fixture
def documents(tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "[CLS]": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(path))
    return Documents(Settings(tokenizer=str(path)))


async def test_tokens_are_counted_whatever_the_model_would_cut(documents):
    small = CountTokens(texts=("one two three four five", "", "one"))
    assert (await documents.count_tokens(small, CALL)).counts == (5, 0, 1)
    large = CountTokens(texts=("word " * HERE_BYTES_MAX, "one"))
    assert (await documents.count_tokens(large, CALL)).counts == (HERE_BYTES_MAX, 1)


async def test_large_documents_are_read_beside_the_loop_with_the_same_result(documents):
    content = b"# Title\n\nSome *text* here.\n\n" * 1_000
    assert len(content) > HERE_BYTES_MAX
    request = Parse(media_type="text/markdown", content=content)
    assert await documents.parse(request, CALL) == parse("text/markdown", content)
    await documents.close()


async def test_a_missing_tokenizer_says_what_to_set():
    with pytest.raises(Permanent, match="PLAYHEAD_TOKENIZER"):
        await Documents(Settings()).count_tokens(CountTokens(texts=("a",)), CALL)


def test_every_request_of_its_own_is_answered():
    documents = Documents(Settings())
    assert set(documents.handlers()) == {Parse, CountTokens}
    assert documents.stream_handlers() == {}


async def test_the_loop_goes_on_while_a_large_document_is_read(documents):
    content = b"word " * 400_000
    reading = asyncio.create_task(
        documents.parse(Parse(media_type="text/plain", content=content), CALL)
    )
    turns = 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1
    assert not (await reading).error
    await documents.close()


async def test_a_document_that_can_not_be_read_is_an_answer_here_and_in_a_thread(documents):
    for size in (10, HERE_BYTES_MAX + 1):
        parsed = await documents.parse(Parse(media_type="text/plain", content=b"\0" * size), CALL)
        assert "submit" in parsed.error
    await documents.close()


async def test_what_was_waiting_is_dropped_when_the_connector_closes(documents):
    large = Parse(media_type="text/plain", content=b"word " * 100_000)
    reading = [asyncio.create_task(documents.parse(large, CALL)) for _ in range(9)]
    await asyncio.sleep(0)
    await documents.close()
    ended = await asyncio.gather(*reading, return_exceptions=True)
    assert any(isinstance(one, asyncio.CancelledError) for one in ended)


async def test_a_tokenizer_that_is_not_where_the_setting_says_is_named(tmp_path):
    missing = tmp_path / "tokenizer.json"
    documents = Documents(Settings(tokenizer=str(missing)))
    with pytest.raises(Permanent, match=f"not at {missing}: set PLAYHEAD_TOKENIZER"):
        await documents.count_tokens(CountTokens(texts=("a",)), CALL)


async def test_no_texts_have_no_counts(documents):
    assert (await documents.count_tokens(CountTokens(texts=()), CALL)).counts == ()
