"""Chunk policies: which one a document gets by its kind."""

import json

import pytest

from agents.chunk_policies import ChunkPolicy, policy_for, shares_of
from agents.configured.usability import Unusable, hold_usable
from agents.errors import Permanent
from agents.pieces import asks, speaks
from connectors.readers.parsing import parse
from schemas import Block
from streams.log.configuration import FOLDER, BadConfiguration, load
from tests.agents.cut_at_once import at_once

CONFIGURED = load()["ingest"].values
POLICIES = CONFIGURED["policies"]
SIZES = {"tokens_min": 1, "tokens_target": 200, "tokens_max": 300, "overlap_tokens": 0}


def chosen(text, media_type="text/markdown", policies=POLICIES):
    blocks = parse("text/markdown", text.encode()).blocks
    shares = dict(at_once(shares_of(blocks)))
    return policy_for(media_type, shares, policies, "procedural")


TABLE = "\n| Part | Price |\n|---|---|\n" + "| Valve of brass | 12 Euro |\n" * 20
CODE = "\n```python\n" + "value = compute(value)\n" * 20 + "```\n"
PROSE = "The pump is started by the lever on its left side. It must be primed first. " * 8
KINDS = {
    "procedural": f"# Pump\n\n{PROSE}\n\n{PROSE}\n\nWhy is it red?\n\n{PROSE}\n{TABLE}",
    "table": f"Prices of the year.\n{TABLE}",
    "code": f"Call it so.\n{CODE}",
    "faq": "".join(f"## How do I do {n}?\n\n{PROSE}\n\n" for n in range(4)),
    "conversation": "".join(f"Ann: {PROSE}\n\nBob: No.\n\n" for _ in range(4)),
}


@pytest.mark.parametrize("policy", KINDS)
def test_a_document_is_cut_as_fits_what_it_mostly_holds(policy):
    assert chosen(KINDS[policy]) == policy


@pytest.mark.parametrize("few", ["Why?\n\nSo.", "Ann: yes\n\nBob: no", ""])
def test_one_or_two_signs_make_no_kind(few):
    assert chosen(few) == "procedural"


@pytest.mark.parametrize("media_type", ["text/csv", "text/csv; charset=gb18030", "Text/CSV ;x=y"])
def test_a_media_type_decides_before_what_is_in_it(media_type):
    assert chosen(KINDS["faq"], media_type) == "table"


def test_of_several_kinds_the_one_that_is_exceeded_most_is_taken():
    policies = {
        name: {**SIZES, "default_for": {"shares": {"code": least}}}
        for name, least in (("b", 0.5), ("a", 0.5), ("c", 0.3), ("d", 0.7))
    }
    assert policy_for("text/plain", {"code": 0.6}, policies, "z") == "c"
    assert policy_for("text/plain", {"code": 0.3}, policies, "d") == "c"
    assert policy_for("text/plain", {"code": 0.2}, policies, "d") == "d"
    assert policy_for("text/plain", {"code": 0.2}, policies, "z") == "a"
    assert (
        policy_for("text/plain", {"code": 1.0}, {"b": policies["b"], "a": policies["a"]}, "") == "a"
    )


def test_shares_are_of_characters_and_signs_of_blocks():
    blocks = [
        Block(kind="table", text="x" * 30),
        Block(kind="paragraph", text="Why?" + "?" * 6),
        *[Block(kind="paragraph", text="Ann: so is it") for _ in range(3)],
        Block(kind="code", text="Ann: no one asks? " + "x" * 3),
    ]
    shares = dict(at_once(shares_of(blocks)))
    assert shares == {
        "table": 30 / 100, "paragraph": 49 / 100, "code": 21 / 100, "turns": 3 / 4,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "speaking"),
    [
        ("Ann: hello", True),
        ("[10:31] Bob Lee: no", True),
        ("2024-01-02 10:31 Carol: x", True),
        ("<bob> hi", True),
        ("**Ann:** hello", True),
        ("Ann:", True),
        ("http://x", False),
        ("10:30 is the time", False),
        ("The quick brown fox jumps far: so it is", False),
        ("", False),
    ],
)
def test_a_turn_begins_with_a_name(text, speaking):
    assert speaks(text) is speaking


def test_a_question_is_short():
    assert asks("Why?") is asks("Q: how") is True
    assert asks("x" * 200 + "?") is asks("No.") is False


# ---------------------------------------------------------------------- one file adds one


def copied(tmp_path, **files):
    for path in FOLDER.rglob("*"):
        if path.is_file():
            target = tmp_path / path.relative_to(FOLDER)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    for name, text in files.items():
        (tmp_path / "chunk_policies" / f"{name}.json").write_text(text)
    return tmp_path


def test_a_file_adds_a_policy(tmp_path):
    poem = {**SIZES, "default_for": {"media_types": ["text/x-poem"]}}
    policies = load(copied(tmp_path, poem=json.dumps(poem)))["ingest"].values["policies"]
    assert set(policies) == {*POLICIES, "poem"}
    assert chosen("Lines.", "text/x-poem", policies) == "poem"


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "poem.json: "), ('{"a": 1, "a": 2}', "poem.json: 'a' stands there twice")],
)
def test_a_file_that_is_none_is_named(tmp_path, text, says):
    with pytest.raises(BadConfiguration, match=says):
        load(copied(tmp_path, poem=text))


def test_a_folder_that_is_none_is_named(tmp_path):
    copied(tmp_path)
    (tmp_path / "ingest.json").write_text('{"policies": {"folder": "nowhere"}}')
    with pytest.raises(BadConfiguration, match="nowhere is no folder"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"default_policy": "poem"}, "no policy 'poem': name one of code, conversation"),
        ({"policies": {"a": {**SIZES, "header_tokens": 88}}, "default_policy": "a"}, "header_tokens"),
        ({"policies": {"a": {**SIZES, "default_for": {"shares": {"code": 1.1}}}}}, "shares"),
        ({"policies": {"a": {**SIZES, "default_for": {"kinds": []}}}}, "kinds"),
    ],
)  # fmt: skip
def test_what_ingest_could_not_cut_by_is_refused(changes, says):
    hold_usable("ingest", CONFIGURED)
    with pytest.raises(Unusable, match=says):
        hold_usable("ingest", {**CONFIGURED, **changes})


def test_header_tokens_leave_room():
    assert ChunkPolicy.read({**SIZES, "header_tokens": 87}).header_tokens == 87
    with pytest.raises(Permanent, match="header_tokens likewise"):
        ChunkPolicy.read({**SIZES, "header_tokens": 88})
