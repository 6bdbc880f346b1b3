"""Write the golden log of the present code: `make golden`, or with a name as argument that of a release.

Made-up documents and conversations go through the real steps over canned models (bench/synthetic); times, keys and
what is sealed differ each time, texts and answers do not. Small on purpose: it shows at once that an outcome changed.
"""

import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

from bench.synthetic.builder import build
from streams.version import CODE
from tests.golden.verifying import verify

HERE = Path(__file__).parent
PRESENT = "present"
CONVERSATIONS, DOCUMENTS = 1, 1


def write(folder: Path) -> None:
    """Write archive, keys and report into a folder, in place of what is there."""
    with tempfile.TemporaryDirectory() as place:
        archive, settings = asyncio.run(build(Path(place), CONVERSATIONS, DOCUMENTS))
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(archive, folder / "log")
        (folder / "run").mkdir()
        for kept in (settings.keyring_path, settings.master_key_path):
            shutil.copy(kept, folder / "run" / kept.name)
    manifest = folder / "log" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()), separators=(",", ":")))
    code, report = verify(folder, "--archive", str(folder / "log"))
    if code:
        raise SystemExit(f"the log that was just written does not verify: {json.dumps(report)[:2_000]}")
    (folder / "report.json").write_text(json.dumps({"code": CODE, **report}, indent=1) + "\n")


if __name__ == "__main__":
    write(HERE / (sys.argv[1] if len(sys.argv) > 1 else PRESENT))
