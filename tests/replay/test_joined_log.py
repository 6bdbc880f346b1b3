"""An archive and the log from where it ends are one log, whatever left the broker since."""

import asyncio
from dataclasses import replace

import pytest

from bench.synthetic.builder import Builder
from replay.archive import ArchiveLog, BadArchive
from replay.export import export, rewrite
from replay.joined_log import JoinedLog
from replay.local_effects import local_handlers
from replay.log import records_within
from replay.seal.audit_report import BROKEN, HOLDS, audit
from replay.seal.known_checkpoints import Checkpoints, of_folder
from replay.seal.seal_folder import SealFolder
from replay.seal.sealer import seal
from replay.verify import Verifier
from schemas import QueryRewritten, QuestionAsked
from schemas.registry import FixedIds
from streams.settings import Settings
from streams.topics import by_name, topic_of
from tests.bench.synthetic.words_tokenizer import with_words_tokenizer
from tests.replay.seal.sealed_log import SIGNER

ASKED, REWRITTEN = topic_of(QuestionAsked), topic_of(QueryRewritten)


class Part:
    """A log from some offsets on, or up to some."""

    def __init__(self, log, begins=None, ends=None):
        self.ids, self._log = log.ids, log
        self._begins, self._ends = begins or {}, ends or {}
        self.closed = False

    def extents(self):
        return {
            place: replace(
                one,
                begin=max(one.begin, self._begins.get(place, 0)),
                end=min(one.end, self._ends.get(place, one.end)),
            )
            for place, one in self._log.extents().items()
        }

    def load(self, lane):
        """Do nothing."""

    def records(self, topic, partition):
        extent = self.extents()[topic, partition]
        rows = self._log.records(topic, partition)
        return (one for one in rows if extent.begin <= one.offset < extent.end)

    def committed(self, step):
        """No export has acknowledgements beyond its end: it reads the end after them."""
        return {
            place: min(offset, self._ends.get(place, offset))
            for place, offset in self._log.committed(step).items()
        }

    def faults(self):
        return []

    def close(self):
        self.closed = True


