"""Generated files: only what is stale is named, and written."""

import pytest

from infra.generated_files import write_or_check


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("old")
    return {tmp_path / "a": "1", tmp_path / "b": "2", tmp_path / "c": "3"}


def test_a_check_names_what_is_stale_or_missing_and_writes_nothing(files, capsys):
    assert write_or_check(["--check"], files, "docs", "make it") == 1
    assert capsys.readouterr().err == (
        "docs/b is stale: run `make it`\ndocs/c is stale: run `make it`\n"
    )
    assert [path.exists() and path.read_text() for path in files] == ["1", "old", False]


def test_what_is_stale_is_written_and_the_rest_left_alone(files, capsys):
    first = next(iter(files))
    before = first.stat().st_mtime_ns
    assert write_or_check([], files, "docs", "make it") == 0
    assert write_or_check(["--check"], files, "docs", "make it") == 0
    assert capsys.readouterr().err == ""
    assert [path.read_text() for path in files] == ["1", "2", "3"]
    assert first.stat().st_mtime_ns == before
