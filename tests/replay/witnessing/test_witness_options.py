"""Witnesses and authorities as the command line and settings name them, and what is shown."""

import io
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from rich.console import Console

from replay.seal.audit_terminal import show_gathered, show_stamp
from replay.witnessing.cosignature import Cosigner
from replay.witnessing.gathering import GatheredCosignatures, WitnessPass
from replay.witnessing.stamping import StampPass
from replay.witnessing.witness_options import GivenWitnesses, given_authority
from streams.settings import Settings
from tests.replay.seal.sealed_log import PLACE

KEY = Cosigner.new("w.test").verifier
OTHER = Cosigner.new("other.test").verifier


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy"
    path.write_text(f"witness a {OTHER} https://other.test/\nquorum a\n")
    return path


def names(given, settings=None):
    files, policy = given.read(settings or Settings())
    return [str(one) for one in files], [one.name for one in policy.witnesses]


def test_a_file_is_told_from_an_address(policy):
    given = GivenWitnesses(["/mnt/w", f"https://w.test/#{KEY}", "notes", f"#{OTHER}"])
    assert names(given) == (["/mnt/w", "notes"], ["w.test", "other.test"])
    assert names(GivenWitnesses()) == ([], [])


def test_a_policy_is_that_of_the_settings_unless_another_is_named(policy, tmp_path):
    settings = Settings(witness_policy=str(policy))
    assert names(GivenWitnesses(["file"]), settings) == (["file"], ["other.test"])
    assert names(GivenWitnesses([f"https://w.test#{KEY}"]), settings) == ([], ["w.test"])
    another = tmp_path / "another"
    another.write_text(f"witness w {KEY}\nquorum none\n")
    assert names(GivenWitnesses(policy=another), settings) == ([], ["w.test"])


@pytest.mark.parametrize("given", [{"spelt": [f"#{KEY}"]}, {"least": 1}])
def test_a_policy_stands_for_itself(policy, given):
    with pytest.raises(click.UsageError, match="add a witness there"):
        GivenWitnesses(policy=policy, **given).read(Settings())


def test_a_quorum_of_the_command_line_does_not_pass_unnoticed_beside_the_settings(policy):
    settings = Settings(witness_policy=str(policy))
    with pytest.raises(click.UsageError, match="add a witness there"):
        GivenWitnesses(least=1).read(settings)


def test_a_policy_that_is_lacking_is_told():
    with pytest.raises(click.UsageError, match="no/policy can't be read"):
        GivenWitnesses().read(Settings(witness_policy="no/policy"))


def test_an_authority_needs_its_roots():
    assert given_authority(None, None) is None
    with pytest.raises(click.UsageError, match="--timestamp-roots"):
        given_authority("https://tsa.test/", None)
    with pytest.raises(click.UsageError, match="holds no certificates"):
        given_authority("https://tsa.test/", Path(__file__))


def shown(show, what):
    out = Console(file=io.StringIO(), width=1_000)
    show(what, out)
    return out.file.getvalue()


def test_what_a_witness_says_is_shown_as_it_is():
    """It may say anything: a tag that ends nothing would end the report."""
    passes = [
        WitnessPass("w.test", "https://w.test", 3, 3),
        WitnessPass("[/b]", "https://x.test", 0, 3, ["[/red] no"], contradicts=True),
    ]
    said = shown(show_gathered, GatheredCosignatures(passes, [PLACE]))
    assert "w.test: 3 of 3 newest checkpoints cosigned" in said
    assert "[/b]: [/red] no" in said
    assert f"too few witnesses have cosigned: {PLACE[0]}[0]" in said


@pytest.mark.parametrize(
    ("done", "says"),
    [
        (
            StampPass("u", datetime(2026, 1, 2, tzinfo=UTC), "CN=[/b]", 7),
            "7 checkpoints stamped at 2026-01-02T00:00:00+00:00 by CN=[/b]\n",
        ),
        (StampPass("u", fault="[/x]"), "not stamped by u: [/x]\n"),
        (StampPass("u"), ""),
    ],
)
def test_what_an_authority_did_is_shown(done, says):
    assert shown(show_stamp, done) == says


def test_a_pass_is_told_to_programs():
    gathered = GatheredCosignatures(
        [WitnessPass("w", "u", 1, 2, ["why"], contradicts=True)], [PLACE]
    )
    assert gathered.as_json() == {
        "witnesses": [
            {
                "witness": "w",
                "url": "u",
                "cosigned": 1,
                "of": 2,
                "contradicts": True,
                "forgot": False,
                "faults": ["why"],
            }
        ],
        "too_few_witnesses": [f"{PLACE[0]}[0]"],
    }
    stamped = StampPass("u", datetime(2026, 1, 2, tzinfo=UTC), "CN=x", 7)
    assert stamped.as_json() == {
        "url": "u",
        "at": "2026-01-02T00:00:00+00:00",
        "by": "CN=x",
        "checkpoints": 7,
        "fault": None,
    }
