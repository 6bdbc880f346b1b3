"""Lanes verified in processes of their own say what one process says."""

import asyncio
import subprocess
import sys
import threading

from rich.progress import Progress

from replay.archive import ArchiveLog
from replay.local_effects import local_handlers
from replay.selection import Selection
from replay.side_by_side import process_context, verify_side_by_side
from replay.verify import Verifier

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
