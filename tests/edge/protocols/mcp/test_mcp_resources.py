"""Documents as resources: who may read which, and what of it."""

import pytest
from mcp.shared.exceptions import MCPError

from edge.problems import Problem
from edge.protocols.mcp.mcp_links import address_of, parts_of_address
from edge.requests import limits
from schemas import TextRestored
from streams.log.configuration import configuration, load
from tests.agents.policies.policies import HIDING
from tests.edge.conftest import serving
from tests.edge.documents_on_log import hand_in
from tests.edge.fake_log import a_gateway, a_key
from tests.edge.protocols.mcp.mcp_client import connected


async def read(served, key, uri):
    async with connected(served, key) as client:
        try:
            [contents] = (await client.read_resource(uri)).contents
        except MCPError as error:  # raised through the client's tasks it would come in groups
            refusal = error
        else:
            return contents.text
    raise refusal


async def test_a_document_is_listed_and_read_with_its_placeholders(served, gateway, log):
    document = await hand_in(gateway, log, "file:vat", ["VAT is due.", "Ask <PERSON_1>."])
    key = a_key(gateway, scopes=["read"])
    async with connected(served, key) as client:
        [listed] = (await client.list_resources()).resources
    assert (listed.uri, listed.name) == (address_of(document), "file:vat")
    assert await read(served, key, listed.uri) == "VAT is due.\n\nAsk <PERSON_1>."
    assert not log.published(TextRestored)


async def test_who_may_see_values_sees_them_and_the_log_says_so_before(served, gateway, log):
    document = await hand_in(gateway, log, "file:vat", ["Ask <PERSON_1>."])
    key = a_key(gateway, scopes=["read", "restore"])
    assert await read(served, key, address_of(document)) == "Ask Jane Doe."
    [told] = log.published(TextRestored)
    assert (told.document, told.kinds, told.reason) == (
        document,
        ("PERSON",),
        "mcp: resources/read",
    )
    log.broker = False
    with pytest.raises(MCPError):
        await read(served, key, address_of(document))


async def test_a_chunk_that_a_version_kept_lies_with_an_earlier_one(served, gateway, log):
    document = await hand_in(gateway, log, "file:vat", ["One.", "Two."])
    await hand_in(gateway, log, "file:vat", ["One.", "Three."], new=["Three."])
    key = a_key(gateway)
    assert await read(served, key, address_of(document)) == "One.\n\nThree."
    assert await read(served, key, address_of(document, "Three.")) == "Three."
    with pytest.raises(MCPError, match="no chunk"):
        await read(served, key, address_of(document, "Two."))


async def test_a_text_of_which_a_part_is_gone_is_not_handed_out_in_part(served, gateway, log):
    document = await hand_in(gateway, log, "file:vat", ["One.", "Two."], new=["Two."])
    with pytest.raises(MCPError, match="1 of 2 chunks"):
        await read(served, a_key(gateway), address_of(document))


@pytest.mark.parametrize(("groups", "tenant"), [(["staff"], "acme"), ([], "other")])
async def test_a_document_of_others_is_neither_listed_nor_there(
    served, gateway, log, groups, tenant
):
    document = await hand_in(gateway, log, "file:pay", ["Pay."], tenant=tenant, groups=groups)
    key = a_key(gateway, scopes=["read"])
    async with connected(served, key) as client:
        assert (await client.list_resources()).resources == []
    with pytest.raises(MCPError, match="no document"):
        await read(served, key, address_of(document))


async def test_a_document_under_way_is_not_read_yet(served, gateway, log):
    document = await hand_in(gateway, log, "file:vat", ["One."], outcome=False)
    with pytest.raises(MCPError, match="is accepted"):
        await read(served, a_key(gateway), address_of(document))


async def test_documents_come_in_pages(served, gateway, log, monkeypatch):
    monkeypatch.setattr(limits, "PAGE", 2)
    documents = {await hand_in(gateway, log, f"file:{n}", [f"{n}."]) for n in range(5)}
    listed, cursor = [], None
    async with connected(served, a_key(gateway)) as client:
        while True:
            page = await client.list_resources(cursor=cursor)
            assert len(page.resources) <= 2
            listed += [one.uri for one in page.resources]
            cursor = page.next_cursor
            if cursor is None:
                break
        with pytest.raises(MCPError, match="cursor"):
            await client.list_resources(cursor="x" * 65)
    assert sorted(listed) == sorted(map(address_of, documents))


@pytest.mark.parametrize(
    "uri",
    ["", "file:///etc/passwd", "playhead://documents/", "playhead://documents/../x", "http://a"],
)
def test_an_address_of_anything_else_is_refused(uri):
    with pytest.raises(Problem):
        parts_of_address(uri)


def test_an_address_is_read_as_it_is_spelt():
    assert parts_of_address(address_of("d-1", "c-1")) == ("d-1", "c-1")
    assert parts_of_address(address_of("d-1")) == ("d-1", "")


async def test_who_hands_documents_in_is_not_told_what_a_policy_hides(tmp_path, log):
    rules = {**load(), "policy": configuration("policy", {"cedar": HIDING})}
    gateway = a_gateway(tmp_path, log, parts={"configurations": rules})
    async with serving(gateway) as server:
        document = await hand_in(gateway, log, "file:pay", ["Pay."], metadata={"class": "salaries"})
        key = a_key(gateway, scopes=["read", "write"])
        async with connected(server, key) as client:
            assert (await client.list_resources()).resources == []
        with pytest.raises(MCPError, match="that this key may read"):
            await read(server, key, address_of(document))
