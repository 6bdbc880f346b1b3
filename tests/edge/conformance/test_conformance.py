"""The interfaces hold what their documents say: a short run of what `make conformance` does for long."""

import asyncio

import pytest

from edge.problems import Problem
from edge.protocols.operation_answers import ANSWERS
from tests.edge.conformance.fuzzing import SCOPES, fuzz, fuzz_graphql, script
from tests.edge.conftest import address_of, serving
from tests.edge.fake_log import FakeLog, a_gateway, a_key


@pytest.fixture
async def address(tmp_path):
    log = FakeLog()
    gateway = a_gateway(tmp_path, log)
    log.answer = script(gateway)
    async with serving(gateway) as server:
        yield gateway, f"http://{address_of(server)}", a_key(gateway, scopes=SCOPES)


@pytest.mark.slow
async def test_http_answers_as_its_document_says(address):
    _, url, key = address
    options = ("--phases", "examples,fuzzing", "--max-examples", "4")
    status, said = await asyncio.to_thread(fuzz, f"{url}/openapi.json", key, *options, seed=1)
    assert status == 0, said
    assert f"Tested: {len(ANSWERS)}" in said


@pytest.mark.slow
async def test_an_answer_that_the_document_does_not_have_is_found(address, monkeypatch):
    gateway, url, key = address

    async def wrong(*_):
        raise Problem(500, "internal", "made up")

    monkeypatch.setattr(gateway.reception, "submit", wrong)
    options = ("--phases", "examples", "--include-path", "/v1/documents")
    status, said = await asyncio.to_thread(fuzz, f"{url}/openapi.json", key, *options, seed=1)
    assert status == 1
    assert "Server error" in said


@pytest.mark.slow
async def test_graphql_refuses_and_does_not_break(address):
    _, url, key = address
    status, said = await asyncio.to_thread(fuzz_graphql, url, key, "--max-examples", "4", seed=1)
    assert status == 0, said
    assert "Tested: 14" in said
