"""Tool hosts: what is asked and taken, on real sockets, with hosts that do what a good one never would."""

import asyncio

import pytest

from agents.errors import Permanent, Transient
from connectors.tools import Tools
from connectors.tools.tool_hosts import ToolHosts, is_public
from schemas import Calculate, CallTool, CheckPolicy
from streams.running.breaker import Overdue
from streams.settings import Settings
from tests.connectors.providers.fake_providers import serving
from tests.connectors.providers.providing import CALL

SECRET = "planted-0123456789"
JSON = "application/json"


def says(body, status=200, content_type=JSON, **headers):
    async def script(answer):
        await answer.head(status, content_type, **headers)
        await answer.send(body)

    return script


async def asked(script, lookup=None, **fields):
    """Ask a server with a script; return what came of it, and what the server was asked."""
    async with serving(script) as (server, address):
        values = {
            "tool": "weather",
            "method": "GET",
            "url": f"{address}/weather/Oslo?units=C",
            "private": True,
        }
        hosts = ToolHosts(lookup) if lookup else ToolHosts()
        try:
            return await hosts.ask(CallTool(**{**values, **fields}), CALL), server.requests
        finally:
            await hosts.close()


async def test_a_tool_is_asked_and_its_answer_is_what_it_said(monkeypatch):
    monkeypatch.setenv("THE_KEY", SECRET)
    answer, [(first, headers, _)] = await asked(
        says(b'{"degrees": 4}'), credential="env:THE_KEY", price=7
    )
    assert (answer.status, answer.content, answer.cost_micros) == (200, '{"degrees": 4}', 7)
    assert first == "GET /weather/Oslo?units=C HTTP/1.1"
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["accept-encoding"] == "identity"
    assert SECRET not in repr(answer)


async def test_a_key_goes_under_the_header_that_is_named(monkeypatch):
    monkeypatch.setenv("THE_KEY", SECRET)
    fields = {"credential": "env:THE_KEY", "credential_header": "X-Api-Key"}
    _, [(_, headers, _)] = await asked(says(b"{}"), **fields)
    assert (headers["x-api-key"], "authorization" in headers) == (SECRET, False)


async def test_a_body_is_sent_and_a_call_made_again_bears_the_same_key():
    async with serving(says(b"")) as (server, address):
        hosts = ToolHosts()
        url = f"{address}/x"
        for body in ('{"a":1}', '{"a":1}', '{"a":2}'):
            request = CallTool(tool="t", method="POST", url=url, body=body, private=True)
            await hosts.ask(request, CALL)
        await hosts.close()
    first, again, other = server.requests
    assert (first[0].split()[0], first[2], first[1]["content-type"]) == ("POST", {"a": 1}, JSON)
    keys = [headers["idempotency-key"] for _, headers, _ in (first, again, other)]
    assert keys[0] == keys[1] != keys[2]


class FixedLookup:
    """A name server that says what it is told to, and remembers what it was asked."""

    def __init__(self, *addresses):
        self.addresses = addresses
        self.asked = []

    async def __call__(self, host, port):
        self.asked.append((host, port))
        return list(self.addresses)


