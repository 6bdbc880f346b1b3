"""What keeps a step from working by a configuration is named, with the field and what to do."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answering.generation_policy import GenerationPolicy
from agents.configured.usability import TYPES, Unusable, hold_usable, known_fields
from streams.log.configuration import CONFIGURED, load

SHIPPED = {name: made.values for name, made in load().items()}
CLASSIFIER = {**SHIPPED["moderate"]["classifier"], "quoted": {}}
CURVES = SHIPPED["retrieve"]["relevance"]
SIZES = SHIPPED["ingest"]["policies"]["faq"]


def told(step, **changed):
    with pytest.raises(Unusable) as raised:
        hold_usable(step, {**SHIPPED[step], **changed})
    return str(raised.value)


@pytest.mark.parametrize("step", CONFIGURED)
def test_what_is_shipped_can_be_used(step):
    hold_usable(step, SHIPPED[step])


def test_every_step_has_its_fields():
    assert set(TYPES) == set(CONFIGURED)
    names = {field.name for field in dataclasses.fields(GenerationPolicy)}
    assert set(known_fields("generate")) == names - {"arm"}


@pytest.mark.parametrize(
    ("step", "changed", "says"),
    [
        ("generate", {"pasage_tokens": 9}, ("`pasage_tokens`", "did you mean `passage_tokens`")),
        ("generate", {"arm": "a"}, ("`arm`", "nothing that generate knows")),
        ("generate", {"passage_tokens": 0}, ("`passage_tokens`", ">= 1", "it is 0", "write")),
        ("generate", {"temperature": "warm"}, ("`temperature`", "float", "'warm'")),
        ("generate", {"order": "random"}, ("`order`", "'random'")),
        ("generate", {"prompt": "Say {{question}}"}, ("`prompt`", "{{passages}}")),
        ("generate", {"routes": {"routes": []}}, ("`routes`", "routes.json")),
        ("generate", {"models": [], "routes": None}, ("`models`", "name a model")),
        ("generate", {"asked_max": {"tokns": 1}}, ("`asked_max.tokns`", "tokens")),
        ("generate", {"answerable": {"weights": {}}}, ("`answerable`", "abstain")),
        ("generate", {"answerable": {"weights": {"x": 1}, "abstain": 0}}, ("`answerable`", "'bias'")),
        ("generate", {"small_talk": {"hi": {"en": ""}}}, ("`small_talk.hi.en`", "length >= 1")),
        ("generate", {"translated": {"refused": {"DE": "x"}}}, ("`translated.refused`", "mend")),
        ("redact", {"kinds": {"PERSON": 0.4, "AGE": 1.5}}, ("`kinds.AGE`", "<= 1", "1.5")),
        ("redact", {"kinds": {"IPV4_ADDRESS": 0.4}}, ("`kinds`", "IPV4_ADDRESS", "capital")),
        ("redact", {"deny": {"IPV4": {}}}, ("`kinds`", "IPV4", "`deny`")),
        ("redact", {"fields": {"name": "Person"}}, ("no placeholder can name Person",)),
        ("redact", {"allow": {"texts": ["a", " "]}}, ("`allow.texts[1]`", "0 words")),
        ("redact", {"allow": {"texts": ["a " * 17]}}, ("`allow.texts[0]`", "17 words", "16")),
        ("redact", {"deny": {"K": {"patterns": ["a+"]}}}, ("`deny.K.patterns[0]`", "no end")),
        ("redact", {"deny": {"K": {"patterns": ["a"] * 101}}}, ("`deny.K.patterns` has 101",)),
        ("redact", {"deny": {"K": {"digests": ["abc"]}}}, ("`deny.K.digests[0]`",)),
        ("redact", {"tenants": {"t": {"allow": {"patterns": ["("]}}}}, ("`tenants.t.allow.patterns[0]`", "RE2")),
        ("redact", {"tenants": {"t": {"kinds": {"A_": 0.4}}}}, ("`tenants.t.kinds`", "A_")),
        ("redact", {"tenants": {"t": {"kind": {}}}}, ("`tenants.t.kind`", "unknown")),
        ("redact", {"languages": {"otherwise": "refuse"}}, ("`languages.supported`", "missing")),
        ("redact", {"known_values": "some"}, ("`known_values`", "'some'")),
        ("redact", {"refused_patterns": ["a", "("]}, ("`refused_patterns[1]`", "mend it")),
        ("redact", {"refusals": {"harm": {"de": "Nein."}}}, ("`refusals.harm`", "add `en`")),
        ("redact", {"refusals": {"joke": {"en": "No."}}}, ("refusals", "joke")),
        ("moderate", {"rules": [{"category": "x", "pattern": "(", "action": "mask"}]}, ("`rules`",)),
        ("moderate", {"rules": [{"category": "x", "action": "mask"}]}, ("`rules[0].pattern`", "add")),
        ("moderate", {"terms": [{"category": "x", "pattern": "[", "weight": 1}]}, ("terms[0]",)),
        ("moderate", {"retracted": {"de": "Weg."}}, ("`retracted`", "add `en`")),
        ("moderate", {"classifier": CLASSIFIER}, ("`classifier.quoted`", "bound")),
        ("retrieve", {"gap": None}, ("`gap`", "float")),
        ("retrieve", {"first": {"lexical": 1}}, ("`first.dense`", "missing", "add")),
        ("retrieve", {"relevance": {**CURVES, "x": 1}}, ("`relevance.x`", "unknown", "remove")),
        ("retrieve", {"reranked": 101}, ("`reranked`", "101 of 100")),
        ("ingest", {"policies": {}}, ("`policies`", "add one")),
        ("ingest", {"policies": {"a": {**SIZES, "tokens_min": 400}}}, ("`policies.a`", "<=")),
        ("index", {"x": 1}, ("`x`", "it knows nothing")),
        ("embed", {"texts_max": True}, ("`texts_max`", "bool")),
        ("rewrite", {"turns": -1}, ("`turns`", ">= 0")),
        ("policy", {"cedar": "permit(principal, action resource);"}, ("`cedar`", "line 1, column 26")),
        ("policy", {"rules": ""}, ("`rules`", "cedar")),
    ],
)  # fmt: skip
def test_a_problem_names_the_field_and_what_to_do(step, changed, says):
    message = told(step, **changed).replace("It knows", "it knows")
    assert [part for part in says if part not in message] == []


def test_a_tenants_policy_of_every_kind_can_be_used():
    listed = {"texts": ["Blue Heron"], "patterns": ["KD-[0-9]{6}"], "digests": ["0" * 24, "f" * 64]}
    policy = {
        "kinds": {"AGE": None, "ORGANIZATION": 0.5},
        "allow": listed,
        "deny": {"PROJECT": listed},
        "fields": {"customer_name": "PERSON", "notes": "scan", "sku": "keep"},
        "consistent": "tenant",
        "known_values": "everywhere",
        "languages": {"supported": ["en", "de"], "otherwise": "mask_more"},
    }
    hold_usable("redact", {**SHIPPED["redact"], "tenants": {"acme": policy}})


def test_a_field_that_is_missing_is_named():
    values = {key: value for key, value in SHIPPED["retrieve"].items() if key != "gap"}
    with pytest.raises(Unusable, match="`gap` is missing: add it"):
        hold_usable("retrieve", values)


@pytest.mark.parametrize(
    ("arms", "says"),
    [
        ([{"share": 0.5}], "`arms[0].name` must be a word"),
        ([{"name": "a b", "share": 0.5}], "`arms[0].name` must be a word"),
        ([{"name": "control", "share": 0.5}], "choose another name"),
        ([{"name": "a", "share": 0.5}] * 2, "`arms[1].name`: a names another arm"),
        ([{"name": "a", "share": 0}], "`arms[0].share`"),
        ([{"name": "a", "share": True}], "`arms[0].share`"),
        ([{"name": "a"}], "`arms[0].share`"),
        ([{"name": "a", "share": 0.6}, {"name": "b", "share": 0.6}], "120% of all requests"),
        ([{"name": "a", "share": 0.5, "passage_tokens": 0}], "`arms[0]` (a): `passage_tokens`"),
        ([{"name": "a", "share": 0.5, "arms": []}], "`arms[0].arms`"),
        ([{"name": "a", "share": 0.5, "pormpt": ""}], "did you mean `prompt`"),
    ],
)
def test_an_arm_is_a_configuration_of_its_own(arms, says):
    assert says in told("generate", arms=arms, experiment="prompts-1")


def test_arms_need_the_name_of_their_experiment():
    arms = [{"name": "a", "share": 0.5}]
    assert "`experiment` is missing" in told("generate", arms=arms)
    hold_usable("generate", {**SHIPPED["generate"], "arms": arms, "experiment": "prompts-1"})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(st.data())
def test_whatever_stands_in_a_field_is_usable_or_told(data):
    step = data.draw(st.sampled_from([name for name, values in SHIPPED.items() if values]))
    field = data.draw(st.sampled_from(sorted(SHIPPED[step])))
    try:
        hold_usable(step, {**SHIPPED[step], field: data.draw(anything)})
    except Unusable as unusable:
        assert field in str(unusable)  # noqa: PT017 - either is right, and what is told says where
