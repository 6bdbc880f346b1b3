"""Verify golden logs as an auditor would: by the command, with nothing running."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from infra.local.parts import all_parts
from infra.triton.install import tokenizer_path

ROOT = Path(__file__).parents[2]
LATER = {
    "unverifiable": [],
    "unreadable": [],
    "before_its_time": 0,
    "unlisted": {"diverged": 0, "unverifiable": 0, "unreadable": 0},
}
"""What reports of earlier releases did not tell."""


def tokenizer() -> str:
    """Return where the tokenizer is, which parsing documents again needs."""
    path = tokenizer_path(all_parts()["triton"].place)
    assert path.exists(), "the tokenizer comes with a part: run `make setup`"
    return str(path)


def environment(folder: Path) -> dict[str, str]:
    """Return the settings under which a copy of a golden log verifies."""
    return {
        "PLAYHEAD_RUN": str(folder / "run"),
        "PLAYHEAD_MASTER_KEY": (folder / "run" / "master.key").read_text().strip(),
        "PLAYHEAD_TOKENIZER": tokenizer(),
        # whoever asked anybody would be told that nobody is there
        "PLAYHEAD_KAFKA": "127.0.0.1:9",
        "PLAYHEAD_REGISTRY": "http://127.0.0.1:9",
    }


def verify(
    folder: Path, *options: str, tree: Path = ROOT, python: str = sys.executable, **env: str
) -> tuple[int, dict[str, Any]]:
    """Verify a copy of a golden log with nothing running, by the code of a tree; return exit code and report.

    In one process, where no option says otherwise: each that is begun beside it imports all once more.
    """
    ran = subprocess.run(
        [python, "-m", "infra.cli", "replay", "verify", "--jobs", "1", *options, "--json"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "PYTHONPATH": str(tree),
            **environment(folder),
            **env,
        },
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.stdout, ran.stderr
    report = json.loads(ran.stdout)
    del report["seconds"]
    return ran.returncode, report
