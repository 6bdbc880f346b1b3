"""Evaluation sets as files: each error names file and line, a half is a half wherever it is asked."""

import gzip

import pytest

from evals.data_sets import BadData, Choice, EvalRow, NoRows, files_in, half_of, name_of, rows_of
from tests.evals.sets import write_rows


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_rows_know_where_they_stand(tmp_path, name):
    path = write_rows(tmp_path / name, [{"id": "x"}, {"id": 7}])
    assert [(row.line, row.text("id")) for row in rows_of(path)] == [(1, "x"), (2, "7")]
    assert name_of(path) == "a"


def test_blank_lines_are_passed_over_and_counted(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('\n{"id": "x"}\n\n{"id": "y"}')
    assert [row.line for row in rows_of(path)] == [2, 4]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"id": 1}\n{"id"', "a.jsonl:2: no JSON ("),
        (b'{"id": 1}\n\n[1]\n', "a.jsonl:3: no JSON object"),
        (b"[" * 100_000, "a.jsonl:1: no JSON ("),
        (b'{"id": "\xff"}\n', "a.jsonl:1: not UTF-8"),
    ],
)
def test_a_row_that_is_none_is_named(tmp_path, content, said):
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(BadData) as error:
        list(rows_of(tmp_path / "a.jsonl"))
    assert said in error.value.message


def test_a_line_without_end_is_not_read_into_memory(tmp_path):
    path = write_rows(tmp_path / "a.jsonl.gz", [{"id": "x" * 10_000_000}])
    with pytest.raises(BadData, match=r"a\.jsonl\.gz:1: a line of over 10,000,000 characters"):
        list(rows_of(path))


@pytest.mark.parametrize(
    "packed",
    [
        b"no gzip",
        gzip.compress(b'{"id": 1}\n' * 9_999, mtime=0)[:40],
        b"\x1f\x8b\x08\x00" + b"\xff" * 60,
    ],
    ids=["another kind", "cut", "noise"],
)
def test_a_packed_file_that_is_broken_is_an_error_of_one_line(tmp_path, packed):
    (tmp_path / "a.jsonl.gz").write_bytes(packed)
    with pytest.raises(BadData, match="name a file of rows"):
        list(rows_of(tmp_path / "a.jsonl.gz"))


def test_a_missing_file_and_a_folder_are_errors_that_say_what_to_name(tmp_path):
    with pytest.raises(BadData, match="no such file or folder"):
        files_in(tmp_path / "none")
    with pytest.raises(BadData, match=r"holds no file \*\.jsonl or \*\.jsonl\.gz"):
        files_in(tmp_path)
    with pytest.raises(BadData, match="directory"):
        list(rows_of(tmp_path))


def test_a_folder_stands_for_its_files_by_name(tmp_path):
    b = write_rows(tmp_path / "b.jsonl", [])
    a = write_rows(tmp_path / "a.jsonl.gz", [])
    (tmp_path / "README.md").write_text("")
    assert files_in(tmp_path) == [a, b]
    assert files_in(a) == [a]
    assert files_in(tmp_path, "b*") == [b]


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda row: row.text("flag"), "'flag' must be a text"),
        (lambda row: row.text("none"), "'none' must be a text"),
        (lambda row: row.texts("mixed"), "'mixed' must be a list of texts"),
        (lambda row: row.texts("word"), "'word' must be a list of texts"),
        (lambda row: row.one_of("word", ("a", "b")), "'word' is 'w': it must be one of a, b"),
        (lambda row: row.one_of("one", (True, False)), "'one' is 1: it must be one of True, False"),
    ],
)
def test_a_value_of_another_kind_is_named(tmp_path, read, said):
    row = EvalRow(tmp_path / "a.jsonl", 3, {"flag": True, "mixed": ["a", 1], "word": "w", "one": 1})
    with pytest.raises(BadData) as error:
        read(row)
    assert error.value.message.startswith(f"{tmp_path / 'a.jsonl'}:3: {said}")


def test_values_are_what_the_row_says(tmp_path):
    row = EvalRow(tmp_path, 1, {"words": ["a", "b"], "flag": False})
    assert row.texts("words") == ("a", "b")
    assert row.one_of("flag", (True, False)) is False


WORDS = [f"row-{number}" for number in range(400)]


def test_halves_part_a_set_by_what_its_rows_belong_to():
    first = Choice(half="first").of(WORDS, str, "set")
    second = Choice(half="second").of(WORDS, str, "set")
    assert sorted(first + second) == sorted(WORDS)
    assert 150 < len(first) < 250
    assert {half_of(word) for word in first} == {"first"}
    of_one = Choice(half=half_of("same")).of(WORDS, lambda _: "same", "set")
    assert of_one == WORDS


def test_a_sample_is_drawn_by_its_seed_and_stays_in_order():
    drawn = Choice(20, seed=1).of(WORDS, str, "set")
    assert drawn == Choice(20, seed=1).of(WORDS, str, "set")
    assert drawn != Choice(20, seed=2).of(WORDS, str, "set")
    assert len(drawn) == 20
    assert drawn == sorted(drawn, key=WORDS.index)
    assert Choice(1_000).of(WORDS, str, "set") == WORDS


def test_nothing_to_evaluate_is_an_error_of_its_own():
    with pytest.raises(NoRows, match="set: no rows") as error:
        Choice().of([], str, "set")
    assert error.value.exit_code == 2
    other = {"first": "second", "second": "first"}[half_of("a")]
    with pytest.raises(NoRows, match=f"no row in its {other} half"):
        Choice(half=other).of(["a"], str, "set")
