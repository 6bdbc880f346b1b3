"""A disk that fails says nothing of the archive on it; what does not lie on it is damage."""

import errno
import io
import os

import pytest

from agents.errors import Transient
from replay.archive import ArchiveLog


def a_file_fails(monkeypatch, name, error):
    """Let the disk fail where a file of this name is opened, or a folder is listed."""
    opened, listed = os.open, os.scandir

    def opening(path, *others, **more):
        if str(path).endswith(name):
            raise OSError(error, os.strerror(error), str(path))
        return opened(path, *others, **more)

    def listing(path="."):
        if str(path).endswith(name):
            raise OSError(error, os.strerror(error), str(path))
        return listed(path)

    monkeypatch.setattr(os, "open", opening)
    monkeypatch.setattr(os, "scandir", listing)


FILES = (".avro", "manifest.json", "/history", "/keys", "playhead.answer.released")


@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES, errno.ESTALE, errno.EMFILE])
@pytest.mark.parametrize("name", FILES)
def test_a_disk_that_fails_is_no_tampering(command_line, sealed_archive, monkeypatch, name, error):
    a_file_fails(monkeypatch, name, error)
    code, out, err = command_line("audit", "check", "--archive", sealed_archive)
    assert code == 3, out
    assert os.strerror(error) in " ".join((out + err).split())


@pytest.mark.parametrize("name", [".avro", "manifest.json", "playhead.answer.released"])
def test_nor_is_it_for_verify(command_line, sealed_archive, monkeypatch, name):
    a_file_fails(monkeypatch, name, errno.EIO)
    code, out, err = command_line("replay", "verify", "--archive", sealed_archive)
    assert (code, out) == (3, "")
    assert os.strerror(errno.EIO) in err


def test_a_disk_that_fails_as_it_is_read_is_none_either(sealed_archive):
    class Failing(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, _):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    log = ArchiveLog(sealed_archive)
    log.source.open = lambda *_: io.BufferedReader(Failing())
    place = next(place for place in sorted(log.extents()) if log.files(*place))
    with pytest.raises(Transient, match="says nothing of what lies there"):
        list(log.records(*place))
    with pytest.raises(Transient, match="says nothing of what lies there"):
        log.faults()


@pytest.mark.parametrize("error", [errno.ENOENT, errno.ELOOP, errno.EISDIR])
def test_what_does_not_lie_there_is_damage_as_before(
    command_line, sealed_archive, monkeypatch, error
):
    a_file_fails(monkeypatch, ".avro", error)
    code, out, _ = command_line("audit", "check", "--archive", sealed_archive)
    assert (code, "the archive:" in out) == (1, True)
