"""The readers over a folder of files: text recall by kind, and what becomes of broken ones."""

import json

import pytest

from evals.cli import eval_
from evals.data_sets import BadData, Choice
from evals.text_recall import BYTES, evaluate_documents, recall_of
from tests.edge.cli.running import run


@pytest.mark.parametrize(
    ("text", "expected", "recall"),
    [
        ("A b c", "a b", 1.0),
        ("a", "a a b", 1 / 3),
        ("", "a", 0.0),
        ("a", "", None),
        ("a", None, None),
        ("a", "a <!-- b --> ![c](d)", 1.0),
    ],
)
def test_recall_counts_each_expected_word_once(text, expected, recall):
    assert recall_of(text, expected) == recall


@pytest.fixture
def folder(tmp_path):
    rows = []
    for name, content, expect, expected in (
        ("a.csv", b"Locker,Code\n103,4713\n", "parse", "Locker Code 103 4713"),
        ("b.csv", b"x,y\n1,2\n", "parse", "x y 1 2 3"),
        ("c.html", b"<p>seen<script>no</script>", "parse", "seen"),
        ("d.html", b"<p> </p>", "parse", None),
        ("e.none", b"\0\1\2" * 99, "no_crash", None),
    ):
        (tmp_path / name).write_bytes(content)
        row = {"file": name, "expect": expect}
        if expected is not None:
            (tmp_path / f"{name}.expected").write_text(expected)
            row["expected_text"] = f"{name}.expected"
        rows.append(row)
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


def test_each_kind_is_told_by_itself_and_all_together(folder):
    outcomes = evaluate_documents(folder, Choice(), lambda _: lambda: None)
    assert [one.name for one in outcomes] == ["csv", "html", "none", "all kinds"]
    csv, html, none, everything = outcomes
    assert csv.figure("text recall").value == pytest.approx(0.9)
    assert html.figure("text recall").value == 1.0
    assert html.figure("as expected").value == 0.5
    assert html.counts == {"read": 1, "refused with a reason": 1}
    assert none.figure("as expected").value == 1.0
    assert everything.figure("text recall").rows == 3
    assert everything.figure("text recall", BYTES).value == pytest.approx((1 + 0.8 + 1) / 3)
    assert everything.figure("text recall").low < 1 == everything.figure("text recall").high


def test_the_verb_prints_one_json_document(folder):
    done = run(eval_, "documents", "--data", folder, "--json")
    assert done.exit_code == 0, done.output
    assert [one["set"] for one in json.loads(done.stdout)["sets"]][-1] == "all kinds"


def test_a_folder_without_a_manifest_is_an_error(tmp_path):
    with pytest.raises(BadData, match=r"holds no manifest.jsonl; name the folder"):
        evaluate_documents(tmp_path, Choice(), lambda _: lambda: None)


def test_a_file_that_is_missing_is_an_error(tmp_path):
    (tmp_path / "manifest.jsonl").write_text('{"file": "a.txt", "expect": "parse"}')
    with pytest.raises(BadData, match=r"a\.txt: No such file or directory; mend the manifest"):
        evaluate_documents(tmp_path, Choice(), lambda _: lambda: None)
