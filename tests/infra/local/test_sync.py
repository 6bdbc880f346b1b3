"""infra/local/sync, which makes the environment before there is any Python of ours."""

import os
import shutil
import signal
import subprocess
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SYNC = ROOT / "infra" / "local" / "sync"
# plays python3.11 with venv and pip, and the uv that pip installs; each says what it was asked
PYTHON = """\
    #!/bin/bash
    echo "$*" >> "$LOG"
    case "$*" in
      "-c "*) [[ $0 != *old* ]] ;;
      "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
      "-m pip config "*) echo "$INDEX" ;;
      "-m pip install "*)
        [[ -p $PIPE ]] && { echo installing > "$PIPE"; sleep 60; }
        printf '#!/bin/bash\\necho "uv $*" >> "$LOG"\\n' > "${0%/*}/uv"; chmod +x "${0%/*}/uv" ;;
    esac
"""


class Clone:
    def __init__(self, folder):
        self.folder = folder / "a clone, ü"
        self.cache = folder / "a cache; é"
        self.log = folder / "log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(self.cache),
            "PYTHON": str(self.program("python")),
            "LOG": str(self.log),
        }
        (self.folder / "infra").mkdir(parents=True)
        shutil.copy(ROOT / "uv.lock", self.folder)
        shutil.copy(ROOT / "pyproject.toml", self.folder)

    def program(self, name):
        program = self.log.parent / name
        program.write_text(textwrap.dedent(PYTHON))
        program.chmod(0o755)
        return program

    def begin(self, *words, **changes):
        return subprocess.Popen(
            [str(SYNC), *words],
            cwd=self.folder,
            env={**self.environment, **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def sync(self, *words, **changes):
        process = self.begin(*words, **changes)
        return process.communicate(timeout=30)[0], process.returncode

    def asked(self, beginning):
        return [line for line in self.log.read_text().splitlines() if line.startswith(beginning)]

    def builds(self):
        return [path.name for path in (self.cache / "playhead" / "build").glob("[!.]*")]


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path)


def test_uv_is_fetched_once_and_asked_for_the_lock_without_network_first(clone):
    for _ in range(2):
        assert clone.sync("--group", "bench") == ("", 0)
    assert len(clone.asked("-m venv")) == 1
    python = clone.environment["PYTHON"]
    asked = f"uv sync --quiet --frozen --offline --python {python} --group bench"
    assert clone.asked("uv") == [asked] * 2
    [build] = clone.builds()
    assert build.startswith("uv-")


def test_two_at_once_fetch_uv_once(clone):
    processes = [clone.begin() for _ in range(3)]
    assert [process.communicate(timeout=30)[0] for process in processes] == [""] * 3
    assert [process.returncode for process in processes] == [0] * 3
    assert len(clone.asked("-m venv")) == 1
    assert len(clone.asked("uv sync")) == 3


def test_what_ctrl_c_left_is_not_taken_for_uv(clone, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = clone.begin(PIPE=str(pipe))
    assert pipe.read_text() == "installing\n"
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert clone.sync() == ("", 0)
    assert len(clone.asked("uv sync")) == 1
    assert len(clone.builds()) == 1


def test_a_mirror_is_asked_by_name_for_what_the_lock_names(clone):
    said, code = clone.sync(INDEX="https://mirror.example/simple")
    assert (said, code) == ("", 0)
    assert any(line.endswith("--output-file") or "export" in line for line in clone.asked("uv"))
    [sync] = clone.asked("uv pip sync")
    assert "--default-index https://mirror.example/simple --require-hashes" in sync


@pytest.mark.parametrize("name", ["absent", "old"])
def test_a_python_that_is_missing_or_unfit_is_named_with_what_installs_it(clone, name):
    if name == "old":
        clone.program(name)
    said, code = clone.sync(PYTHON=str(clone.log.parent / name))
    assert code == 1
    assert f"{name} with venv: apt-get install python3.11 python3.11-venv" in said
    assert clone.builds() == []


def test_a_cache_that_can_not_be_written_is_named_with_what_to_set(clone, tmp_path):
    (tmp_path / "file").write_text("no folder")
    said, code = clone.sync(XDG_CACHE_HOME=str(tmp_path / "file"))
    assert code == 1
    assert "file/playhead/build can't be written: set XDG_CACHE_HOME to a folder that can" in said


@pytest.fixture
def real_uv(clone):
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    if not list(cache.glob("playhead/build/uv-*/bin/uv")):
        pytest.skip("uv is not installed yet: make setup")
    return {"XDG_CACHE_HOME": str(cache), "UV_CACHE_DIR": str(clone.cache), "UV_OFFLINE": "1"}


@pytest.mark.parametrize("mirror", [{}, {"UV_DEFAULT_INDEX": "https://mirror.example/simple"}])
def test_a_lock_that_fits_is_known_without_network_or_cache(clone, real_uv, mirror):
    assert clone.sync("--check", **real_uv, **mirror) == ("", 0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('    "httpx>=0.28",\n', '    "httpx>=0.27",\n'),
        ('    "httpx>=0.28",\n', ""),
        ('    "mypy>=1.14",\n', '    "mypy>=1.14",\n    "one-more",\n'),
    ],
)
def test_a_stale_lock_is_noticed_without_network(clone, real_uv, before, after):
    project = clone.folder / "pyproject.toml"
    text = project.read_text()
    assert before in text
    project.write_text(text.replace(before, after))
    said, code = clone.sync("--check", **real_uv)
    assert code == 1
    assert said.endswith("uv.lock does not fit pyproject.toml: run uv lock, and commit both\n")
