"""`replay verify` with what could be written to and spoken to taken away: it only reads.

In namespaces of its own: every file system is read-only or full, and there is no network at all.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from replay.archive import ArchiveLog
from replay.verify_cli import processes_for
from tests.golden.packing import unpacked
from tests.golden.verifying import ROOT, environment, verify

GOLDENS = ROOT / "tests" / "golden"
JOBS = [("0.1.0", 1), ("present", 2)]
"""A golden log and in how many processes it is verified: the older one is too short for a second to read anything."""
FEW = ("--tenant", "moor")
"""Of the present one: the rest is read, and not run again."""
ALL_READ_ONLY = r"""
set -e
grep -oE '^[^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+' /proc/self/mountinfo | cut -d' ' -f5 | while read -r place; do
  mount -o remount,bind,ro "$place" 2>/dev/null || true
done
if touch "$1/run/x" 2>/dev/null || touch /tmp/x 2>/dev/null || touch /dev/shm/x 2>/dev/null; then exit 99; fi
"""
BUT_FOR_LOCKS = rf"""
mount --bind "$1" /mnt
{ALL_READ_ONLY}
mount -t tmpfs -o size=64k tmpfs /dev/shm
"""
"""Several processes have locks there, and leave none behind."""
NO_LOCK_LEFT = 'test -z "$(ls -A /dev/shm)"'
FULL = r"""
set -e
mount -t tmpfs -o size=16m tmpfs /mnt
cp -a "$1" /mnt/golden
cat /dev/zero > /mnt/filling 2>/dev/null || true
if echo x > /mnt/x 2>/dev/null; then exit 99; fi
"""


def unshared(script, folder, *options, place=None, after="", **env):
    """Verify in namespaces of their own, behind a script that takes things away, and look at what is left."""
    place = place or folder
    verify = ["-m", "infra.cli", "replay", "verify", "--archive", f"{place}/log", "--json"]
    script = f'{script}\nshift; "$@"\n{after}'
    return subprocess.run(
        [
            *("unshare", "--mount", "--net", "sh", "-c", script, "sh", str(folder)),
            *(sys.executable, *verify, *options),
        ],
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "PYTHONPATH": str(ROOT),
            **environment(folder),
            "PLAYHEAD_RUN": f"{place}/run",
            **env,
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def may_unshare():
    """Tell whether namespaces may be made here."""
    tried = ["unshare", "--mount", "--net", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return shutil.which("unshare") and not subprocess.run(tried, check=False).returncode


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not may_unshare(), reason="no namespace may be made here"),
]


@pytest.fixture
def release():
    return "0.1.0"


@pytest.fixture
def golden(tmp_path, release):
    return unpacked(GOLDENS / release, tmp_path / "golden")


def written(golden):
    report = json.loads((golden / "report.json").read_text())
    return {name: report[name] for name in ("records", "equal", "erased", "superseded", "inputs")}


def listed(folder):
    """List what lies in a folder and the folder itself, each with its size and when it was written."""
    states = {path: path.stat() for path in (folder, *folder.rglob("*"))}
    return {path: (state.st_size, state.st_mtime_ns) for path, state in states.items()}


def report_of(ran):
    assert ran.stdout, ran.stderr
    return json.loads(ran.stdout)


def may_have(golden, jobs):
    """Let a log be verified in so many processes; one that is too short for them would show nothing of the others."""
    with contextlib.closing(ArchiveLog(golden / "log")) as log:
        assert processes_for(log, jobs) == jobs
    return "--jobs", str(jobs)


def all_equal(ran, golden):
    report = report_of(ran)
    assert (ran.returncode, report["diverged"], report["unverifiable"]) == (0, [], [])
    assert {name: report[name] for name in written(golden)} == written(golden)


def test_nothing_is_written_and_nobody_is_asked(golden):
    all_equal(unshared(ALL_READ_ONLY, golden), golden)


@pytest.mark.parametrize("release", ["present"])
def test_several_processes_write_nothing_but_their_locks(golden):
    jobs = may_have(golden, 2)
    all_equal(unshared(BUT_FOR_LOCKS, golden, *jobs, place="/mnt", after=NO_LOCK_LEFT), golden)


@pytest.mark.parametrize("release", ["present"])
def test_where_no_lock_can_be_there_is_one_process(golden):
    ran = unshared(ALL_READ_ONLY, golden, *may_have(golden, 2), *FEW)
    report = report_of(ran)
    assert (ran.returncode, report["diverged"], report["unverifiable"]) == (0, [], [])
    assert report["equal"] == report["records"] > 0


@pytest.mark.parametrize(("release", "jobs"), JOBS)
def test_where_it_may_write_nothing_is_written_either(golden, tmp_path, jobs):
    """Not even what is taken away again: that would show by the time of its folder."""
    archive = ("--archive", f"{golden}/log", *may_have(golden, jobs), *(FEW if jobs > 1 else ()))
    before = listed(tmp_path)
    code, _ = verify(golden, *archive, HOME=str(tmp_path), TMPDIR=str(tmp_path))
    assert (code, listed(tmp_path)) == (0, before)


def test_a_full_disk_is_none_of_its_business(golden):
    ran = unshared(FULL, golden, place="/mnt/golden", TMPDIR="/mnt")
    all_equal(ran, golden)


def test_without_a_key_store_what_needs_none_is_verified(golden):
    nowhere = golden / "nowhere"
    ran = unshared(ALL_READ_ONLY, golden, PLAYHEAD_RUN=str(nowhere), PLAYHEAD_MASTER_KEY="")
    report = report_of(ran)
    assert (ran.returncode, report["diverged"], report["unreadable"]) == (3, [], [])
    assert report["equal"] > 0.8 * written(golden)["equal"]
    assert report["unverifiable"]
    assert not nowhere.exists()


def test_a_broker_that_can_not_be_asked_is_no_difference(golden):
    """With no archive named the log is the broker's, and there is none: a status of its own."""
    beside = [
        subprocess.Popen(  # side by side: each asks for eight seconds before it says so
            ["unshare", "--net", sys.executable, "-m", "infra.cli", "replay", "verify", *verb],
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ["HOME"],
                "PYTHONPATH": str(ROOT),
                **environment(golden),
            },
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for verb in ((), ("--request", "r"), ("--since", "2020-01-01"))
    ]
    for ran in beside:
        _, said = ran.communicate(timeout=120)
        assert (ran.returncode, "Traceback" in said) == (3, False), said
