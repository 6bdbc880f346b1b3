import dataclasses
import json
import re
import time
import uuid

import click
import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaException, Producer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from msgspec.structs import replace

from connectors.keyring import Keyring
from schemas import (
    Ask,
    Cause,
    DocumentSubmitted,
    Effect,
    EventRejected,
    InboxDocument,
    Meta,
    QueryRewritten,
    QuestionAsked,
    Sealed,
    StepVersion,
)
from schemas.registry import Registry, RegistryAway
from streams.delivery.history import RETRY, History, rejected_attempt
from streams.log.codec import Codec
from streams.log.ids import document_id, outcome_id
from streams.log.lanes import lane_of
from streams.log.subjects import subjects
from streams.operations import dead_letters as module
from streams.operations.dead_letters import (
    IDENTIFIERS,
    Filters,
    Letter,
    NoSuchLetter,
    dead_letters,
    details,
    headers_of,
    original,
    resolve,
    settle,
    shown,
    unfit,
)
from streams.topics import topic_of
from tests.fakes import NOW_US, a_codec, a_meta

ASKED = topic_of(QuestionAsked)
SECRET = "Beatriz Almeida"


def a_question(**fields):
    sealed = Sealed(key="user/u", event="e", field="text", ciphertext=b"c" * 40)
    return QuestionAsked(meta=a_meta(), subject="u", text=sealed, ask=Ask(), **fields)


def a_letter(
    offset=7, *, attempt=1, identity=None, topic=ASKED, status="open", meta=None, **fields
):
    meta = meta or a_meta(
        id=identity or outcome_id(f"cause-{offset}", "redact", 0),
        attempt=attempt,
        cause=Cause(topic=topic, partition=0, offset=offset, id=f"cause-{offset}"),
        effects=(Effect(number=0, kind="Begin", request=b"", started=NOW_US, took_us=5),),
    )
    values = {
        "meta": meta,
        "topic": topic,
        "partition": 0,
        "offset": offset,
        "step": "redact",
        "error": "Permanent",
        "message": "no key opens it: create the key",
        "traceback": "redact.py:1 redact",
        "attempts": 1,
        "key": b"acme",
        "value": a_codec().encode(a_question()),
    }
    return Letter(EventRejected(**{**values, **fields}), partition=0, offset=offset, status=status)


# ---------------------------------------------------------------------- which are meant


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        ({}, True),
        ({"tenant": "acme", "step": "redact", "error": "Permanent", "request": "r-1"}, True),
        ({"tenant": "other"}, False),
        ({"step": "embed"}, False),
        ({"error": "Transient"}, False),
        ({"request": "r-2"}, False),
        ({"since_us": NOW_US}, True),
        ({"since_us": NOW_US + 1}, False),
        ({"until_us": NOW_US + 1}, True),
        ({"until_us": NOW_US}, False),
    ],
)
def test_a_letter_is_meant_if_it_fits_every_filter(filters, taken):
    assert Filters(**filters).takes(a_letter().event) is taken


def test_an_id_may_be_cut_short():
    letters = [a_letter(1), a_letter(2)]
    assert resolve(letters, letters[1].id[:6].upper()) is letters[1]


def test_an_unknown_id_says_where_the_ids_are():
    with pytest.raises(NoSuchLetter, match="dead-letters list"):
        resolve([a_letter()], "ffffff")
    with pytest.raises(NoSuchLetter):
        resolve([a_letter()], "")


def test_an_ambiguous_id_asks_for_more():
    with pytest.raises(NoSuchLetter, match=r"2 dead letters.*more characters"):
        resolve([a_letter(1, identity="ab1"), a_letter(2, identity="ab2")], "ab")


def test_of_letters_with_one_id_the_newest_is_meant():
    letters = [a_letter(offset, attempt=offset, identity="ab") for offset in (1, 3, 2)]
    assert resolve(letters, "ab") is letters[1]


# ---------------------------------------------------------------------- what became of them


