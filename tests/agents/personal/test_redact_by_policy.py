"""Redaction by a tenant's policy: lists, fields, one placeholder for all texts, known values, languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.personal.term_lists import DIGEST_CHARS_MIN
from agents.placeholders import canonical, derived, is_derived, placeholders_in, restore
from schemas import Batch, Manifest, Placeholders, ReadPlaceholders, WritePlaceholders
from tests.agents.fake_services import FakeDetector, FakeRow, digest
from tests.agents.test_redact import POLICY, RedactBench, a_question, cut, map_of

GERMAN = "Der Vertrag mit Anna Schmidt ist am Montag in der Stadt zu unterschreiben."


def digest_of(value):
    return digest(canonical(value).encode())


class PolicyBench(RedactBench):
    """A tenant with a policy; `elsewhere` goes to another document or conversation of it."""

    def __init__(self, policy=None, **patterns):
        super().__init__(**patterns)
        self.policy = {**POLICY, "tenants": {"acme": policy or {}}}

    def elsewhere(self, **patterns):
        self.numbers = FakeRow(ReadPlaceholders, WritePlaceholders, Placeholders())
        self.detector = FakeDetector(patterns)
        return self

    async def asked(self, text, number=1):
        return await self.run(a_question(text, number))


# ---------------------------------------------------------------------- lists


async def test_what_is_allowed_stays_whoever_takes_it_for_a_name():
    world = PolicyBench(
        {"allow": {"texts": ["Blue Mina"], "patterns": ["PX-[0-9]{2}"]}},
        PERSON="Mina|PX-12|Ada",
    )
    outcome = await world.asked("Ada asks: is blue mina or Blue Mina a PX-12, or Mina?")
    assert outcome.text == "<PERSON_1> asks: is blue mina or Blue Mina a PX-12, or <PERSON_2>?"


async def test_what_is_allowed_now_is_left_where_it_was_a_value_before():
    world = PolicyBench(PERSON="Blue Mark")
    await world.asked("Blue Mark?")
    world.policy = {**POLICY, "tenants": {"acme": {"allow": {"texts": ["Blue Mark"]}}}}
    outcome = await world.asked("Is Blue Mark a product?", 2)
    assert outcome.text == "Is Blue Mark a product?"


async def test_what_is_allowed_by_digest_is_left_where_it_is_known_from_before_or_elsewhere():
    world = PolicyBench(PERSON="Blue Mark")
    await world.asked("Blue Mark?")
    await world.run(cut("Blue Mark."))
    allowed = {"allow": {"digests": [digest_of("Blue Mark")]}}
    world.policy = {**POLICY, "tenants": {"acme": allowed}}
    assert (await world.asked("Is Blue Mark one?", 2)).text == "Is Blue Mark one?"
    assert (await world.elsewhere().asked("is blue mark one?", 3)).text == "is blue mark one?"


async def test_what_is_denied_or_a_field_is_replaced_where_its_digest_is_allowed():
    policy = {
        "deny": {"PROJECT": {"texts": ["Blue Heron"]}},
        "fields": {"name": "PERSON"},
        "allow": {"digests": [digest_of("Blue Heron"), digest_of("Red Fox")]},
    }
    outcome = await PolicyBench(policy, PERSON="Red").asked("name: Red Fox\nBlue Heron, a Red Fox")
    assert outcome.text == "name: <PERSON_1>\n<PROJECT_1>, a Red Fox"


async def test_what_is_denied_is_replaced_in_questions_and_documents_alike():
    policy = {
        "deny": {"PROJECT": {"texts": ["Blue Heron"]}, "CUSTOMER": {"patterns": ["KD-[0-9]{6}"]}}
    }
    world = PolicyBench(policy)
    question = await world.asked("who is kd-123456 in BLUE  HERÓN?")
    assert question.text == "who is <CUSTOMER_1> in <PROJECT_1>?"
    assert map_of(question.entries) == {"<CUSTOMER_1>": "kd-123456", "<PROJECT_1>": "BLUE  HERÓN"}
    document = await world.elsewhere().run(cut("Blue Heron is of KD-123456.", title="Blue Heron"))
    assert document.title == "<PROJECT_1>"
    assert document.chunks[0].text == "<PROJECT_1> is of <CUSTOMER_1>."


async def test_a_denied_text_takes_in_a_name_that_overlaps_it_and_is_not_undone_by_allowing():
    policy = {
        "deny": {"PROJECT": {"texts": ["Blue Heron Works"]}},
        "allow": {"texts": ["Blue Heron Works"]},
    }
    world = PolicyBench(policy, PERSON="Ada Blue")
    outcome = await world.asked("Ada Blue Heron Works")
    assert outcome.text == "<PROJECT_1>"


async def test_another_tenants_lists_do_not_count():
    world = PolicyBench()
    world.policy = {**POLICY, "tenants": {"other": {"deny": {"PROJECT": {"texts": ["Heron"]}}}}}
    assert (await world.asked("the Heron")).text == "the Heron"


async def test_values_are_listed_by_their_digests_too():
    policy = {
        "deny": {"PERSON": {"digests": [digest_of("Anna Maria Schmidt")[:DIGEST_CHARS_MIN]]}},
        "allow": {"digests": [digest_of("Bob Blue")]},
    }
    world = PolicyBench(policy, PERSON="Bob Blue|Schmidt|Cy")
    outcome = await world.asked("anna  maria SCHMIDT, Bob Blue and Cy")
    assert outcome.text == "<PERSON_1>, Bob Blue and <PERSON_2>"
    assert map_of(outcome.entries)["<PERSON_1>"] == "anna  maria SCHMIDT"


async def test_a_value_that_is_listed_by_its_digest_has_the_kind_of_its_list():
    policy = {"deny": {"PROJECT": {"digests": [digest_of("Blue Mina")]}}}
    world = PolicyBench(policy, PERSON="Blue Mina")
    assert (await world.asked("Blue Mina")).text == "<PROJECT_1>"


async def test_kinds_are_those_of_the_tenant():
    world = PolicyBench(
        {"kinds": {"AGE": None, "ORGANIZATION": 0.5}}, AGE="42", ORGANIZATION="Acme"
    )
    assert (await world.asked("Acme is 42")).text == "<ORGANIZATION_1> is 42"


# ---------------------------------------------------------------------- fields


async def test_fields_are_replaced_whole_or_kept_whatever_the_detector_says():
    policy = {"fields": {"customer_name": "PERSON", "sku": "keep"}}
    world = PolicyBench(policy, PERSON="Ada|Lambda")
    table = "customer_name | sku | note\nx y z | Lambda | by Ada\nLambda | Ada | x y z"
    outcome = await world.run(cut(table))
    assert outcome.chunks[0].text == (
        "customer_name | sku | note\n<PERSON_1> | Lambda | by <PERSON_2>\n<PERSON_3> | Ada | <PERSON_1>"
    )


# ---------------------------------------------------------------------- one placeholder for one value


async def test_a_value_has_one_placeholder_in_all_texts_of_a_tenant_and_another_one_elsewhere():
    world = PolicyBench({"consistent": "tenant"}, PERSON="Ada|Bob")
    one = await world.run(cut("Bob met Ada."))
    other = await world.elsewhere(PERSON="Ada|Bob").run(cut("Ada slept."))
    question = await world.elsewhere(PERSON="ada").asked("and ada?")
    name = derived("PERSON", digest_of("Ada"))
    assert other.chunks[0].text == f"{name} slept."
    assert question.text == f"and {name}?"
    assert one.chunks[0].text == f"{derived('PERSON', digest_of('Bob'))} met {name}."
    assert {entry.placeholder: entry.value.key for entry in question.entries} == {
        name: f"value/{digest_of('Ada')}"
    }


async def test_what_has_a_placeholder_keeps_it_when_the_policy_changes():
    world = PolicyBench({}, PERSON="Ada|Bob|Cy|Dee")
    await world.asked("Ada")
    world.policy = {**POLICY, "consistent": "tenant"}
    outcome = await world.asked("Ada and Bob", 2)
    assert outcome.text == f"<PERSON_1> and {derived('PERSON', digest_of('Bob'))}"
    world.policy = POLICY
    outcome = await world.asked("Ada, Bob, Cy, Dee", 3)
    assert (
        outcome.text == f"<PERSON_1>, {derived('PERSON', digest_of('Bob'))}, <PERSON_2>, <PERSON_3>"
    )


async def test_an_erased_value_keeps_its_placeholder_everywhere_and_has_no_entry():
    world = PolicyBench({"consistent": "tenant"}, PERSON="Ada|Bob")
    before = await world.run(cut("Ada"))
    world.keys.destroyed = {f"value/{digest_of('Ada')}"}
    after = await world.elsewhere(PERSON="Ada|Bob").run(cut("Ada and Bob"))
    [name] = placeholders_in(before.chunks[0].text)
    assert after.chunks[0].text.startswith(name)
    assert [entry.placeholder for entry in after.chunks[0].entries] == [
        derived("PERSON", digest_of("Bob"))
    ]


NAMES = st.sampled_from(["Ada", "Bob", "Cy", "Ada Lovelace", "Dr. Bob"])
AROUND = st.text(st.sampled_from("<_>A1 PERSON\n.,é名"), max_size=12).map(lambda text: f" {text} ")


@given(st.lists(st.tuples(AROUND, NAMES), max_size=4), AROUND, st.booleans())
async def test_what_is_restored_is_the_text_and_no_value_stands_in_an_outcome(
    parts, end, consistent
):
    text = "".join(before + name for before, name in parts) + end
    policy = {
        "consistent": "tenant" if consistent else "document",
        "deny": {"TITLE": {"texts": ["Dr. Bob"]}},
    }
    world = PolicyBench(policy, PERSON="Ada Lovelace|Ada|Cy|Bob")
    outcome = await world.run(cut(text))
    [chunk] = outcome.chunks
    assert restore(chunk.text, map_of(chunk.entries)) == text
    plain = chunk.text + "".join(
        f"{e.placeholder}{e.kind}{e.digest}{e.value.key}" for e in chunk.entries
    )
    assert not any(name in plain for _, name in parts)
    assert all(is_derived(name) is consistent for name in placeholders_in(chunk.text))


# ---------------------------------------------------------------------- known values


async def test_a_value_of_a_document_is_recognised_in_a_question_where_nobody_detects_it():
    world = PolicyBench(PERSON="Anna Schmidt", AGE="42")
    await world.run(cut("Anna Schmidt, 42, keeps the keys."))
    question = await world.elsewhere().asked("what does anna schmidt earn, at 42?")
    assert question.text == "what does <PERSON_1> earn, at 42?"
    assert [entry.digest for entry in question.entries] == [digest_of("Anna Schmidt")]


async def test_a_document_that_comes_again_has_its_values_remembered_if_they_were_not():
    world = PolicyBench({"known_values": "off"}, PERSON="Anna Schmidt")
    await world.run(cut("Anna Schmidt keeps the keys."))
    of_document = world.numbers
    assert (await world.elsewhere().asked("and anna schmidt?")).text == "and anna schmidt?"
    world.policy = {**POLICY, "known_values": "questions"}
    world.elsewhere(PERSON="Anna Schmidt").numbers = of_document
    await world.run(cut("Anna Schmidt keeps the keys."))
    assert (await world.elsewhere().asked("and anna schmidt?")).text == "and <PERSON_1>?"


async def test_no_password_of_a_document_can_be_guessed_by_asking():
    world = PolicyBench(SECRET="Sommer2024x", PERSON="Anna Schmidt")
    await world.run(cut("The password of Anna Schmidt is Sommer2024x."))
    question = await world.elsewhere().asked("Sommer2023x Sommer2024x Anna Schmidt")
    assert question.text == "Sommer2023x Sommer2024x <PERSON_1>"


async def test_values_of_questions_and_of_kinds_that_are_not_repeated_are_not_remembered():
    world = PolicyBench(PERSON="Anna Schmidt", CRYPTO="bc1qxyz99")
    await world.asked("Is Anna Schmidt there?")
    await world.elsewhere(CRYPTO="bc1qxyz99").run(cut("She paid to bc1qxyz99."))
    question = await world.elsewhere().asked("does Anna Schmidt know bc1qxyz99?")
    assert question.text == "does Anna Schmidt know bc1qxyz99?"


async def test_lone_small_and_ordinary_words_are_no_value_of_a_document():
    world = PolicyBench(PERSON="Schmidt|Apache Kafka|Rose")
    await world.run(cut("Schmidt, Apache Kafka and Rose"))
    question = await world.elsewhere().asked("does schmidt use Apache Kafka, or a Rose?")
    assert question.text == "does schmidt use Apache Kafka, or a Rose?"
    assert (await world.asked("does Schmidt?", 2)).text == "does <PERSON_1>?"


async def test_a_value_of_a_document_is_recognised_in_another_one_only_if_the_policy_says_so():
    for wanted, text in (("questions", "Anna Schmidt came."), ("everywhere", "<PERSON_1> came.")):
        world = PolicyBench({"known_values": wanted}, PERSON="Anna Schmidt")
        await world.run(cut("Anna Schmidt"))
        assert (await world.elsewhere().run(cut("Anna Schmidt came."))).chunks[0].text == text


async def test_kinds_that_the_tenant_does_not_replace_are_not_recalled():
    world = PolicyBench(PERSON="Anna Schmidt")
    await world.run(cut("Anna Schmidt"))
    world.policy = {**POLICY, "tenants": {"acme": {"kinds": {"PERSON": None}}}}
    assert (await world.elsewhere().asked("Anna Schmidt?")).text == "Anna Schmidt?"


async def test_question_and_document_of_a_consistent_tenant_meet_by_their_words():
    world = PolicyBench({"consistent": "tenant"}, PERSON="Anna Schmidt")
    document = await world.run(cut("Anna Schmidt earns 12 coins."))
    question = await world.elsewhere().asked("what does anna schmidt earn?")
    assert placeholders_in(question.text) == placeholders_in(document.chunks[0].text) != ()


# ---------------------------------------------------------------------- languages


def languages(rule, *supported):
    return {"languages": {"supported": list(supported or ("en",)), "otherwise": rule}}


def manifest(**fields):
    values = {
        "checksum": "",
        "parser": "p",
        "parser_version": "1",
        "policy": "faq",
        "chunks": ("a",),
    }
    return Manifest(**{**values, **fields})


async def test_a_language_that_nobody_reads_is_said_of_question_and_document():
    world = PolicyBench(languages("accept"), PERSON="Anna Schmidt")
    question = await world.asked(GERMAN)
    assert (question.outcome, question.unsupported) == ("redacted", ("de",))
    first = await world.elsewhere().run(cut(GERMAN))
    last = await world.run(
        cut("The rest of it is in the other language.", number=1, manifest=manifest())
    )
    assert (first.outcome, first.unsupported) == ("redacted", ("de",))
    assert (last.unsupported, last.manifest.unsupported) == ((), ("de",))


async def test_more_is_masked_where_the_policy_says_so_but_not_what_is_allowed():
    world = PolicyBench({**languages("mask_more"), "allow": {"texts": ["Montag"]}}, PERSON="Anna")
    outcome = await world.asked(GERMAN)
    assert outcome.text == (
        "<UNKNOWN_1> mit <UNKNOWN_2> ist am Montag in der <UNKNOWN_3> zu unterschreiben."
    )
    supported = PolicyBench(languages("mask_more", "en", "de"), PERSON="Anna")
    assert (await supported.asked(GERMAN)).text == GERMAN.replace("Anna", "<PERSON_1>")


async def test_a_question_is_refused_in_its_language_where_the_policy_says_so():
    outcome = await PolicyBench(languages("refuse")).asked(GERMAN)
    assert (outcome.outcome, outcome.text, outcome.unsupported) == ("refused", "", ("de",))
    assert "Sprache" in outcome.reason
    assert (
        await PolicyBench(languages("mask_more")).asked("佐藤花さんが案内します")
    ).outcome == "refused"


@pytest.mark.parametrize(
    ("reported", "outcome", "unsupported"),
    [(("de",), "refused", ("de",)), (("fr",), "redacted", ()), ((), "redacted", ())],
)
async def test_what_the_detector_says_it_does_not_read_counts_unless_the_policy_has_it(
    reported, outcome, unsupported
):
    world = PolicyBench(languages("refuse", "en", "fr"))
    world.detector = FakeDetector({}, unsupported=reported)
    said = await world.asked("What does it say?")
    assert (said.outcome, said.unsupported) == (outcome, unsupported)


async def test_a_document_is_refused_as_a_whole_from_the_batch_on_that_is_not_read():
    world = PolicyBench(languages("refuse"))
    batches = [
        cut("The first part is in the one language."),
        cut(GERMAN, number=1),
        cut("And the rest of it is as before.", number=2),
        cut(number=3, manifest=manifest()),
    ]
    outcomes = [await world.run(batch) for batch in batches]
    assert [one.outcome for one in outcomes] == ["redacted", "failed", "failed", "failed"]
    assert all(not one.chunks and "de" in one.reason for one in outcomes[1:])
    assert outcomes[-1].manifest.unsupported == ("de",)


async def test_a_version_that_keeps_chunks_of_a_refused_one_is_refused_too_and_one_without_is_not():
    world = PolicyBench(languages("refuse"))
    await world.run(cut(GERMAN, manifest=manifest()))
    english = "The first part is in the one language."
    kept = await world.run(cut(english, manifest=manifest(kept=("x",))))
    assert (kept.outcome, "1 chunks are those" in kept.reason) == ("failed", True)
    first = await world.run(replace(cut(english), batch=Batch(number=0, last=False)))
    last = await world.run(cut(english, number=1, manifest=manifest(kept=("x",))))
    assert (first.outcome, last.outcome) == ("redacted", "failed")
    anew = await world.run(cut(english, manifest=manifest()))
    assert (anew.outcome, anew.manifest.unsupported) == ("redacted", ())
    again = await world.run(cut(english, manifest=manifest(kept=("x",))))
    assert again.outcome == "redacted"
