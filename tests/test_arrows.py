"""The arrows between rooms: one contract holds them, and the page that shows them shows just these."""

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain, combinations, permutations, product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
HOUSE, EDGE, DELIVERY = (
    [floor.split(" | ") for floor in contract["layers"]]
    for contract in CONTRACTS["contracts"]
    if contract["type"] == "layers"
)
SPLIT = ("streams",)
"""Packages whose rooms stand on floors of the house, not as one."""


def wrong(floors):
    """Yield each import that a contract rules out: upward, or aside."""
    for highs, lows in combinations(floors, 2):
        yield from product(lows, highs)
    for floor in floors:
        yield from permutations(floor, 2)


IGNORED = {
    tuple(arrow.split(" -> "))
    for contract in CONTRACTS["contracts"]
    for arrow in contract.get("ignore_imports", ())
}
"""Imports for their types alone."""
WRONG = [
    arrow for floors in (HOUSE, EDGE, DELIVERY) for arrow in wrong(floors) if arrow not in IGNORED
]


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
    for low, high in WRONG:
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


@pytest.mark.parametrize(("low", "high"), WRONG)
def test_a_wrong_import_is_caught(said, low, high):
    assert re.search(rf"{re.escape(low)}[\w.]* -> {re.escape(high)}\b", said)


def rooms_of(package):
    """Return the modules and packages right inside a package."""
    return {
        f"{package}.{path.stem}"
        for path in (ROOT / package.replace(".", "/")).iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }


def test_every_room_stands_on_a_floor():
    whole = set(CONTRACTS["root_packages"]) - set(SPLIT)
    assert set(chain(*HOUSE)) == whole.union(*map(rooms_of, SPLIT))
    assert set(chain(*EDGE)) == rooms_of("edge")
    assert set(chain(*DELIVERY)) == rooms_of("streams.delivery")


def test_the_page_shows_the_contracts():
    page = (ROOT / "docs" / "architecture.md").read_text()
    tables = page.partition("## Where things are")[2]
    rows = re.findall(r"^\| (.+?) \| ", tables, re.MULTILINE)
    shown = [re.findall(r"`([\w/]+?)(?:/|\.py)?`", row) for row in rows if "`" in row]
    assert shown == [
        [room.replace(".", "/") for room in floor] for floor in [*HOUSE, *EDGE, *DELIVERY]
    ]
