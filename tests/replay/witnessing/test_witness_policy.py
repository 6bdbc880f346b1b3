"""Policies: who is believed, and how many are enough; C2SP tlog-policy."""

import pytest

from replay.witnessing.cosignature import KINDS, Cosigner
from replay.witnessing.witness_policy import (
    WITNESSES_MAX,
    BadPolicy,
    given_witness,
    policy_of,
    read_policy,
)
from tests.replay.seal.sealed_log import SIGNER

NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
KEYS = {name: Cosigner.new(f"{name.lower()}.test").verifier for name in NAMES}
EXAMPLE = """
log {log}
  # the example of the specification
witness X1 {X1}
witness\tX2 {X2} https://x2.test/prefix/
witness X3 {X3}
group X-witnesses 2 X1 X2 X3

witness Y1 {Y1}
witness Y2 {Y2}
witness Y3 {Y3} http://127.0.0.1:7790
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
""".format(log=SIGNER.verifier, **KEYS)

BOTH = f"witness a {KEYS['X1']}\nwitness b {KEYS['X2']}\n"


def policy(tmp_path, text):
    path = tmp_path / "policy"
    path.write_text(text)
    return read_policy(path)


@pytest.mark.parametrize(
    ("signed", "holds"),
    [
        ("", False),
        ("X1 X2 X3", False),
        ("Y1 Y2 Y3", False),
        ("X1 Y1 Y2 Y3", False),
        ("X1 X2 Y3", True),
        ("X2 X3 Y1", True),
        ("X1 X2 X3 Y1 Y2 Y3", True),
    ],
)
def test_the_example_of_the_specification(tmp_path, signed, holds):
    read = policy(tmp_path, EXAMPLE)
    assert read.quorum.holds([KEYS[name] for name in signed.split()]) == holds
    assert read.keys == list(KEYS.values())
    urls = {one.name: one.url for one in read.witnesses if one.url}
    assert urls == {"x2.test": "https://x2.test/prefix", "y3.test": "http://127.0.0.1:7790"}


@pytest.mark.parametrize(
    ("rule", "holds"), [("quorum none", True), ("quorum X1", True), ("quorum X2", False)]
)
def test_a_quorum_may_be_one_or_nobody(tmp_path, rule, holds):
    text = f"witness X1 {KEYS['X1']}\nwitness X2 {KEYS['X2']}\n{rule}"
    assert policy(tmp_path, text).quorum.holds([KEYS["X1"]]) == holds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "one line `quorum`, this one has 0"),
        ("quorum none\nquorum none", "this one has 2"),
        ("quorum X1", "line 1: no line above defines X1"),
        (f"witness X1 {KEYS['X1']}\ngroup g 2 X1\nquorum g", "line 2: a group of 1 needs"),
        (f"witness X1 {KEYS['X1']}\ngroup g 0 X1\nquorum g", "line 2: a group of 1 needs"),
        (f"witness X1 {KEYS['X1']}\ngroup g some X1\nquorum g", "line 2: a group of 1 needs"),
        (f"witness X1 {KEYS['X1']}\ngroup g any\nquorum g", "line 2 is no line"),
        ("group g any g\nquorum g", "line 1: no line above defines g"),
        (f"witness none {KEYS['X1']}\nquorum none", "line 1: none is defined already"),
        (f"witness a {KEYS['X1']}\nwitness a {KEYS['X2']}\nquorum a", "a is defined already"),
        (f"witness a {KEYS['X1']}\nwitness b {KEYS['X1']}\nquorum a", "stands there twice"),
        (f"witness a {SIGNER.verifier}\nquorum a", "line 1: .* no key of a witness"),
        (f"witness a {KEYS['X1']} ftp://x\nquorum a", "line 1: 'ftp://x' is no address"),
        (f"witness a {KEYS['X1']} http://[x\nquorum a", "is no address"),
        (f"witness a {KEYS['X1']} http://x:99999999\nquorum a", "is no address"),
        (f"witness a {KEYS['X1']} https://x/?q=1\nquorum a", "is no address"),
        ("\x00\xff", "line 1 holds a control character"),
        (f"witness a {KEYS['X1']}\r\nquorum a\r\n", "line 1 holds a control character"),
        (f"{BOTH}group g 2 a a\nquorum g", "line 3: a is a member of a group already"),
        (f"{BOTH}group g any a\ngroup h any b a\nquorum h", "line 4: a is a member of"),
        (f"{BOTH}group g any a\ngroup h 2 g g\nquorum h", "line 4: g is a member of"),
        (f"{BOTH}group g any a none\nquorum g", "line 3: no line above defines none"),
        ("x" * 1_000_001, "more than 1000000 bytes"),
    ],
)
def test_what_is_no_policy_is_told_by_its_line(tmp_path, text, says):
    with pytest.raises(BadPolicy, match=says):
        policy(tmp_path, text)


def test_bytes_that_are_no_text_are_no_policy(tmp_path):
    (tmp_path / "policy").write_bytes(b"\xff\xfe")
    with pytest.raises(BadPolicy, match="policy"):
        read_policy(tmp_path / "policy")


@pytest.mark.parametrize("kind", KINDS)
def test_a_witness_of_the_command_line_is_an_address_with_a_key(kind):
    key = Cosigner.new("w.test/w1", kind).verifier
    witness = given_witness(f"https://w.test/prefix/#{key}")
    assert (witness.url, witness.key, witness.name) == ("https://w.test/prefix", key, "w.test/w1")
    assert given_witness(f"#{key}").url == ""


@pytest.mark.parametrize("spelt", ["https://w.test", "https://w.test#", "#", "file:///x#k", ""])
def test_a_witness_without_a_key_is_refused(spelt):
    with pytest.raises(BadPolicy):
        given_witness(spelt)


def test_no_more_can_be_wanted_than_are_named():
    witnesses = [given_witness(f"#{key}") for key in KEYS.values()]
    assert policy_of(witnesses, 6).quorum.holds(list(KEYS.values()))
    assert not policy_of(witnesses, 6).quorum.holds(list(KEYS.values())[1:])
    with pytest.raises(BadPolicy, match="7 witnesses are to cosign, and only 6"):
        policy_of(witnesses, 7)
    with pytest.raises(BadPolicy, match="stands there twice"):
        policy_of(witnesses * 2)
    many = [given_witness(f"#{Cosigner.new('w').verifier}") for _ in range(WITNESSES_MAX + 1)]
    with pytest.raises(BadPolicy, match="at most 64"):
        policy_of(many)
