"""The arrows between rooms: one contract holds them, and the page that shows them shows just these."""

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import combinations, permutations
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
[LAYERS] = [c["layers"] for c in CONTRACTS["contracts"] if c["type"] == "layers"]
FLOORS = [floor.split(" | ") for floor in LAYERS]
ROOMS = [room for floor in FLOORS for room in floor]
UPWARD = [(low, high) for highs, lows in combinations(FLOORS, 2) for high in highs for low in lows]
ASIDE = [pair for floor in FLOORS for pair in permutations(floor, 2)]
SEED = "seeded"


def folder(root: Path, room: str) -> Path:
    """Return where a module can be put into a room: the folder, or that of a single file."""
    path = root / room.replace(".", "/")
    return path if path.is_dir() else path.parent


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> str:
    """Copy the packages, seed every wrong import there is, and return what the linter says."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for package in CONTRACTS["root_packages"]:
        shutil.copytree(
            ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for low, high in UPWARD + ASIDE:
        source = copy / (low.replace(".", "/") + ".py")
        if not source.exists():
            source = folder(copy, low) / "__init__.py"
        with source.open("a") as file:
            file.write(f"\nimport {high}\n")
    linted = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=copy,
        env={"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert linted.returncode == 1, linted.stdout + linted.stderr
    return linted.stdout


@pytest.mark.parametrize(("low", "high"), UPWARD + ASIDE)
def test_a_wrong_import_is_caught(said, low, high):
    assert re.search(rf"{re.escape(low)}[\w.]* -> {re.escape(high)}\b", said)


def test_every_room_stands_on_a_floor():
    packages = set(CONTRACTS["root_packages"])
    of_streams = {
        f"streams.{path.stem}"
        for path in (ROOT / "streams").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert set(ROOMS) == packages - {"streams"} | of_streams - {"streams.__init__"}


def test_the_page_shows_the_contract():
    page = (ROOT / "docs" / "architecture.md").read_text()
    table = page.partition("## Where things are")[2]
    rows = re.findall(r"^\| (.+?) \| ", table, re.MULTILINE)[1:]
    assert [re.findall(r"`([\w/]+?)(?:/|\.py)?`", row) for row in rows if "`" in row] == [
        [room.replace(".", "/") for room in floor] for floor in FLOORS
    ]