@pytest.fixture(scope="module")
def built(unit_path_factory):
    """A log in memory, settings that its keys go with, and an archive of its first half."""
    folder = unit_path_factory.mktemp("joined")
    settings = with_words_tokenizer(Settings(run=folder / "run"), folder)
    log = asyncio.run(Builder(settings).build(conversations=6, documents=6))
    ends = {place: one.begin + (one.end - one.begin) // 2 for place, one in log.extents().items()}
    export(Part(log, ends=ends), folder / "archive", cluster="c")
    return log, settings, folder / "archive", ends


def left_on_the_broker(log, ends, *, keeps_last=False):
    """The log after everything that the archive holds has left it."""
    begins = {
        (topic, lane): max(0, end - keeps_last)
        for (topic, lane), end in ends.items()
        if not by_name()[topic].compacted
    }
    return Part(log, begins)


def verified(log, settings):
    local, keyring = local_handlers(settings)
    report = asyncio.run(Verifier(log, local, keyring.digest_key).verify())
    return {**report.as_json(), "seconds": 0}


@pytest.mark.parametrize("keeps_last", [False, True])
def test_it_verifies_as_the_whole_log_did(built, keeps_last):
    log, settings, archive, ends = built
    joined = JoinedLog(ArchiveLog(archive), left_on_the_broker(log, ends, keeps_last=keeps_last))
    whole = verified(log, settings)
    assert verified(joined, settings) == whole
    assert whole["equal"] == whole["records"] > 100


def test_the_rest_alone_does_not(built):
    """What makes it worth joining: a true log whose beginning is gone contradicts itself."""
    log, settings, _, ends = built
    assert verified(left_on_the_broker(log, ends), settings)["diverged"]


def test_its_records_are_those_of_the_whole_log_each_once(built):
    log, _, archive, ends = built
    joined = JoinedLog(ArchiveLog(archive), left_on_the_broker(log, ends, keeps_last=True))
    assert joined.extents() == log.extents()
    for place, extent in log.extents().items():
        rows = list(log.records(*place))
        assert list(joined.records(*place)) == rows
        for begin in range(extent.begin, extent.end, max(1, (extent.end - extent.begin) // 3)):
            part = replace(extent, begin=begin, end=min(extent.end, begin + 5))
            within = [one for one in rows if part.begin <= one.offset < part.end]
            assert list(records_within(joined, part)) == within
    assert list(joined.records("no.such.topic", 0)) == []


def of_both(archive, rest):
    return JoinedLog(ArchiveLog(archive), rest)


def offsets_found(report):
    """Where a verification found what is wrong with rewritten queries, and what it said of files."""
    found = [*report["diverged"], *report["unreadable"]]
    queries = {
        one["offset"] for one in found if one["topic"] == REWRITTEN and not is_of_a_file(one)
    }
    return queries, [one["reason"] for one in found if is_of_a_file(one)]


def is_of_a_file(entry):
    return ".avro" in entry["reason"]


def test_a_forged_record_is_found_in_either_part(built, tmp_path):
    log, settings, _, ends = built
    export(Part(log, ends=ends), tmp_path / "archive", cluster="c")
    lane = next(lane for topic, lane in ends if topic == REWRITTEN and ends[REWRITTEN, lane] > 1)
    end, whole = ends[REWRITTEN, lane], log.extents()[REWRITTEN, lane].end

    def forged(stored):
        return replace(stored, value=stored.value[:-1] + bytes([stored.value[-1] ^ 1]))

    rest = left_on_the_broker(log, ends)
    rows = rest.records
    rest.records = lambda topic, at: (
        forged(one) if (topic, at) == (REWRITTEN, lane) else one for one in rows(topic, at)
    )
    found = offsets_found(verified(of_both(tmp_path / "archive", rest), settings))
    assert found == (set(range(end, whole)), [])
    rewrite(tmp_path / "archive", REWRITTEN, lane, forged)
    rest = left_on_the_broker(log, ends)
    queries, files = offsets_found(verified(of_both(tmp_path / "archive", rest), settings))
    assert queries == set(range(end))
    assert any("was changed" in reason for reason in files)


def test_a_seal_of_the_whole_log_holds_and_finds_what_was_forged(built, tmp_path):
    log, _, archive, ends = built
    trees = SealFolder(tmp_path / "seal")
    list(seal(log.extents(), lambda extent: records_within(log, extent), trees, SIGNER))
    known = Checkpoints([SIGNER.verifier])
    known.take_all(of_folder(trees), "seal")
    rest = left_on_the_broker(log, ends)
    report = audit(of_both(archive, rest), trees, known)
    assert (report.status, report.unsealed, report.findings) == (HOLDS, 0, [])
    alone = audit(rest, trees, known)
    assert (alone.status, {one.kind for one in alone.findings}) == (BROKEN, {"deleted"})
    lane = next(lane for topic, lane in ends if topic == ASKED and ends[ASKED, lane])
    [first, *_] = rest.records(ASKED, lane)
    rows = rest.records
    rest.records = lambda topic, at: (
        replace(one, key=b"globex") if one == first else one for one in rows(topic, at)
    )
    [found] = audit(of_both(archive, rest), trees, known).findings
    assert (found.topic, found.partition, found.offset) == (ASKED, lane, first.offset)


def lacks_some(log, ends):
    place = next(place for place, end in ends.items() if 0 < end < log.extents()[place].end)
    return Part(log, {place: ends[place] + 1})


def another_last(log, ends):
    place = next(place for place, end in ends.items() if end and not by_name()[place[0]].compacted)
    part = Part(log)
    rows = part.records
    part.records = lambda *at: (
        replace(one, key=b"another") if at == place and one.offset == ends[place] - 1 else one
        for one in rows(*at)
    )
    return part


def shorter(log, ends):
    place = next(place for place, end in ends.items() if end)
    return Part(log, ends={place: ends[place] - 1})


def other_schemas(log, _):
    part = Part(log)
    part.ids = FixedIds.numbered(["AnswerReleased", "QuestionAsked"])
    return part


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        (lacks_some, "what lay between is in neither"),
        (another_last, "another record lies at"),
        (shorter, "on the log, and at"),
        (other_schemas, "to another schema"),
    ],
)
def test_a_log_that_does_not_go_on_from_the_archive_is_refused(built, rest, says):
    log, _, archive, ends = built
    with pytest.raises(BadArchive, match=says):
        JoinedLog(ArchiveLog(archive), rest(log, ends), "c")


def test_so_is_another_cluster(built):
    log, _, archive, ends = built
    with pytest.raises(BadArchive, match="is of the cluster c, this is d"):
        JoinedLog(ArchiveLog(archive), left_on_the_broker(log, ends), "d")


def test_schemas_that_the_registry_forgot_are_the_archives(built):
    log, _, archive, ends = built
    rest = left_on_the_broker(log, ends)
    rest.ids = FixedIds({}, {})
    joined = of_both(archive, rest)
    held = ArchiveLog(archive).ids
    number = held.id_of("QuestionAsked")
    assert joined.ids.id_of("QuestionAsked") == number
    assert joined.ids.definition_of(number) == held.definition_of(number)
    joined.close()
    assert rest.closed


@pytest.mark.parametrize("verb", [("replay", "verify"), ("audit", "check")])
def test_it_goes_on_from_an_archive_that_is_named(command_line, verb):
    code, out, err = command_line(*verb, "--and-log")
    assert (code, out, "name it (--archive)" in err) == (2, "", True)
