"""Local files: private, whole or not there, and shared between threads and processes."""

import os
import sqlite3
import stat
import threading
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.local_files import make_folder, open_database, write_secret

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask():
    """A umask that hides nothing: what is private is private by our own doing."""
    before = os.umask(0)
    yield
    os.umask(before)


# ---------------------------------------------------------------------- secrets


@pytest.mark.usefixtures("open_umask")
def test_a_secret_and_its_folder_are_its_owners_alone(tmp_path):
    path = tmp_path / "run" / "secret"
    assert write_secret(path, b"x") is True
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_a_folder_that_is_there_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o750)
    write_secret(tmp_path / "secret", b"x")
    assert mode(tmp_path) == 0o750


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=2_000), st.binary(max_size=2_000))
def test_the_first_stands_unless_it_is_to_be_overwritten(tmp_path, first, second):
    path = tmp_path / "secret"
    path.unlink(missing_ok=True)
    assert write_secret(path, first)
    assert not write_secret(path, second)
    assert path.read_bytes() == first
    assert write_secret(path, second, overwrite=True)
    assert path.read_bytes() == second
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_one_of_many_writers_at_once_wins_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "secret"
    wrote = {}
    together = threading.Barrier(8)

    def write(number):
        together.wait()
        wrote[number] = write_secret(path, b"%d" % number * 1_000)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [number for number, won in wrote.items() if won]
    assert path.read_bytes() == b"%d" % winner * 1_000
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_sees_the_old_content_or_the_new_one_whole(tmp_path):
    path = tmp_path / "secret"
    contents = [bytes([number]) * 100_000 for number in range(20)]
    write_secret(path, contents[0])
    seen = []
    done = threading.Event()

    def read():
        while not done.is_set():
            seen.append(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for content in contents:
        write_secret(path, content, overwrite=True)
    done.set()
    reader.join()
    assert set(seen) <= set(contents)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_disk_that_refuses_leaves_no_part_behind(tmp_path, overwrite):
    occupied = tmp_path / "secret"
    occupied.mkdir()
    (occupied / "file").touch()
    if overwrite:
        with pytest.raises(OSError):
            write_secret(occupied, b"x", overwrite=True)
    else:
        assert write_secret(occupied, b"x") is False
    assert list(tmp_path.iterdir()) == [occupied]


def test_a_folder_that_is_a_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(OSError, match="run"):
        write_secret(tmp_path / "run" / "secret", b"x")
    with pytest.raises(OSError, match="run"):
        make_folder(tmp_path / "run")


# ---------------------------------------------------------------------- stores


@pytest.mark.usefixtures("open_umask")
def test_a_store_and_what_lies_beside_it_are_its_owners_alone(tmp_path):
    path = tmp_path / "run" / "notes.sqlite"
    with closing(open_database(path, SCHEMA)) as store:
        store.execute("INSERT INTO notes (text) VALUES ('x')")
        files = {file.name: mode(file) for file in path.parent.iterdir()}
    assert set(files.values()) == {0o600}
    assert "notes.sqlite-wal" in files
    assert mode(path.parent) == 0o700


@pytest.mark.parametrize(("synchronous", "level"), [("FULL", 2), ("NORMAL", 1)])
def test_a_store_is_opened_as_asked(tmp_path, synchronous, level):
    with closing(open_database(tmp_path / "s.sqlite", SCHEMA, synchronous)) as store:
        [(found,)] = store.execute("PRAGMA synchronous").fetchall()
        [(journal,)] = store.execute("PRAGMA journal_mode").fetchall()
        [(overwrites,)] = store.execute("PRAGMA secure_delete").fetchall()
    assert (found, journal, overwrites) == (level, "wal", 1)


def test_opening_again_keeps_what_is_there(tmp_path):
    path = tmp_path / "s.sqlite"
    for number in range(1, 4):
        with closing(open_database(path, SCHEMA)) as store:
            store.execute("INSERT INTO notes (text) VALUES ('x')")
            assert store.execute("SELECT count(*) FROM notes").fetchone() == (number,)


def test_two_connections_read_while_one_writes(tmp_path):
    path = tmp_path / "s.sqlite"
    with closing(open_database(path, SCHEMA)) as writer, closing(open_database(path, "")) as reader:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO notes (text) VALUES ('x')")
        assert reader.execute("SELECT count(*) FROM notes").fetchone() == (0,)
        writer.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM notes").fetchone() == (1,)


def test_many_threads_open_and_fill_one_store(tmp_path):
    path = tmp_path / "s.sqlite"
    open_database(path, SCHEMA).close()
    together = threading.Barrier(6)

    def fill():
        together.wait()
        with closing(open_database(path, SCHEMA)) as store:
            for _ in range(10):
                store.execute("INSERT INTO notes (text) VALUES ('x')")

    threads = [threading.Thread(target=fill) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with closing(open_database(path, "")) as store:
        assert store.execute("SELECT count(*) FROM notes").fetchone() == (60,)


def test_what_is_deleted_leaves_the_file(tmp_path):
    path = tmp_path / "s.sqlite"
    with closing(open_database(path, SCHEMA)) as store:
        store.execute("INSERT INTO notes (text) VALUES (?)", ("a secret of Ada" * 50,))
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert b"a secret of Ada" in path.read_bytes()
        store.execute("DELETE FROM notes")
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert b"a secret of Ada" not in path.read_bytes()


def test_a_file_of_another_format_is_refused(tmp_path):
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"no database " * 100)
    with pytest.raises(sqlite3.DatabaseError):
        open_database(path, SCHEMA)


def test_a_schema_with_a_mistake_is_refused(tmp_path):
    with pytest.raises(sqlite3.OperationalError, match="syntax"):
        open_database(tmp_path / "s.sqlite", "CREATE TABEL x;")


def test_a_store_that_another_is_making_is_waited_for(tmp_path, monkeypatch):
    """SQLite itself does not wait here, whatever its own patience is."""
    monkeypatch.setattr("connectors.local_files.BUSY_S", 0.0)
    path = tmp_path / "notes.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE notes (id INTEGER)")
        other.execute("BEGIN EXCLUSIVE")
        tried = threading.Event()
        monkeypatch.setattr("connectors.local_files.time.sleep", lambda _: tried.set())
        making = threading.Thread(target=lambda: tried.wait(60) and other.execute("COMMIT"))
        making.start()
        with closing(open_database(path, "")) as store:
            assert store.execute("SELECT count(*) FROM notes").fetchall() == [(0,)]
        assert tried.is_set()
        making.join()


def test_a_store_that_stays_locked_is_refused_in_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("connectors.local_files.BUSY_S", 0.0)
    monkeypatch.setattr("connectors.local_files.OPENING_S", 0.0)
    path = tmp_path / "notes.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE notes (id INTEGER)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            open_database(path, "")
