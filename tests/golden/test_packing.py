"""A golden log that was packed is the one that it was, in less room."""

import json
import shutil
from pathlib import Path

import pytest

from replay.archive import ArchiveLog
from tests.golden.packing import PACKED, pack, unpacked

GOLDEN = Path(__file__).parent / "0.1.0"


@pytest.fixture
def copy(tmp_path):
    return unpacked(GOLDEN, tmp_path / "copy")


def records_of(folder):
    log = ArchiveLog(folder / "log")
    records = {place: list(log.records(*place)) for place in log.extents()}
    assert log.faults() == []
    return records


def test_what_is_packed_and_unpacked_is_what_it_was(copy, tmp_path):
    before, keys = records_of(copy), (copy / "run" / "master.key").read_bytes()
    size = sum(path.stat().st_size for path in copy.rglob("*") if path.is_file())
    pack(copy)
    assert sorted(path.name for path in copy.iterdir() if path.suffix in {"", ".xz"}) == [PACKED]
    assert (copy / PACKED).stat().st_size < 0.6 * size
    again = unpacked(copy, tmp_path / "again")
    assert records_of(again) == before
    assert (again / "run" / "master.key").read_bytes() == keys
    assert (again / "run" / "master.key").stat().st_mode & 0o777 == 0o600
    assert json.loads((again / "report.json").read_text())


def test_the_same_log_is_packed_into_the_same_bytes(copy, tmp_path):
    other = Path(shutil.copytree(copy, tmp_path / "other"))
    pack(copy)
    pack(other)
    assert (copy / PACKED).read_bytes() == (other / PACKED).read_bytes()
