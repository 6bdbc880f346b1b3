"""What errors become: worth another try or not, and silent about what was answered."""

import grpc
import httpx
import pytest
from grpc.aio import AioRpcError, Metadata
from weaviate.exceptions import (
    UnexpectedStatusCodeError,
    WeaviateConnectionError,
    WeaviateQueryError,
    WeaviateTimeoutError,
)

from agents.errors import Permanent, Transient
from connectors.weaviate.failures import no_such_tenant, refusal, translated
from streams.running.breaker import Overdue


def rpc_error(code, details="a text of a person"):
    """An error as the client of gRPC raises it."""
    return AioRpcError(code, Metadata(), Metadata(), details=details)


@translated
async def failing(error):
    raise error


def http(status):
    return UnexpectedStatusCodeError("m", httpx.Response(status, text="a text of a person"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (WeaviateConnectionError("m"), Transient),
        (httpx.ReadTimeout("m"), Overdue),
        (WeaviateTimeoutError("m"), Overdue),
        (rpc_error(grpc.StatusCode.DEADLINE_EXCEEDED), Overdue),
        (httpx.ConnectTimeout("m"), Transient),
        (http(500), Transient),
        (http(401), Transient),
        (http(422), Permanent),
        (rpc_error(grpc.StatusCode.UNAVAILABLE), Transient),
        (rpc_error(grpc.StatusCode.INVALID_ARGUMENT), Permanent),
        (rpc_error(grpc.StatusCode.UNKNOWN), Permanent),
        (rpc_error(grpc.StatusCode.UNKNOWN, "a person: shard is not ready"), Transient),
    ],
)
async def test_errors_are_worth_another_try_or_not_and_quote_no_answer(error, kind):
    with pytest.raises(kind) as raised:
        await failing(error)
    assert type(raised.value) is kind
    assert "Weaviate" in str(raised.value)
    assert "person" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (400, Permanent, "HTTP 400: see its log"),
        (401, Transient, "weaviate_key_file for 401"),
        (403, Transient, "HTTP 403"),
        (408, Transient, "HTTP 408"),
        (422, Permanent, "HTTP 422"),
        (429, Transient, "HTTP 429"),
        (503, Transient, "HTTP 503"),
    ],
)
async def test_an_http_status_says_whether_it_passes_and_where_to_look(status, kind, advice):
    with pytest.raises(kind, match=advice):
        await failing(http(status))


@pytest.mark.parametrize("status", list(grpc.StatusCode))
async def test_every_grpc_status_is_translated_and_named(status):
    with pytest.raises((Transient, Permanent), match=f"answered {status.name}: see its log"):
        await failing(rpc_error(status))


async def test_the_cause_within_an_error_of_the_client_decides():
    inner = rpc_error(grpc.StatusCode.RESOURCE_EXHAUSTED)
    error = WeaviateQueryError("a text of a person", "GRPC")
    error.__cause__ = inner
    with pytest.raises(Transient, match="RESOURCE_EXHAUSTED"):
        await failing(error)


async def test_a_chain_of_causes_that_turns_in_a_circle_ends():
    one, other = WeaviateQueryError("m", "GRPC"), ValueError()
    one.__cause__, other.__cause__ = other, one
    with pytest.raises(Permanent, match=r"refused \(WeaviateQueryError\): see its log"):
        await failing(one)


async def test_errors_that_are_not_the_clients_pass_as_they_are():
    with pytest.raises(KeyError):
        await failing(KeyError("a mistake of ours"))


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        ("vector lengths don't match", Permanent),
        ("Here is the set of all errors: shard is READ-ONLY", Transient),
        ("leader not found", Transient),
        ("", Permanent),
    ],
)
def test_a_refused_batch_tells_the_count_and_a_short_reason(why, kind):
    error = refusal(2, 9, why + "x" * 999)
    assert type(error) is kind
    assert str(error).startswith("Weaviate refused 2 of 9 objects: ")
    assert len(str(error)) <= len("Weaviate refused 2 of 9 objects: ") + 200
    assert "all errors" not in str(error)


@pytest.mark.parametrize(
    ("text", "known"),
    [("Tenant not found: x", False), ("could not find class", True), ("", True)],
)
def test_an_unknown_tenant_is_told_by_its_words(text, known):
    assert no_such_tenant(ValueError(text)) is not known
