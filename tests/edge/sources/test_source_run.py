"""Following a source: what changed is handed in once, what is gone is withdrawn, and nothing else."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager, suppress

import pytest
from confluent_kafka import KafkaError, KafkaException
from msgspec import structs

from agents.errors import Transient
from connectors.sources.findings import (
    FoundDocument,
    FoundGone,
    FoundUnchanged,
    GoneMeanwhile,
    LeftOut,
    ReadVersion,
    SourceAway,
    UnreadDocument,
)
from edge.sources.source_desk import SourceDesk
from edge.sources.source_history import NoSuchSource, RunWish
from edge.sources.source_lock import SourceBusy, source_lock
from schemas import DocumentSeen
from streams.log.ids import document_id
from streams.log.lanes import lanes
from tests.edge.sources.followed import CODEC, FollowedTenant, counts
from tests.memory_broker import MemoryWriter


@pytest.fixture
def folder(acme, tmp_path):
    folder = tmp_path / "handbook"
    folder.mkdir()
    for name in ("a.md", "b.md", "c.txt"):
        (folder / name).write_text(f"text of {name}")
    (folder / "picture.raw").write_bytes(b"\0")
    acme.add("handbook", folder)
    return folder


def touched(path, seconds=5):
    """Give a file another time, as an editor a while later does."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + seconds * 1_000_000_000))


class ListedSource:
    """A source that lists what a test says."""

    def __init__(self, *findings, absence_tells=True, incomplete="", error=None, cursor=""):
        self.findings, self.absence_tells = findings, absence_tells
        self.incomplete, self.error, self.cursor = incomplete, error, cursor
        self.asked = []

    def expected(self):
        return len(self.findings)

    def found(self, known, cursor):
        self.asked.append((sorted(known.uris()), cursor))
        yield from self.findings
        if self.error:
            raise self.error


def a_document(uri, text="x", marker="", validators=""):
    version = ReadVersion(text.encode(), "text/plain", marker=marker, validators=validators)
    return FoundDocument(uri, lambda: version, marker)


def follow(tenant, source, **wish):
    """Run a source that a test made, under the name handbook."""
    with tenant.desk(open_source=lambda *_, **__: source) as desk:
        return desk.run(desk.configured("handbook"), RunWish(**wish))


# ---------------------------------------------------------------------- only what changed


def test_a_folder_goes_in_once_and_then_only_what_changed(acme, folder):
    assert counts(acme.run("handbook")) == {"added": 3, "skipped": 1}
    assert counts(acme.run("handbook")) == {"unchanged": 3, "skipped": 1}
    (folder / "b.md").write_text("another text")
    touched(folder / "b.md")
    (folder / "d.md").write_text("new")
    assert counts(acme.run("handbook")) == {
        "added": 1,
        "changed": 1,
        "unchanged": 2,
        "skipped": 1,
    }
    assert len(acme.submitted) == 5
    uris = {(folder / name).as_uri() for name in ("a.md", "b.md", "c.txt", "d.md")}
    assert set(acme.texts()) == uris
    assert acme.texts()[(folder / "b.md").as_uri()] == "another text"


def test_a_document_is_the_one_that_ingest_makes_of_the_same_file(acme, folder):
    acme.run("handbook")
    event = min(acme.submitted, key=lambda one: one.uri)
    uri = (folder / "a.md").as_uri()
    assert (event.uri, event.document) == (uri, document_id("acme", uri))
    assert (event.media_type, event.chunk_policy, event.groups) == (
        "text/markdown",
        "procedural",
        (),
    )
    assert event.meta.step.name == "sources"


def test_a_file_that_was_only_touched_is_read_and_not_handed_in(acme, folder):
    acme.run("handbook")
    touched(folder / "a.md")
    assert counts(acme.run("handbook")) == {"unchanged": 3, "skipped": 1}
    assert len(acme.submitted) == 3
    noted = len(acme.seen)
    acme.run("handbook")
    assert len(acme.seen) == noted == 4  # its new time was noted once


def test_a_text_that_comes_back_is_handed_in_again(acme, folder):
    for text in ("one", "two", "one"):
        (folder / "a.md").write_text(text)
        touched(folder / "a.md", len(acme.submitted) + 1)
        acme.run("handbook")
    mine = [one for one in acme.submitted if one.uri.endswith("/a.md")]
    assert len({one.meta.request for one in mine}) == len(mine) == 3
    assert acme.texts()[(folder / "a.md").as_uri()] == "one"


