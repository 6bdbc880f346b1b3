"""Lanes verified in processes of their own say what one process says."""

import asyncio
import errno
import multiprocessing
import subprocess
import sys
import threading

from rich.progress import Progress

from replay.archive import ArchiveLog
from replay.local_effects import local_handlers
from replay.selection import Selection
from replay.side_by_side import process_context, verify_side_by_side
from replay.verify import Verifier
from replay.verify_cli import JOBS_FROM, processes_for
from streams.log.offsets import Extent
from streams.topics import DERIVED

ASKING = (
    "from replay.side_by_side import process_context; print(process_context().get_start_method())"
)


def test_processes_are_forked_from_one_of_a_single_thread():
    said = subprocess.run(
        [sys.executable, "-c", ASKING], check=True, capture_output=True, text=True
    )
    assert said.stdout.strip() == "fork"


def test_processes_begin_anew_beside_other_threads():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert process_context().get_start_method() == "spawn"
    finally:
        done.set()
        thread.join()


def test_side_by_side_and_alone_come_to_the_same(archive):
    log = ArchiveLog(archive.folder)
    local, keyring = local_handlers(archive.settings)
    selection = Selection()
    alone = asyncio.run(Verifier(log, local, keyring.digest_key, selection).verify())
    log = ArchiveLog(archive.folder)
    bar = Progress(disable=True)
    task = bar.add_task("verify", total=alone.records)
    together = verify_side_by_side(log, archive.folder, archive.settings, selection, 2, bar)
    # it knows of each file how many rows it holds, so none is read once more
    assert log.read.keys() == {entry.file for entry in log.manifest.files}
    assert {**together.as_json(), "seconds": 0} == {**alone.as_json(), "seconds": 0}
    assert alone.equal == alone.records > 0
    assert bar.tasks[task].completed == alone.records


class LongLog:
    """As much of a log as says how long it is."""

    def __init__(self, records):
        self._extent = Extent(DERIVED[0].name, 0, 3, 3 + records)

    def extents(self):
        return {(self._extent.topic, 0): self._extent}


def test_a_short_log_is_verified_in_one_process():
    assert processes_for(LongLog(JOBS_FROM), 3) == 3
    assert processes_for(LongLog(JOBS_FROM), 1) == 1
    assert processes_for(LongLog(JOBS_FROM - 1), 3) == 1


def test_where_no_lock_can_be_made_there_is_one_process(monkeypatch):
    def refuse(_context):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(multiprocessing.context.BaseContext, "Lock", refuse)
    assert processes_for(LongLog(JOBS_FROM), 3) == 1
