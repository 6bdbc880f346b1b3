"""The other version is another: of code, of configuration, of a schema that both can read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from streams.log import configuration
from streams.version import CODE
from tests.chaos.versions import FIELD, NEWER_CODE, ROOT, make_newer, root_of


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    return make_newer(tmp_path_factory.mktemp("run"), kafka_ready=False)


def said(newer, expression):
    """Evaluate an expression in the other version."""
    code = (
        "import json, schemas, streams.version, streams.log.configuration as configuration; "
        f"print(json.dumps({expression}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=newer,
        env={"PYTHONPATH": str(newer)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.slow
def test_it_is_another_version_of_code_configuration_and_schema(newer):
    assert said(newer, "streams.version.CODE") == NEWER_CODE != CODE
    fields = said(newer, "schemas.QueryRewritten.__struct_fields__")
    assert fields[-1] == FIELD["name"]
    digests = said(newer, "{k: v.digest for k, v in configuration.load().items()}")
    ours = {name: one.digest for name, one in configuration.load().items()}
    assert {name for name in ours if ours[name] != digests[name]} == {"retrieve"}


def test_some_starts_are_of_the_other_version_and_the_seed_decides():
    newer = Path("/newer")
    roots = [root_of(f"7-{slot}-{number}", newer) for slot in range(3) for number in range(50)]
    assert roots == [root_of(f"7-{slot}-{n}", newer) for slot in range(3) for n in range(50)]
    assert 0.2 < roots.count(newer) / len(roots) < 0.6
    assert set(roots) == {ROOT, newer}
    assert root_of("7-0-1", None) == ROOT