def test_a_letter_is_open_waiting_rejected_again_or_done():
    letters = [a_letter(offset) for offset in (1, 2, 3, 4, 30)]
    copies = {(ASKED, 0, 2): [20], (ASKED, 0, 3): [30], (ASKED, 0, 4): [41, 40]}
    settle(letters, copies, frozenset({(ASKED, 0, 40)}))
    assert [letter.status for letter in letters] == [
        "open",
        "waiting",
        "rejected again",
        "done",
        "open",
    ]
    assert letters[3].copies == [40, 41]


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        (a_letter(), ""),
        (a_letter(status="done"), "nothing is left to do"),
        (a_letter(status="rejected again"), "newer dead letter"),
        (a_letter(topic=topic_of(InboxDocument), value=None), "producer send it again"),
        (a_letter(value=None), "no value"),
    ],
)
def test_what_can_not_be_put_back_says_why(letter, why):
    assert why in unfit(letter)
    assert bool(unfit(letter)) is bool(why)


def test_what_waits_for_its_step_is_not_put_back_twice():
    letter = a_letter()
    settle([letter], {letter.place: [12]}, frozenset())
    assert f"{ASKED}[0]@12" in unfit(letter)


# ---------------------------------------------------------------------- what is put back


def test_the_headers_are_those_of_the_original_and_a_mark_of_the_rejected_run():
    codec, question = a_codec(), a_question()
    question = replace(question, meta=replace(question.meta, trace="00-t"))
    event = a_letter(5, attempt=3, value=codec.encode(question)).event
    assert dict(headers_of(codec, event)) == {
        "id": b"id-of-r-1",
        "request": b"r-1",
        "traceparent": b"00-t",
        RETRY: b"3@5",
    }


def test_bytes_that_could_not_be_read_are_marked_with_no_attempt():
    nobody = a_meta(tenant="", request="")
    event = a_letter(5, meta=nobody, value=b"no avro").event
    assert headers_of(a_codec(), event) == [(RETRY, b"0@5")]
    assert rejected_attempt({RETRY: b"0@5"}) == 0


@pytest.mark.parametrize(
    ("header", "attempt"), [(b"3@5", 3), (b"x@5", 0), (b"", 0), (b"-1@5", 0), (b"9" * 5000, 0)]
)
def test_only_a_number_in_the_mark_counts(header, attempt):
    assert rejected_attempt({RETRY: header}) == attempt


def test_a_record_without_the_mark_is_no_retry():
    assert rejected_attempt({"id": b"3@5"}) == 0


# ---------------------------------------------------------------------- how the runner takes it


def rejected_here(history, meta, offset, attempt):
    """Let a run over an input end, as the runner does."""
    assert not history.duplicate(meta, ASKED, 0, offset, attempt - 1)
    if attempt > 1:
        history.attempted(meta.id, attempt - 1)
    assert history.begin(meta, ASKED, 0, offset) == attempt
    history.finished(meta)


@pytest.mark.parametrize(
    "meta", [a_meta(), a_meta(cause=Cause(topic="t", partition=0, offset=1, id="c"))]
)
def test_a_letter_that_is_put_back_runs_again_in_the_same_worker_and_once(meta):
    history = History()
    rejected_here(history, meta, 7, 1)
    assert history.duplicate(meta, ASKED, 0, 8)  # a copy without the mark
    rejected_here(history, meta, 9, 2)  # the retry of attempt 1
    assert history.duplicate(meta, ASKED, 0, 10, 1)  # put back twice
    rejected_here(history, meta, 11, 3)  # the retry of attempt 2, which was rejected too


def an_outcome(attempt, offset):
    cause = Cause(topic=ASKED, partition=0, offset=offset, id="id-of-r-1")
    return a_meta(cause=cause, attempt=attempt)


def test_after_a_restart_too():
    history = History()
    history.learn([an_outcome(2, 7), an_outcome(1, 6)])
    assert history.duplicate(a_meta(), ASKED, 0, 9)
    assert history.duplicate(a_meta(), ASKED, 0, 9, 1)
    assert not history.duplicate(a_meta(), ASKED, 0, 9, 2)
    assert history.duplicate(a_meta(), ASKED, 0, 7, 2)  # this very record has its outcome


def test_what_no_memory_reaches_runs_above_the_rejected_attempt():
    history = History()
    assert not history.duplicate(a_meta(), ASKED, 0, 9, 4)
    history.attempted(a_meta().id, 4)
    assert history.begin(a_meta(), ASKED, 0, 9) == 5


# ---------------------------------------------------------------------- what is shown


def test_sealed_fields_stay_sealed():
    fields = original(a_codec(), a_letter().event)["fields"]
    assert fields["text"] == {
        "sealed": {
            "key": "user/u",
            "event": "e",
            "field": "text",
            "ciphertext": "40 bytes",
            "claim": "",
        }
    }
    assert fields["meta"]["tenant"] == "acme"


