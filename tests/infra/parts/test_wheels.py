"""Packages by pip: exactly what is named, with its hash."""

import hashlib
import zipfile

import pytest

from infra.parts import wheels
from infra.parts.part import Workshop
from infra.parts.shell import Shell
from infra.stack_error import StackError

NAME = "playhead_thing-1.0"


def a_wheel(folder):
    """Make a package that needs another one; returns its SHA-256."""
    path = folder / f"{NAME}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("playhead_thing/__init__.py", "WHOLE = True\n")
        wheel.writestr(
            f"{NAME}.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: playhead-thing\nVersion: 1.0\nRequires-Dist: absent\n",
        )
        wheel.writestr(
            f"{NAME}.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{NAME}.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.stack  # needs no component, but pip and an environment take seconds
def test_a_package_comes_alone_and_only_with_its_hash(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    digest = a_wheel(tmp_path)
    target = tmp_path / "a part, ü"
    target.mkdir()
    work = Workshop(target, Shell(), lambda _: None)
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text(f"playhead-thing==1.0 --hash=sha256:{digest}\n")
    bad.write_text(f"playhead-thing==1.0 --hash=sha256:{'0' * 64}\n")

    python = wheels.make_environment(work, tmp_path / "environment")
    with pytest.raises(StackError, match="DO NOT MATCH THE HASHES"):
        wheels.install(work, bad, python, target / "packages")
    wheels.install(work, good, python, target / "packages")
    assert (target / "packages" / "playhead_thing" / "__init__.py").exists()
    assert [path.name for path in target.iterdir()] == ["packages"]