def test_a_version_that_comes_back_with_its_marker_is_a_request_of_its_own(acme, folder):
    for text in ("one", "two", "one"):
        follow(acme, ListedSource(a_document("u-1", text, marker=text)))
    assert len({one.meta.request for one in acme.submitted}) == 3
    assert acme.texts() == {"u-1": "one"}


def test_another_policy_or_other_readers_hand_everything_in_anew(acme, folder):
    acme.run("handbook")
    acme.add("handbook", folder, groups=["staff"])
    assert counts(acme.run("handbook")) == {"changed": 3, "skipped": 1}
    assert {one.groups for one in acme.submitted[-3:]} == {("staff",)}


def test_a_dry_run_says_what_would_change_and_writes_nothing(acme, folder):
    acme.run("handbook")
    before = {place: rows.end for place, rows in acme.broker.rows.items()}
    (folder / "a.md").write_text("new")
    touched(folder / "a.md")
    (folder / "b.md").unlink()
    (folder / "e.md").write_text("new")
    report = acme.run("handbook", dry=True)
    assert counts(report) == {"changed": 1, "removed": 1, "added": 1, "unchanged": 1, "skipped": 1}
    assert {place: rows.end for place, rows in acme.broker.rows.items()} == before
    told = {(one.outcome, one.name.rpartition("/")[2]) for one in report.told}
    assert {("changed", "a.md"), ("removed", "b.md"), ("added", "e.md")} <= told


# ---------------------------------------------------------------------- what is gone


def test_what_is_gone_is_withdrawn_and_what_comes_back_is_handed_in(acme, folder):
    acme.run("handbook")
    (folder / "a.md").unlink()
    assert counts(acme.run("handbook"))["removed"] == 1
    [gone] = acme.withdrawn
    assert gone.document == document_id("acme", (folder / "a.md").as_uri())
    assert gone.reason == "gone from source handbook"
    assert "removed" not in counts(acme.run("handbook"))
    (folder / "a.md").write_text("text of a.md")
    assert counts(acme.run("handbook"))["added"] == 1
    assert len(acme.submitted) == 4
    assert len({one.meta.request for one in acme.submitted}) == 4
    assert (folder / "a.md").as_uri() in acme.texts()


def test_more_than_half_is_withdrawn_only_where_somebody_says_so(acme, folder):
    acme.run("handbook")
    for name in ("a.md", "b.md"):
        (folder / name).unlink()
    report = acme.run("handbook")
    assert (report.refused, report.held, report.went_well) == (2, 3, False)
    assert not acme.withdrawn
    assert counts(acme.run("handbook", allow_deletions=True))["removed"] == 2
    assert len(acme.withdrawn) == 2


def test_a_folder_that_is_gone_takes_no_document_with_it(acme, folder):
    acme.run("handbook")
    folder.rename(folder.with_name("unmounted"))
    with pytest.raises(SourceAway, match="is it mounted"):
        acme.run("handbook", allow_deletions=True)
    assert not acme.withdrawn
    assert (acme.ran[-1].state, acme.ran[-1].complete) == ("failed", False)


@pytest.mark.parametrize(
    "cut_off",
    [
        ListedSource(a_document("u-1", marker="1"), incomplete="the listing broke off"),
        ListedSource(a_document("u-1", marker="1"), absence_tells=False),
    ],
)
def test_absence_is_believed_after_a_complete_listing_alone(acme, folder, cut_off):
    follow(acme, ListedSource(*(a_document(f"u-{number}", marker="1") for number in range(5))))
    report = follow(acme, cut_off, allow_deletions=True)
    assert counts(report) == {"unchanged": 1}
    assert not acme.withdrawn


def test_a_listing_that_fails_in_the_middle_withdraws_nothing_and_keeps_what_it_took(acme, folder):
    follow(acme, ListedSource(a_document("u-1"), a_document("u-2")))
    source = ListedSource(a_document("u-3"), error=SourceAway("the server went"))
    with pytest.raises(SourceAway):
        follow(acme, source, allow_deletions=True)
    assert not acme.withdrawn
    assert {one.uri for one in acme.seen} == {"u-1", "u-2", "u-3"}


def test_what_a_source_says_is_gone_is_withdrawn_at_the_end_and_only_if_it_was_held(acme, folder):
    source = ListedSource(*map(a_document, ("u-1", "u-2", "u-3")), absence_tells=False)
    follow(acme, source)
    source = ListedSource(FoundGone("u-1"), FoundGone("never"), absence_tells=False)
    assert counts(follow(acme, source)) == {"removed": 1}
    assert [one.document for one in acme.withdrawn] == [document_id("acme", "u-1")]


