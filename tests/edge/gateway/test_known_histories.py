"""Which session a history was held in."""

from __future__ import annotations

import pytest

from edge.gateway import known_histories
from edge.gateway.known_histories import KnownHistories, KnownHistory, content_of


@pytest.fixture
def histories(tmp_path):
    histories = KnownHistories(tmp_path / "histories.sqlite")
    yield histories
    histories.close()


def test_a_history_is_found_by_its_digest(histories):
    histories.remember("d", KnownHistory("s-1", is_whole=True))
    assert histories.find("d") == KnownHistory("s-1", is_whole=True)
    assert histories.find("e") is None


def test_of_two_sessions_with_the_same_words_the_newer_goes_on(histories):
    histories.remember("d", KnownHistory("s-1", is_whole=True))
    histories.remember("d", KnownHistory("s-2", is_whole=False))
    assert histories.find("d") == KnownHistory("s-2", is_whole=False)


def test_another_process_knows_it_too(histories, tmp_path):
    histories.remember("d", KnownHistory("s-1", is_whole=True))
    other = KnownHistories(tmp_path / "histories.sqlite")
    assert other.find("d") == KnownHistory("s-1", is_whole=True)
    other.close()


def test_what_nobody_goes_on_with_is_forgotten(histories, monkeypatch):
    histories.remember("d", KnownHistory("s-1", is_whole=True))
    histories.forget_old()
    assert histories.find("d")
    monkeypatch.setattr(known_histories, "KEPT_S", -2)
    histories.forget_old()
    assert histories.find("d") is None


@pytest.mark.parametrize(
    "other",
    [
        ("jane", [("user", "a"), ("assistant", "b"), ("user", "c")]),
        ("jane", [("user", "a")]),
        ("jane", [("assistant", "a"), ("user", "b")]),
        ("jane", [("user", "ab"), ("assistant", "")]),
        ("joe", [("user", "a"), ("assistant", "b")]),
    ],
)
def test_whose_it_is_and_who_said_what_make_a_history(other):
    assert content_of(*other) != content_of("jane", [("user", "a"), ("assistant", "b")])
