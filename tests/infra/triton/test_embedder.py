"""The embedder's code without Triton: order, refusals and endings. Its figures: triton/test_models.py."""

import importlib.util
import os
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.triton.launch import MODELS
from tests.infra.triton.backend import FINAL, FakeSender
from tests.infra.triton.embedding import an_embedder, embed


@pytest.fixture
def embedder(monkeypatch):
    model = an_embedder(monkeypatch)
    yield model
    model.encoder.go.set()
    model.finalize()


def answered(model, request):
    model.execute([request])
    assert request.sender.ended.wait(60)
    return request.sender


def test_rows_come_in_the_order_of_the_texts(embedder):
    [answer] = answered(embedder, embed("ccc", "a", "bb", with_tokens=True)).sent
    assert answer["vector"][:, 0].tolist() == [3, 1, 2]
    assert answer["tokens"].tolist() == [[3], [1], [2]]
    assert answer["token_vectors"].tolist() == [[b"packed"]] * 3
    assert answer["model"].tolist() == [[b"tiny@1"]] * 3
    assert answer["truncated"].tolist() == [[False]] * 3


def test_a_query_waits_for_no_passage(embedder):
    embedder.execute([embed("slow", "next")])
    assert embedder.encoder.busy.wait(60)
    assert answered(embedder, embed("q", kind="query")).sent
    assert "next" not in embedder.encoder.seen


@pytest.mark.skipif(os.nice(0) > 9, reason="this process gives way as far as a thread would")
def test_threads_of_passages_give_way_and_that_of_queries_does_not(embedder):
    for kind in ("query", "passage"):
        answered(embedder, embed("a text", kind=kind))
    queries, *passages = (
        os.getpriority(os.PRIO_PROCESS, thread.native_id) for thread in embedder.threads
    )
    assert queries == os.nice(0)
    assert all(niceness > queries for niceness in passages)


def test_passages_are_served_first_come_first_served(embedder):
    embedder.execute([embed("slow")])
    last = embed("c")
    embedder.execute([embed("a"), embed("b"), last])
    embedder.encoder.go.set()
    assert last.sender.ended.wait(60)
    assert embedder.encoder.seen == ["ready", "slow", "a", "b", "c"]


@pytest.mark.parametrize("kinds", [("other",), ("query", "passage"), ("",)])
def test_a_kind_that_is_unknown_or_mixed_is_refused(embedder, kinds):
    request = embed(*("x" for _ in kinds))
    request.values["kind"].values = np.array([[kind.encode()] for kind in kinds], object)
    [error] = answered(embedder, request).errors
    assert error.args == ("kind must be query or passage, the same for every text", "invalid")


def test_a_failure_is_answered_once_and_quotes_no_text(embedder):
    request = embed("broken", "broken", "fine")
    [error] = answered(embedder, request).errors
    assert error.args == ("RuntimeError while encoding", "internal")
    assert answered(embedder, embed("after")).sent  # and the thread lives on
    assert request.sender.flags == [FINAL]


def test_whoever_went_away_is_not_worked_for(embedder):
    [error] = answered(embedder, embed("a", "b", sender=FakeSender(gone=True))).errors
    assert error.args == ("the client went away", "cancelled")
    assert answered(embedder, embed("after")).sent
    assert not {"a", "b"} & set(embedder.encoder.seen)


def test_what_is_queued_is_answered_before_the_end(embedder):
    request = embed(*"abcdef")
    embedder.execute([request])
    ending = threading.Thread(target=embedder.finalize)
    ending.start()
    ending.join(10)
    assert not ending.is_alive()
    assert request.sender.sent
    embedder.threads = []


def packing():
    spec = importlib.util.spec_from_file_location(
        "packing", MODELS / "embedder" / "1" / "token_vectors.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@given(st.integers(1, 60))
def test_packed_vectors_have_the_size_that_the_form_says(count):
    vectors = np.random.default_rng(count).standard_normal((count, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = -(-count // 2)
    assert len(packing().pack_passage(vectors)) == 3 + 2 * 384 + 2 * pairs + 48 * pairs
    assert len(packing().pack_query(vectors)) == 3 + 2 * count + 384 * count
