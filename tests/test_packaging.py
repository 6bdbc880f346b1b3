import importlib.metadata
import tomllib
from functools import cache
from pathlib import Path

import pytest

import schemas
from streams.version import CODE

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_the_version_of_the_code_is_that_of_the_project():
    assert PROJECT["project"]["version"] == CODE


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_claims_our_names(name):
    # the price of flat packages: pip would overwrite silently
    assert set(distributions().get(name, [])) <= {"playhead"}


@cache
def distributions():
    """Say by whom each name of a package was brought."""
    return importlib.metadata.packages_distributions()


@pytest.mark.parametrize("name", PACKAGES)
def test_every_package_says_what_it_is(name):
    assert (ROOT / name / "__init__.py").read_text().startswith('"""')


def test_definitions_travel_with_the_package():
    assert list((Path(schemas.__file__).parent / "avro").glob("*.avsc"))


def test_the_project_speaks_of_itself_alone():
    home = str(Path.home())
    for path in ROOT.rglob("*"):
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".json"} and not any(
            part.startswith(".") for part in path.relative_to(ROOT).parts
        ):
            text = path.read_text(encoding="utf-8")
            assert f"{home}/" not in text, f"{path} names a path of this machine"
