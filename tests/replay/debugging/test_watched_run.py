"""Under a debugger a run is what it is without one, and stops where it leaves the record."""

import dataclasses
import io
import sys

import pytest
from msgspec.structs import replace
from rich.console import Console

from agents.errors import Permanent
from replay.debugging.debuggers import DebuggerLeft, Pdb
from replay.debugging.recorded_attempts import attempts_on
from replay.debugging.watched_run import RunWatch
from replay.debugging.workbench import Workbench
from schemas import Detect, Digest, QuestionRedacted, ReadPlaceholders
from tests.fakes import DIGEST_KEY, a_codec
from tests.memory_log import MemoryLog
from tests.replay.little_log import (
    CONFIGURATION,
    REDACTED,
    STEP,
    a_log,
    changed,
    digest,
    given_up,
    rejected,
)


async def asks_for_another(event, fx):
    await fx(Digest(values=(b"a",)))
    language = "de"
    await fx.gather(
        ReadPlaceholders(scope=event.meta.session), Detect(texts=("x",), language=language)
    )
    yield QuestionRedacted(outcome="redacted", subject=event.subject, ask=event.ask)


async def yields_another(event, fx):
    async for record in STEP.function(event, fx):
        yield replace(record, reason="another")


async def yields_more(event, fx):
    async for record in STEP.function(event, fx):
        yield record
    yield record


async def digest_another(request, call=None):
    return replace(await digest(request, call), digests=("e",))


async def no_digest(_request, _call=None):
    raise Permanent("no such thing here")


async def debugged(log, commands, function=STEP.function, *, from_start=False, answer=digest):
    """Run the first attempt under pdb; return the verdicts, and what is on the screen at the end."""
    step = dataclasses.replace(STEP, function=function)
    one = attempts_on(log, a_codec(), "r-0", [step])[-1]
    bench = Workbench(
        a_codec(), {Digest: answer}, lambda _: DIGEST_KEY, lambda _: CONFIGURATION.values
    )
    screen = io.StringIO()
    pdb = Pdb(stdin=io.StringIO(commands), stdout=screen, nosigint=True)
    watch = RunWatch(
        one.attempt.outcomes,
        bench.difference,
        pdb,
        Console(file=screen, width=10_000),
        from_start=from_start,
    )
    try:
        verdicts = await bench.run(one, watch)
    finally:
        pdb.leave()
    plain = await bench.run(one)
    assert [(v.said, v.reason) for v in verdicts] == [(v.said, v.reason) for v in plain]
    return {verdict.said for verdict in verdicts}, screen.getvalue()


async def test_each_effect_and_each_record_is_told_in_its_order():
    said, screen = await debugged(await a_log(1), "")
    told = [line.split("(")[0] for line in screen.splitlines()]
    assert said == {"equal"}
    assert told == [
        "effect 0  Begin",
        "  -> Begun",
        "effect 1  Digest",
        "  -> Digested, executed again: as its digest says",
        "effect 2  ReadPlaceholders",
        "effect 3  Detect",
        "  -> Placeholders",
        "  -> Detected",
        "effect 4  Generate",
        "  -> Generated",
        "record 0  QuestionRedacted: equal",
        "  -> part 1 Generated",
        "record 1  QuestionRedacted: equal",
        "record 2  QuestionRedacted: equal",
    ]


async def test_it_stops_at_the_first_line_of_the_step_and_goes_through_it_line_by_line():
    _, screen = await debugged(
        await a_log(1), "p event.meta.request\nn\np digested\nc\n", from_start=True
    )
    first, *lines = [line for line in screen.splitlines() if line.startswith("->")]
    assert first == '-> digested = await fx(Digest(values=(b"a",)))'
    assert lines == ["-> known, detected = await fx.gather("]
    assert "(Pdb) 'r-0'" in screen
    assert "(Pdb) Digested(" in screen


async def test_it_stops_at_the_line_that_asks_for_something_else_with_its_values_at_hand():
    said, screen = await debugged(await a_log(1), "p language\nc\n", asks_for_another)
    assert said == {"diverged"}
    assert "effect 3 (Detect) asks for something else than the record: now Detect" in screen
    assert "-> await fx.gather(" in screen
    assert "(Pdb) 'de'" in screen


async def test_it_stops_once_where_records_differ():
    said, screen = await debugged(await a_log(1), "c\nc\n", yields_another)
    assert said == {"diverged"}
    assert (
        "record 0 (QuestionRedacted): reason: the log holds '', the step yields 'another'" in screen
    )
    assert screen.count("record ") == 3
    assert screen.count("(Pdb)") == 1


async def test_where_the_step_has_ended_it_stops_at_what_compares():
    log = await a_log(1)
    changed(log, 2, lambda record: replace(record, reason="another"))
    said, screen = await debugged(log, "w\nc\n")
    assert said == {"equal", "diverged"}
    assert screen.count("\n> ") == 2  # where it stops, and again in the list of frames
    assert "watched_run.py" in screen.rpartition("\n> ")[2]


async def test_a_record_too_many_is_told():
    said, screen = await debugged(await a_log(1), "c\n", yields_more)
    assert said == {"equal", "diverged"}
    assert "the step yields QuestionRedacted: the log holds no record 3 of it" in screen


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (digest_another, "effect 1 (Digest) gives another response than recorded"),
        (no_digest, "effect 1 (Digest) was answered, now: Permanent: no such thing here"),
    ],
)
async def test_a_local_effect_that_comes_out_otherwise_is_a_difference(answer, told):
    said, screen = await debugged(await a_log(1), "c\n", answer=answer)
    assert said == {"diverged"}
    assert told in screen
    assert "(Pdb)" in screen


async def test_it_stops_where_the_record_of_a_run_ends_that_was_cut_off():
    log = await a_log(1)
    del log.topics[REDACTED, 0][1:]
    said, screen = await debugged(log, "c\n")
    assert said == {"superseded"}
    assert "the record ends here: this run was cut off" in screen


@pytest.mark.parametrize(
    ("lay", "told"),
    [
        (given_up, "the record says that this outcome did not fit a record"),
        (lambda log: rejected(log, Permanent("no more")), "  -> the error Permanent: no more"),
    ],
)
async def test_a_dead_letter_is_run_up_to(lay, told):
    log = MemoryLog()
    await lay(log)
    said, screen = await debugged(log, "c\n")
    assert said == {"equal"}
    assert told in screen
    assert "EventRejected: equal" in screen


@pytest.mark.parametrize("commands", ["q\n", "exit\n", "quit\n", "n\nn\nq\n", ""])
async def test_whoever_leaves_the_debugger_leaves_the_run(commands):
    with pytest.raises(DebuggerLeft):
        await debugged(await a_log(1), commands, from_start=True)
    assert sys.gettrace() is None
