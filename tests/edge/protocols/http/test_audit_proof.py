"""The page's check of a receipt says of each what `check_receipt` says: run by node, where there is one."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from replay.seal.note import Signer
from replay.seal.proving import prove
from replay.seal.receipt import BadReceipt, check_receipt, read_receipt
from tests.replay.seal.sealed_log import PLACE, SIGNER, TOPIC, SealedLog

SCRIPT = Path(__file__).parents[4] / "edge/protocols/http/audit-proof.js"
RUN = """
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
(async () => {
  const said = {};
  for (const [name, receipt, key] of cases)
    said[name] = (await checkReceipt(receipt, PLACE, "value 7", key)).said;
  console.log(JSON.stringify(said));
})();
"""
PLACED = f'const PLACE = {{topic: "{TOPIC}", partition: 0, offset: 7}};'
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="no node: apt-get install nodejs")


@pytest.fixture(scope="module")
def good(unit_path_factory):
    sealed = SealedLog(unit_path_factory.mktemp("proofs")).put(300)
    sealed.seal()
    return prove(sealed.log, sealed.folder, (*PLACE, 7), [SIGNER.verifier], request="value 7")


def signed(text, *more):
    return SIGNER.sign(text) + "".join(more)


def changes(good):
    """Return what is told otherwise, by name."""
    text = good.checkpoint.partition("\n\n")[0] + "\n"
    lines = text.split("\n")
    other = Signer.new("playhead-test")
    line, another = SIGNER.line(text), other.line(text)
    wrong = SIGNER.line(f"{text}.\n")
    bell = f"{text}\a\n"
    proof, leaf = good.proof, base64.b64decode(good.leaf)

    def in_place_of(number, words):
        return {"checkpoint": signed("\n".join([*lines[:number], words, *lines[number + 1 :]]))}

    def note(*signatures):
        return {"checkpoint": f"{text}\n{''.join(signatures)}"}

    def spelt(content):
        return base64.b64encode(content).decode()

    return {
        "nothing": {},
        "format": {"format": 2},
        "topic": {"topic": "playhead.answer.released"},
        "partition": {"partition": 1},
        "offset": {"offset": 8},
        "text": {"text": "value 8"},
        "text that it holds": {"text": "value 7"},
        "request": {"request": "value 8"},
        **{f"index {one}": {"index": one} for one in (-8, -1, 6, 8, 300, 2**40)},
        "leaf": {"leaf": spelt(b"x")},
        "leaf's kind": {"leaf": spelt(b"\2" + leaf[1:])},
        "leaf's end": {"leaf": spelt(leaf + b"\0")},
        "leaf's base64": {"leaf": f"{good.leaf[:4]}\n{good.leaf[4:]}"},
        "no proof": {"proof": []},
        "proof is short": {"proof": proof[:-1]},
        "proof is long": {"proof": [*proof, proof[-1]]},
        "proof is turned": {"proof": proof[::-1]},
        "proof's hash is short": {"proof": [spelt(b"x"), *proof[1:]]},
        "proof has no end": {"proof": proof[:1] * 65},
        "no note": {"checkpoint": "x"},
        "unsigned": note(),
        "another's": note(another),
        "another's too": note(another, line),
        "changed": note(wrong),
        "changed, then not": note(wrong, line),
        "not changed, then": note(line, wrong),
        "no last line break": note(line[:-1]),
        "a line that is none": note("-- x\n", line),
        "a line with a short signature": note("\N{EM DASH} x AAAA\n", line),
        "a hundred lines": note(another * 99, line),
        "and one more": note(another * 100, line),
        "control characters": note(line.replace("\n", "\r\n")),
        "control characters above": {"checkpoint": f"{bell}\n{SIGNER.line(bell)}"},
        "origin": in_place_of(0, lines[0][:-1] + "1"),
        "size": in_place_of(1, "299"),
        "size is spelt otherwise": in_place_of(1, "0300"),
        "size is no number": in_place_of(1, "3e2"),
        "root": in_place_of(2, spelt(b"\0" * 32)),
        "root is short": in_place_of(2, spelt(b"\0")),
        "no first": in_place_of(3, "x"),
        "two firsts": in_place_of(3, f"{lines[3]}\n{lines[3]}"),
        "first is no number": in_place_of(3, "first x"),
        "more lines": in_place_of(4, f"{lines[4]}\nmore"),
        "key": {"key": str(other.verifier)},
        "key's id": {"key": str(SIGNER.verifier).replace("+", "+0", 1)},
        "key's name": {"key": "a b" + str(SIGNER.verifier)[1:]},
    }


def holds(receipt, keys=()):
    try:
        read = read_receipt(msgspec.json.encode(receipt))
        check_receipt(read, keys)
    except BadReceipt:
        return False
    return (read.topic, read.partition, read.offset, read.request) == (*PLACE, 7, "value 7")


def test_each_receipt_is_told_as_by_playhead(good):
    other = Signer.new("playhead-test").verifier
    broken = {name: replace(good, **change) for name, change in changes(good).items()}
    cases = [(name, one, "") for name, one in broken.items()]
    cases += [("known key", good, str(SIGNER.verifier)), ("another key", good, str(other))]
    expected = {name: holds(one) for name, one in broken.items()}
    expected |= {"known key": True, "another key": False}
    done = subprocess.run(
        [NODE, "-e", f"{SCRIPT.read_text()}\n{PLACED}\n{RUN}"],
        input=json.dumps([(name, msgspec.to_builtins(one), key) for name, one, key in cases]),
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert {name: said == "holds" for name, said in told.items()} == expected
    assert set(told.values()) == {"holds", "broken"}
    assert 5 < sum(expected.values()) < 12
