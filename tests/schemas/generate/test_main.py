"""`python -m schemas.generate`: the modules are fresh, and a stale one is named."""

from schemas.generate import generated, stale
from schemas.generate.__main__ import main


def test_the_modules_are_generated_from_the_definitions(capsys):
    assert list(stale(generated())) == [], "run python -m schemas.generate"
    assert main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_a_stale_or_missing_module_is_named_and_written_anew(tmp_path, capsys):
    modules = {tmp_path / "records.py": "fresh\n", tmp_path / "wire.py": "fresh too\n"}
    (tmp_path / "wire.py").write_text("stale\n")
    assert main(["--check"], modules) == 1
    assert capsys.readouterr().err.splitlines() == [
        "schemas/records.py is stale: run `python -m schemas.generate`",
        "schemas/wire.py is stale: run `python -m schemas.generate`",
    ]
    assert main([], modules) == 0
    assert list(stale(modules)) == []
    assert main(["--check"], modules) == 0
