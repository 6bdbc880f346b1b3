"""`playhead dead-letters …`: what could not be processed; list it, look at it, put it back.

A retry publishes the original bytes once more, on the same topic, key and lane. They keep their id
and lineage, so the step runs again as if nothing had been there, and its outcomes supersede those
of the rejected run by a higher attempt. A header names that run (see `delivery.history`): a letter
that is put back twice runs once.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import click
from confluent_kafka import KafkaException, Message, Producer, TopicPartition
from confluent_kafka.schema_registry.error import SchemaRegistryError

from schemas import Event, EventRejected, Sealed
from schemas.registry import Registry, RegistryAway
from streams.delivery.history import RETRY
from streams.log.codec import Codec, Undecodable
from streams.log.reading import ANSWER_TIMEOUT_S, extent_of, new_consumer, records
from streams.log.subjects import subjects
from streams.operations.options import microseconds
from streams.running.admit import INBOX_TOPICS
from streams.settings import Settings
from streams.topics import step, topic_of

REJECTED = topic_of(EventRejected)
ID_SHOWN = 13  # characters of an id on a terminal: some 2**48 values, so hardly ever ambiguous
DELIVERY_TIMEOUT_S = 15.0  # for the broker to acknowledge what is put back

IDENTIFYING = """
about categories checksum chunk chunk_policy chunks claim code configuration degraded digest
document error event field finish_reason id index key keys kind media_type mode model name outcome
parser parser_version placeholder policy reason request session step subject tenant topic trace uri
"""
IDENTIFIERS = frozenset(IDENTIFYING.split())
"""Text fields of our records that identify or classify; all others may hold a person's words."""

Status = Literal["open", "waiting", "rejected again", "done"]
"""What became of a dead letter: never put back; put back and not finished; rejected once more; or
its step has run to the end."""


class NoSuchLetter(LookupError):
    """No dead letter, or more than one, fits; the message says what to do."""


@dataclass
class Letter:
    """A dead letter and what became of it."""

    event: EventRejected
    partition: int
    """Where it lies on the dead-letter topic."""
    offset: int
    copies: list[int] = field(default_factory=list)
    """Offsets at which it was put back, in its own lane."""
    status: Status = "open"

    @property
    def id(self) -> str:
        """Its id; runs over the same input that were rejected at the same place share it."""
        return self.event.meta.id

    @property
    def place(self) -> tuple[str, int, int]:
        """Topic, partition and offset of the record that was rejected."""
        return self.event.topic, self.event.partition, self.event.offset

    def as_json(self) -> dict[str, Any]:
        """Return what a list shows."""
        event = self.event
        return {
            "id": self.id,
            "time": instant(event.meta.at),
            "tenant": event.meta.tenant,
            "request": event.meta.request,
            "step": event.step,
            "error": event.error,
            "message": event.message,
            "attempts": event.attempts,
            "status": self.status,
            "retried": bool(self.copies),
            "topic": event.topic,
            "partition": event.partition,
            "offset": event.offset,
        }


@dataclass(frozen=True)
class Filters:
    """Which dead letters are meant; None means all."""

    tenant: str | None = None
    step: str | None = None
    error: str | None = None
    request: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    def takes(self, event: EventRejected) -> bool:
        """Say whether a dead letter is meant."""
        meta = event.meta
        return (
            (self.tenant is None or meta.tenant == self.tenant)
            and (self.step is None or event.step == self.step)
            and (self.error is None or event.error == self.error)
            and (self.request is None or meta.request == self.request)
            and (self.since_us is None or meta.at >= self.since_us)
            and (self.until_us is None or meta.at < self.until_us)
        )


