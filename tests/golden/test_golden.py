"""Logs of earlier releases verify as they did when they were written."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.parts import all_parts
from infra.triton.install import tokenizer_path

HERE = Path(__file__).parent
RELEASES = sorted(path.name for path in HERE.iterdir() if (path / "report.json").exists())


def tokenizer() -> str:
    """Return where the tokenizer is, which parsing documents again needs."""
    path = tokenizer_path(all_parts()["triton"].place)
    assert path.exists(), "the tokenizer comes with a part: run `make setup`"
    return str(path)


def verify(folder: Path, *options: str, **env: str) -> tuple[int, dict]:
    """Verify a copy of a golden log with nothing running; return the exit code and the report."""
    ran = subprocess.run(
        [sys.executable, "-m", "infra.cli", "replay", "verify", *options, "--json"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "PYTHONPATH": str(HERE.parents[1]),
            "PLAYHEAD_RUN": str(folder / "run"),
            "PLAYHEAD_MASTER_KEY": (folder / "run" / "master.key").read_text().strip(),
            "PLAYHEAD_TOKENIZER": tokenizer(),
            # whoever asked anybody would be told that nobody is there
            "PLAYHEAD_KAFKA": "127.0.0.1:9",
            "PLAYHEAD_REGISTRY": "http://127.0.0.1:9",
            **env,
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.stdout, ran.stderr
    report = json.loads(ran.stdout)
    del report["seconds"]
    return ran.returncode, report


@pytest.fixture
def copied(tmp_path):
    """Return what copies a release's log: the key store is opened for writing."""

    def copy(release: str) -> Path:
        return Path(shutil.copytree(HERE / release, tmp_path / release))

    return copy


@pytest.mark.parametrize("release", RELEASES)
def test_a_log_of_an_earlier_release_verifies(copied, release):
    folder = copied(release)
    code, report = verify(folder, "--archive", str(folder / "log"))
    written = json.loads((folder / "report.json").read_text())
    assert report == {"unverifiable": [], "unreadable": []} | written  # classes that 0.1.0 did not have
    assert code == 0


@pytest.mark.parametrize("release", RELEASES)
def test_what_a_machine_lacks_is_no_difference(copied, release):
    folder = copied(release)
    code, report = verify(folder, "--archive", str(folder / "log"), PLAYHEAD_TOKENIZER="/nowhere")
    assert (code, report["diverged"]) == (3, [])
    assert {entry["step"] for entry in report["unverifiable"]} == {"ingest"}
    assert all("PLAYHEAD_TOKENIZER" in entry["reason"] for entry in report["unverifiable"])
