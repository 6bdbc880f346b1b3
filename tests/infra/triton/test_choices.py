"""What a user may choose for Triton, and what is refused before anything starts."""

import pytest

from infra.stack_error import StackError
from infra.triton.choices import CHAT_MODELS, HEAD, NUMBERS, refuse


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "whole.gguf").write_bytes(HEAD.pack(b"GGUF", 3, 272, 30))
    (tmp_path / "old.gguf").write_bytes(HEAD.pack(b"GGUF", 1, 272, 30))
    (tmp_path / "vocabulary.gguf").write_bytes(HEAD.pack(b"GGUF", 3, 0, 30))
    (tmp_path / "cut.gguf").write_bytes(HEAD.pack(b"GGUF", 3, 272, 30)[:-1])
    (tmp_path / "page.gguf").write_bytes(b"<!doctype html>")
    (tmp_path / "empty.gguf").touch()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "model.onnx").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("none.gguf", "there is no such file"),
        (".", "it is a folder, which holds cut.gguf"),
        ("half", "it is a folder;"),
        ("page.gguf", "it is not a GGUF file"),
        ("empty.gguf", "it is not a GGUF file"),
        ("page.gguf/under", r"it can't be read \(Not a directory\)"),
        ("cut.gguf", "it is not a GGUF file"),
        ("old.gguf", "it is GGUF of version 1"),
        ("vocabulary.gguf", "it holds no tensors"),
    ],
)
@pytest.mark.parametrize("variable", CHAT_MODELS)
def test_a_chat_model_that_is_none_is_refused_with_what_to_do(folder, name, wrong, variable):
    with pytest.raises(StackError, match=rf"{variable}=.*{wrong}.*unset it") as refused:
        refuse({variable: str(folder / name)})
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


def test_a_chat_model_that_is_larger_than_the_memory_is_refused_with_both_sizes(folder):
    whole = {"PLAYHEAD_CHAT_MODEL": str(folder / "whole.gguf")}
    with (folder / "whole.gguf").open("r+b") as file:
        file.truncate(3_100_000_000)  # a hole: it takes no place on the disk
    with pytest.raises(StackError, match=r"it takes 3\.1 GB of memory, and this machine has 3\.0"):
        refuse(whole, memory=3_000_000_000)
    refuse(whole, memory=3_100_000_000)


def test_two_chat_models_are_one_too_many(folder):
    one, other = str(folder / "whole.gguf"), str(folder / "old.gguf")
    with pytest.raises(StackError, match="PLAYHEAD_CHAT_MODEL and PLAYHEAD_GGUF name two"):
        refuse({"PLAYHEAD_CHAT_MODEL": one, "PLAYHEAD_GGUF": other})
    refuse(dict.fromkeys(CHAT_MODELS, one))


def test_what_works_and_what_is_not_set_is_taken(folder):
    (folder / "half" / "tokenizer.json").touch()
    chosen = {
        "PLAYHEAD_GGUF": str(folder / "whole.gguf"),
        "PLAYHEAD_EMBEDDER_FOLDER": str(folder / "half"),
    }
    refuse(chosen)
    refuse(dict.fromkeys((*chosen, *NUMBERS), ""))
    refuse({})