def instant(at_us: int) -> str:
    """Spell a time in UTC."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds")


# ---------------------------------------------------------------------- which letter


def resolve(letters: Sequence[Letter], prefix: str) -> Letter:
    """Return the one dead letter whose id begins with `prefix`; of equal ids the newest.

    Raises NoSuchLetter.
    """
    fitting = [letter for letter in letters if prefix and letter.id.startswith(prefix.lower())]
    ids = sorted({letter.id for letter in fitting})
    if not ids:
        raise NoSuchLetter(
            f"no dead letter has an id that begins with {prefix!r}: `playhead dead-letters list` "
            "shows them"
        )
    if len(ids) > 1:
        raise NoSuchLetter(
            f"{prefix!r} begins the ids of {len(ids)} dead letters ({', '.join(ids[:3])}"
            f"{', …' if len(ids) > 3 else ''}): give more characters"
        )
    return max(fitting, key=lambda letter: letter.event.meta.attempt)


def retry_mark(event: EventRejected) -> str:
    """Name the rejected run, as the header of a record that is put back does."""
    cause = event.meta.cause
    unread = cause is None or not event.meta.tenant
    return f"{0 if unread else event.meta.attempt}@{event.offset}"


def settle(
    letters: Sequence[Letter],
    copies: Mapping[tuple[str, int, int], Sequence[int]],
    closed: frozenset[tuple[str, int, int]],
) -> None:
    """Work out what became of each letter.

    `copies`: place of a rejected record -> offsets at which it was put back.
    `closed`: places whose step has run to its end.
    """
    rejected = {letter.place for letter in letters}
    for letter in letters:
        topic, partition, _ = letter.place
        letter.copies = sorted(copies.get(letter.place, ()))
        places = {(topic, partition, offset) for offset in letter.copies}
        if places & closed:
            letter.status = "done"
        elif places & rejected:
            letter.status = "rejected again"
        else:
            letter.status = "waiting" if places else "open"


def unfit(letter: Letter) -> str:
    """Say why a letter can't be put back, or nothing where it can."""
    event = letter.event
    if event.topic in INBOX_TOPICS:
        return (
            "its bytes were not kept, since an inbox may hold plain text: let the producer send "
            "it again"
        )
    if event.value is None:
        return "the record had no value: there is nothing to run again"
    match letter.status:
        case "done":
            return "it was put back before and its step has run to the end: nothing is left to do"
        case "waiting":
            return (
                f"it was put back before, as {event.topic}[{event.partition}]@{letter.copies[-1]}, "
                f"and waits for its step: is a worker with {event.step} running?"
            )
        case "rejected again":
            return "it was put back before and rejected again: retry the newer dead letter"
    return ""


# ---------------------------------------------------------------------- what may be shown


