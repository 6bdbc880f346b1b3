"""Triton in a container: it becomes Triton, on all addresses and the ports that others expect."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from infra import container
from infra.parts.part import Part


class Became(Exception):
    """Stands for the end of a program that becomes another one."""

    def __init__(self, program, argv, environment):
        super().__init__(program)
        self.program, self.argv, self.environment = program, argv, environment


def become(*given):
    raise Became(*given)


@pytest.fixture
def part(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the program goes to another folder
    place = tmp_path / "part"
    (place / "backends").mkdir(parents=True)
    return Part("triton", "1", "0", lambda _: None, of_the_machine=place)


def started(part, **environment):
    with pytest.raises(Became) as ended:
        container.main(part, environment, become)
    return ended.value


def test_triton_listens_on_all_addresses_at_its_own_ports(part):
    argv = started(part).argv
    for name, port in (("http", 8000), ("grpc", 8001), ("metrics", 8002)):
        assert f"--{name}-address=0.0.0.0" in argv
        assert f"--{name}-port={port}" in argv
    assert not [word for word in argv if "127.0.0.1" in word]


def test_the_program_is_the_parts_own_and_its_first_word(part):
    became = started(part)
    assert became.program == became.argv[0]
    assert Path(became.program).is_relative_to(part.place)


@pytest.mark.parametrize(("run", "folder"), [(None, ".playhead"), ("a/run", "a/run")])
def test_it_runs_in_a_folder_of_the_run_folder(part, tmp_path, run, folder):
    started(part, **({} if run is None else {"PLAYHEAD_RUN": run}))
    assert Path.cwd() == tmp_path / folder / "triton"
    assert {path.name for path in Path.cwd().iterdir() if path.is_symlink()}


def test_a_second_start_finds_the_folder_there(part, tmp_path):
    for _ in range(2):
        started(part, PLAYHEAD_RUN=str(tmp_path / "run"))


def test_it_keeps_the_environment_and_adds_what_the_models_need(part):
    environment = started(part, PLAYHEAD_LLM_THREADS="5", OTHER="kept").environment
    assert environment["OTHER"] == "kept"
    assert environment["PLAYHEAD_LLM_THREADS"] == "5"
    assert environment["VIRTUAL_ENV"] == str(part.place / "venv")


def test_a_part_that_is_not_there_is_asked_for(part, tmp_path):
    with pytest.raises(SystemExit) as refused:
        container.main(replace(part, of_the_machine=tmp_path / "none"), os.environ, become)
    assert refused.value.code == "Triton is not fetched yet; run: playhead parts --only triton"
    assert not (tmp_path / ".playhead").exists()
