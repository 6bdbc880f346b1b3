"""The compiled codec: the same bytes and errors as the Python it was made of, or not used at all."""

import random
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import schemas
from replay.archive import ArchiveLog
from schemas import binary, canonical, compiled, wire
from schemas.compiled import NotCompiled, __main__, name_of, python_form, use
from schemas.compiled.__main__ import CannotBuild, build, main
from schemas.definitions import definitions
from streams.log.codec import Codec, Undecodable
from streams.running.admit import INBOX_TOPICS
from tests.golden.packing import unpacked
from tests.schemas.strategies import records_of

PYTHON = compiled.as_python()
GOLDEN = Path(__file__).parents[1] / "golden"
KINDS = sorted(definitions())
UNHURRIED = settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
needs_compiled = pytest.mark.skipif(
    python_form("schemas.wire") is None, reason="no compiled codec here: run make codec"
)
HOSTILE = (
    *(binary.LONG[n] for n in (2**62, 2**62 - 1, 2**63 - 1, -(2**63), 2**61, 2**40, -1, -(2**40))),
    b"\xff" * 10,
    b"\x80" * 12,
    b"\xff" * 9 + b"\x7f",
    b"\xff" * 9 + b"\x01",
)
"""Numbers that no writer writes: lengths and counts beyond all bounds, and such as don't end."""
WRONG = (
    None, 1, -1, 2**31, 2**63, 2**70, 1.5, True, "x", "\ud800", b"x", bytearray(b"x"), (), (1,),
    ("x",), (b"x",), ["x"], (None,), {"a": 1}, {"a": "b"}, {1: "x"}, float("nan"), 1e300, object(),
    np.int64(3), np.float32(1.5), np.float64(2.5), np.str_("x"), np.zeros(3), schemas.Now(),
)  # fmt: skip
"""Values that some field does not take, and such as Python takes for what they can do."""


def said(function, *arguments):
    """Return what a function gives, or of which kind its error is: dead letters name that."""
    try:
        return repr(function(*arguments))
    except Exception as error:  # noqa: BLE001 - that is what is compared
        return type(error)


def damaged(data, chance):
    """Cut off, change or displace a part of a record's bytes."""
    data = bytearray(data or b"\0")
    place = chance.randrange(len(data))
    match chance.randrange(4):
        case 0:
            return bytes(data[:place])
        case 1:
            data[place] ^= chance.randrange(1, 256)
        case 2:
            data[place : place + chance.randrange(2)] = chance.choice(HOSTILE)
        case 3:
            return chance.randbytes(len(data))
    return bytes(data)


# ------------------------------------------------------------------ the same bytes, the same errors


@needs_compiled
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_record_is_written_and_read_alike(name):
    kind, python = getattr(schemas, name), PYTHON["schemas.wire"]
    forms = canonical, PYTHON["schemas.canonical"]

    @UNHURRIED
    @given(records_of(definitions()[name]))
    def holds(record):
        data = python.encode(record)
        assert wire.encode(record) == data
        assert wire.read(kind, data, 0) == python.read(kind, data, 0) == (record, len(data))
        one, other = (said(form.canonical, record) for form in forms)
        assert one == other

    holds()


@needs_compiled
@pytest.mark.parametrize("name", KINDS)
def test_bytes_of_anybody_are_refused_alike(name):
    kind, python = getattr(schemas, name), PYTHON["schemas.wire"]

    @UNHURRIED
    @given(records_of(definitions()[name]), st.randoms(use_true_random=True))
    def holds(record, chance):
        data = wire.encode(record)
        for _ in range(20):
            bad = damaged(data, chance)
            assert said(wire.read, kind, bad, 0) == said(python.read, kind, bad, 0), bad.hex()

    holds()


@needs_compiled
@pytest.mark.parametrize("name", [name for name in KINDS if definitions()[name]["fields"]])
def test_values_of_other_types_are_refused_or_written_alike(name):
    kind, python = getattr(schemas, name), PYTHON["schemas.wire"]
    forms = canonical, PYTHON["schemas.canonical"]

    @settings(UNHURRIED, max_examples=2)
    @given(records_of(definitions()[name]))
    def holds(record):
        for field in kind.__struct_fields__:
            for value in WRONG:
                bad = replace(record, **{field: value})
                assert said(wire.encode, bad) == said(python.encode, bad), (field, value)
                one, other = (said(form.canonical, bad) for form in forms)
                assert one == other, (field, value)

    holds()


@needs_compiled
@pytest.mark.parametrize("release", ["0.1.0", "present"])
def test_records_of_golden_logs_are_read_and_written_alike(release, tmp_path):
    log = ArchiveLog(unpacked(GOLDEN / release, tmp_path / release) / "log")
    codec, python, chance = Codec(log.ids), PYTHON["schemas.wire"], random.Random(7)
    seen = 0
    for topic, lane in log.extents():
        for stored in log.records(topic, lane) if topic not in INBOX_TOPICS else ():
            try:
                record = codec.decode_any(stored.value)
            except Undecodable:
                continue  # a hostile one of the scenario
            kind, data = type(record), wire.encode(record)
            assert data == python.encode(record)
            assert wire.read(kind, data, 0) == python.read(kind, data, 0)
            bad = damaged(data, chance)
            assert said(wire.read, kind, bad, 0) == said(python.read, kind, bad, 0), bad.hex()
            seen += 1
    assert seen


