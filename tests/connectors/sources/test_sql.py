"""Databases as sources: SQLite and DuckDB as they are."""

from __future__ import annotations

import sqlite3
import sys
import tracemalloc

import pytest

from connectors.sources.findings import FoundDocument, LeftOut, SourceAway
from connectors.sources.source_rows import RowShape
from connectors.sources.sql import SqlSource

duckdb = pytest.importorskip("duckdb")

ROWS = [
    (1, "Opening hours", "Open from nine.", "shop", "2026-01-01 10:00:00"),
    (2, "Returns", "Within 14 days.", "shop", "2026-01-02 10:00:00"),
    (3, "Parking", None, "site", "2026-01-03 10:00:00"),
]


@pytest.fixture
def sqlite(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as store:
        store.execute("CREATE TABLE articles (id INTEGER, title, body, topic, changed)")
        store.executemany("INSERT INTO articles VALUES (?,?,?,?,?)", ROWS)
    store.close()
    return f"sqlite:///{path}"


@pytest.fixture
def warehouse(tmp_path):
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as store:
        store.execute(
            "CREATE TABLE articles (id INTEGER, title TEXT, body TEXT, topic TEXT, changed TIMESTAMP)"
        )
        store.executemany("INSERT INTO articles VALUES (?,?,?,?,?)", ROWS)
    return f"duckdb:///{path}"


@pytest.fixture(params=["sqlite", "warehouse"])
def address(request):
    return request.getfixturevalue(request.param)


def a_shape(**given):
    told = {"base": "sql:articles/", "key": "id", "text": ("body",), "title": "title"}
    return RowShape(**{**told, **given})


def execute(address, statement):
    path = address.partition("///")[2]
    if address.startswith("duckdb"):
        with duckdb.connect(path) as store:
            store.execute(statement)
    else:
        with sqlite3.connect(path) as store:
            store.execute(statement)
        store.close()


def read(source, cursor=""):
    return [
        (one.uri, one.read()) if isinstance(one, FoundDocument) else one
        for one in source.found(None, cursor)
    ]


def test_each_row_of_a_table_is_a_document(address):
    source = SqlSource(address, a_shape(metadata=("topic",)), table="articles")
    documents = read(source)
    assert [uri for uri, _ in documents] == ["sql:articles/1", "sql:articles/2", "sql:articles/3"]
    first = documents[0][1]
    assert (first.content, first.title) == (b"Open from nine.", "Opening hours")
    assert (first.media_type, first.metadata) == ("text/markdown", {"topic": "shop"})
    assert documents[2][1].content == b""
    assert source.absence_tells
    assert source.incomplete == ""


def test_a_query_with_colons_and_quotes_is_taken_as_it_is(address):
    query = "SELECT id, 'at 10:30 and :x, 50%' AS body, title FROM articles WHERE id < 3;  "
    documents = read(SqlSource(address, a_shape(), query=query))
    assert [version.content for _, version in documents] == [b"at 10:30 and :x, 50%"] * 2


def test_rows_of_one_key_are_one_document(address):
    shape = a_shape(key="topic", text=("id", "title"), title="", grouped=True)
    documents = dict(read(SqlSource(address, shape, table="articles")))
    assert list(documents) == ["sql:articles/shop", "sql:articles/site"]
    assert documents["sql:articles/shop"].content.decode() == (
        "| id | title |\n| --- | --- |\n| 1 | Opening hours |\n| 2 | Returns |\n"
    )


def test_a_cursor_goes_on_from_the_highest_value_and_tells_no_deletion(address):
    source = SqlSource(address, a_shape(), table="articles", cursor="changed")
    assert len(read(source)) == 3
    execute(address, "INSERT INTO articles VALUES (4, 't', 'b', 'shop', '2026-01-04 10:00:00')")
    execute(address, "DELETE FROM articles WHERE id = 1")
    again = SqlSource(address, a_shape(), table="articles", cursor="changed")
    # the row of the cursor's own value comes again: others may have been written beside it
    assert [uri for uri, _ in read(again, source.cursor)] == ["sql:articles/3", "sql:articles/4"]
    assert again.incomplete == f"rows from {_shown(3)} on alone were read"
    assert again.cursor != source.cursor
    full = SqlSource(address, a_shape(), table="articles", cursor="changed", full=True)
    assert [uri for uri, _ in read(full, source.cursor)] == [
        "sql:articles/2",
        "sql:articles/3",
        "sql:articles/4",
    ]
    assert full.incomplete == ""


def test_rows_without_a_place_are_read_each_time(address):
    source = SqlSource(address, a_shape(), table="articles", cursor="changed")
    read(source)
    execute(address, "INSERT INTO articles VALUES (4, 'New', 'Without a time.', 'shop', NULL)")
    again = SqlSource(address, a_shape(), table="articles", cursor="changed")
    assert sorted(one.uri for one in again.found(None, source.cursor)) == [
        "sql:articles/3",
        "sql:articles/4",
    ]


def _shown(day):
    return f"2026-01-0{day} 10:00:00"


def test_a_column_of_a_hundred_megabytes_is_refused_by_its_name(address):
    hundred_megabytes = {
        "sqlite": "UPDATE articles SET body = hex(zeroblob(50000000)) WHERE id = 2",
        "duckdb": "UPDATE articles SET body = repeat('x', 100000000) WHERE id = 2",
    }
    execute(address, hundred_megabytes[address.partition(":")[0]])
    documents = read(SqlSource(address, a_shape(), table="articles"))
    [left] = [one for one in documents if isinstance(one, LeftOut)]
    assert left.why == "failed"
    assert left.name == "id 2"
    assert left.uri == "sql:articles/2"  # it is there, so it is not withdrawn
    assert left.reason.startswith("column body has 100000000 bytes, the limit of a document is")
    assert len(documents) == 3


def test_many_rows_are_read_with_flat_memory(sqlite):
    with sqlite3.connect(sqlite.partition("///")[2]) as store:
        store.executemany(
            "INSERT INTO articles VALUES (?, 't', ?, 'shop', '')",
            ((number, "x" * 100_000) for number in range(10, 410)),
        )
    store.close()
    peaks = []
    for most in (50, 400):
        source = SqlSource(sqlite, a_shape(), query=f"SELECT * FROM articles LIMIT {most}")
        tracemalloc.start()
        for one in source.found(None, ""):
            del one
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2_000_000  # 35 MB more were read


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"table": "none"}, "none"),
        ({"query": "SELEC 1"}, "syntax error"),
        ({"table": 'articles" WHERE 1=1 --'}, "articles"),
    ],
)
def test_what_the_database_refuses_is_said(address, given, said):
    with pytest.raises(SourceAway, match=said):
        read(SqlSource(address, a_shape(), **given))


