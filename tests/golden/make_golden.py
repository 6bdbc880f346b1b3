"""Write the golden log of the present code: `make golden`, or with a name as argument that of a release.

Made-up documents and conversations (`scenario.py`) go through the real steps over canned models: the ids, texts,
answers and order are the same each time. Times differ, and so do the keys with what is sealed or digested under them
(chunk ids, and with them the order of what ties): a key that could be told beforehand would be no key.
"""

import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

from bench.synthetic.builder import synthetic_settings
from replay.export import export
from streams.settings import Settings
from streams.version import CODE
from tests.golden.canned_world import Oddities, Scripts
from tests.golden.driving import Drive
from tests.golden.packing import pack, unpacked
from tests.golden.scenario import Scenario
from tests.golden.scripts import SAID, question
from tests.golden.texts import PEOPLE
from tests.golden.verifying import verify

HERE = Path(__file__).parent
PRESENT = "present"


async def _played(place: Path) -> tuple[Path, Settings]:
    settings = synthetic_settings(place / "run")
    scripts = Scripts({question(number): said for number, said in SAID.items()})
    drive = Drive(settings, Oddities(PEOPLE, scripts))
    try:
        await Scenario(drive, scripts).play(place)
    finally:
        await drive.close()
    if scripts.unsaid:
        raise SystemExit(f"no model is asked any more: {sorted(scripts.unsaid)}")
    export(drive.log, place / "archive")
    return place / "archive", settings


def write(folder: Path) -> None:
    """Write archive and keys, packed, and the report into a folder, in place of what is there."""
    with tempfile.TemporaryDirectory() as place:
        archive, settings = asyncio.run(_played(Path(place)))
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(archive, folder / "log")
        (folder / "run").mkdir()
        for kept in (settings.keyring_path, settings.master_key_path):
            shutil.copy(kept, folder / "run" / kept.name)
    pack(folder)
    with tempfile.TemporaryDirectory() as place:
        copy = unpacked(folder, Path(place) / "golden")
        code, report = verify(copy, "--archive", str(copy / "log"))
    if code:
        raise SystemExit(
            f"the log that was just written does not verify: {json.dumps(report, ensure_ascii=False)[:6_000]}"
        )
    (folder / "report.json").write_text(json.dumps({"code": CODE, **report}, indent=1) + "\n")


if __name__ == "__main__":
    write(HERE / (sys.argv[1] if len(sys.argv) > 1 else PRESENT))