# ------------------------------------------------------------------ building and using it

TINY = {
    "record": "",
    "records": "",
    "binary": "def twice(number: int) -> int:\n    return 2 * number\n",
    "canonical": "from schemas.binary import twice\n\n\ndef four() -> int:\n    return twice(2)\n",
    "wire": "VALUE = 1\n",
}
"""Modules of the names that are compiled, which a compiler is done with in no time."""
NO_COMPILER = {"PATH": ""}


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "sources"
    folder.mkdir()
    for name, text in TINY.items():
        (folder / f"{name}.py").write_text(text)
    return folder


@pytest.fixture
def compiler():
    if not any(map(shutil.which, __main__.COMPILERS)):
        pytest.skip("this machine has no C compiler")


@pytest.mark.slow  # a compiler
def test_a_build_lies_under_the_name_of_its_sources_and_works(sources, tmp_path, compiler):
    place = build(sources, tmp_path / "built")
    assert place == tmp_path / "built" / name_of(sources)
    said = subprocess.run(
        [sys.executable, "-c", USING, str(place)], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["4", "wire" + compiled.SUFFIX, "compiled"]


USING = """
import sys
from pathlib import Path

import schemas
from schemas import compiled

for name in [name for name in sys.modules if name.rpartition(".")[2] in compiled.COMPILED]:
    del sys.modules[name]
sys.modules.pop(compiled.LIBRARY, None)
schemas.__path__[:] = schemas.__path__[-1:]
compiled.use(schemas.__path__, {}, Path(sys.argv[1]))
from schemas import canonical, wire

print(canonical.four(), Path(wire.__file__).name, compiled.in_use().split()[0])
"""


@pytest.mark.slow  # a compiler
def test_what_is_built_is_not_built_again_and_what_is_stale_is_removed(sources, tmp_path, compiler):
    into = tmp_path / "built"
    before = build(sources, into)
    assert build(sources, into, NO_COMPILER) == before
    (sources / "wire.py").write_text("VALUE = 2\n")
    after = build(sources, into)
    assert [path.name for path in into.iterdir()] == [after.name] != [before.name]


def test_every_file_that_it_depends_on_is_in_its_name(sources):
    names = {name_of(sources)}
    for name, text in TINY.items():
        (sources / f"{name}.py").write_text(f"{text}# changed\n")
        names.add(name_of(sources))
    assert len(names) == 1 + len(TINY)


def test_without_a_compiler_it_says_so_and_python_goes_on(sources, tmp_path, capsys):
    assert main((), tmp_path / "built", NO_COMPILER) == 1
    assert "the codec runs as Python: there is no C compiler" in capsys.readouterr().err
    with pytest.raises(CannotBuild, match="no C compiler"):
        build(sources, tmp_path / "built", NO_COMPILER)


@pytest.mark.slow  # a compiler
def test_what_can_not_be_compiled_is_told_and_leaves_nothing(sources, tmp_path, compiler):
    (sources / "wire.py").write_text("VALUE: int = 'one'\n")
    with pytest.raises(CannotBuild, match="Incompatible types in assignment"):
        build(sources, tmp_path / "built")
    assert not list((tmp_path / "built").iterdir())


def test_a_folder_that_can_not_be_written_is_named(sources, tmp_path, compiler):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotBuild, match=str(tmp_path / "file")):
        build(sources, tmp_path / "file" / "built")


def test_arguments_are_none(capsys):
    assert main(["--help"]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("choice", "words"),
    [("python", "Python, as PLAYHEAD_CODEC says"), ("", "Python: none was built")],
)
def test_python_is_used_where_it_is_wanted_or_nothing_else_is_there(choice, words, tmp_path):
    path = ["schemas"]
    with kept_words():
        use(path, {"PLAYHEAD_CODEC": choice}, tmp_path)
        assert path == ["schemas"]
        assert compiled.in_use().startswith(words)


def test_a_library_that_can_not_be_loaded_is_not_used(tmp_path):
    (tmp_path / f"{compiled.LIBRARY}{compiled.SUFFIX}").write_bytes(b"of another machine")
    path = ["schemas"]
    with kept_words():
        use(path, {}, tmp_path)
        assert path == ["schemas"]
        assert compiled.in_use().startswith("Python: ")
        with pytest.raises(NotCompiled, match="run python -m schemas"):
            use(path, {"PLAYHEAD_CODEC": "compiled"}, tmp_path)


def test_another_word_is_refused(tmp_path):
    with pytest.raises(ValueError, match="PLAYHEAD_CODEC is 'fast': python, compiled, or not set"):
        use([], {"PLAYHEAD_CODEC": "fast"}, tmp_path)


@contextmanager
def kept_words():
    """Leave what this process says of its codec as it was."""
    words = compiled.in_use()
    try:
        yield
    finally:
        compiled._InUse.words = words


def test_the_modules_in_use_stay_what_they_are():
    compiled.as_python()
    assert sys.modules["schemas.wire"] is wire
    assert schemas.wire is wire
