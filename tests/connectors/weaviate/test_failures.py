"""What errors become: worth another try or not, and silent about what was answered."""

import grpc
import httpx
import pytest
from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateConnectionError

from agents.errors import Permanent, Transient
from connectors.weaviate.failures import translated


class FakeRpcError(grpc.RpcError):
    def __init__(self, code, details="a text of a person"):
        self._code, self._details = code, details

    def code(self):
        return self._code

    def details(self):
        return self._details


def http(status):
    return UnexpectedStatusCodeError("m", httpx.Response(status, text="a text of a person"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (WeaviateConnectionError("m"), Transient),
        (httpx.ReadTimeout("m"), Transient),
        (http(500), Transient),
        (http(401), Transient),
        (http(422), Permanent),
        (FakeRpcError(grpc.StatusCode.UNAVAILABLE), Transient),
        (FakeRpcError(grpc.StatusCode.INVALID_ARGUMENT), Permanent),
        (FakeRpcError(grpc.StatusCode.UNKNOWN), Permanent),
        (FakeRpcError(grpc.StatusCode.UNKNOWN, "a person: shard is not ready"), Transient),
    ],
)
async def test_errors_are_worth_another_try_or_not_and_quote_no_answer(error, kind):
    @translated
    async def fail():
        raise error

    with pytest.raises(kind) as raised:
        await fail()
    assert "Weaviate" in str(raised.value)
    assert "person" not in str(raised.value)
