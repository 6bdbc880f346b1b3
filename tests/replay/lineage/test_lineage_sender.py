"""Handing events over: each once and in order, and a collector that does not take them is told."""

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from replay.cli import replay
from replay.lineage.lineage_delivery import LineageDelivery
from replay.lineage.lineage_sender import LineageNotTaken, send_events
from tests.replay.witnessing.served import AnsweringServer, say

GOLDEN = Path(__file__).parents[2] / "golden/0.1.0/log"
EVENTS = [{"number": number, "said": "ü"} for number in range(3)]


def told(*words):
    result = CliRunner().invoke(replay, ["lineage", *map(str, words)])
    return result.exit_code, result.output, result.exception


async def test_events_come_in_their_order_with_the_key():
    seen = []

    def answers(handler, body):
        seen.append((handler.path, handler.headers["Authorization"], json.loads(body)))
        say(handler, 201)

    with AnsweringServer(answers) as server:
        assert await send_events(EVENTS, f"{server.url}/", "secret") == 3
        assert await send_events(EVENTS[:1], server.url) == 1
    assert [event for *_, event in seen] == [*EVENTS, EVENTS[0]]
    assert {path for path, *_ in seen} == {"/api/v1/lineage"}
    assert [key for _, key, _ in seen] == ["Bearer secret"] * 3 + [None]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (lambda h, b: say(h, 401), "after 0 events: it answered 401 .it wants a key"),
        (lambda h, b: say(h, 404, b"<html>\x1b"), "it is no collector of OpenLineage events"),
        (lambda h, b: say(h, 422, b"no"), "it takes none of this shape.: no"),
        (lambda h, b: say(h, 500), "it answered 500"),
        (lambda h, b: say(h, 307, Location="http://127.0.0.1:9/"), "no redirect is followed"),
        (lambda h, b: say(h, 200, b"x" * 10_000_000), "more than"),
        (lambda h, b: time.sleep(60), "did not answer within"),
        (lambda h, b: h.connection.close(), "does not answer"),
    ],
)
async def test_what_is_not_taken_is_told(answers, says):
    with AnsweringServer(answers) as server, pytest.raises(LineageNotTaken, match=says):
        await send_events(EVENTS, server.url, answer_s=2)
    assert len(server.asked) == 1


async def test_it_ends_at_the_first_that_is_not_taken():
    def answers(handler, body):
        say(handler, 422 if json.loads(body)["number"] == 1 else 200)

    with AnsweringServer(answers) as server:
        with pytest.raises(LineageNotTaken, match="after 1 events"):
            await send_events(EVENTS, server.url)
        assert len(server.asked) == 2


def test_what_was_taken_before_a_failure_is_not_sent_again():
    """Else a collector that fails at the thousandth gets the first 999 at each pass."""
    refused, events = iter([False, True]), iter(EVENTS)

    def answers(handler, _body):
        say(handler, 503 if next(refused, False) else 200)

    with AnsweringServer(answers) as server:
        delivery = LineageDelivery(server.url, as_json=False)
        with pytest.raises(LineageNotTaken):
            delivery.hand_over(events)
        assert delivery.waiting == EVENTS[1:]
        delivery.hand_over(events)
        assert delivery.waiting == []
        assert [json.loads(body)["number"] for _, body in server.asked] == [0, 1, 1, 2]


@pytest.mark.parametrize("refused_at", [0, 3, 4, 9])
def test_no_more_is_taken_than_a_batch_while_a_collector_is_away(refused_at):
    taken, asked, waiting = [], [], []

    def events():
        for number in range(10):
            taken.append(number)
            yield {"number": number}

    def answers(handler, body):
        asked.append(json.loads(body)["number"])
        waiting.append(len(delivery.waiting))
        say(handler, 503 if len(asked) == refused_at + 1 else 200)

    with AnsweringServer(answers) as server:
        delivery, more = LineageDelivery(server.url, as_json=False, batch=4), events()
        with pytest.raises(LineageNotTaken):
            delivery.hand_over(more)
        assert len(taken) == min(10, refused_at // 4 * 4 + 4)
        assert delivery.waiting == [{"number": number} for number in taken[refused_at:]]
        delivery.hand_over(more)
    assert asked == [*range(refused_at + 1), *range(refused_at, 10)]
    assert max(waiting) == 4


def test_a_document_that_breaks_off_is_not_begun(capsys):
    def events():
        yield {"number": 1}
        raise TimeoutError("the broker stalls")

    with pytest.raises(TimeoutError):
        LineageDelivery(None, as_json=True).hand_over(events())
    assert capsys.readouterr().out == ""
    LineageDelivery(None, as_json=True).hand_over([])
    assert json.loads(capsys.readouterr().out) == {"events": []}


def test_an_archive_is_told_to_a_collector_or_printed(tmp_path):
    status, lines, _ = told("--archive", GOLDEN)
    events = [json.loads(line) for line in lines.splitlines()]
    assert (status, len(events) > 100) == (0, True)
    (tmp_path / "key").write_text("secret\n")
    with AnsweringServer(lambda h, b: say(h, 201)) as server:
        words = ("--archive", GOLDEN, "--lineage", server.url, "--key-file", tmp_path / "key")
        status, said, _ = told(*words)
        assert (status, said) == (0, f"{len(events)} events: {server.url}\n")
        assert [json.loads(body) for _, body in server.asked] == events
        assert json.loads(told(*words, "--json")[1]) == {
            "lineage": server.url,
            "events": len(events),
        }
    status, _, error = told(*words)
    assert (status, isinstance(error, LineageNotTaken)) == (1, True)
    assert json.loads(told("--archive", GOLDEN, "--json")[1])["events"] == events


def test_only_what_began_since_is_told():
    status, lines, _ = told("--archive", GOLDEN, "--since", "2100-01-01T00:00:00+00:00")
    assert (status, lines) == (0, "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--lineage", "marquez:5000"), "no address of a collector"),
        (("--lineage", "ftp://x"), "no address of a collector"),
        (("--lineage", "http://[x"), "no address of a collector"),
        (("--every", 0), "--every"),
        (("--every", 5), "an archive does not grow"),
        (("--since", "yesterday"), "is no time"),
        (("--key-file", __file__), "--key-file is for a collector"),
        (("--key-file", __file__, "--lineage", "http://x"), "holds no key"),
        (("--key-file", "no/such", "--lineage", "http://x"), "does not exist"),
    ],
)
def test_what_is_asked_wrongly_is_told(words, says):
    status, said, _ = told("--archive", GOLDEN, *words)
    assert (status, says in said) == (2, True), said
