"""An archive of the product's own steps: short, and made anew in each session."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.synthetic.builder import Builder
from infra.cli import main
from replay.archive import ArchiveLog
from replay.export import export
from replay.seal.seal_folder import SealFolder
from replay.seal.sealer import seal
from schemas import AnswerReleased
from streams.log.codec import Codec
from streams.settings import Settings
from streams.topics import topic_of
from tests.bench.synthetic.words_tokenizer import with_words_tokenizer
from tests.replay.seal.sealed_log import SIGNER
from tests.streams.conftest import topic
from tests.verb_server import VerbServer

__all__ = ["archive", "topic"]


@dataclass(frozen=True)
class Archive:
    """An archive, the settings that its keys go with, and a request that is in it."""

    folder: Path
    settings: Settings
    records: int
    request: str


@pytest.fixture(scope="session")
def archive(unit_path_factory) -> Archive:
    folder = unit_path_factory.mktemp("archive")
    settings = with_words_tokenizer(Settings(run=folder / "run"), folder)
    log = asyncio.run(Builder(settings).build(conversations=2, documents=2))
    manifest = export(log, folder / "archive")
    records = sum(entry["records"] for entry in manifest["files"])
    return Archive(folder / "archive", settings, records, a_request(folder / "archive"))


def a_request(folder: Path) -> str:
    """Return the id of a question that was answered."""
    log, released = ArchiveLog(folder), topic_of(AnswerReleased)
    codec = Codec(log.ids)
    for name, lane in log.extents():
        if name == released:
            for stored in log.records(name, lane):
                return codec.decode(stored.value, AnswerReleased).meta.request
    raise AssertionError("no question was answered")


@pytest.fixture(scope="session")
def sealed_archive(archive, unit_path_factory) -> Path:
    """The same archive with a seal, which SIGNER of tests.replay.seal.sealed_log signed."""
    folder = unit_path_factory.mktemp("sealed-archive")
    log, trees = ArchiveLog(archive.folder), SealFolder(folder / "seal")
    list(seal(log.extents(), log.read_extent, trees, SIGNER))
    export(log, folder / "archive", sealed=trees)
    return folder / "archive"


@pytest.fixture(scope="session")
def without_broker(archive) -> dict[str, str]:
    """What the environment tells of the archive's keys, and of a broker that is not there."""
    return {
        "PLAYHEAD_RUN": str(archive.settings.run),
        "PLAYHEAD_TOKENIZER": archive.settings.tokenizer,
        "PLAYHEAD_KAFKA": "127.0.0.1:1",
        "PLAYHEAD_REGISTRY": "http://127.0.0.1:1",
    }


@pytest.fixture(scope="session")
def verbs() -> Iterator[VerbServer]:
    """Runs `playhead …` in processes that need not import it."""
    server = VerbServer()
    yield server
    server.close()


@pytest.fixture
def command_line(without_broker, monkeypatch, capsys):
    """Run `playhead …` where no broker is; returns exit status, stdout and stderr."""
    for name, value in without_broker.items():
        monkeypatch.setenv(name, value)

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return ended.value.code, *capsys.readouterr()

    return run
