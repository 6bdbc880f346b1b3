"""An archive of the product's own steps: short, and made anew in each session."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.synthetic.builder import Builder
from replay.archive import ArchiveLog
from replay.export import export
from schemas import AnswerReleased
from streams.log.codec import Codec
from streams.settings import Settings
from streams.topics import topic_of
from tests.bench.synthetic.words_tokenizer import with_words_tokenizer
from tests.streams.conftest import topic

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
