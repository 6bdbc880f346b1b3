"""Triton's errors: which pass by themselves, and that each names model, place and status."""

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata
from tritonclient.utils import InferenceServerException

from agents.errors import Permanent, Transient
from connectors.triton.failures import failure_of
from streams.running.breaker import Overdue

PERMANENT = {"INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED", "OUT_OF_RANGE"}


def rpc_error(code, details):
    """An error as the client of gRPC raises it."""
    return AioRpcError(code, Metadata(), Metadata(), details=details)


@pytest.mark.parametrize("status", list(grpc.StatusCode))
def test_a_status_is_permanent_only_where_the_request_is_at_fault(status):
    kind = Permanent if status.name in PERMANENT else Transient
    if status is grpc.StatusCode.DEADLINE_EXCEEDED:
        kind = Overdue
    for error in (
        InferenceServerException("words", status=f"StatusCode.{status.name}"),
        rpc_error(status, "words"),
    ):
        failure = failure_of(error, "embedder", "host:8001")
        assert type(failure) is kind
        assert "embedder" in str(failure)
        assert status.name in str(failure)
        assert str(failure).endswith(": words")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Request for unknown model: 'chat' is not found", Permanent),
        ("Stub process 'chat_0' is not healthy.", Transient),
        ("", Transient),
        (None, Transient),
    ],
)
def test_an_error_without_a_status_is_told_by_its_words(words, kind):
    failure = failure_of(InferenceServerException(words), "chat", "host:8001")
    assert type(failure) is kind
    assert "chat" in str(failure)


def test_one_that_may_pass_says_where_the_server_is():
    error = rpc_error(grpc.StatusCode.UNAVAILABLE, None)
    assert str(failure_of(error, "chat", "host:8001")) == (
        "Triton at host:8001 failed on chat (UNAVAILABLE): "
    )
