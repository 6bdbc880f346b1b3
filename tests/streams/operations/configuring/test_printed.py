"""What is said of a choice: whether it stands, who else chose, and who will work by it."""

import io

import pytest
from msgspec.structs import replace
from rich.console import Console

from schemas import ConfigurationActivated
from streams.log.activations import Activations, ConfigurationChoice
from streams.log.configuration import configuration, load
from streams.log.configuration_log import activation
from streams.operations.configuring.changes_planned import StandingChoices
from streams.operations.configuring.printed import (
    history_table,
    of_choice,
    said_of_race,
    said_of_workers,
    steps_table,
)

STEP = "generate"
MADE = configuration(STEP, {**load()[STEP].values, "passage_tokens": 40})


def choice(offset, by="ada", step=STEP, ignored="", replaced=None, **fields):
    record = ConfigurationActivated(step=step, digest=MADE.digest, by=by, **fields)
    return ConfigurationChoice(offset, activation(record, str(offset)), ignored, replaced)


@pytest.mark.parametrize(
    ("history", "stands", "says"),
    [
        ([choice(3)], True, ""),
        (
            [choice(2, "bob"), choice(3, replaced="b" * 64)],
            True,
            "bbbbbbbbbbbb, chosen by bob since",
        ),
        ([choice(3, replaced="")], True, "takes the place of shipped, chosen since"),
        ([choice(3), choice(4, "bob")], False, "another was chosen by bob at offset 4"),
        ([choice(3), choice(4, "")], False, "another was chosen at offset 4, which counts now"),
        ([choice(3), choice(4, ignored="nonsense")], True, ""),
        ([choice(3), choice(4, step="rewrite")], True, ""),
        ([choice(3, ignored="nonsense")], False, "it is ignored: nonsense"),
        ([], False, "can't be read back"),
    ],
)
def test_whoever_chose_is_told_of_others_who_did(history, stands, says):
    told, said = said_of_race(history, 3)
    assert (told, bool(said)) == (stands, bool(says))
    assert says in "".join(said)


@pytest.mark.parametrize(
    ("hosts", "says"),
    [
        (None, "is not told now"),
        ((), "No worker hosts rewrite now"),
        (("10.0.0.1",), "1 worker on 10.0.0.1:"),
        (("a", "b", "a"), "3 workers on a (2), b:"),
    ],
)
def test_it_is_said_who_will_work_by_it(hosts, says):
    assert says in said_of_workers("rewrite", hosts)


def test_what_does_not_follow_is_said():
    assert "gateway" in said_of_workers("generate", ("a",))
    assert "gateway" not in said_of_workers("rewrite", ("a",))


def printed(table):
    text = io.StringIO()
    Console(file=text, width=400, markup=False).print(table)
    return [" ".join(line.split()) for line in text.getvalue().splitlines()[1:]]


def test_the_steps_and_the_history_show_who_when_and_why():
    promoted = choice(1, why="promoted", experiment="tone-1", arm="curt", note="wins", replaced="")
    history = (choice(0, "bob"), promoted, ConfigurationChoice(2, None, "it is no record"))
    standing = StandingChoices(Activations(history, {MADE.digest: MADE}), load())
    steps = printed(steps_table(standing, ["embed", STEP]))
    assert steps[0] == f"embed {load()['embed'].digest[:12]} shipped"
    assert steps[1].startswith(f"generate {MADE.digest[:12]} 2")
    assert steps[1].endswith("ada promoted curt of tone-1: wins")
    rows = printed(history_table(standing, history))
    assert "bob set" in rows[0]
    assert rows[1].endswith("wins in force, replaced shipped without knowing of it")
    assert rows[2] == "2 ignored: it is no record"


def test_a_time_that_no_clock_has_is_told_as_it_stands():
    one = choice(0)
    record = activation(one.record, "x")
    wild = ConfigurationChoice(0, replace(record, meta=replace(record.meta, at=2**62)))
    standing = StandingChoices(Activations((wild,), {MADE.digest: MADE}), load())
    assert str(2**62) in printed(history_table(standing, [wild]))[0]


def test_a_document_tells_all_of_a_choice():
    told = of_choice(choice(7, note="n", replaced="x"))
    assert (told["offset"], told["by"], told["note"], told["replaced"]) == (7, "ada", "n", "x")
    assert of_choice(None) is None
    assert of_choice(ConfigurationChoice(1, None, "none")) == {"offset": 1, "ignored": "none"}


def test_nothing_that_anybody_wrote_steers_a_terminal():
    wild = choice(0, by="\x1b[31mada", note="\x07\nnote", step="gen\x1b")
    told = "".join(printed(history_table(StandingChoices(Activations((), {}), load()), [wild])))
    assert "ada" in told
    assert "note" in told
    assert not {"\x1b", "\x07"} & set(told)
    assert "\x1b" not in "".join(said_of_race([choice(1), choice(2, by="\x1bb")], 1)[1])
