"""The command lines of what runs on Java."""

import os
import subprocess

import pytest

from infra.local import java
from infra.local.parts import all_parts

STRANGE = "a b,c;d:é=$x #%ü"


def test_no_path_of_the_machine_reaches_what_would_misread_it(tmp_path):
    folder = tmp_path / STRANGE
    (tmp_path / "part").mkdir()
    java.lay_out(folder, tmp_path / "part")
    java.kafka_files(folder, 1, 2)
    text = (folder / java.PROPERTIES).read_text(encoding="ascii")
    assert "log.dirs=data\n" in text
    for command in (java.kafka(tmp_path, "-A"), java.registry(tmp_path, 3, "-A")):
        assert command[0] == str(tmp_path / "bin" / "java")
        assert not any(str(tmp_path) in word for word in command[1:])
    assert not any(str(tmp_path) in word for word in java.kafka_format(tmp_path, "x")[1:])


def test_a_component_sees_its_part_under_the_names_that_the_archive_knows(tmp_path):
    parts = [tmp_path / "old", tmp_path / "new"]
    folder = tmp_path / "run" / "kafka"
    for part in parts:
        (part / "libs").mkdir(parents=True)
        (part / "libs" / "a.jar").write_text(part.name)
        java.lay_out(folder, part)  # at the second time another one is in use
        java.lay_out(folder, part)
        assert (folder / "libs" / "a.jar").read_text() == part.name


def test_what_a_component_wrote_is_not_taken_for_a_link(tmp_path):
    part, folder = tmp_path / "part", tmp_path / "run"
    (part / "libs").mkdir(parents=True)
    java.lay_out(folder, part)
    java.kafka_files(folder, 1, 2)
    (folder / java.DATA / "meta.properties").write_text("kept")
    java.lay_out(folder, part)
    java.kafka_files(folder, 1, 2)
    assert (folder / java.DATA / "meta.properties").read_text() == "kept"


@pytest.fixture
def broker(tmp_path):
    """The broker's part laid out in a folder whose name is hard to pass on."""
    known = all_parts()
    if not known["kafka"].present:
        pytest.skip("Kafka is not installed yet: make setup")
    folder = tmp_path / STRANGE
    java.lay_out(folder, known["kafka"].place)
    java.kafka_files(folder, 9092, 9093)
    return known["java"].place, folder


@pytest.mark.stack
@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_storage_lies_where_it_should_whatever_the_folder_and_the_locale(broker, locale):
    home, folder = broker
    # one in 64 ids begins with a dash
    subprocess.run(
        java.kafka_format(home, "-" + "A" * 21),
        cwd=folder,
        env={**os.environ, "LANG": locale, "LC_ALL": locale, **java.ENVIRONMENT},
        check=True,
        timeout=60,
    )
    assert "cluster.id=-AAAA" in (folder / "data" / "meta.properties").read_text()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.stack
def test_classes_come_from_the_archive(broker):
    home, folder = broker
    command = java.kafka_format(home, "A" * 22)
    command.insert(1, "-Xlog:class+load")
    said = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **java.ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    # the archive was made under other names of the same jars; one that does not fit gives none
    assert "kafka.utils.Logging source: shared objects file (top)" in said


def databases(folder):
    return sorted(path.name for path in folder.glob("*.db"))


def test_a_registry_that_was_broken_off_in_its_first_start_begins_anew(tmp_path):
    java.begin_registry(tmp_path)
    for name in ("registry.mv.db", "registry.trace.db", "other.mv.db"):
        (tmp_path / name).touch()
    java.begin_registry(tmp_path)
    assert databases(tmp_path) == ["other.mv.db"]
    (tmp_path / "registry.mv.db").touch()
    java.begin_registry(tmp_path)
    assert databases(tmp_path) == ["other.mv.db"], "until it has answered"


def test_a_registry_that_has_answered_once_keeps_its_database(tmp_path):
    java.begin_registry(tmp_path)
    (tmp_path / "registry.mv.db").touch()
    java.registry_is_whole(tmp_path)
    java.begin_registry(tmp_path)
    assert databases(tmp_path) == ["registry.mv.db"]


def test_a_database_of_before_this_mark_is_kept(tmp_path):
    (tmp_path / "registry.mv.db").touch()
    for _ in range(2):
        java.begin_registry(tmp_path)
    assert databases(tmp_path) == ["registry.mv.db"]
