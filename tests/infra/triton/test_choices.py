"""What a user may choose for Triton, and what is refused before anything starts."""

import pytest

from infra.stack_error import StackError
from infra.triton.choices import NUMBERS, refuse


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "whole.gguf").write_bytes(b"GGUF\x03\0\0\0")
    (tmp_path / "page.gguf").write_bytes(b"<!doctype html>")
    (tmp_path / "empty.gguf").touch()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "model.onnx").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("none.gguf", "there is no such file"),
        (".", "it is a folder, which holds empty.gguf"),
        ("half", "it is a folder;"),
        ("page.gguf", "it is not a GGUF file"),
        ("empty.gguf", "it is not a GGUF file"),
        ("page.gguf/under", r"it can't be read \(Not a directory\)"),
    ],
)
def test_a_chat_model_that_is_none_is_refused_with_what_to_do(folder, name, wrong):
    with pytest.raises(StackError, match=rf"PLAYHEAD_GGUF=.*{wrong}.*unset it") as refused:
        refuse({"PLAYHEAD_GGUF": str(folder / name)})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("none", "there is no such folder"),
        ("whole.gguf", "there is no such folder"),
        ("half", "it lacks tokenizer.json;"),
        (".", "it lacks model.onnx and tokenizer.json"),
    ],
)
def test_an_embedder_that_is_none_is_refused_with_what_it_lacks(folder, name, wrong):
    with pytest.raises(StackError, match=rf"PLAYHEAD_EMBEDDER_FOLDER=.*{wrong}.*unset it"):
        refuse({"PLAYHEAD_EMBEDDER_FOLDER": str(folder / name)})


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_none_or_out_of_range_is_refused_with_the_range(name):
    least, most = NUMBERS[name]
    for text in ("many", "-1", "1.5", str(least - 1), str(most + 1)):
        with pytest.raises(StackError, match=f"{name}='{text}': .* from {least:,} to {most:,}"):
            refuse({name: text})
    refuse({name: str(least)})
    refuse({name: str(most)})


def test_what_works_and_what_is_not_set_is_taken(folder):
    (folder / "half" / "tokenizer.json").touch()
    chosen = {
        "PLAYHEAD_GGUF": str(folder / "whole.gguf"),
        "PLAYHEAD_EMBEDDER_FOLDER": str(folder / "half"),
    }
    refuse(chosen)
    refuse(dict.fromkeys((*chosen, *NUMBERS), ""))
    refuse({})
