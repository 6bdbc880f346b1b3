"""What is written after --set becomes a configuration that the step can work by, or is told what there is."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.configured.usability import hold_usable, known_fields
from replay.whatif.outside import OF_THE_INDEX
from replay.whatif.settings_changed import STEPS_SET, BadWish, ChangedSettings, wishes_of
from streams.log.configuration import configuration, load
from streams.version import CODE

SHIPPED = load()
ROUTES = {
    "routes": [
        {"name": "big", "model": "m-1", "provider": "cloud", "fallbacks": ["small"]},
        {"name": "small", "model": "m-2", "trust": "phrase"},
    ]
}


def laid(step, *said, values=None):
    """Return what a step runs with in place of what is shipped."""
    before = {**SHIPPED[step].values, **(values or {})}
    changed = ChangedSettings(wishes_of(said), lambda _: before)
    return changed.values(changed.configuration(step, "d"))


def test_a_number_takes_the_place_of_a_number():
    final = laid("retrieve", "retrieve.final.dense=.7")["final"]
    assert final == {**SHIPPED["retrieve"].values["final"], "dense": 0.7}
    assert laid("retrieve", "retrieve.candidates=50")["candidates"] == 50


@pytest.mark.parametrize(
    "path", ["generate.routes.routes[1].trust", "generate.routes.routes.1.trust"]
)
def test_an_entry_of_a_list_is_named_by_its_place(path):
    changed = laid("generate", f"{path}=none", values={"routes": ROUTES})
    assert [one.get("trust") for one in changed["routes"]["routes"]] == [None, "none"]


def test_kinds_are_names_with_commas_and_keep_their_thresholds():
    kinds = laid("redact", "redact.kinds=PERSON, ORGANIZATION")["kinds"]
    shipped = SHIPPED["redact"].values["kinds"]
    assert set(kinds) == {"PERSON", "ORGANIZATION"}
    assert kinds["PERSON"] == shipped["PERSON"]
    assert kinds["ORGANIZATION"] in shipped.values()


def test_a_list_is_names_json_or_a_file(tmp_path):
    path = tmp_path / "words.json"
    path.write_text(json.dumps({"ordinary_words": ["a", "b"]}))
    for written in ("a,b", '["a", "b"]', str(path), f"@{path}"):
        assert laid("redact", f"redact.ordinary_words={written}")["ordinary_words"] == ["a", "b"]


def test_rules_come_from_a_file(tmp_path):
    rules = [{"category": "wool", "pattern": "loom", "action": "mask", "replacement": "***"}]
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(rules))
    assert laid("moderate", f"moderate.rules={path}")["rules"] == rules


def test_a_switch_is_true_or_false():
    assert laid("redact", "redact.instructions=false")["instructions"] is False
    with pytest.raises(BadWish, match="write true or false"):
        laid("redact", "redact.instructions=no")


def test_a_prompt_is_a_file_and_reaches_the_arms_that_have_their_own(tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("{{passages}} {{question}}")
    arms = [{"name": "a", "share": 0.5, "prompt": "x {{passages}} {{question}}"}]
    arms.append({"name": "b", "share": 0.2, "temperature": 0.5})
    changed = laid("generate", f"prompt={path}", values={"arms": arms, "experiment": "e"})
    assert changed["prompt"] == "{{passages}} {{question}}"
    assert [one.get("prompt") for one in changed["arms"]] == [changed["prompt"], None]


def test_a_model_is_a_route_that_there_is_or_the_first_with_another_model():
    known = laid("generate", "model=small", values={"routes": ROUTES})
    assert known["routes"]["routes"] == [ROUTES["routes"][1]]
    assert known["models"] == ["small"]
    by_model = laid("generate", "model=m-1", values={"routes": ROUTES})
    assert [one["name"] for one in by_model["routes"]["routes"]] == ["big"]
    other = laid("generate", "model=m-9", values={"routes": ROUTES})
    assert other["routes"]["routes"] == [{"name": "m-9", "model": "m-9", "provider": "cloud"}]


def test_a_policy_is_a_file_of_cedar(tmp_path):
    path = tmp_path / "rules.cedar"
    path.write_text('permit(principal, action == Action::"read", resource);')
    changed = ChangedSettings(wishes_of([f"policy={path}"]), lambda _: {})
    digest = changed.policy("")
    assert "permit" in changed.values(digest)["cedar"]
    path.write_text("permit(")
    with pytest.raises(BadWish, match=r"--set policy=.*rules\.cedar"):
        wishes_of([f"policy={path}"])


def test_an_index_and_the_present_code_are_no_configuration():
    wished = wishes_of(["index=3", "code=present"])
    assert (wished.generation, wished.anew) == (3, OF_THE_INDEX)
    changed = ChangedSettings(wished, lambda _: {})
    assert changed.code("0.1.0") == CODE
    assert changed.configuration("retrieve", "d") == "d"
    assert wishes_of(["index=present"]).generation is None


def test_what_is_set_to_what_it_is_changes_nothing():
    before = SHIPPED["retrieve"]
    wished = wishes_of([f"retrieve.gap={before.values['gap']}"])
    changed = ChangedSettings(wished, lambda _: before.values)
    assert changed.configuration("retrieve", before.digest) == before.digest


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("retriev.final.dense=1", "did you mean retrieve.final"),
        ("promt=x", "did you mean prompt?"),
        ("retrieve.finl.dense=1", "retrieve has no finl: did you mean final? It has"),
        ("retrieve", "write NAME=VALUE"),
        ("=x", "write NAME=VALUE"),
        ("retrieve=x", "There is prompt, model"),
        ("embed.texts_max=3", "and the fields of redact, rewrite"),
        ("index=yesterday", "index=present asks the index in force"),
        ("code=0.1.0", "the rules of this release"),
        ("prompt=/nowhere/x", "No such file"),
        ("model=a b", "a name of letters"),
        ("..=1", "There is prompt"),
    ],
)
def test_what_can_not_be_set_says_what_can(said, told):
    with pytest.raises(BadWish, match=told.replace("?", r"\?")):
        wishes_of([said])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("retrieve.final.dens=1", "`final.dens` is unknown"),
        ("retrieve.final.dense=much", "it must be a number"),
        ("retrieve.relevance.lat.held=1", "did you mean late?"),
        ("retrieve.gap.more=1", "there is nothing at more: it stands in float"),
        ("retrieve.reranked=900", "`reranked`: 900 of 100"),
        ("retrieve.final=[", "no JSON"),
    ],
)
def test_what_the_step_could_not_work_by_is_refused(said, told):
    with pytest.raises(BadWish, match=told.replace("?", r"\?").replace("[", r"\[")):
        laid("retrieve", said)


def test_a_file_that_is_no_prompt_is_refused(tmp_path):
    path = tmp_path / "p"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadWish, match="no text in UTF-8"):
        wishes_of([f"prompt={path}"])
    path.write_text("no slots")
    with pytest.raises(BadWish, match="generate could not work by it: `prompt` has no"):
        laid("generate", f"prompt={path}")


def test_one_name_is_set_once():
    with pytest.raises(BadWish, match="stands there twice"):
        wishes_of(["retrieve.gap=1", "retrieve.gap=2"])


def test_what_an_old_configuration_lacks_is_not_held_against_the_wish():
    old = {"final": {"lexical": 1.0, "dense": 0.5}}
    changed = ChangedSettings(wishes_of(["retrieve.final.dense=2"]), lambda _: old)
    digest = changed.configuration("retrieve", "d")
    assert changed.values(digest)["final"]["dense"] == 2


@given(st.sampled_from(STEPS_SET), st.text(max_size=12), st.text(max_size=12))
def test_whatever_is_written_is_a_usable_configuration_or_an_error_of_ours(step, name, value):
    said = f"{step}.{name}={value}"
    with suppress(BadWish):
        hold_usable(step, laid(step, said))


@given(st.sampled_from(["candidates", "reranked", "gap", "budget_tokens"]), st.integers(1, 90))
def test_what_stands_beside_a_value_stays(name, number):
    after = laid("retrieve", f"retrieve.{name}={number}", values={"reranked": 1})
    before = {**SHIPPED["retrieve"].values, "reranked": 1}
    assert {k: v for k, v in after.items() if k != name} == {
        k: v for k, v in before.items() if k != name
    }
    assert configuration("retrieve", after).values[name] == number


def test_every_step_of_the_chain_can_be_set():
    for step in STEPS_SET:
        assert known_fields(step)
