"""Paths of the environment, seen from another folder than the one in which they were given."""

import re
from pathlib import Path

import pytest

from infra.local.paths import NAMED, made_absolute
from streams.settings import Settings
from streams.variables import VARIABLES


def test_a_path_means_the_same_in_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/jane")
    given = {"PLAYHEAD_GGUF": "models/a.gguf", "PLAYHEAD_RUN": "/run", "PLAYHEAD_KEYRING": "~/k"}
    assert made_absolute(given) == {
        "PLAYHEAD_GGUF": str(tmp_path / "models" / "a.gguf"),
        "PLAYHEAD_RUN": "/run",
        "PLAYHEAD_KEYRING": "/home/jane/k",
    }


def test_what_is_empty_stays_as_it_is_and_what_is_no_path_too():
    assert made_absolute({"PLAYHEAD_KEYRING": "", "PLAYHEAD_KAFKA": "kafka:9092"}) == {}


@pytest.mark.parametrize("place", ["s3://bucket/x", "s3:/x", "http:x"])
def test_an_address_stays_as_it_is_spelt_though_nobody_takes_it(place):
    """Made a path, it would be a folder to whoever is to refuse it."""
    assert made_absolute({"PLAYHEAD_CLAIMS": place}) == {"PLAYHEAD_CLAIMS": place}


def test_every_setting_that_holds_a_path_is_among_them():
    source = (Path(__file__).parents[3] / "streams" / "settings.py").read_text()
    described = re.findall(
        r"^    (\w+): \S+ = [^\n]*\n    \"\"\"(.*?)\"\"\"", source, re.MULTILINE | re.DOTALL
    )
    words = r"^(File|GGUF file|Folder|SQLite file|Run folder)|tokenizer\.json:"
    held = {name for name, meaning in described if re.search(words, meaning)}
    assert held <= {entry.name for entry in Settings.__dataclass_fields__.values()}
    read_alone = {"GGUF", "EMBEDDER_FOLDER"} & {entry.name for entry in VARIABLES}
    names = {f"PLAYHEAD_{name.upper()}" for name in held | read_alone}
    assert names | {"PLAYHEAD_WEAVIATE_KEY_FILE", "XDG_CACHE_HOME"} == set(NAMED)
