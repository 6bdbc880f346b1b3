"""`playhead dead-letters`, over letters on a broker in memory."""

import io
import json
import re

import click
import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaException
from confluent_kafka.schema_registry.error import SchemaRegistryError

from infra.cli import VERBS
from schemas import InboxDocument
from schemas.registry import RegistryAway
from streams.operations.dead_letters import dead_letters
from streams.topics import topic_of
from tests.streams.operations.dead_letters.samples import (
    ASKED,
    a_broker,
    a_letter,
    open_letters,
    reject,
)

END = 20  # where the next record of the questions' lane goes


@pytest.fixture
def broker():
    broker = a_broker()
    for _ in range(END):
        broker.put(ASKED, b"x")
    return broker


@pytest.fixture
def cli(broker):
    def run(*arguments, letters=()):
        reject(broker, *letters)
        return CliRunner().invoke(dead_letters, arguments, obj=open_letters(broker))

    return run


def put_back(broker):
    """Return the marks of what was put back."""
    return [dict(one.headers())["retry"] for one in broker.rows[ASKED, 0].at(END)]


def test_the_verb_is_on_the_command_line():
    assert VERBS["dead-letters"].place == "streams.operations.dead_letters:dead_letters"


def test_the_list_is_one_json_document(cli):
    letters = [a_letter(7), a_letter(8, step="embed")]
    done = cli("list", "--json", "--tenant", "acme", "--step", "redact", letters=letters)
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
    assert json.loads(cli("list", "--tenant", "nobody", "--json").stdout) == {"dead_letters": []}


def test_show_on_a_terminal_cuts_a_long_traceback_and_json_does_not(cli):
    letter = a_letter(7, traceback="\n".join(f"m:{n} in step" for n in range(600)))
    done = cli("show", letter.id[:8], letters=[letter])
    assert done.exit_code == 0
    assert "m:599 in step" in done.output
    assert len(done.output.splitlines()) < 100
    told = json.loads(cli("show", letter.id, "--json").stdout)
    assert told["traceback"].count("\n") == 599


def test_named_letters_are_put_back_once_each(cli, broker):
    letter = a_letter(7)
    done = cli("retry", letter.id, letter.id[:9], "--json", letters=[letter, a_letter(8)])
    assert json.loads(done.stdout)["retried"] == [
        {"id": letter.id, "topic": ASKED, "partition": 0, "offset": END}
    ]
    assert put_back(broker) == [b"1@7"]


def test_all_takes_what_is_open_and_fits_in_the_order_of_the_lane(cli, broker):
    letters = [
        a_letter(9),
        a_letter(7),
        a_letter(2, step="embed"),
        a_letter(3, topic=topic_of(InboxDocument), value=None),
    ]
    done = cli("retry", "--all", "--step", "redact", letters=letters)
    assert done.exit_code == 0
    assert put_back(broker) == [b"1@7", b"1@9"]
    assert done.output.count("redact runs it again") == 2
    again = cli("retry", "--all", "--step", "redact")
    assert again.exit_code == 1
    assert "no dead letter that is open fits" in again.stderr


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("typed", "options", "marks"),
    [("n\n", (), []), ("y\n", (), [b"1@7"]), ("", ("--yes",), [b"1@7"])],
)
def test_on_a_terminal_all_is_asked_for(broker, monkeypatch, capsys, typed, options, marks):
    reject(broker, a_letter(7))
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    arguments = ["retry", "--all", *options]
    try:
        dead_letters.main(arguments, standalone_mode=False, obj=open_letters(broker))
    except click.Abort:
        assert not marks
    assert put_back(broker) == marks
    assert ("Put 1 dead letter back?" in capsys.readouterr().err) is not bool(options)


@pytest.mark.parametrize(
    ("arguments", "letters", "says"),
    [
        (("show", "ffff"), [a_letter()], "no dead letter has an id"),
        (("retry", "ffff"), [a_letter()], "no dead letter has an id"),
        (("retry", "ab"), [a_letter(1, identity="ab1"), a_letter(2, identity="ab2")], "more char"),
        (("retry", "--all"), [], "no dead letter that is open fits"),
        (("retry", "ab", "cd"), [a_letter(1, identity="ab")], "no dead letter has an id"),
        (("retry", "ab"), [a_letter(1, identity="ab", value=None)], "had no value"),
    ],
)
def test_errors_are_one_line_and_put_nothing_back(cli, broker, arguments, letters, says):
    done = cli(*arguments, letters=letters)
    assert done.exit_code == 1
    [line] = done.stderr.strip().splitlines()
    assert says in line
    assert put_back(broker) == []


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TimeoutError("t[0] gave nothing for 30 s"), "t[0] gave nothing"),
        (KafkaException("no"), "the broker at"),
        (RegistryAway("the schema registry at X does not answer"), "the schema registry at X"),
        (SchemaRegistryError(503, -1, "no"), "answers 503"),
    ],
)
def test_a_component_that_is_away_is_one_line(broker, error, says):
    def away(settings):
        letters = open_letters(broker)(settings)
        letters.all = lambda: (_ for _ in ()).throw(error)
        return letters

    done = CliRunner().invoke(dead_letters, ["list"], obj=away)
    assert done.exit_code == 1
    [line] = done.stderr.strip().splitlines()
    assert says in line


@pytest.mark.parametrize(
    "arguments", [("retry",), ("retry", "--all", "ab"), ("retry", "ab", "--step", "x")]
)
def test_wrong_usage_is_2(cli, arguments):
    assert cli(*arguments).exit_code == 2
