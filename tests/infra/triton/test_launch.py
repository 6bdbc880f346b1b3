"""How Triton is launched, without launching it."""

import pytest

from infra.parts import system
from infra.triton import install, launch


def a_command(tmp_path, environment=None, cores=2):
    part, folder = tmp_path / "part", tmp_path / "run"
    (part / "backends").mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    return launch.command(part, folder, 1, 2, 3, environment=environment or {}, cores=cores)


@pytest.mark.parametrize(("cores", "threads"), [(1, "1"), (2, "1"), (8, "7")])
def test_the_models_leave_a_core_to_the_rest(tmp_path, cores, threads):
    _, environment = a_command(tmp_path, cores=cores)
    assert environment["PLAYHEAD_LLM_THREADS"] == threads
    assert environment["PLAYHEAD_EMBED_THREADS"] == threads


def test_threads_and_the_chat_model_are_settings(tmp_path):
    settings = {"PLAYHEAD_LLM_THREADS": "5", "PLAYHEAD_GGUF": "/models/other.gguf"}
    _, environment = a_command(tmp_path, settings)
    assert {name: environment[name] for name in settings} == settings


@pytest.mark.parametrize("older", ["", "/models/older.gguf"])
def test_the_chat_model_has_a_name_of_its_own_that_wins(tmp_path, older):
    given = {"PLAYHEAD_CHAT_MODEL": "/models/mine.gguf", "PLAYHEAD_GGUF": older}
    _, environment = a_command(tmp_path, given)
    assert environment["PLAYHEAD_GGUF"] == "/models/mine.gguf"


def test_the_server_listens_on_this_machine_alone(tmp_path):
    argv, _ = a_command(tmp_path)
    for protocol, port in (("http", 1), ("grpc", 2), ("metrics", 3)):
        assert f"--{protocol}-address=127.0.0.1" in argv
        assert f"--{protocol}-port={port}" in argv


def test_the_stub_finds_the_environment_before_any_other_python(tmp_path):
    _, environment = a_command(tmp_path, {"PATH": "/usr/bin", "LD_LIBRARY_PATH": "/lib"})
    assert environment["PATH"] == f"{tmp_path}/part/venv/bin:/usr/bin"
    assert environment["LD_LIBRARY_PATH"] == f"libraries:{system.libpython_folder()}:/lib"


def test_shared_memory_of_a_killed_server_is_freed_and_no_others(tmp_path):
    mine = tmp_path / (launch.shared_memory_prefix(tmp_path / "run") + "left")
    other = tmp_path / (launch.shared_memory_prefix(tmp_path / "other") + "left")
    mine.touch()
    other.touch()
    assert launch.sweep(tmp_path / "run", tmp_path) == 1
    assert not mine.exists()
    assert other.exists()
    argv, _ = a_command(tmp_path)
    assert any(mine.name.removesuffix("left") in argument for argument in argv)


def test_every_model_has_its_code_and_its_description():
    for model in ("embedder", "chat"):
        folder = launch.MODELS / model
        assert f'name: "{model}"' in (folder / "config.pbtxt").read_text()
        assert (folder / "1" / "model.py").exists()


def test_what_triton_hands_to_a_shell_are_plain_names(tmp_path):
    strange = tmp_path / "a b;c"
    strange.mkdir()
    for _ in range(2):  # the links of the last time are in the way
        argv, environment = a_command(strange)
    assert not any(str(strange) in word for word in argv[1:])
    named = [environment["PLAYHEAD_GGUF"], environment["PLAYHEAD_EMBEDDER_FOLDER"]]
    assert named == [
        f"models-data/{install.CHAT}/model.gguf",
        f"models-data/{install.EMBEDDER}",
    ]
    folder = strange / "run"
    assert {path.name: path.resolve() for path in folder.iterdir()} == {
        "models": launch.MODELS.resolve(),
        "backends": strange / "part" / "backends",
        "models-data": strange / "part" / "models-data",
        "libraries": install.site_packages(strange / "part") / "nvidia_pytriton.libs",
    }
