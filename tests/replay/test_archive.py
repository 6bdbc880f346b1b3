"""An archive is read as it was written, and damage to it is an error that names the file."""

import json
import os
import shutil

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replay.archive import MANIFEST, ArchiveLog, BadArchive, name_of, open_file, read_manifest
from replay.export import export
from streams.log.offsets import Extent
from tests.replay.little_log import ASKED, REDACTED, a_log, verified, with_every_topic


@pytest.fixture
async def folder(tmp_path):
    export(with_every_topic(await a_log(3)), tmp_path / "archive")
    return tmp_path / "archive"


def edit(folder, change):
    """Change the manifest; `change` returns another one, or None for the same object."""
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest = change(manifest) or manifest
    (folder / MANIFEST).write_text(json.dumps(manifest))


async def test_an_archive_verifies_as_the_log_did(folder):
    report = await verified(ArchiveLog(folder))
    assert (report.records, report.equal, report.diverged) == (9, 9, [])


async def test_a_folder_may_be_moved(folder, tmp_path):
    moved = shutil.move(folder, tmp_path / "elsewhere")
    assert (await verified(ArchiveLog(moved))).equal == 9


@pytest.mark.parametrize(
    ("begin", "end", "offsets", "opened"),
    [(0, 9, range(9), 3), (4, 5, [4], 1), (3, 7, range(3, 7), 2), (9, 12, [], 0)],
)
async def test_a_part_of_a_partition_opens_no_file_that_lies_outside(
    tmp_path, begin, end, offsets, opened
):
    export(with_every_topic(await a_log(3)), tmp_path / "archive", segment_records=3)
    log = ArchiveLog(tmp_path / "archive")
    records = list(log.records(REDACTED, 0))
    names, rows = [], log._rows
    log._rows = lambda entry: (names.append(entry.file), rows(entry))[1]
    found = list(log.read_extent(Extent(REDACTED, 0, begin, end)))
    assert found == [records[offset] for offset in offsets]
    assert len(names) == opened


# ---------------------------------------------------------------------- the manifest


def test_a_folder_without_a_manifest_is_none_or_unfinished(tmp_path):
    with pytest.raises(BadArchive, match="not an archive, or unfinished"):
        ArchiveLog(tmp_path)
    (tmp_path / MANIFEST).mkdir()
    with pytest.raises(BadArchive, match="can't be read"):
        ArchiveLog(tmp_path)


def test_a_manifest_that_is_a_link_or_a_pipe_is_not_read(tmp_path):
    (tmp_path / "elsewhere").write_text("{}")
    (tmp_path / MANIFEST).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadArchive, match="can't be read"):
        ArchiveLog(tmp_path)
    (tmp_path / MANIFEST).unlink()
    os.mkfifo(tmp_path / MANIFEST)
    with pytest.raises(BadArchive, match="it is no file"):
        ArchiveLog(tmp_path)


def test_a_manifest_without_end_is_not_read_to_its_end(tmp_path):
    (tmp_path / MANIFEST).write_text("[" + " " * 20 + "]")
    with pytest.raises(BadArchive, match="has more than 10 bytes"):
        read_manifest(tmp_path, bytes_max=10)


@pytest.mark.parametrize(
    ("topic", "partition", "first", "name"),
    [
        ("t.x", 3, 7, "t.x/3/00000000000000000007.avro"),
        ("..", 3, 7, ""),
        ("t/x", 3, 7, ""),
        ("", 3, 7, ""),
        ("t", "03", 7, ""),
        ("t", "..", 7, ""),
        ("t", "9" * 5_000, 7, ""),
        ("t", -1, 7, ""),
        ("t", 3, -7, ""),
    ],
)
def test_no_name_leads_out_of_an_archive(topic, partition, first, name):
    assert name_of(topic, partition, first) == name


def test_a_folder_that_is_a_link_is_not_followed(folder, tmp_path):
    (folder / REDACTED).rename(tmp_path / "elsewhere")
    (folder / REDACTED).symlink_to(tmp_path / "elsewhere")
    [entry] = [one for one in read_manifest(folder).files if one.file.startswith(REDACTED)]
    with pytest.raises(OSError, match="a link leads to it"):
        open_file(folder, entry.file)
    with pytest.raises(BadArchive, match="a link leads to it"):
        list(ArchiveLog(folder).records(REDACTED, 0))


