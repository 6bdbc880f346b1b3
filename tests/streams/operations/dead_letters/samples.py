"""Dead letters to begin with."""

from schemas import Ask, Cause, Effect, EventRejected, QuestionAsked, Sealed
from streams.log.ids import outcome_id
from streams.operations.dead_letters.finding import REJECTED, DeadLetters
from streams.operations.dead_letters.letters import Letter
from streams.topics import TOPICS, topic_of
from tests.fakes import NOW_US, a_codec, a_meta
from tests.memory_broker import MemoryBroker

ASKED = topic_of(QuestionAsked)


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


def a_broker():
    """A broker in memory with every topic of the log."""
    broker = MemoryBroker()
    for entry in TOPICS:
        broker.create(entry.name)
    return broker


def reject(broker, *letters):
    """Put letters where the runner leaves them."""
    for letter in letters:
        meta = letter.event.meta
        broker.put(REJECTED, a_codec().encode(letter.event), key=meta.tenant.encode())


def open_letters(broker):
    """Return what opens the dead letters of a broker in memory."""

    def publish(_, copies):
        return [
            broker.put(
                copy.topic,
                copy.value,
                partition=copy.partition,
                key=copy.key,
                headers=copy.headers,
                time_ms=NOW_US // 1_000,
            )
            for copy in copies
        ]

    return lambda settings: DeadLetters(settings, a_codec(), broker.consumer(), publish)
