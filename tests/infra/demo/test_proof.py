"""The demo's proofs: a leak is found, and a forgery changes one letter of one record."""

import io

import pytest
from rich.console import Console

from infra.demo.checks import Checks
from infra.demo.proof import forge, look_for, show_forgery
from replay.archive import ArchiveLog
from replay.export import export
from replay.log import Stored
from replay.report import Report
from schemas import AnswerReleased, Ask, InboxQuestion, QueryRewritten
from schemas.registry import FixedIds
from streams.log.reading import Extent
from streams.log.subjects import subjects
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta

REWRITTEN = topic_of(QueryRewritten)


class Records:
    """A log in memory: values by topic."""

    def __init__(self, values):
        self.ids = FixedIds.numbered(dict.fromkeys(subjects().values()))
        self.values = values

    def extents(self):
        return {(topic, 0): Extent(topic, 0, 0, len(v)) for topic, v in self.values.items()}

    def records(self, topic, partition):
        for offset, value in enumerate(self.values[topic]):
            yield Stored(topic, partition, offset, 0, b"acme", value)

    def committed(self, _step):
        return {}


@pytest.fixture
def checks():
    return Checks(Console(file=io.StringIO(), width=200))


@pytest.mark.parametrize(
    ("topic", "value", "line", "leak"),
    [
        (REWRITTEN, b"<PERSON_1>", "ready", ""),
        (REWRITTEN, b"by Ann Lee", "ready", f"{REWRITTEN}: Ann Lee"),
        (REWRITTEN, None, "asked by Ann Lee", "worker.log: Ann Lee"),
        (topic_of(InboxQuestion), b"by Ann Lee", "ready", ""),
    ],
)
def test_personal_data_is_found_wherever_it_is_kept(tmp_path, checks, topic, value, line, leak):
    (tmp_path / "worker.log").write_text(line)
    look_for(["Ann Lee"], Records({topic: [value]}), tmp_path, checks)
    assert [check.why for check in checks.made] == [leak]
    assert [check.held for check in checks.made] == [not leak]


@pytest.fixture
def archive(tmp_path):
    codec = a_codec()
    queries = [
        QueryRewritten(
            meta=a_meta(), outcome="rewritten", subject="u", question="?", query=text, ask=Ask()
        )
        for text in ("", "the whole of it", "another")
    ]
    export(Records({REWRITTEN: [codec.encode(event) for event in queries]}), tmp_path / "archive")
    return tmp_path / "archive"


@pytest.mark.parametrize("seed", range(8))
def test_a_forgery_changes_one_letter_of_one_record(archive, seed):
    before = list(ArchiveLog(archive).records(REWRITTEN, 0))
    forged = forge(archive, seed)
    after = list(ArchiveLog(archive).records(REWRITTEN, 0))
    [changed] = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert changed[0] == forged
    codec = a_codec()
    old, new = (codec.decode_any(stored.value).query for stored in changed)
    assert len(old) == len(new)
    assert sum(one != other for one, other in zip(old, new, strict=True)) == 1


def test_the_same_seed_forges_the_same_record(archive, tmp_path):
    export(ArchiveLog(archive), tmp_path / "again")
    assert forge(archive, 3) == forge(tmp_path / "again", 3)


def test_a_forgery_that_goes_unnoticed_is_said(checks):
    forged = Stored(topic_of(AnswerReleased), 0, 7, 0, None, b"")
    show_forgery(forged, Report(), checks)
    assert [check.why for check in checks.made] == ["it went unnoticed"]