def test_only_named_files_are_read_and_no_more_of_one_than_the_manifest_says(folder):
    shutil.copy(only_file(folder), folder / REDACTED / "0" / f"{9:020d}.avro")
    assert len(list(ArchiveLog(folder).records(REDACTED, 0))) == 9
    edit(folder, lambda m: next(e for e in m["files"] if REDACTED in e["file"]).update(records=4))
    assert len(list(ArchiveLog(folder).records(REDACTED, 0))) == 4


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 10**5, b'{"format": 1e999}'])
def test_a_manifest_that_is_no_json_says_so(tmp_path, content):
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(BadArchive, match="is not JSON"):
        ArchiveLog(tmp_path)


@pytest.mark.parametrize("version", [2, 0, None, "1", [1]])
def test_another_format_is_not_guessed_at(folder, version):
    edit(folder, lambda manifest: manifest.update(format=version))
    with pytest.raises(BadArchive, match="this release reads 1"):
        ArchiveLog(folder)


@pytest.mark.parametrize("manifest", [[], "x", 1, None])
def test_a_manifest_that_is_no_object_has_no_format(tmp_path, manifest):
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BadArchive, match="format None"):
        ArchiveLog(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.pop("schemas") and None, "schemas"),
        (lambda m: m["schemas"].pop("ids") and None, "ids"),
        (lambda m: m["schemas"].update(definitions={"x": {}}), "schemas.definitions"),
        (lambda m: m.update(topics=[]), "topics"),
        (lambda m: m["topics"].update({ASKED: {"zero": {"begin": 0, "end": 1}}}), "topics"),
        (lambda m: m["topics"].update({ASKED: {"0": {"begin": 0}}}), "end"),
        (lambda m: m["topics"].update({ASKED: {"0": {"begin": "a", "end": 1}}}), "begin"),
        (lambda m: m.pop("committed") and None, "committed"),
        (lambda m: m["committed"].update(redact={"no partition": 1}), "no partition"),
        (lambda m: m["committed"].update(redact={f"{ASKED}/{'9' * 5_000}": 1}), "TOPIC/NUMBER"),
        (lambda m: m.update(files={}), "files"),
        (lambda m: m["files"][0].pop("records") and None, "records"),
        (lambda m: m["topics"].update({ASKED: {"0": {"begin": 2, "end": 1}}}), "offsets of"),
        (lambda m: m["topics"].update({ASKED: {"0": {"begin": 0, "end": 10**40}}}), "offsets of"),
        (lambda m: m["topics"].update({ASKED: {"-1": {"begin": 0, "end": 1}}}), "offsets of"),
    ],
)
def test_a_manifest_of_another_shape_names_what_is_wrong(folder, change, says):
    edit(folder, change)
    with pytest.raises(BadArchive, match=says):
        ArchiveLog(folder)


def test_what_a_later_release_adds_is_passed_over(folder):
    edit(folder, lambda manifest: manifest.update(witnesses=["w"]))
    assert read_manifest(folder).format == 1
    assert list(ArchiveLog(folder).records(ASKED, 0))


# ---------------------------------------------------------------------- the files


def only_file(folder, topic=REDACTED):
    [path] = (folder / topic / "0").glob("*.avro")
    return path


@pytest.mark.parametrize("content", [b"", b"no avro", b"Obj\x01"])
def test_a_file_that_is_no_container_is_named(folder, content):
    path = only_file(folder)
    path.write_bytes(content)
    with pytest.raises(BadArchive, match=rf"{path.name} can't be read"):
        list(ArchiveLog(folder).records(REDACTED, 0))


@pytest.mark.parametrize("schema", ["string", {"type": "map", "values": "long"}])
def test_a_container_of_other_things_is_named(folder, schema):
    path = only_file(folder)
    with path.open("wb") as file:
        fastavro.writer(file, schema, ["x"] if schema == "string" else [{"offset": 1}])
    with pytest.raises(BadArchive, match=rf"{path.name} can't be read"):
        list(ArchiveLog(folder).records(REDACTED, 0))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_are_other_records_or_an_error_that_names_the_file(folder, data):
    path = only_file(folder)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(damaged[: data.draw(st.integers(0, len(whole)))])
    try:
        records = list(ArchiveLog(folder).records(REDACTED, 0))
    except BadArchive as error:
        assert path.name in str(error)  # noqa: PT017 - either end is right
    else:
        assert len(records) <= 9
    finally:
        path.write_bytes(whole)
