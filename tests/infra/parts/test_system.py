"""What the machine has, by programs that only say who they are."""

import pytest

from infra.parts import system

MIN = (1, 25)


@pytest.fixture
def machine(tmp_path):
    """A folder for PATH, and what puts a Java or a Go there or elsewhere."""

    class Machine:
        path = tmp_path / "bin"

        def program(self, name, script, folder=None):
            program = (folder or self.path) / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
            return program

        def java(self, version, home, *, whole=True):
            script = f"echo '    java.home = {home}' >&2; echo '    java.version = {version}' >&2"
            if whole:
                self.program("java", script, home / "bin")
            return script

        def environment(self, **names):
            return {"PATH": str(self.path), **{name: str(value) for name, value in names.items()}}

    return Machine()


@pytest.mark.parametrize("version", ["17.0.15", "21", "21.0.8+9-LTS", "17-ea"])
def test_a_java_that_was_tried_is_used_by_its_own_path(machine, tmp_path, version):
    home = tmp_path / "jdk é"
    machine.program("java", machine.java(version, home))
    found = system.java(machine.environment())
    assert (found.home, found.version) == (home, version)


@pytest.mark.parametrize("version", ["11.0.21", "1.8.0_392", "16.0.2", "22", "25.0.1"])
def test_another_java_is_as_if_it_were_not_there(machine, tmp_path, version):
    machine.program("java", machine.java(version, tmp_path / "jdk"))
    assert system.java(machine.environment()) is None


@pytest.mark.parametrize(
    "script", ["exit 1", "echo nonsense", "echo 'java.version = 17.0.1'", "kill -9 $$"]
)
def test_what_does_not_say_who_it_is_is_no_java(machine, script):
    machine.program("java", script)
    assert system.java(machine.environment()) is None


def test_a_java_whose_home_has_no_java_is_none(machine, tmp_path):
    machine.program("java", machine.java("17.0.1", tmp_path / "gone", whole=False))
    assert system.java(machine.environment()) is None


def test_java_home_is_asked_before_path_and_a_bad_one_is_passed_over(machine, tmp_path):
    good, better = tmp_path / "17", tmp_path / "21"
    machine.program("java", machine.java("17.0.1", good))
    machine.java("21.0.1", better)
    assert system.java(machine.environment(JAVA_HOME=better)).home == better
    machine.java("11.0.1", tmp_path / "11")
    assert system.java(machine.environment(JAVA_HOME=tmp_path / "11")).home == good
    assert system.java(machine.environment(JAVA_HOME=tmp_path / "absent")).home == good


def test_a_machine_without_any_has_none(machine):
    assert system.java(machine.environment()) is None
    assert system.go(MIN, machine.environment()) is None


@pytest.mark.parametrize(
    ("said", "good"),
    [
        ("go version go1.19.8 linux/amd64", False),
        ("go version go1.24.11 linux/amd64", False),
        ("go version go1.25.0 linux/amd64", True),
        ("go version go1.26.8 linux/amd64", True),
        ("go version go1.100 linux/amd64", True),
        ("go version go2.0 linux/amd64", True),
        ("go version devel +abc", False),
        ("", False),
    ],
)
def test_a_go_is_good_from_what_weaviate_asks_for(machine, said, good):
    program = machine.program("go", f"echo {said}")
    assert system.go(MIN, machine.environment()) == (str(program) if good else None)


def test_a_go_is_asked_for_itself_and_not_for_what_it_would_fetch(machine):
    machine.program(
        "go",
        '[ "$GOTOOLCHAIN$GOROOT" = local ] && echo go version go1.19 || echo go version go1.26',
    )
    assert system.go(MIN, machine.environment(GOROOT="")) is None


def test_a_library_is_there_when_the_loader_finds_it():
    assert system.has_library("libc.so.6")
    assert not system.has_library("libnobody-has-this.so.9")
