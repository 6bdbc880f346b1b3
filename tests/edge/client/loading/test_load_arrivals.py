"""Arrivals: a rate keeps to its mean, a trace to its times, and what is no trace is told by its line."""

from __future__ import annotations

import gzip
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.client.loading.load_arrivals import BadTrace, LoadArrival, at_rate, of_trace


def times(found, count):
    return [one.at_s for one in itertools.islice(found, count)]


@given(st.floats(0.01, 1_000), st.integers(0, 2**32 - 1))
def test_a_rate_keeps_to_its_mean_by_chance_and_evenly(rate, seed):
    by_chance = times(at_rate(rate, seed=seed), 2_000)
    assert by_chance == sorted(by_chance)
    assert by_chance[-1] * rate == pytest.approx(2_000, rel=0.2)
    assert times(at_rate(rate, seed=seed, even=True), 3) == pytest.approx([0, 1 / rate, 2 / rate])
    assert times(at_rate(rate, seed=seed), 5) == times(at_rate(rate, seed=seed), 5)


def written(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_trace_is_played_from_its_first_line_and_as_fast_as_is_wished(tmp_path):
    rows = ('{"t": 5, "response_tokens": 48}', "", '{"t": 5.5, "prompt_tokens": 9}', '{"t": 7}')
    expected = [LoadArrival(0.0, 48), LoadArrival(0.25), LoadArrival(1.0)]
    path = written(tmp_path / "t.jsonl", *rows)
    assert list(of_trace(path, speed=2)) == expected
    packed = tmp_path / "t.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert list(of_trace(packed, speed=2)) == expected


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "[1]",
        "{}",
        '{"t": -1}',
        '{"t": "1"}',
        '{"t": true}',
        '{"t": NaN}',
        '{"t": Infinity}',
        '{"t": 1, "response_tokens": 1.5}',
        '{"t": 1, "response_tokens": -1}',
        '{"t": 0.5}',
        "[" * 100_000,
    ],
)
def test_a_line_that_is_no_arrival_is_named(tmp_path, line):
    path = written(tmp_path / "t.jsonl", '{"t": 1}', line)
    with pytest.raises(BadTrace, match="line 2"):
        list(of_trace(path))


def test_a_file_that_is_no_trace_is_told_so(tmp_path):
    with pytest.raises(BadTrace, match="has no arrivals"):
        list(of_trace(written(tmp_path / "empty.jsonl")))
    whole = gzip.compress(json.dumps({"t": 1}).encode() * 100)
    for name, content in {"no.gz": b"not gzip", "cut.gz": whole[:20]}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadTrace, match="can't be read"):
            list(of_trace(tmp_path / name))