def test_a_document_of_two_sources_is_withdrawn_when_both_have_lost_it(acme, folder):
    acme.add("again", folder)
    acme.run("handbook")
    acme.run("again")
    (folder / "a.md").unlink()
    report = acme.run("handbook")
    assert "removed" not in counts(report)
    assert report.notes == [f"{(folder / 'a.md').as_uri()} stays: source again has it too"]
    assert not acme.withdrawn
    assert counts(acme.run("again"))["removed"] == 1
    assert len(acme.withdrawn) == 1


# ---------------------------------------------------------------------- one bad thing is one line


def refusing(error):
    def read():
        raise error

    return read


def test_a_document_that_can_not_be_read_is_one_line_and_not_the_end(acme, folder):
    source = ListedSource(
        FoundDocument("u-1", refusing(UnreadDocument("permission denied"))),
        FoundDocument("u-2", refusing(GoneMeanwhile())),
        FoundDocument("u-3", lambda: ReadVersion(b"x", "image/x-icon")),
        FoundDocument("u" * 3_000, lambda: ReadVersion(b"x", "text/plain")),
        LeftOut("a folder", "it can't be listed", "failed"),
        a_document("u-4"),
    )
    report = follow(acme, source)
    assert counts(report) == {"failed": 4, "skipped": 1, "added": 1}
    assert not report.went_well
    assert [one.uri for one in acme.submitted] == ["u-4"]
    reasons = [one.reason for one in report.told if one.outcome == "failed"]
    assert reasons[0] == "permission denied"
    assert reasons[1].startswith("media type 'image/x-icon' can't be read")


def test_a_document_that_can_not_be_read_any_more_stays_as_it_was(acme, folder):
    follow(acme, ListedSource(a_document("u-1", marker="1")))
    for source in (
        ListedSource(FoundDocument("u-1", refusing(UnreadDocument("no")), "2")),
        ListedSource(LeftOut("u-1", "too large", "failed", "u-1")),
    ):
        assert counts(follow(acme, source, allow_deletions=True)) == {"failed": 1}
    assert not acme.withdrawn


def test_a_uri_that_is_listed_twice_is_told_and_the_later_counts(acme, folder):
    report = follow(acme, ListedSource(a_document("u-1", "one"), a_document("u-1", "two")))
    assert report.notes == ["u-1 was listed twice: the later version counts"]
    assert acme.texts() == {"u-1": "two"}


def test_an_erased_document_is_told_and_does_not_come_back(acme, folder):
    follow(acme, ListedSource(a_document("u-1")))
    acme.keyring.destroy("acme", f"document/{document_id('acme', 'u-1')}")
    report = follow(acme, ListedSource(a_document("u-1", "new"), a_document("u-2")))
    assert counts(report) == {"failed": 1, "added": 1}
    assert report.told[0].reason == "it was erased: its key is gone for ever"


# ---------------------------------------------------------------------- what the log remembers


def test_pages_that_were_not_handed_in_are_looked_at_again(acme, folder):
    left = LeftOut("u-9", "the site answered 500", "failed", "u-9")
    follow(acme, ListedSource(a_document("u-1"), left, absence_tells=False))
    source = ListedSource(a_document("u-9"), absence_tells=False)
    report = follow(acme, source)
    assert source.asked == [(["u-1", "u-9"], "")]
    assert counts(report) == {"added": 1}


def test_validators_come_back_sealed_and_only_after_a_run_that_ended(acme, folder):
    seen = []

    class Curious(ListedSource):
        def found(self, known, cursor):
            seen.append(known.validators("u-1"))
            yield (
                FoundUnchanged("u-1") if seen[-1] else a_document("u-1", validators='{"etag":"e"}')
            )
            if self.error:
                raise self.error

    follow(acme, Curious())
    assert counts(follow(acme, Curious())) == {"unchanged": 1}
    with pytest.raises(SourceAway):
        follow(acme, Curious(error=SourceAway("away")))
    follow(acme, Curious())
    assert seen == ["", '{"etag":"e"}', '{"etag":"e"}', ""]
    sealed = acme.seen[0].validators
    assert b"etag" not in sealed.ciphertext
    assert len(acme.submitted) == 1


