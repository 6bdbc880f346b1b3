"""All side by side on the real components, with few chats: each gives the same answers from the same documents."""

import gzip
import json
from importlib.util import find_spec

import pytest

from bench.answers.figures import Figure
from bench.cli import PEERS
from bench.peers.beside import PeerFigures, measure, show
from bench.peers.contestants import (
    ENVIRONMENT,
    HAYSTACK,
    PLAYHEAD,
    QUIX,
    served_model,
    with_environment,
)
from bench.peers.corpus import LONG, SHORT
from bench.peers.document_rates import SETS
from bench.peers.visits import PeersPlan, peer_rows
from bench.spread import spread
from infra.local.supervisor import Stack, Wish
from streams.settings import Settings
from tests.bench.peers.test_visits import a_visit
from tests.bench.shown import shown

VERIFIED = Figure("replay verify, this log", 800.0, "records/s", 1_000.0, "reading")


def figures(**fields):
    rows = peer_rows([a_visit(HAYSTACK), a_visit(PLAYHEAD, rate=2.0)])
    return PeerFigures(
        rows, VERIFIED_INGEST, VERIFIED, **{"load": [(1.0, 2.0, 3.0), (4.0, 5.0, 6.0)], **fields}
    )


VERIFIED_INGEST = {"squad": {HAYSTACK: spread([10.0], [10.0]), PLAYHEAD: spread([9.0], [10.0])}}


def test_tables_show_ratios_goals_and_what_was_left_out():
    said = shown(show, figures(absent=("awsdocs",)))
    for words in (
        "Playhead",
        "0.50x",
        "service 50.0",
        "0.90x",
        ">= 1.2",
        "not measured",
        "awsdocs: left out",
        "0.80",
    ):
        assert words in said
    assert "1.0 before, 4.0 after" in said


def test_the_document_has_all_of_it():
    document = json.loads(json.dumps(figures(absent=("awsdocs",)).as_json()))
    assert [row["program"] for row in document["rows"]] == [HAYSTACK, PLAYHEAD]
    assert document["ingest"]["squad"][PLAYHEAD]["ratio"] == 0.9
    assert document["absent"] == ["awsdocs"]
    assert {goal["reached"] for goal in document["goals"]} == {True, False, None}
    assert document["verified"]["ratio"] == 0.8


@pytest.fixture
def few_documents(tmp_path):
    """Write a set of few documents, and leave the other one out."""
    path = tmp_path / SETS["squad"][0]
    path.parent.mkdir(parents=True)
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        for number in range(3):
            lines.write(
                json.dumps({"text": f"The harbour has {number} cranes and a customs house."}) + "\n"
            )
    return tmp_path


@pytest.mark.stack
@pytest.mark.timeout(1_500)
@pytest.mark.skipif(
    not all(map(find_spec, PEERS)), reason="the peers are not installed: make bench ONLY=peers"
)
def test_all_give_the_same_answers_from_the_same_documents(tmp_path, few_documents):
    """Another number of tokens, or another document, would raise WrongWork."""
    run = tmp_path / "run"
    run.mkdir()
    plan = PeersPlan(chats=((1, 2), (3, 5)))
    with (
        with_environment(ENVIRONMENT),
        served_model(run) as model,
        Stack(run, Wish(free_ports=True)),
    ):
        settings = Settings.load(environment={}, run=run)
        found = measure(settings, model, plan, print, few_documents)
    assert {(row.program, row.tokens, row.users) for row in found.rows} == {
        (program, tokens, users)
        for program in (HAYSTACK, QUIX, PLAYHEAD)
        for tokens in (SHORT, LONG)
        for users in (1, 3)
    }
    for row in found.rows:
        assert row.rate.low > 0
        assert row.own_cpu_ms.low > 0
        assert min(row.pss_mb.values()) > 10
        assert row.degraded == 0
    assert set(found.ingest) == {"squad"}
    assert found.absent == ("awsdocs",)
    assert found.verified.value > 0