def test_texts_are_told_by_their_length_alone():
    rewritten = QueryRewritten(
        meta=a_meta(),
        outcome="rewritten",
        subject="u",
        question=SECRET,
        query=SECRET,
        wordings=(SECRET, "two"),
        ask=Ask(filters={"author": SECRET}),
    )
    told = original(a_codec(), a_letter(value=a_codec().encode(rewritten)).event)
    assert SECRET not in json.dumps(told)
    assert told["fields"]["query"] == "15 characters"
    assert told["fields"]["wordings"] == ["15 characters", "3 characters"]
    assert told["fields"]["outcome"] == "rewritten"


def test_a_field_that_nobody_knows_is_not_shown():
    assert "nickname" not in IDENTIFIERS
    assert shown("", {"nickname": SECRET, "id": "i", "n": 3, "b": b"xy"}) == {
        "nickname": "15 characters",
        "id": "i",
        "n": 3,
        "b": "2 bytes",
    }


def test_undecodable_bytes_are_not_shown():
    told = details(a_codec(), a_letter(value=SECRET.encode(), key=SECRET.encode()))
    assert told["original"]["size_bytes"] == 15
    assert "magic byte" in told["original"]["unreadable"]
    assert SECRET not in json.dumps(told)


def test_everything_else_of_a_letter_is_told():
    told = details(a_codec(), a_letter(7))
    assert told["traceback"] == "redact.py:1 redact"
    assert told["cause"] == {"topic": ASKED, "partition": 0, "offset": 7, "id": "cause-7"}
    assert [effect["kind"] for effect in told["effects"]] == ["Begin"]
    assert told["original"]["record"] == "QuestionAsked"
    assert told["key"] == "acme"


# ---------------------------------------------------------------------- the command line


class FakeDeadLetters:
    """Dead letters in memory; remembers what was put back."""

    letters = ()
    error = None

    def __init__(self, settings):
        self.codec = a_codec()
        self.retried = []
        FakeDeadLetters.last = self

    def all(self):
        if self.error:
            raise self.error
        return list(self.letters)

    def put_back(self, letters):
        self.retried = [letter.event.offset for letter in letters]
        return [100 + number for number, _ in enumerate(letters)]

    def close(self):
        pass


@pytest.fixture
def cli(monkeypatch):
    monkeypatch.setattr(module, "DeadLetters", FakeDeadLetters)

    def run(*arguments, letters=(), error=None):
        monkeypatch.setattr(FakeDeadLetters, "letters", letters)
        monkeypatch.setattr(FakeDeadLetters, "error", error)
        return CliRunner().invoke(dead_letters, arguments)

    return run


def test_the_list_is_one_json_document(cli):
    done = cli("list", "--json", "--tenant", "acme", letters=[a_letter(7)])
    [row] = json.loads(done.stdout)["dead_letters"]
    assert (row["step"], row["status"], row["retried"], row["offset"]) == (
        "redact",
        "open",
        False,
        7,
    )


def test_the_list_on_a_terminal_shows_short_ids_and_brackets_as_they_are(cli):
    letter = a_letter(7, message="at [red]x[/red][3]@7")
    done = cli("list", letters=[letter, a_letter(8, error="Other")])
    assert letter.id[:13] in done.output
    assert "[red]" in re.sub(r"\s", "", done.output)


def test_an_empty_list_says_so(cli):
    done = cli("list", "--tenant", "nobody", letters=[a_letter()])
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no dead letters" in done.stderr


def test_show_on_a_terminal_tells_the_traceback(cli):
    letter = a_letter()
    done = cli("show", letter.id[:8], letters=[letter])
    assert done.exit_code == 0
    assert "redact.py:1 redact" in done.output


def test_named_letters_are_put_back_once_each(cli):
    letter = a_letter(7)
    done = cli("retry", letter.id, letter.id[:9], "--json", letters=[letter, a_letter(8)])
    assert json.loads(done.stdout)["retried"] == [
        {"id": letter.id, "topic": ASKED, "partition": 0, "offset": 100}
    ]
    assert FakeDeadLetters.last.retried == [7]


def test_all_takes_what_is_open_and_fits_in_the_order_of_the_lane(cli):
    letters = [
        a_letter(9),
        a_letter(7),
        a_letter(1, status="done"),
        a_letter(2, step="embed"),
        a_letter(3, topic=topic_of(InboxDocument), value=None),
    ]
    done = cli("retry", "--all", "--step", "redact", letters=letters)
    assert done.exit_code == 0
    assert FakeDeadLetters.last.retried == [7, 9]
    assert "redact runs it again" in done.output