async def test_the_connection_goes_to_the_address_that_was_looked_at():
    lookup = FixedLookup("127.0.0.1")
    async with serving(says(b"{}")) as (server, address):
        port = int(address.rpartition(":")[2])
        hosts = ToolHosts(lookup)
        url = f"http://tools.example:{port}/x"
        await hosts.ask(CallTool(tool="t", method="GET", url=url, private=True), CALL)
        await hosts.close()
    assert lookup.asked == [("tools.example", port)]
    assert server.requests[0][1]["host"] == f"tools.example:{port}"


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("93.184.216.34", "10.0.0.1"),
        ("169.254.169.254",),
        ("::1",),
        ("fe80::1%eth0",),
    ],
)
async def test_an_address_that_is_not_public_is_refused_before_anything_is_sent(addresses):
    async with serving(says(b"{}")) as (server, address):
        hosts = ToolHosts(FixedLookup(*addresses))
        port = address.rpartition(":")[2]
        request = CallTool(tool="t", method="GET", url=f"http://tools.example:{port}/secret-path")
        with pytest.raises(Permanent, match="not public") as refused:
            await hosts.ask(request, CALL)
        await hosts.close()
    assert server.requests == []
    assert "secret-path" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("0.0.0.0", False),
        ("100.64.0.1", False),
        ("192.168.1.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d822", True),
        ("2002:7f00:1::", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_public_is_what_the_internet_reaches(address, public):
    assert is_public(address) is public


async def slow(answer):
    await answer.head(200, JSON)
    for _ in range(100):
        await answer.send(b" ")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        (says(b"", 302, location="http://127.0.0.1:1/"), Permanent, "not followed"),
        (says(b"", 500), Transient, "answered 500"),
        (says(b"", 429, retry_after="3"), Transient, "answered 429"),
        (says(b"<p>", content_type="text/html"), Permanent, "did not answer with JSON"),
        (says(b"{"), Permanent, "JSON that is none"),
        (says(b"\xff"), Permanent, "JSON that is none"),
        (says(b"[" * 200 + b"]" * 200), Permanent, "levels"),
        (says(b'"' + b"x" * 2_000 + b'"'), Permanent, "more than 1,000 bytes"),
        (slow, Overdue, "more than 300 ms"),
    ],
    ids=["redirect", "500", "429", "html", "no json", "no text", "deep", "large", "slow"],
)
async def test_what_a_host_may_not_do_is_said_without_its_words(script, error, words):
    with pytest.raises(error, match=words) as caught:
        await asked(script, bytes_max=1_000, timeout_ms=300)
    assert "Oslo" not in str(caught.value)


async def test_an_unpacked_answer_is_not_asked_for_and_not_made():
    script = says(b"\x1f\x8b\x08", content_encoding="gzip")
    with pytest.raises(Permanent, match="JSON that is none"):
        await asked(script)


async def test_a_status_of_4xx_is_an_answer_without_its_body():
    answer, _ = await asked(says(b'{"secret": 1}', 404))
    assert (answer.status, answer.content) == (404, "")


@pytest.mark.parametrize(
    "url", ["ftp://h/x", "http://u:p@h/x", "http:///x", "file:///etc/passwd", ""]
)
async def test_an_address_of_another_kind_is_refused(url):
    hosts = ToolHosts(FixedLookup("93.184.216.34"))
    with pytest.raises(Permanent, match="none of http or https"):
        await hosts.ask(CallTool(tool="t", method="GET", url=url), CALL)
    await hosts.close()


async def test_nobody_there_is_transient():
    hosts = ToolHosts()
    request = CallTool(tool="t", method="GET", url="http://127.0.0.1:1/x", private=True)
    with pytest.raises(Transient, match="is away"):
        await hosts.ask(request, CALL)
    await hosts.close()


async def test_what_is_answered_here_has_no_circuit_and_each_host_has_its_own():
    connector = Tools(Settings())
    one = CallTool(tool="t", method="GET", url="https://a.example/x")
    other = CallTool(tool="t", method="GET", url="https://b.example/x")
    assert connector.circuit(Calculate(expression="1")) is None
    assert connector.circuit(one) is connector.circuit(one)
    assert connector.circuit(one) is not connector.circuit(other)
    told = await connector.calculate(Calculate(expression="1 + 1"), CALL)
    assert told.value == "2"
    await connector.close()


@pytest.mark.parametrize(
    ("allowed", "verdict"), [(("*",), True), (("eu",), True), (("us",), False), ((), False)]
)
async def test_a_policy_allows_what_it_lists(allowed, verdict):
    connector = Tools(Settings())
    request = CheckPolicy(about="region", name="eu", allowed=allowed)
    assert (await connector.check(request, CALL)).allowed is verdict
    await connector.close()
