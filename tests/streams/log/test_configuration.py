"""Configuration: one form and digest for one content, whatever file it comes from."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.log.configuration import (
    CONFIGURED,
    FOLDER,
    BadConfiguration,
    configuration,
    load,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
contents = st.dictionaries(st.text(max_size=8), json_values, max_size=5)


@given(contents)
def test_the_content_says_what_the_values_say(values):
    made = configuration("embed", values)
    assert made.values == values
    assert made.digest == hashlib.sha256(made.content.encode()).hexdigest()


@given(contents, st.randoms())
def test_the_order_of_keys_changes_nothing(values, chance):
    keys = list(values)
    chance.shuffle(keys)
    assert configuration("embed", {key: values[key] for key in keys}) == configuration(
        "embed", values
    )


def test_the_form_never_changes():
    # digests of it stand in every record
    made = configuration("embed", {"b": [1, "ü"], "a": {"d": None, "c": True}})
    assert made.content == '{"a":{"c":true,"d":null},"b":[1,"ü"]}'
    assert made.digest == "8240f19dc5bb4ccc3f32b62edc0dd0e25aae74467fc8a36e3ad90bd28a8da4b7"


def test_every_step_is_configured_by_the_files_that_are_shipped():
    assert list(load()) == list(CONFIGURED)
    for name, made in load().items():
        assert made.step == name
        assert isinstance(json.loads((FOLDER / f"{name}.json").read_text()), dict)


@pytest.fixture
def folder(tmp_path):
    for step in CONFIGURED:
        (tmp_path / f"{step}.json").write_text("{}")
    return tmp_path


def test_a_file_may_stand_for_a_text(folder):
    (folder / "prompt.txt").write_text("Say ü.\n", encoding="utf-8")
    (folder / "generate.json").write_text('{"prompt": {"file": "prompt.txt"}, "top": 3}')
    assert load(folder)["generate"].values == {"prompt": "Say ü.\n", "top": 3}


@pytest.mark.parametrize("value", [{"file": "a", "more": 1}, {"files": "a"}, "a", ["file"]])
def test_only_a_file_alone_stands_for_its_text(folder, value):
    (folder / "generate.json").write_text(json.dumps({"prompt": value}))
    assert load(folder)["generate"].values == {"prompt": value}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Expecting value"),
        (b"[1]", "it must be a JSON object"),
        (b'"text"', "it must be a JSON object"),
        (b"\xff", "can't decode"),
        (b'{"prompt": {"file": "missing.txt"}}', "missing.txt"),
    ],
)
def test_a_file_that_can_not_be_used_is_named_with_what_is_wrong(folder, content, says):
    path = folder / "rewrite.json"
    path.write_bytes(content)
    with pytest.raises(BadConfiguration, match=says) as raised:
        load(folder)
    assert str(raised.value).startswith(f"{path}: ")