def test_on_a_terminal_all_is_asked_for(cli, monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setattr(module.sys, "stdin", Terminal())
    asked = []
    monkeypatch.setattr(
        click,
        "confirm",
        lambda text, **_: asked.append(text) or (_ for _ in ()).throw(click.Abort()),
    )
    module_run = lambda *options: dead_letters.main(  # noqa: E731
        ["retry", "--all", *options], standalone_mode=False
    )
    monkeypatch.setattr(FakeDeadLetters, "letters", [a_letter()])
    with pytest.raises(click.Abort):
        module_run()
    assert asked == ["Put 1 dead letter back?"]
    assert FakeDeadLetters.last.retried == []
    module_run("--yes")
    assert FakeDeadLetters.last.retried == [7]


@pytest.mark.parametrize(
    ("arguments", "letters", "says"),
    [
        (("show", "ffff"), [a_letter()], "no dead letter has an id"),
        (("retry", "ffff"), [a_letter()], "no dead letter has an id"),
        (("retry", "ab"), [a_letter(1, identity="ab1"), a_letter(2, identity="ab2")], "ambiguous"),
        (("retry", "--all"), [a_letter(status="done")], "no dead letter that is open fits"),
        (("retry", "ab"), [a_letter(identity="ab", status="done")], "nothing is left to do"),
    ],
)
def test_errors_are_one_line_and_put_nothing_back(cli, arguments, letters, says):
    done = cli(*arguments, letters=letters)
    assert done.exit_code == 1
    [line] = done.stderr.strip().splitlines()
    assert says in line or (says == "ambiguous" and "more characters" in line)
    assert FakeDeadLetters.last.retried == []


def test_one_that_can_not_be_put_back_holds_all_that_are_named(cli):
    fit, unfit_one = a_letter(1, identity="aa"), a_letter(2, identity="bb", status="done")
    done = cli("retry", "aa", "bb", letters=[fit, unfit_one])
    assert done.exit_code == 1
    assert FakeDeadLetters.last.retried == []


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TimeoutError("t[0] gave nothing for 30 s"), "t[0] gave nothing"),
        (KafkaException("no"), "the broker at"),
        (RegistryAway("the schema registry at X does not answer"), "the schema registry at X"),
        (SchemaRegistryError(503, -1, "no"), "answers 503"),
    ],
)
def test_a_component_that_is_away_is_one_line(cli, error, says):
    done = cli("list", error=error)
    assert done.exit_code == 1
    [line] = done.stderr.strip().splitlines()
    assert says in line


@pytest.mark.parametrize(
    "arguments", [("retry",), ("retry", "--all", "ab"), ("retry", "ab", "--step", "x")]
)
def test_wrong_usage_is_2(cli, arguments):
    assert cli(*arguments).exit_code == 2


# ---------------------------------------------------------------------- the running stack


def published(running, event, value=None, headers=()):
    placed = []
    producer = Producer({"bootstrap.servers": running.settings.kafka, "log_level": 0})
    producer.produce(
        topic_of(event),
        value=value,
        key=event.meta.tenant.encode(),
        partition=event.meta.lane,
        headers=list(headers),
        on_delivery=lambda _, message: placed.append(message.offset()),
    )
    assert producer.flush(15) == 0
    return placed[0]


def listed(running, *filters, until, patience_s=60):
    """Wait until the list is as wanted, and return it."""
    deadline = time.monotonic() + patience_s
    while True:
        done = running.playhead("dead-letters", "list", "--json", *filters)
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)["dead_letters"]
        if until(rows):
            return rows
        assert time.monotonic() < deadline, rows
        time.sleep(0.3)


def a_document(running, tenant, text):
    """A sealed submission, as the edge writes it, with its body by claim check."""
    uri, request = f"dead/{uuid.uuid4()}", str(uuid.uuid4())
    document = document_id(tenant, uri)
    settings = dataclasses.replace(running.settings, claim_bytes=0)
    sealed = Keyring(settings).seal(
        tenant, f"document/{document}", request, "content", text.encode()
    )
    meta = Meta(
        id=request,
        tenant=tenant,
        lane=lane_of(tenant, document, settings.partitions),
        request=request,
        session=document,
        at=time.time_ns() // 1_000,
        step=StepVersion(name="test", code="test", configuration=""),
    )
    return DocumentSubmitted(
        meta=meta, document=document, uri=uri, media_type="text/plain", content=sealed
    )


