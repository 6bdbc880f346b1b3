"""Spooled files: what came, out of memory and sealed, and nothing left behind."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.uploading import spooled_files
from edge.uploading.spooled_files import FRAME_BYTES, IN_MEMORY_BYTES, SpooledFiles


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 700_000), max_size=4), max_size=4))
def test_each_file_comes_back_as_it_came(tmp_path_factory, files):
    with SpooledFiles(tmp_path_factory.mktemp("spool")) as spool:
        spooled = []
        for number, sizes in enumerate(files):
            for size in sizes:
                spool.add(bytes([number + 1]) * size)
                spool.flush()
                assert spool.waiting < FRAME_BYTES
            spooled.append(spool.end())
        for number, (sizes, file) in enumerate(zip(files, spooled, strict=True)):
            assert file.size == sum(sizes)
            assert spool.read(file) == bytes([number + 1]) * sum(sizes)
            assert all(len(frame) <= FRAME_BYTES for frame in spool.frames_of(file))


def test_large_ones_leave_memory_for_a_file_without_a_name_and_are_sealed(tmp_path):
    with SpooledFiles(tmp_path) as spool:
        spool.add(b"Jane Doe " * (IN_MEMORY_BYTES // 4))
        file = spool.end()
        assert spool._out._rolled
        assert list(tmp_path.iterdir()) == []
        spool._out.seek(0)
        assert b"Jane" not in spool._out.read()
        assert spool.read(file).startswith(b"Jane Doe Jane")


def test_small_ones_are_not_written(tmp_path):
    with SpooledFiles(tmp_path) as spool:
        spool.add(b"x" * 1_000)
        spool.end()
        assert not spool._out._rolled


def test_what_was_changed_is_not_read(tmp_path):
    with SpooledFiles(tmp_path) as spool:
        spool.add(b"x" * 10)
        file = spool.end()
        spool._out.seek(0)
        spool._out.write(b"y")
        with pytest.raises(InvalidTag):
            spool.read(file)


def test_two_spools_have_two_keys(tmp_path, monkeypatch):
    sealed = []
    for _ in range(2):
        with SpooledFiles(tmp_path) as spool:
            spool.add(b"x" * 100)
            spool.end()
            spool._out.seek(0)
            sealed.append(spool._out.read())
    assert sealed[0] != sealed[1]
    assert len(sealed[0]) == 100 + spooled_files.SEALED_MORE