@pytest.mark.parametrize(
    ("shape", "said"),
    [({"key": "nr"}, "nr"), ({"text": ("words", "body")}, "no column words: the columns")],
)
def test_a_column_that_there_is_not_is_named(address, shape, said):
    with pytest.raises(SourceAway, match=said):
        read(SqlSource(address, a_shape(**shape), table="articles"))


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_database_that_there_is_not_is_not_made(tmp_path, scheme):
    path = tmp_path / "none.db"
    with pytest.raises(SourceAway, match="there is no database"):
        read(SqlSource(f"{scheme}:///{path}", a_shape(), table="articles"))
    assert not path.exists()


def test_a_database_is_only_read(address):
    source = SqlSource(address, a_shape(), query="DELETE FROM articles RETURNING *")
    with pytest.raises(SourceAway):
        read(source)
    assert len(read(SqlSource(address, a_shape(), table="articles"))) == 3


def test_a_driver_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SourceAway, match="the driver psycopg"):
        read(SqlSource("postgresql+psycopg://reader@127.0.0.1:1/shop", a_shape(), table="t"))


def test_files_of_parquet_are_read_by_duckdb(tmp_path):
    file = tmp_path / "facts.parquet"
    duckdb.sql(f"COPY (SELECT 7 AS id, 'seven' AS body, 't' AS title) TO '{file}'")
    source = SqlSource("duckdb://", a_shape(), query=f"SELECT * FROM '{file}'")
    assert [(uri, version.content) for uri, version in read(source)] == [
        ("sql:articles/7", b"seven")
    ]