@pytest.mark.stack
def test_a_letter_is_listed_shown_and_put_back_until_its_cause_is_gone(running):
    tenant = f"letters-{uuid.uuid4().hex[:8]}"
    event = a_document(running, tenant, "The sluice is opened at ebb by Beatriz Almeida.")
    claim = running.settings.claims_path / event.content.claim
    aside = claim.with_name("aside")
    claim.rename(aside)
    registry = Registry(running.settings.registry)
    registry.expect(subjects())
    published(running, event, Codec(registry).encode(event))
    [row] = listed(running, "--tenant", tenant, until=lambda rows: len(rows) == 1)
    assert (row["step"], row["status"], row["attempts"]) == ("ingest", "open", 1)

    told = running.playhead("dead-letters", "show", row["id"][:12])
    assert told.returncode == 0, told.stderr
    assert "sealed" in told.stdout
    assert "Beatriz" not in told.stdout

    # its cause is still there: rejected again, by the worker that rejected it before
    again = running.playhead("dead-letters", "retry", row["id"][:12])
    assert again.returncode == 0, again.stderr
    first, second = listed(running, "--tenant", tenant, until=lambda rows: len(rows) == 2)
    assert (first["status"], second["status"]) == ("rejected again", "open")
    assert first["id"] == second["id"]

    aside.rename(claim)
    done = running.playhead("dead-letters", "retry", "--all", "--tenant", tenant, "--json")
    assert done.returncode == 0, done.stderr
    [retried] = json.loads(done.stdout)["retried"]
    rows = listed(running, "--tenant", tenant, until=lambda rows: rows[1]["status"] == "done")
    assert len(rows) == 2
    with running.client(tenant) as client:
        deadline = time.monotonic() + 60
        while client.get(f"/v1/documents/{event.document}").json()["status"] != "indexed":
            assert time.monotonic() < deadline, "the document is not indexed"
            time.sleep(0.2)

    nothing = running.playhead("dead-letters", "retry", row["id"])
    assert nothing.returncode == 1
    assert "nothing is left to do" in nothing.stderr

    # the same letter put back twice, as by two people at once: its second copy is a duplicate
    mark = [(RETRY, f"1@{first['offset']}".encode())]
    copy = published(running, event, Codec(registry).encode(event), mark)
    assert copy > retried["offset"]
    time.sleep(3)
    assert len(listed(running, "--tenant", tenant, until=bool)) == 2

    verified = running.playhead("replay", "verify", "--tenant", tenant, "--json")
    report = json.loads(verified.stdout)
    assert report["diverged"] == []
    assert verified.returncode == 0
    assert report["equal"] >= 5


@pytest.mark.stack
def test_bytes_that_could_not_be_read_are_put_back_too(running):
    tenant = f"letters-{uuid.uuid4().hex[:8]}"
    question = QuestionAsked(
        meta=a_meta(tenant=tenant, lane=1),
        subject="u",
        text=Sealed(key="k", event="e", field="text", ciphertext=b""),
        ask=Ask(),
    )
    offset = published(running, question, b"no avro at all")
    here = lambda rows: [r for r in rows if r["topic"] == ASKED and r["partition"] == 1]  # noqa: E731
    rows = listed(
        running,
        "--error",
        "Undecodable",
        until=lambda rows: any(r["offset"] == offset for r in here(rows)),
    )
    [row] = [r for r in here(rows) if r["offset"] == offset]
    done = running.playhead("dead-letters", "retry", row["id"], "--json")
    [retried] = json.loads(done.stdout)["retried"]
    rows = listed(
        running,
        "--error",
        "Undecodable",
        until=lambda rows: any(r["offset"] == retried["offset"] for r in here(rows)),
    )
    [row] = [r for r in here(rows) if r["offset"] == offset]
    assert row["status"] == "rejected again"


@pytest.mark.stack
def test_a_broker_that_does_not_answer_is_one_line(running):
    done = running.playhead("dead-letters", "list", env={"PLAYHEAD_KAFKA": "127.0.0.1:1"})
    assert done.returncode == 1
    [line] = done.stderr.strip().splitlines()
    assert "the broker at 127.0.0.1:1" in line
    assert "playhead status" in line
