"""Parts of archives are kept by their digests, and no more of them than is allowed."""

import hashlib
import os
import resource

import pytest

from agents.errors import Transient
from replay.part_cache import PartCache


def named(content):
    return hashlib.sha256(content).hexdigest()


def bringing(*contents):
    """Bring one content after the other, each in chunks; None for what is not there."""
    left = list(contents)

    def bring(begin):
        content = left.pop(0)
        if content is None:
            return False
        take = begin()
        for start in range(0, len(content), 3):
            take(content[start : start + 3])
        return True

    bring.left = left
    return bring


def test_a_part_is_brought_once(tmp_path):
    cache, bring = PartCache(tmp_path / "c", 100), bringing(b"a part")
    for _ in range(3):
        with cache.open(named(b"a part"), bring) as file:
            assert file.read() == b"a part"
            assert file.seek(2) == 2
    assert bring.left == []
    assert [path.stat().st_mode & 0o77 for path in (tmp_path / "c").iterdir()] == [0]


def test_a_part_that_was_changed_here_is_brought_again(tmp_path):
    cache, name = PartCache(tmp_path, 100), named(b"a part")
    cache.open(name, bringing(b"a part")).close()
    (tmp_path / name).write_bytes(b"forged")
    with cache.open(name, bringing(b"a part")) as file:
        assert file.read() == b"a part"


@pytest.mark.parametrize("brought", [b"another", b"a par", b"", b"a part!"])
def test_what_is_not_what_its_digest_says_is_none_and_is_not_kept(tmp_path, brought):
    with pytest.raises(OSError, match="its SHA-256 is not the manifest's"):
        PartCache(tmp_path, 100).open(named(b"a part"), bringing(brought))
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_is_nowhere_is_absent(tmp_path):
    with pytest.raises(FileNotFoundError, match="it is not there"):
        PartCache(tmp_path, 100).open(named(b"a part"), bringing(None))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "/"])
def test_no_digest_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(OSError, match="SHA-256 of it is none"):
        PartCache(tmp_path / "c", 100).open(name, bringing(b"x"))
    assert not (tmp_path / "c").exists()


def test_what_was_opened_longest_ago_goes_and_who_has_it_open_reads_on(tmp_path):
    cache = PartCache(tmp_path, 20)
    first = cache.open(named(b"1" * 8), bringing(b"1" * 8))
    cache.open(named(b"2" * 8), bringing(b"2" * 8)).close()
    for number, name in enumerate((named(b"1" * 8), named(b"2" * 8))):
        os.utime(tmp_path / name, (number, number))
    cache.open(named(b"1" * 8), bringing()).close()
    cache.open(named(b"3" * 8), bringing(b"3" * 8)).close()
    assert {path.name for path in tmp_path.iterdir()} == {named(b"1" * 8), named(b"3" * 8)}
    cache.open(named(b"4" * 30), bringing(b"4" * 30)).close()
    assert {path.name for path in tmp_path.iterdir()} == {named(b"4" * 30)}
    with first:
        assert first.read() == b"1" * 8


def test_what_began_anew_is_whole(tmp_path):
    def bring(begin):
        begin()(b"half of it, and mo")
        begin()(b"whole")
        return True

    with PartCache(tmp_path, 100).open(named(b"whole"), bring) as file:
        assert file.read() == b"whole"


def test_what_a_kill_left_goes_after_a_day(tmp_path):
    for name, age_s in (("old", 90_000), ("new", 0)):
        (tmp_path / f".begun-{name}").write_bytes(b"x")
        (tmp_path / f"work-{name}").mkdir()
        for path in (tmp_path / f".begun-{name}", tmp_path / f"work-{name}"):
            os.utime(path, (path.stat().st_mtime - age_s,) * 2)
    cache = PartCache(tmp_path, 100)
    cache.open(named(b"x"), bringing(b"x")).close()
    with cache.work_folder("work-") as folder:
        assert folder.is_dir()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {named(b"x"), ".begun-new", "work-new"}


def test_a_folder_that_takes_no_more_says_nothing_of_the_archive(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Transient, match=r"or name another folder \(PLAYHEAD_ARCHIVE_CACHE\)"):
        PartCache(tmp_path / "file", 100).open(named(b"x"), bringing(b"x"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(Transient, match="File too large; make room"):
            PartCache(tmp_path, 100).open("a" * 64, lambda begin: begin()(b"x" * 100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
