"""Code that gives rows as a source: dlt's resources, and plain rows."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from connectors.sources.findings import FoundDocument, LeftOut, SourceAway
from connectors.sources.resources import ResourceSource
from connectors.sources.source_rows import RowShape
from tests.local_site import LocalSite, SitePage

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
SHAPE = RowShape("dlt:t/", "id", text=("text",))


def a_source(file, function, folder=None, shape=SHAPE, **given):
    folder = str(file.parent if folder is None else folder)
    return ResourceSource(file, function, folder, shape, **{"arguments": {}, **given})


def texts(source, cursor=""):
    return {
        one.uri: one.read().content.decode()
        for one in source.found(None, cursor)
        if isinstance(one, FoundDocument)
    }


@pytest.fixture
def code(tmp_path):
    def write(text):
        path = tmp_path / "code.py"
        path.write_text(text)
        return path

    return write


def test_tickets_of_a_rest_api_are_read_page_by_page_by_dlt():
    pytest.importorskip("dlt")
    with LocalSite() as site:
        for number in (1, 2):
            rows = [{"id": number, "subject": "s", "body": f"b{number}", "updated_at": number}]
            after = f"{site.url}/api/tickets?page=2" if number == 1 else None
            page = SitePage(
                json.dumps({"data": rows, "next": after}).encode(),
                headers={"Content-Type": "application/json"},
            )
            site.pages["/api/tickets?per_page=100" if number == 1 else "/api/tickets?page=2"] = page
        shape = RowShape("dlt:t/", "id", text=("body",), title="subject")
        source = a_source(
            EXAMPLES / "dlt_rest_api.py",
            "tickets",
            shape=shape,
            arguments={"url": f"{site.url}/api/", "token": "secret"},
            cursor="updated_at",
        )
        assert texts(source) == {"dlt:t/1": "b1", "dlt:t/2": "b2"}
        assert json.loads(source.cursor) == {"type": "int", "value": "2"}
        assert source.incomplete == ""
        site.pages["/api/tickets?per_page=100&updated_since=2"] = page
        assert texts(source, source.cursor) == {"dlt:t/2": "b2"}
        assert source.incomplete == "rows from 2 on alone were read"


def test_tables_of_a_database_are_joined_through_dlt(tmp_path):
    pytest.importorskip("dlt")
    with sqlite3.connect(tmp_path / "shop.db") as store:
        store.execute("CREATE TABLE products (id INTEGER, name TEXT, description TEXT)")
        store.execute("CREATE TABLE reviews (product INTEGER, words TEXT)")
        store.execute("INSERT INTO products VALUES (1, 'Kettle', 'It boils.')")
        store.execute("INSERT INTO reviews VALUES (1, 'It is quick.')")
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    source = a_source(EXAMPLES / "dlt_database.py", "products", arguments={"url": url})
    assert texts(source) == {"dlt:t/1": "It boils.\n\n## What customers say\n\n- It is quick.\n"}


def test_rows_need_no_library_and_may_come_in_lists(code):
    path = code(
        "def rows():\n    yield {'id': 1, 'text': 'a'}\n    yield [{'id': 2, 'text': 'b'}]\n"
    )
    assert texts(a_source(path, "rows")) == {"dlt:t/1": "a", "dlt:t/2": "b"}


@pytest.mark.parametrize("folder", ["", "/elsewhere"])
def test_code_is_run_from_its_own_folder_alone(code, tmp_path, folder):
    path = code(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef rows(): return []\n")
    with pytest.raises(SourceAway, match="PLAYHEAD_SOURCES_CODE"):
        texts(a_source(path, "rows", folder=folder))
    assert not (tmp_path / "ran").exists()


def test_a_link_does_not_lead_out_of_the_folder_of_code(code, tmp_path):
    path = code("def rows(): return []\n")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "link.py").symlink_to(path)
    with pytest.raises(SourceAway, match="PLAYHEAD_SOURCES_CODE"):
        texts(a_source(tmp_path / "code" / "link.py", "rows"))


@pytest.mark.parametrize(
    ("text", "function", "said"),
    [
        ("import no_such_library", "rows", "needs no_such_library: install it"),
        ("x = 1", "rows", "has no rows"),
        ("rows = 7", "rows", "it gives a int, not rows"),
        ("def rows(): return ['a']", "rows", "it gives a str, not rows"),
        (
            "def rows():\n    raise ValueError('the token\\nis old')",
            "rows",
            "ValueError: the token is old",
        ),
        ("def rows(): return [{'nr': 1}]", "rows", "no column id, text: the columns are nr"),
    ],
)
def test_code_that_gives_no_rows_is_one_line(code, text, function, said):
    with pytest.raises(SourceAway, match=said):
        texts(a_source(code(text), function))


def test_rows_that_break_off_are_incomplete(code):
    path = code("def rows():\n    yield {'id': 1, 'text': 'a'}\n    raise OSError('reset')\n")
    source = a_source(path, "rows")
    assert texts(source) == {"dlt:t/1": "a"}
    assert source.incomplete == "code.py broke off: OSError: reset"


def test_a_row_without_a_key_is_one_line(code):
    path = code(
        "def rows():\n    yield {'id': None, 'text': 'a'}\n    yield {'id': 2, 'text': 'b'}\n"
    )
    first, second = a_source(path, "rows").found(None, "")
    assert isinstance(first, LeftOut)
    assert second.uri == "dlt:t/2"


@pytest.mark.parametrize("row", ["", "    yield {'id': 1, 'text': 'a'}\n"])
def test_what_code_says_holds_no_credential(code, row):
    path = code(
        f"def rows(token, url):\n{row}    raise OSError(f'401 for {{url}}?key={{token}}&q=to%2Fken')\n"
    )
    source = a_source(path, "rows", arguments={"url": "http://x"}, secrets={"token": "to/ken"})
    try:
        list(source.found(None, ""))
        said = source.incomplete
    except SourceAway as error:
        said = str(error)
    assert said.endswith("OSError: 401 for http://x?key=…&q=…")
