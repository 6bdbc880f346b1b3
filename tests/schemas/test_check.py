"""The offline check: what it finds wrong, and that it finds nothing wrong with what there is."""

import copy
import json

import pytest

from schemas.check import (
    changed_digests,
    incompatibilities,
    main,
    misnamed_words,
    problems,
    release,
)
from schemas.definitions import definitions, self_contained
from schemas.words import WORDS


def test_definitions_are_valid_and_fit_what_was_released(capsys):
    assert list(problems()) == []
    assert main([]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("edit", "direction"),
    [
        (lambda d: d["fields"].append({"name": "new", "type": "string", "doc": "d"}), "backward"),
        (lambda d: d["fields"].pop(0), "forward"),
        (lambda d: d["fields"][0].update(type="long"), "backward"),
        (lambda d: d["fields"][0].update(type="bytes", default=""), None),  # may be promoted
        (lambda d: d["fields"][0].update(type=["null", "string"]), "forward"),
        (lambda d: d["fields"][0].update(name="label"), "backward"),
        (lambda d: d["fields"][0].update(doc="another"), None),
        (
            lambda d: d["fields"].append(
                {"name": "new", "type": "string", "default": "", "doc": "d"}
            ),
            None,
        ),
        (lambda d: d["fields"].reverse(), None),
    ],
)
def test_an_incompatible_change_is_found_and_a_compatible_one_let_pass(edit, direction):
    old = self_contained("StepVersion")
    new = copy.deepcopy(old)
    edit(new)
    why = list(incompatibilities(old, new))
    assert any(one.startswith(f"{direction}: ") for one in why) if direction else why == []


def released_now():
    return {name: self_contained(name) for name in definitions()}


def edited(record, edit):
    now = copy.deepcopy(definitions())
    edit(now[record])
    return now


def field(definition, name):
    return next(entry for entry in definition["fields"] if entry["name"] == name)


@pytest.mark.parametrize(
    ("record", "edit", "says"),
    [
        ("Search", lambda d: field(d, "text").update(type="bytes"), "Search.text: its type"),
        ("Search", lambda d: field(d, "text").update(default=""), "Search.text: its default"),
        ("Search", lambda d: field(d, "as_of").update(default=0), "Search.as_of: its default"),
        ("Search", lambda d: field(d, "as_of").pop("default"), "Search.as_of: its default"),
        ("Search", lambda d: field(d, "groups").update(name="teams"), "Search.groups: it is gone"),
        ("Search", lambda d: d["fields"].remove(field(d, "groups")), "Search.groups: it is gone"),
        (
            "Generate",
            lambda d: field(d, "temperature").update(type="float"),
            "temperature: its type",
        ),
        (
            "DocumentRef",
            lambda d: field(d, "uri").update(default=""),
            "DocumentRef.uri: its default",
        ),
        ("TokenCounts", lambda d: field(d, "counts").update(default=[]), "counts: its default"),
        (
            "Parsed",
            lambda d: field(d, "title").update(digested=False),
            "title: whether it is digested",
        ),
        ("Search", lambda d: d.update(personal=True), "Search: its personal"),
        ("Detect", lambda d: d.pop("personal"), "Detect: its personal"),
        ("Unseal", lambda d: d.update(effect="recorded"), "Unseal: its effect"),
        ("Search", lambda d: d.update(response="Fetched"), "Search: its response"),
    ],
)
def test_a_change_that_digests_would_not_outlast_is_found(record, edit, says):
    [problem] = changed_digests(released_now(), edited(record, edit))
    assert problem.startswith(f"{record}")
    assert problem.endswith(says)


@pytest.mark.parametrize(
    ("record", "edit"),
    [
        (
            "Search",
            lambda d: d["fields"].append({"name": "z", "type": "int", "default": 0, "doc": "d"}),
        ),
        (
            "Block",
            lambda d: d["fields"].append(
                {"name": "z", "type": "string", "default": "", "doc": "d"}
            ),
        ),
        ("Search", lambda d: d["fields"].reverse()),
        ("Search", lambda d: field(d, "limit").update(type="long", doc="more")),
        ("Instant", lambda d: field(d, "at").update(type="long")),
        ("Usage", lambda d: d["fields"].clear()),
        ("Embedded", lambda d: d["fields"].clear()),
    ],
)
def test_a_change_that_digests_outlast_is_let_pass(record, edit):
    assert list(changed_digests(released_now(), edited(record, edit))) == []


def test_what_digests_are_of_must_stay():
    now = dict(definitions())
    then = released_now()
    del now["Block"]
    assert list(changed_digests(then, now)) == [
        "Block.kind: it is gone", "Block.level: it is gone", "Block.text: it is gone",
    ]  # fmt: skip


def test_what_a_digest_leaves_out_is_no_matter_where_it_is_of_the_whole():
    now = edited("Parsed", lambda d: field(d, "title").update(digested=False))
    assert list(changed_digests(released_now(), now, whole=True)) == []


def test_a_release_s_digests_are_held_against_the_definitions(tmp_path):
    release("0.9", tmp_path)
    kept = json.loads((tmp_path / "0.9.json").read_text())
    field(kept["Search"], "as_of")["default"] = 7
    (tmp_path / "0.9.json").write_text(json.dumps(kept))
    [problem] = problems(tmp_path)
    assert problem.startswith("Search.as_of: its default was another in 0.9")


def test_what_was_released_must_stay(tmp_path):
    release("0.9", tmp_path)
    path = tmp_path / "0.9.json"
    assert set(json.loads(path.read_text())) == set(definitions())
    assert list(problems(tmp_path)) == []
    kept = json.loads(path.read_text())
    kept["Gone"] = kept["Usage"]
    kept["Usage"]["fields"].append({"name": "old", "type": "string", "doc": "d"})
    path.write_text(json.dumps(kept))
    assert [one.partition(":")[0] for one in problems(tmp_path)] == [
        "Usage does not fit its version of 0.9, forward",
        "Gone was released in 0.9 and is gone",
    ]


def test_a_release_makes_its_folder(tmp_path):
    release("1.0", tmp_path / "released")
    release("1.0", tmp_path / "released")
    assert [path.name for path in (tmp_path / "released").iterdir()] == ["1.0.json"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"ChunksCut.outcome": ("cut", "cutt")}, 'ChunksCut.outcome has "cutt", but its doc says'),
        ({"ChunksCut.outcome": ("un",)}, 'has "un", but its doc says: cut, unchanged'),
        ({"ChunksCut.outcomes": ("cut",)}, "ChunksCut.outcomes is no field of strings"),
        ({"ChunkCut.outcome": ("cut",)}, "ChunkCut.outcome is no field of strings"),
        ({"ChunksCut": ("cut",)}, "ChunksCut is no field of strings"),
        ({"ChunksCut.chunks": ("cut",)}, "ChunksCut.chunks is no field of strings"),
        ({"Ask.mode": ("search",)}, 'Ask.mode lacks its default, "answer"'),
        ({"Generated.finish_reason": ("stop", "length")}, 'lacks its default, ""'),
    ],
)
def test_a_word_that_no_doc_lists_is_found(words, says):
    [problem] = misnamed_words(words)
    assert says in problem
    assert problem.startswith("schemas/words.py: ")


def test_the_words_are_those_of_the_docs():
    assert list(misnamed_words(WORDS)) == []
    assert all(len(words) == len(set(words)) > 1 for words in WORDS.values())