def test_a_cursor_goes_on_where_the_last_run_ended_until_the_source_is_another(acme, folder):
    cursors = []
    for source in (
        ListedSource(cursor="5"),
        ListedSource(error=SourceAway("away"), cursor="6"),
        ListedSource(cursor="7"),
        ListedSource(),
    ):
        with suppress(SourceAway):
            follow(acme, source)
        cursors += [cursor for _, cursor in source.asked]
    acme.add("handbook", folder, exclude="drafts/*")
    source = ListedSource()
    follow(acme, source)
    cursors += [cursor for _, cursor in source.asked]
    assert cursors == ["", "5", "5", "7", ""]


def test_a_run_says_on_the_log_that_it_began_and_how_it_ended(acme, folder):
    acme.run("handbook")
    begun, ended = acme.ran
    assert (begun.state, ended.state) == ("begun", "ended")
    assert begun.run == ended.run
    assert (ended.added, ended.skipped, ended.complete) == (3, 1, True)
    assert begun.meta.id != ended.meta.id


def test_no_record_holds_a_text_or_a_plain_digest_of_it(acme, folder):
    acme.run("handbook")
    text = (folder / "a.md").read_bytes()
    plain = [
        text,
        hashlib.sha256(text).hexdigest().encode(),
        hashlib.md5(text).hexdigest().encode(),
    ]
    for rows in acme.broker.rows.values():
        for message in rows.messages:
            assert not any(one in message.value() for one in plain)


# ---------------------------------------------------------------------- cut off and repeated


class DyingWriter(MemoryWriter):
    """A broker's client whose process dies after so many records."""

    def __init__(self, broker, records):
        super().__init__(broker)
        self.records = records

    def write(self, *record, **more):
        if self.records == 0:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        self.records -= 1
        return super().write(*record, **more)


@pytest.mark.parametrize("records", range(1, 12))
def test_a_run_that_dies_anywhere_is_made_up_for_by_the_next_one(acme, folder, records):
    writer = DyingWriter(acme.broker, records)
    with suppress(KafkaException, Transient), acme.desk(writer) as desk:
        desk.run(desk.configured("handbook"), RunWish())
    acme.run("handbook")
    assert len(acme.texts()) == 3
    by_uri = {}
    for event in acme.submitted:
        by_uri.setdefault(event.uri, set()).add(event.meta.id)
    assert len(by_uri) == 3
    assert all(len(ids) == 1 for ids in by_uri.values())  # a repeat is the same request
    assert counts(acme.run("handbook")) == {"unchanged": 3, "skipped": 1}


def test_a_source_is_followed_by_one_process_at_a_time(acme, folder):
    with source_lock(acme.settings, "acme", "handbook"), pytest.raises(SourceBusy, match="another"):
        acme.run("handbook")
    assert counts(acme.run("handbook"))["added"] == 3


def test_a_run_of_another_machine_that_did_not_end_is_taken_over_by_word_alone(
    acme, folder, monkeypatch
):
    monkeypatch.setattr("edge.sources.source_desk.host_name", lambda: "elsewhere")
    with acme.desk(DyingWriter(acme.broker, 1)) as desk, pytest.raises(KafkaException):
        desk.run(desk.configured("handbook"), RunWish())
    monkeypatch.undo()
    with pytest.raises(SourceBusy, match="began on elsewhere"):
        acme.run("handbook")
    assert counts(acme.run("handbook", take_over=True))["added"] == 3


# ---------------------------------------------------------------------- whose it is


def test_a_source_of_another_tenant_is_none(acme, folder):
    # a name that begins with the other's, in the same lane
    lane = lanes("acme", acme.settings.partitions)
    name = next(
        name
        for number in range(100)
        if lanes(name := f"acme-{number}", acme.settings.partitions) == lane
    )
    other = FollowedTenant(acme.settings.run, name, acme.broker)
    with pytest.raises(NoSuchSource, match=f"{name} has no source handbook: it has none"):
        other.run("handbook")
    acme.run("handbook")
    other.add("handbook", folder)
    assert counts(other.run("handbook"))["added"] == 3
    assert len(acme.submitted) == 6
    with acme.desk() as desk:
        [listed] = desk.listed()
    assert (listed.documents, listed.last.added) == (3, 3)


