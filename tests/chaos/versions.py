"""Another version of the code beside this one: a copy of the tree with another code version, configuration and schema.

The copy stands in the run folder and comes first on the path of the workers that run it. Its records have one more
optional field, as a compatible change of a schema adds one; its steps are configured otherwise, so their digests
differ; and it calls itself another version. Both versions work in one group and write one log, which must verify.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

from streams.version import CODE

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("agents", "schemas", "streams", "connectors", "edge", "worker", "replay", "infra", "bench"),
    "tests",
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "golden")
NEWER_CODE = f"{CODE}+chaos"
FIELD = {
    "name": "chaos_note",
    "type": "string",
    "default": "",
    "doc": "A field that only the newer version knows.",
}
RECORD = "query_rewritten.avsc"
"""Which schema has the field: of a record in the middle of a question's way, read by the next step of either version."""
CONFIGURED = "retrieve.json"
"""Whose configuration differs, by a value that the trivial steps make nothing of."""

NEWER = 0.4  # share of starts


def root_of(name: str, newer: Path | None) -> Path:
    """Draw which version a worker runs; the seed of its start decides."""
    is_newer = random.Random(f"version {name}").random() < NEWER
    return newer if newer is not None and is_newer else ROOT


def make_newer(run: Path, kafka_ready: bool = True) -> Path:
    """Make the newer version in a run folder and deploy what it needs: its schemas and configuration. Returns its root."""
    root = run / "newer"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package, ignore=LEFT_OUT)
    _change(root)
    _run(root, "-m", "schemas.generate")
    if kafka_ready:
        _run(
            root,
            "-c",
            "import sys; from pathlib import Path; from streams.log.setup import prepare; "
            "from streams.settings import Settings; "
            "prepare(Settings.load(environment={}, run=Path(sys.argv[1])))",
            str(run),
        )
    return root


def _change(root: Path) -> None:
    version = root / "streams" / "version.py"
    text = version.read_text(encoding="utf-8")
    changed, times = re.subn(r"^CODE = .*$", f"CODE = {NEWER_CODE!r}", text, flags=re.MULTILINE)
    if times != 1:
        raise RuntimeError(f"{version} spells the version otherwise: see tests/chaos/versions.py")
    version.write_text(changed, encoding="utf-8")
    schema = root / "schemas" / "avro" / RECORD
    definition = json.loads(schema.read_text(encoding="utf-8"))
    definition["fields"].append(FIELD)
    schema.write_text(json.dumps(definition, indent=2), encoding="utf-8")
    configuration = root / "agents" / "configuration" / CONFIGURED
    values = json.loads(configuration.read_text(encoding="utf-8"))
    values["candidates"] += 1
    configuration.write_text(json.dumps(values, indent=2), encoding="utf-8")


def _run(root: Path, *arguments: str) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PLAYHEAD_")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env={**kept, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the newer version: {arguments[:2]} failed: {done.stderr[-2_000:]}")