def shown(name: str, value: Any) -> Any:
    """Render a field of an Avro datum without a word of a person: shapes and identifiers only.

    Sealed values stay sealed. A text whose field is not known to identify is told by its length.
    """
    if isinstance(value, dict):
        if set(value) == set(Sealed.__struct_fields__):
            return {"sealed": {**value, "ciphertext": f"{len(value['ciphertext'])} bytes"}}
        return {key: shown(key, entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [shown(name, entry) for entry in value]
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str) and value and name not in IDENTIFIERS:
        return f"{len(value)} characters"
    return value


def original(codec: Codec, event: EventRejected) -> dict[str, Any]:
    """Render the rejected record: its fields, or why they can't be read."""
    if event.value is None:
        return {"unreadable": "the bytes were not kept", "size_bytes": 0}
    try:
        record = codec.decode_any(event.value)
    except Undecodable as error:
        return {"unreadable": str(error), "size_bytes": len(event.value)}
    return {
        "record": record.SCHEMA,
        "size_bytes": len(event.value),
        "fields": shown("", record.to_avro()),
    }


def details(codec: Codec, letter: Letter) -> dict[str, Any]:
    """Tell everything of one dead letter."""
    event = letter.event
    meta = event.meta
    key = event.key.decode("utf-8", "replace") if event.key else ""
    return {
        **letter.as_json(),
        "session": meta.session,
        "attempt": meta.attempt,
        "trace": meta.trace,
        "code": meta.step.code,
        "configuration": meta.step.configuration,
        "cause": meta.cause.to_avro() if meta.cause else None,
        # another key than the tenant is what it was rejected for, and may be anything
        "key": key if key == meta.tenant else f"{len(key)} characters",
        "dead_letter": {"topic": REJECTED, "partition": letter.partition, "offset": letter.offset},
        "retries": [
            {"topic": event.topic, "partition": event.partition, "offset": offset}
            for offset in letter.copies
        ],
        "effects": [
            {
                "number": effect.number,
                "kind": effect.kind,
                "model": effect.model,
                "took_ms": round(effect.took_us / 1000, 3),
                "error": effect.error,
                "response": f"{len(effect.response)} bytes" if effect.response else "",
            }
            for effect in meta.effects
        ],
        "traceback": event.traceback,
        "original": original(codec, event),
    }


# ---------------------------------------------------------------------- the broker


class DeadLetters:
    """The dead letters on the broker; raises KafkaException or TimeoutError where it is away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        registry = Registry(settings.registry)
        registry.expect(subjects())
        self.codec = Codec(registry)
        self._consumer = new_consumer(settings, "dead-letters")

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def all(self) -> list[Letter]:
        """Read every dead letter with what became of it, oldest first."""
        letters: dict[tuple[str, int, int], Letter] = {}
        known = self._consumer.list_topics(timeout=ANSWER_TIMEOUT_S).topics
        for partition in sorted(known[REJECTED].partitions) if REJECTED in known else ():
            for message in self._records(REJECTED, partition):
                try:
                    event = self.codec.decode(message.value(), EventRejected)
                except Undecodable:
                    continue  # not ours: `playhead replay verify` names it
                letter = Letter(event, partition, message.offset() or 0)
                letters.setdefault(letter.place, letter)  # published twice: the first wins
        found = sorted(letters.values(), key=lambda one: (one.event.meta.at, one.place))
        copies, since_ms = self._copies(found)
        settle(found, copies, self._closed(found, copies, since_ms))
        return found

    def _copies(
        self, letters: Sequence[Letter]
    ) -> tuple[dict[tuple[str, int, int], list[int]], dict[tuple[str, int], int]]:
        """Find where letters were put back, and when that was first done in each lane."""
        marks: defaultdict[tuple[str, int], dict[bytes, Letter]] = defaultdict(dict)
        for letter in letters:
            if letter.event.topic not in INBOX_TOPICS:
                topic, partition, _ = letter.place
                marks[topic, partition][retry_mark(letter.event).encode()] = letter
        copies: defaultdict[tuple[str, int, int], list[int]] = defaultdict(list)
        since_ms: dict[tuple[str, int], int] = {}
        for (topic, partition), of_lane in marks.items():
            start = min(letter.event.offset for letter in of_lane.values()) + 1
            for message in self._records(topic, partition, start):
                mark = dict(message.headers() or ()).get(RETRY)
                marked = of_lane.get(mark) if isinstance(mark, bytes) else None
                if marked is not None:
                    copies[marked.place].append(message.offset() or 0)
                    since_ms.setdefault((topic, partition), message.timestamp()[1])
        return copies, since_ms

    def _closed(
        self,
        letters: Sequence[Letter],
        copies: Mapping[tuple[str, int, int], Sequence[int]],
        since_ms: Mapping[tuple[str, int], int],
    ) -> frozenset[tuple[str, int, int]]:
        """Find those records that were put back and whose step has closed its outcome."""
        wanted: defaultdict[tuple[str, str, int], set[int]] = defaultdict(set)
        for letter in letters:
            topic, partition, _ = letter.place
            wanted[letter.event.step, topic, partition].update(copies.get(letter.place, ()))
        closed = set()
        for (name, topic, partition), offsets in wanted.items():
            if not offsets:
                continue
            for record in step(name).writes:
                outcomes = topic_of(record)
                start = self._offset_at(outcomes, partition, since_ms[topic, partition])
                for message in self._records(outcomes, partition, start):
                    try:
                        event = self.codec.decode_any(message.value())
                    except Undecodable:
                        continue
                    cause = event.meta.cause if isinstance(event, Event) else None
                    if (
                        cause is not None
                        and cause.topic == topic
                        and cause.offset in offsets
                        and event.meta.last  # type: ignore[attr-defined]
                    ):
                        closed.add((topic, partition, cause.offset))
        return frozenset(closed)

    def _offset_at(self, topic: str, partition: int, time_ms: int) -> int:
        [found] = self._consumer.offsets_for_times(
            [TopicPartition(topic, partition, time_ms)], timeout=ANSWER_TIMEOUT_S
        )
        if found.offset >= 0:
            return found.offset
        return extent_of(self._consumer, topic, partition).end

    def _records(self, topic: str, partition: int, start: int = 0) -> Iterator[Message]:
        """Read a lane from an offset up to where it ended when the reading began."""
        return records(self._consumer, [extent_of(self._consumer, topic, partition, start)])

    def put_back(self, letters: Sequence[Letter]) -> list[int]:
        """Publish the original bytes of letters again; return their new offsets.

        Raises KafkaException where the broker does not take them all.
        """
        placed: dict[int, int] = {}
        failed: list[Any] = []

        def delivered(number: int) -> Callable[[Any, Message], None]:
            def report(error: Any, message: Message) -> None:
                if error is not None:
                    failed.append(error)
                else:
                    placed[number] = message.offset() or 0

            return report

        producer = Producer(
            {
                "bootstrap.servers": self._settings.kafka,
                "client.id": "playhead-dead-letters",
                "enable.idempotence": True,
                "acks": "all",
                "delivery.timeout.ms": int(DELIVERY_TIMEOUT_S * 1_000),
                "request.timeout.ms": 10_000,
                "log_level": 0,
            }
        )
        for number, letter in enumerate(letters):
            event = letter.event
            producer.produce(
                event.topic,
                value=event.value,
                key=event.key,
                partition=event.partition,
                headers=headers_of(self.codec, event),
                on_delivery=delivered(number),
            )
            producer.poll(0)
        producer.flush(DELIVERY_TIMEOUT_S + 5)
        if failed:
            raise KafkaException(failed[0])
        if len(placed) < len(letters):
            raise TimeoutError(
                f"the broker acknowledged {len(placed)} of {len(letters)} records: run it again, "
                "what was put back is left out"
            )
        return [placed[number] for number in range(len(letters))]


def headers_of(codec: Codec, event: EventRejected) -> list[tuple[str, str | bytes | None]]:
    """Return the headers of a record that is put back: its own, as far as known, and the mark."""
    headers: list[tuple[str, str | bytes | None]] = [(RETRY, retry_mark(event).encode())]
    try:
        record = codec.decode_any(event.value)
    except Undecodable:
        return headers
    if isinstance(record, Event):
        meta = record.meta
        headers += [
            ("id", meta.id.encode()),
            ("request", meta.request.encode()),
            ("traceparent", meta.trace.encode()),
        ]
    return headers


@contextmanager
def opened() -> Iterator[DeadLetters]:
    """Open the dead letters; what may go wrong becomes one clear line."""
    settings = Settings.load()
    letters = DeadLetters(settings)
    try:
        yield letters
    except (NoSuchLetter, TimeoutError) as error:
        raise click.ClickException(str(error)) from None
    except KafkaException as error:
        raise click.ClickException(
            f"the broker at {settings.kafka} does not answer as it should ({_reason(error)}): "
            "`playhead status` tells whether it is up"
        ) from None
    except RegistryAway as error:
        raise click.ClickException(str(error)) from None
    except SchemaRegistryError as error:
        raise click.ClickException(
            f"the schema registry at {settings.registry} answers {error.http_status_code}: "
            "`playhead status` tells whether it is up"
        ) from None
    finally:
        letters.close()


def _reason(error: Exception) -> str:
    code = error.args[0] if error.args else error
    return code.str() if hasattr(code, "str") else str(error)


# ---------------------------------------------------------------------- the command line


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which dead letters are meant, as one `Filters`."""

    @functools.wraps(command)
    def with_filters(**given: Any) -> None:
        fields = [entry.name for entry in dataclasses.fields(Filters)]
        command(filters=Filters(**{name: given.pop(name) for name in fields}), **given)

    for option in reversed(
        (
            click.option("--tenant", help="Only this tenant's."),
            click.option("--step", help="Only those that this step gave up on."),
            click.option("--error", help="Only this class of error, such as Permanent."),
            click.option("--request", help="Only those of this request."),
            click.option(
                "--since", "since_us", callback=microseconds, help="From this time on (ISO 8601)."
            ),
            click.option(
                "--until", "until_us", callback=microseconds, help="Before this time (ISO 8601)."
            ),
        )
    ):
        with_filters = option(with_filters)
    return with_filters


@click.group("dead-letters")
def dead_letters() -> None:
    """List, show and retry events that could not be processed.

    \b
    Example:
      playhead dead-letters list --tenant acme
      playhead dead-letters show 18c2e4d0
      playhead dead-letters retry 18c2e4d0
    """


@dead_letters.command("list")
@filtered
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def list_command(filters: Filters, as_json: bool) -> None:
    """List dead letters, oldest first, with what became of each.

    Status: open (never put back), waiting (put back, not finished), rejected again, or done.

    \b
    Example:
      playhead dead-letters list --step ingest --since 2026-01-31T12:00:00+00:00
    """
    with opened() as log:
        found = [letter for letter in log.all() if filters.takes(letter.event)]
    if as_json:
        click.echo(json.dumps({"dead_letters": [letter.as_json() for letter in found]}, indent=1))
    elif not found:
        click.echo("no dead letters", err=True)
    else:
        _print_table(found)


def _print_table(letters: Iterable[Letter]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("id", "time", "tenant", "step", "error", "message", "attempts", "retried"):
        table.add_column(
            name,
            no_wrap=name in ("id", "time"),
            overflow="fold",
            min_width=24 if name == "message" else None,
        )
    for letter in letters:
        event = letter.event
        table.add_row(
            letter.id[:ID_SHOWN],
            instant(event.meta.at)[:19].replace("T", " "),
            event.meta.tenant or "-",
            event.step,
            event.error,
            event.message.replace("[", r"\["),
            str(event.attempts),
            "no" if letter.status == "open" else letter.status,
        )
    Console().print(table)


@dead_letters.command("show")
@click.argument("letter_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def show_command(letter_id: str, as_json: bool) -> None:
    """Show everything of one dead letter. ID may be cut short.

    Sealed fields stay sealed, and texts are told by their length.

    \b
    Example:
      playhead dead-letters show 18c2e4d0
    """
    with opened() as log:
        told = details(log.codec, resolve(log.all(), letter_id))
    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    traceback = told.pop("traceback")
    rest = told.pop("original")
    for name, value in told.items():
        if isinstance(value, dict | list) and value:
            click.echo(f"{name}:")
            for entry in value if isinstance(value, list) else [value]:
                click.echo("  " + ", ".join(f"{k} {v}" for k, v in entry.items() if v != ""))
        elif value not in ("", [], None):
            click.echo(f"{name}: {value}")
    click.echo("original:")
    click.echo("  " + json.dumps(rest, indent=1).replace("\n", "\n  "))
    if traceback:
        click.echo(f"traceback:\n  {traceback.replace(chr(10), chr(10) + '  ')}")


@dead_letters.command("retry")
@click.argument("letter_ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "take_all", is_flag=True, help="All that are open and fit the filters.")
@filtered
@click.option("--yes", is_flag=True, help="Do not ask before --all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def retry_command(
    letter_ids: tuple[str, ...], take_all: bool, filters: Filters, yes: bool, as_json: bool
) -> None:
    """Put dead letters back on their topic: their step runs again. IDs may be cut short.

    Nothing is put back unless all that are named can be.

    \b
    Example:
      playhead dead-letters retry 18c2e4d0
      playhead dead-letters retry --all --step embed --error Transient
    """
    if bool(letter_ids) == take_all:
        raise click.UsageError("name the dead letters, or give --all")
    if letter_ids and filters != Filters():
        raise click.UsageError("filters go with --all: leave them out, or leave the ids out")
    with opened() as log:
        letters = log.all()
        if take_all:
            fitting = [one for one in letters if filters.takes(one.event) and not unfit(one)]
            chosen = sorted(fitting, key=lambda one: one.place)  # keeps the order of a session
            if not chosen:
                raise NoSuchLetter(
                    "no dead letter that is open fits and can be put back: "
                    "`playhead dead-letters list` shows what became of them"
                )
            if sys.stdin.isatty() and not yes:
                plural = "s" if len(chosen) > 1 else ""
                click.confirm(f"Put {len(chosen)} dead letter{plural} back?", abort=True, err=True)
        else:
            named = [resolve(letters, letter_id) for letter_id in letter_ids]
            chosen = list({letter.place: letter for letter in named}.values())
            for letter in chosen:
                if why := unfit(letter):
                    raise NoSuchLetter(f"{letter.id[:ID_SHOWN]} can't be put back: {why}")
        offsets = log.put_back(chosen)
    if as_json:
        rows = [
            {
                "id": letter.id,
                "topic": letter.event.topic,
                "partition": letter.event.partition,
                "offset": offset,
            }
            for letter, offset in zip(chosen, offsets, strict=True)
        ]
        click.echo(json.dumps({"retried": rows}, indent=1))
        return
    for letter, offset in zip(chosen, offsets, strict=True):
        event = letter.event
        click.echo(
            f"{letter.id[:ID_SHOWN]} is put back as {event.topic}[{event.partition}]@{offset}: "
            f"{event.step} runs it again"
        )
