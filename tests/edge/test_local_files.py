"""Files of this machine's own."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from edge.local_files import open_database, write_secret

SCHEMA = "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY);"


def names(database):
    return [row[0] for row in database.execute("SELECT name FROM things ORDER BY name")]


def test_a_database_is_made_with_its_folder_and_tables_for_its_owner_alone(tmp_path):
    path = tmp_path / "deep" / "things.sqlite"
    database = open_database(path, SCHEMA)
    assert names(database) == []
    assert path.stat().st_mode & 0o777 == 0o600
    database.execute("INSERT INTO things VALUES ('a')")
    assert all(one.stat().st_mode & 0o077 == 0 for one in path.parent.iterdir())


def test_what_is_written_is_there_for_others_at_once_and_after_it_is_opened_again(tmp_path):
    path = tmp_path / "things.sqlite"
    first, second = open_database(path, SCHEMA), open_database(path, SCHEMA)
    first.execute("INSERT INTO things VALUES ('a')")
    assert names(second) == ["a"]
    first.close()
    second.close()
    assert names(open_database(path, SCHEMA)) == ["a"]


def test_a_database_serves_several_threads(tmp_path):
    database = open_database(tmp_path / "things.sqlite", SCHEMA)
    thread = threading.Thread(target=lambda: database.execute("INSERT INTO things VALUES ('a')"))
    thread.start()
    thread.join()
    assert names(database) == ["a"]


@pytest.mark.parametrize("content", [b"no database at all, but long enough for one" * 40])
def test_a_file_that_is_no_database_is_an_error(tmp_path, content):
    path = tmp_path / "things.sqlite"
    path.write_bytes(content)
    with pytest.raises(sqlite3.Error):
        open_database(path, SCHEMA)
    assert path.read_bytes() == content


def test_a_secret_is_written_for_its_owner_alone(tmp_path):
    path = tmp_path / "secret.json"
    write_secret(path, b"first")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"first", 0o600)
    path.chmod(0o644)
    write_secret(path, b"second")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"second", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_that_can_not_be_written_leaves_the_one_before(tmp_path):
    path = tmp_path / "secret.json"
    write_secret(path, b"first")
    with pytest.raises(TypeError):
        write_secret(path, "no bytes")
    assert path.read_bytes() == b"first"
