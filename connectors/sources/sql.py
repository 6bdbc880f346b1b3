"""A database or warehouse as a source: one table or query, a row or a group of rows a document.

Databases through SQLAlchemy, DuckDB (and the Parquet and CSV files that it reads) by its own
client. With a cursor column, only rows from its highest value on are read the next time; such a
listing lacks what did not change, so it tells of no deletion.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.sources.findings import KnownVersions, SourceAway, SourceFinding
from connectors.sources.source_rows import (
    BadRows,
    CursorWatch,
    Row,
    RowShape,
    cursor_value,
    documents_of,
)

ROWS_AT_ONCE = 100
"""From a server. From a database in this process one at a time, since a row may be large."""
WORDS_MAX = 300  # characters of what a database says


@dataclass(frozen=True)
class RowSelection:
    """What is read."""

    table: str = ""
    query: str = ""
    order: str = ""
    """Column by which rows come."""
    since: str = ""
    """Column from whose value on they are read."""

    def statement(self, quoted: Any, parameter: str, *, escape: bool = False) -> str:
        """Spell it; `parameter` stands for the value of the cursor."""
        relation = (
            ".".join(quoted(part) for part in self.table.split("."))
            if self.table
            else f"({self.query.rstrip().rstrip(';')}) AS source_rows"
        )
        if escape:  # a colon begins a parameter
            relation = relation.replace(":", "\\:")
        since = quoted(self.since) if self.since else ""
        # rows that were never given a place are read each time
        where = f" WHERE {since} >= {parameter} OR {since} IS NULL" if since else ""
        order = f" ORDER BY {quoted(self.order)}" if self.order else ""
        return f"SELECT * FROM {relation}{where}{order}"  # noqa: S608 - the operator's own words


class SqlSource:
    """Rows of a database."""

    def __init__(
        self,
        address: str,
        shape: RowShape,
        *,
        table: str = "",
        query: str = "",
        cursor: str = "",
        password: str = "",
        full: bool = False,
    ) -> None:
        """`full` reads everything though there is a cursor, so that deletions are followed."""
        self._address, self._shape, self._password = address, shape, password
        self._table, self._query, self._column = table, query, cursor
        self._full = full
        self.absence_tells = True
        self.incomplete = ""
        self.cursor = ""

    def expected(self) -> int | None:
        """Tell nothing: to count rows may take as long as to read them."""
        return None

    def found(self, _known: KnownVersions, cursor: str) -> Iterator[SourceFinding]:
        """Read the rows; raises SourceAway where the database refuses before the first one."""
        since = "" if self._full else cursor
        if since:
            self.incomplete = f"rows from {cursor_value(cursor)} on alone were read"
        selection = RowSelection(
            self._table,
            self._query,
            self._column or self._shape.key if not self._shape.grouped else self._shape.key,
            self._column if since else "",
        )
        in_duckdb = self._address.startswith("duckdb:")
        read: Callable[..., Generator[Row, None, None]]
        read = _duckdb_rows if in_duckdb else _database_rows
        watch = CursorWatch(self._column, since) if self._column else None
        any_row = False
        try:
            with closing(read(self._address, selection, since, self._password)) as rows:
                for finding in documents_of(watch.over(rows) if watch else rows, self._shape):
                    any_row = True
                    yield finding
            if watch is not None:
                self.cursor = watch.text
        except DatabaseRefused as error:
            if not any_row:
                raise SourceAway(f"the database can't be read: {error}") from None
            self.incomplete = f"reading broke off: {error}"
        except BadRows as error:
            raise SourceAway(str(error)) from None


class DatabaseRefused(Exception):
    """A database did not answer, or did not take the query."""


def _database_rows(
    address: str, selection: RowSelection, since: str, password: str
) -> Generator[Row, None, None]:
    import sqlalchemy as sa
    from sqlalchemy.exc import SQLAlchemyError

    try:
        url = sa.make_url(address)
        if password:
            url = url.set(password=password)
        in_process = url.get_backend_name() == "sqlite"
        if in_process:
            url = _read_only(url)
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        quoted = engine.dialect.identifier_preparer.quote
        statement = sa.text(selection.statement(quoted, ":cursor", escape=True))
        values = {"cursor": cursor_value(since)} if selection.since else {}
        at_once = 1 if in_process else ROWS_AT_ONCE
        with engine.connect() as connection:
            options = {"stream_results": True, "yield_per": at_once}
            result = connection.execution_options(**options).execute(statement, values)
            for row in result.mappings():
                yield dict(row)
    except ImportError as error:
        raise DatabaseRefused(
            f"the driver {error.name} is not installed: install it beside playhead"
        ) from None
    except (SQLAlchemyError, OSError) as error:
        raise DatabaseRefused(_words(error, password)) from None


def _read_only(url: Any) -> Any:
    """Open a file of SQLite for reading; raises DatabaseRefused for none: it would be made."""
    if not url.database or not Path(url.database).is_file():
        raise DatabaseRefused(f"there is no database {url.database}")
    path = Path(url.database).resolve().as_uri()
    return url.set(database=path, query={"mode": "ro", "uri": "true"})


def _duckdb_rows(
    address: str, selection: RowSelection, since: str, _password: str
) -> Generator[Row, None, None]:
    try:
        import duckdb
    except ImportError:
        raise DatabaseRefused(
            "DuckDB is not installed: pip install 'playhead[duckdb]' adds it"
        ) from None
    path = address.removeprefix("duckdb:").removeprefix("//").removeprefix("/") or ":memory:"
    if path != ":memory:" and not Path(path).is_file():
        raise DatabaseRefused(f"there is no database {path}")
    try:
        with duckdb.connect(path, read_only=path != ":memory:") as connection:
            statement = selection.statement(_quoted, "$cursor")
            values = {"cursor": cursor_value(since)} if selection.since else None
            result = connection.execute(statement, values)
            names = [column[0] for column in result.description or ()]
            while (row := result.fetchone()) is not None:
                yield dict(zip(names, row, strict=True))
    except duckdb.Error as error:
        raise DatabaseRefused(_words(error, "")) from None


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _words(error: Exception, password: str) -> str:
    """Say in one short line what a database says, without the password."""
    said = str(getattr(error, "orig", None) or error)
    if password:
        said = said.replace(password, "…")
    return " ".join(said.split())[:WORDS_MAX] or type(error).__name__
