"""The Model Context Protocol's own client, a client of graphql-transport-ws, and a whole stack."""

import asyncio

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.edge.protocols.graphql.graphql_client import connected

pytestmark = pytest.mark.stack

QUESTION = "How long may a torque wrench be borrowed?"
FOLLOW = "subscription ($id: ID!) { answer(requestId: $id) { type text } }"


async def test_a_client_of_mcp_asks_and_reads_what_is_cited(running, workshop):
    headers = {"Authorization": f"Bearer {running.key(workshop)}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        transport = streamable_http_client(f"{running.settings.gateway}/mcp", http_client=http)
        async with Client(transport) as client:
            told = []

            async def progress(_count, _total, message):
                told.append(message)

            result = await client.call_tool("ask", {"text": QUESTION}, progress_callback=progress)
            assert not result.is_error
            assert "three days" in result.structured_content["text"]
            assert any("three days" in one for one in told)
            cited = next(one.uri for one in result.content if one.type == "resource_link")
            [chunk] = (await client.read_resource(cited)).contents
            [whole] = (await client.read_resource(cited.partition("/chunks/")[0])).contents
            listed = {one.name for one in (await client.list_resources()).resources}
    assert "three days" in chunk.text
    assert chunk.text in whole.text
    assert "half past seven" in whole.text
    assert "handbook.md" in listed


async def test_an_answer_is_followed_and_found_in_its_session(running, workshop):
    url = running.settings.gateway.replace("http", "ws", 1) + "/v1/chat"
    async with asyncio.timeout(60), connected(url, running.key(workshop)) as client:
        client.quick_s = 30
        await client.init()
        await client.subscribe(
            "mutation ($text: String!) { ask(text: $text) { requestId sessionId } }", text=QUESTION
        )
        asked = (await client.receive())["payload"]["data"]["ask"]
        assert (await client.receive())["type"] == "complete"
        await client.subscribe(FOLLOW, id=asked["requestId"])
        frames = await client.frames("completed")
        assert "three days" in frames[-1]["text"]
        await client.subscribe(
            "query ($id: ID!) { session(id: $id) { messages { answer { status text } } } }",
            id=asked["sessionId"],
        )
        while (message := await client.receive())["id"] != "3":
            pass
    [found] = message["payload"]["data"]["session"]["messages"]
    assert found["answer"] == {"status": "completed", "text": frames[-1]["text"]}