def test_a_record_under_another_key_than_its_own_counts_for_nobody(acme, folder):
    acme.run("handbook")
    rows = next(
        rows
        for (topic, _), rows in acme.broker.rows.items()
        if topic == "playhead.document.seen" and rows.messages
    )
    stray = rows.messages[0]
    before = rows.end
    forged = structs.replace(CODEC.decode(stray.value(), DocumentSeen), state="gone")
    acme.broker.put(
        "playhead.document.seen",
        CODEC.encode(forged),
        partition=stray.partition(),
        key=b"acme|other|x",
    )
    acme.broker.put("playhead.document.seen", b"junk", partition=stray.partition(), key=b"acme|x|y")
    assert rows.end == before + 2
    assert counts(acme.run("handbook")) == {"unchanged": 3, "skipped": 1}


def test_an_unknown_source_names_those_that_there_are(acme, folder):
    with pytest.raises(NoSuchSource, match="acme has no source hnadbook: there are handbook"):
        acme.run("hnadbook")


# ---------------------------------------------------------------------- taking away


def test_a_source_that_is_removed_leaves_its_documents_or_takes_them_along(acme, folder):
    acme.run("handbook")
    assert counts(acme.remove("handbook")) == {}
    assert not acme.withdrawn
    with pytest.raises(NoSuchSource):
        acme.run("handbook")
    acme.add("handbook", folder)  # it goes on with what was seen
    assert counts(acme.run("handbook")) == {"unchanged": 3, "skipped": 1}
    assert counts(acme.remove("handbook", withdraw=True)) == {"removed": 3}
    assert acme.texts() == {}
    acme.add("handbook", folder)
    assert counts(acme.run("handbook")) == {"added": 3, "skipped": 1}
    assert len(acme.texts()) == 3


def test_what_another_source_has_too_stays_when_one_is_removed(acme, folder):
    acme.add("again", folder)
    acme.run("handbook")
    acme.run("again")
    report = acme.remove("handbook", withdraw=True)
    assert counts(report) == {}
    assert len(report.notes) == 3
    # a source that was taken away holds nothing back
    assert counts(acme.remove("again", withdraw=True)) == {"removed": 3}


def test_a_quiet_run_stands_on_the_log_only_where_it_found_something(acme, folder):
    acme.run("handbook")
    assert len(acme.ran) == 2
    acme.run("handbook", quiet=True)
    assert len(acme.ran) == 2
    (folder / "new.md").write_text("new")
    acme.run("handbook", quiet=True)
    assert [one.added for one in acme.ran] == [0, 3, 0, 1]


@pytest.mark.parametrize("complete", [True, False])
def test_the_log_keeps_no_words_of_others(acme, folder, complete):
    said = "reading broke off: bad value 'Jane Doe'"
    if complete:
        with pytest.raises(SourceAway, match="Jane Doe"):
            follow(acme, ListedSource(error=SourceAway(said)))
    else:
        assert follow(acme, ListedSource(incomplete=said)).incomplete == said
    assert acme.ran[-1].reason == "reading broke off"


def test_a_cursor_does_not_pass_what_failed(acme, folder):
    failed = LeftOut("row 2", "it is too large", "failed")
    follow(acme, ListedSource(cursor="1"))
    follow(acme, ListedSource(failed, cursor="2"))
    last = ListedSource(cursor="3")
    follow(acme, last)
    assert [cursor for _, cursor in last.asked] == ["1"]
    assert [one.cursor for one in acme.ran if one.state == "ended"] == ["1", "1", "3"]


def test_a_quiet_run_that_was_cut_off_is_not_built_upon(acme, folder):
    """Whoever watches a site would else never learn of what a page that was taken in links to."""
    page = a_document("https://acme.test/", "links to /new", validators='{"etag": "2"}')
    follow(acme, ListedSource(absence_tells=False))
    killed = ListedSource(page, absence_tells=False, error=Killed())
    with pytest.raises(Killed), without_last_words(acme):
        follow(acme, killed, quiet=True)
    assert [one.state for one in acme.ran] == ["begun", "ended", "begun"]
    asked = []

    class Asking(ListedSource):
        def found(self, known, cursor):
            asked.append(known.validators(page.uri))
            return super().found(known, cursor)

    follow(acme, Asking(page, absence_tells=False), quiet=True)
    follow(acme, Asking(page, absence_tells=False), quiet=True)
    assert len(acme.submitted) == 1
    assert asked[0] == ""


class Killed(BaseException):
    """As if the process had gone."""


@contextmanager
def without_last_words(tenant):
    """Let nothing of a run's end reach the log."""
    put = SourceDesk._put_now

    def silent(desk, fact, fingerprint):
        if getattr(fact, "state", "") == "failed":
            return fact
        return put(desk, fact, fingerprint)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SourceDesk, "_put_now", silent)
        yield
