"""Where a setting's value comes from, which are refused, and that every name is on the one list."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import setting_sources, setting_types, storage_places, variables
from streams import settings as settings_
from streams.setting_sources import convert, known_names, refuse_unknown, resolve, type_of
from streams.setting_types import in_words, unit_of
from streams.settings import BadSetting, Settings
from streams.variables import VARIABLES, variable

ROOT = Path(__file__).parents[2]
FIELDS = [field.name for field in dataclasses.fields(Settings)]
WHOLE = [name for name in FIELDS if in_words(type_of(Settings, name)).startswith("a whole number")]
NO_NAMES = {"PLAYHEAD_PORT", "PLAYHEAD_PORT_NAME"}
"""How texts speak of any port, and what the changelog says is gone."""
UNKNOWN_ON_PURPOSE = {"test_settings.py", "test_cli.py"}


@pytest.fixture
def run(tmp_path):
    stack = {"kafka": "127.0.0.1:7701", "window": 20, "memory_mb": "300", "ports": {"kafka": 7701}}
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    return tmp_path


def source(name, environment=None, **given):
    entry = resolve(Settings, environment or {}, **given)[name]
    return entry.value, entry.source


@pytest.mark.parametrize(
    ("environment", "given", "expected"),
    [
        ({}, {}, (20, "file")),
        ({"PLAYHEAD_WINDOW": "32"}, {}, (32, "environment")),
        ({"PLAYHEAD_WINDOW": "32"}, {"window": 64}, (64, "option")),
    ],
)
def test_an_option_wins_over_the_environment_and_that_over_the_file(
    run, environment, given, expected
):
    assert source("window", environment, run=run, **given) == expected


def test_what_nobody_says_is_the_default(tmp_path):
    assert source("window", run=tmp_path) == (16, "default")


@pytest.mark.parametrize(
    ("environment", "given", "expected"),
    [
        ({}, {}, "default"),
        ({"PLAYHEAD_RUN": "elsewhere"}, {}, "environment"),
        ({"PLAYHEAD_RUN": "elsewhere"}, {"run": "here"}, "option"),
    ],
)
def test_the_run_folder_is_absolute_wherever_it_comes_from(environment, given, expected):
    value, said = source("run", environment, **given)
    assert said == expected
    assert value.is_absolute()


def test_a_text_of_the_file_becomes_a_number(run):
    assert source("memory_mb", run=run) == (300, "file")


def test_settings_can_not_be_changed_after_they_were_read(run):
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.load({}, run=run).window = 3


@pytest.mark.parametrize("name", FIELDS[1:])
def test_every_default_is_allowed(name):
    default = getattr(Settings(), name)
    assert convert(Settings, name, str(default), name) == default


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("WINDOW", "many", "a whole number from 1 to 2,147,483,647"),
        ("WINDOW", "", "a whole number from 1 to 2,147,483,647"),
        ("WINDOW", "0", "a whole number from 1 to 2,147,483,647"),
        ("WINDOW", "1.5", "a whole number from 1 to 2,147,483,647"),
        ("WINDOW", "9" * 5_000, "a whole number from 1 to 2,147,483,647"),
        ("MEMORY_MB", "-1", "a whole number (MB) from 1 to 2,147,483,647"),
        ("METRICS_PORT", "70000", "a whole number from 0 to 65,535"),
        ("CALL_TIMEOUT_S", "nan", "a number (s) from 0.001 to 10,000,000"),
        ("CALL_TIMEOUT_S", "inf", "a number (s) from 0.001 to 10,000,000"),
        ("CALL_TIMEOUT_S", "soon", "a number (s) from 0.001 to 10,000,000"),
        ("LOG_LEVEL", "loud", "one of debug, info, warning, error"),
        ("KAFKA", "http://broker:9092", "HOST:PORT, without a scheme"),
        ("KAFKA", "broker:9092\n", "HOST:PORT, without a scheme"),
        ("GATEWAY", "127.0.0.1:8000", "an address with http:// or https://"),
        ("REGISTRY", "http://a b", "an address with http:// or https://"),
        ("OTLP_ENDPOINT", "collector", "empty, or an http(s) address"),
        ("EMBEDDER", "", "a name without spaces"),
        ("RUN", "s3:/x", "a folder of this machine"),
    ],
)
def test_a_bad_value_is_one_line_with_its_name_and_what_is_allowed(name, text, said):
    with pytest.raises(BadSetting) as error:
        Settings.load({f"PLAYHEAD_{name}": text})
    message = str(error.value)
    assert message == f"PLAYHEAD_{name}={text!r}: it must be {said}"
    assert "\n" not in message


SPELT_WRONG = (
    "s3:/x",
    "S3://bucket/x",
    "s3:bucket",
    "http:x",
    "https://host/x",
    "file:/x",
    " s3://b",
)


@pytest.mark.parametrize("place", [*SPELT_WRONG, "s3://", "s3://b", "s3://bucket/../x"])
@pytest.mark.parametrize("name", ["CLAIMS", "UPLOADS"])
def test_an_address_that_is_none_is_never_taken_for_a_folder(name, place):
    with pytest.raises(BadSetting) as error:
        Settings.load({f"PLAYHEAD_{name}": place})
    allowed = "empty, a folder, or s3://bucket/prefix"
    assert str(error.value) == f"PLAYHEAD_{name}={place!r}: it must be {allowed}"


@pytest.mark.parametrize("place", [*SPELT_WRONG, "s3://bucket/x"])
@pytest.mark.parametrize("name", ["SEAL", "ARCHIVE_CACHE", "SOURCES_CODE", "RUN"])
def test_what_must_be_a_folder_is_no_bucket(name, place):
    with pytest.raises(BadSetting, match=r"it must be (empty, or )?a folder of this machine$"):
        Settings.load({f"PLAYHEAD_{name}": place})


def test_a_run_folder_that_is_none_is_refused_as_an_option_too():
    with pytest.raises(BadSetting, match=r"^run='s3:/bucket/x': it must be a folder"):
        Settings.load({}, run=Path("s3://bucket/x"))


def test_a_bad_value_of_the_file_names_the_file(run):
    (run / "stack.json").write_text('{"window": []}')
    with pytest.raises(
        BadSetting, match=r"window in .*stack\.json=\[\]: it must be a whole number"
    ):
        Settings.load({}, run=run)


def test_a_bad_option_is_named_as_it_was_given(run):
    with pytest.raises(BadSetting, match=r"^window='x': it must be"):
        Settings.load({}, run=run, window="x")
    with pytest.raises(BadSetting, match=r"^windows: no such setting"):
        Settings.load({}, run=run, windows=3)


@pytest.mark.parametrize(("text", "said"), [("{", "not JSON"), ("[]", "not a JSON object")])
def test_a_broken_file_says_what_to_do(run, text, said):
    (run / "stack.json").write_text(text)
    with pytest.raises(BadSetting, match=f"{said}: run `playhead up` again"):
        Settings.load({}, run=run)


@given(st.sampled_from(WHOLE), st.text(max_size=8))
def test_a_whole_number_is_taken_within_its_bounds_or_refused(name, text):
    try:
        value = convert(Settings, name, text, name)
    except BadSetting:
        return
    assert isinstance(value, int)
    assert 0 <= value <= 2_147_483_647


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("PLAYHEAD_WINDWO", "did you mean PLAYHEAD_WINDOW?"),
        ("PLAYHEAD_MEMORY", "did you mean PLAYHEAD_MEMORY_MB?"),
        ("PLAYHEAD_PORT_GATEWAI", "did you mean PLAYHEAD_PORT_GATEWAY?"),
        ("PLAYHEAD_Q", "no setting; docs/settings.md lists them all"),
        ("PLAYHEAD_", "no setting; docs/settings.md lists them all"),
    ],
)
def test_a_name_that_nobody_reads_is_refused_with_the_nearest(name, said):
    with pytest.raises(
        BadSetting, match=f"^{name} is no setting; .*{re.escape(said.split('; ')[-1])}"
    ):
        Settings.load({"PATH": "/bin", name: "1"})


@given(st.sampled_from(known_names(Settings)))
def test_no_known_name_is_refused(name):
    refuse_unknown(Settings, {name: "anything", "OTHER": "1"})


def test_every_name_that_the_project_speaks_of_is_on_the_list():
    spoken = set()
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT).parts
        if path.suffix not in {".py", ".yaml", ".md", ""} or not path.is_file():
            continue
        if any(part.startswith(".") for part in inside) or path.name in UNKNOWN_ON_PURPOSE:
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        spoken |= {(name, str(path)) for name in re.findall(r"PLAYHEAD_[A-Z0-9_]*[A-Z0-9]", text)}
    unknown = {entry for entry in spoken if entry[0] not in known_names(Settings)}
    assert {name for name, _ in unknown} <= NO_NAMES, unknown


@pytest.mark.parametrize("entry", VARIABLES, ids=lambda entry: entry.name)
def test_every_other_name_is_read_somewhere(entry):
    if entry.name.startswith("PORT_"):
        return  # by name, from the table of ports
    folders = ("bench", "connectors", "edge", "infra", "schemas", "tests", "worker")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    readers = [
        path
        for path in files
        if path.suffix in {".py", ".yaml"}
        and path != Path(__file__)
        and variable(entry.name) in path.read_text(encoding="utf-8")
    ]
    assert readers, f"nobody reads {variable(entry.name)}"


def test_no_name_stands_twice():
    assert len(set(known_names(Settings))) == len(known_names(Settings))


@pytest.mark.parametrize("name", [name for name in FIELDS if name.endswith(("_ms", "_s", "_mb"))])
def test_a_unit_stands_in_the_name_and_in_the_type(name):
    assert unit_of(type_of(Settings, name)).lower() == name.rpartition("_")[2]


def test_places_follow_the_run_folder_unless_they_are_set(tmp_path):
    here = Settings(run=tmp_path)
    assert here.master_key_path == tmp_path / "master.key"
    assert here.keyring_path == tmp_path / "keyring.sqlite"
    assert here.claims_place == str(tmp_path / "claims")
    there = Settings(run=tmp_path, master_key_file="/a", keyring="/b", claims="/c")
    places = (there.master_key_path, there.keyring_path, there.claims_place)
    assert [str(place) for place in places] == ["/a", "/b", "/c"]


def test_the_module_loads_nothing_heavy():
    modules = (settings_, setting_sources, setting_types, storage_places, variables)
    source_text = "".join(Path(one.__file__).read_text() for one in modules)
    imported = set(re.findall(r"^(?:import|from) ([\w.]+)", source_text, re.MULTILINE))
    assert {name for name in imported if not name.startswith("streams.")} - {"msgspec"} <= {
        "__future__", "collections.abc", "dataclasses", "difflib", "functools", "json", "os",
        "pathlib", "re", "typing",
    }  # fmt: skip
