"""Readable words: what documents leave as it is stays so in questions, and nobody's name does."""

import pytest

from agents.changes import READABLE_WORDS
from agents.known_values import Reading
from agents.readable_words import WORDS_MAX, by_place, named_words, readable_words
from agents.spans import Mention
from schemas import Digest, Placeholders, RecallValues, RememberValues, Span
from tests.agents.fake_services import digest
from tests.agents.test_redact import POLICY, RedactBench, a_question, cut

LEFT = "Zorbul is fast. So Zorbul it is."
"""A document that leaves a word as it is, twice."""


def a_world(**patterns):
    world = RedactBench(**patterns)
    world.code = READABLE_WORDS.since
    return world


def at(text, value, *, placed=True, kind="PERSON"):
    start = text.index(value)
    return Span(start=start, end=start + len(value), kind=kind, score=0.8, by_place=placed)


async def asked(world, text, *spans, state=None):
    """What is left of a question in which spans were found, in a conversation with a state."""
    world.detector.spans = spans
    world.numbers.state = state or Placeholders()
    return (await world.run(a_question(text))).text


async def after(*documents, masked=(), question="What does Zorbul give?", placed=True):
    """What is left of a question about Zorbul after documents, in which names are masked."""
    world = a_world(**({"PERSON": "|".join(masked)} if masked else {}))
    for number, text in enumerate(documents):
        await world.run(cut(text, number=number))
    return await asked(world, question, at(question, "Zorbul", placed=placed))


async def test_what_documents_leave_as_it_is_stays_in_a_question():
    assert await after(LEFT) == "What does Zorbul give?"
    assert await after("ZORBUL and Zorbul's", question="Is Zorbul?") == "Is Zorbul?"


@pytest.mark.parametrize(
    "documents",
    [
        (),
        ("Nothing of that kind is here.",),
        ("Zorbul is fast.",),
        ("a zorbul is no Zorbul",),
        ("Zorbul-based, Zorbul-like, Zorbulax, Zorbulax",),
    ],
)
async def test_what_no_document_says_twice_is_replaced(documents):
    assert await after(*documents) == "What does <PERSON_1> give?"


@pytest.mark.parametrize("name", ["Zorbul", "Ewa Zorbul", "Zorbul Hart"])
@pytest.mark.parametrize("first", [True, False])
async def test_what_a_document_has_in_a_persons_name_is_replaced_whatever_others_leave(name, first):
    other = f"By {name}."
    documents = (other, LEFT) if first else (LEFT, other)
    assert await after(*documents, masked=(name,)) == "What does <PERSON_1> give?"


async def test_what_more_than_its_place_tells_to_be_a_name_is_replaced():
    assert await after(LEFT, placed=False) == "What does <PERSON_1> give?"


async def test_a_name_that_is_told_once_is_told_in_all_of_a_question():
    world = a_world()
    await world.run(cut(LEFT))
    text = "Zorbul is my boss. Is Zorbul well?"
    told = Span(start=0, end=6, kind="PERSON", score=0.8)
    placed = Span(start=22, end=28, kind="PERSON", score=0.8, by_place=True)
    assert await asked(world, text, told, placed) == "<PERSON_1> is my boss. Is <PERSON_1> well?"
    both = (told, Span(start=0, end=6, kind="PERSON", score=0.9, by_place=True))
    assert await asked(world, "Zorbul?", *both) == "<PERSON_1>?"


async def test_what_a_conversation_has_replaced_it_goes_on_to_replace():
    world = a_world()
    question = "Is Zorbul fast?"
    assert await asked(world, question, at(question, "Zorbul")) == "Is <PERSON_1> fast?"
    state, world.detector.spans = world.numbers.state, None
    world.numbers.state = Placeholders()
    await world.run(cut(LEFT))
    left = await asked(world, question, at(question, "Zorbul"), state=state)
    assert left == "Is <PERSON_1> fast?"


async def test_two_words_and_other_kinds_are_replaced():
    world = a_world()
    await world.run(cut("Zorbul Quarx. Zorbul Quarx."))
    for kind, value in (("PERSON", "Zorbul Quarx"), ("ID_NUMBER", "Zorbul")):
        left = await asked(
            world, "Is Zorbul Quarx in?", at("Is Zorbul Quarx in?", value, kind=kind)
        )
        assert value not in left


async def test_what_a_tenant_has_replaced_by_a_list_is():
    world = a_world()
    world.policy = {**POLICY, "deny": {"PERSON": {"texts": ["Zorbul"]}}}
    await world.run(cut("Nothing.", number=0))
    world.keys.words = {digest(b"zorbul"): True}
    assert await asked(world, "Is Zorbul in?", at("Is Zorbul in?", "Zorbul")) == "Is <PERSON_1> in?"


async def test_a_common_word_that_is_a_name_is_left_to_the_detector():
    world = a_world()
    await world.run(cut("Grace is short. Grace it is."))
    assert "Grace" not in await asked(world, "Is Grace in?", at("Is Grace in?", "Grace"))


@pytest.mark.parametrize("code", ["0.2.0.dev6", "0.1.0"])
async def test_a_log_of_before_asks_and_replaces_as_it_did(code):
    world = a_world()
    world.code = code
    await world.run(cut(LEFT))
    assert not {Digest, RememberValues} & {*world.kinds_asked()}
    world.keys.words = {digest(b"zorbul"): True}
    question = "Where does Zorbul live?"
    left = await asked(world, question, at(question, "Zorbul"))
    assert left == "Where does <PERSON_1> live?"
    assert [one.words for one in world.fx.asked if isinstance(one, RecallValues)] == [()]
    assert READABLE_WORDS.since == "0.2.0.dev7"


async def test_a_policy_that_knows_no_values_knows_no_words():
    world = a_world()
    world.policy = {**POLICY, "known_values": "off"}
    await world.run(cut(LEFT))
    assert not {Digest, RememberValues} & {*world.kinds_asked()}
    world.keys.words = {digest(b"zorbul"): True}
    assert await asked(world, "Is Zorbul in?", at("Is Zorbul in?", "Zorbul")) == "Is <PERSON_1> in?"


async def test_a_question_asks_about_words_only_where_one_is_doubtful():
    world = a_world()
    await world.run(cut(LEFT))
    for spans, words in (((), ()), ([at("Is Zorbul in?", "Zorbul")], (digest(b"zorbul"),))):
        await asked(world, "Is Zorbul in?", *spans)
        assert [one.words for one in world.fx.asked if isinstance(one, RecallValues)] == [words]


def a_reading(text, *mentions):
    return Reading((text,), (mentions,), POLICY, typed=False)


def test_words_of_a_document_are_bounded_and_in_reading_order():
    text = " ".join(f"Zorb{number} Zorb{number}" for number in range(WORDS_MAX + 1))
    words = readable_words(a_reading(text))
    assert (len(words), words[:2]) == (WORDS_MAX, ("zorb0", "zorb1"))


def test_a_word_beside_a_value_is_no_part_of_it():
    text = "Quarx Hart Quarx, Hart Quarx"
    mention = Mention(text.index("Hart"), text.index("Hart") + 4, "PERSON")
    assert readable_words(a_reading(text, mention)) == ("quarx",)
    assert named_words(a_reading(text, mention)) == ("hart",)


def test_only_persons_have_words_that_are_readable_nowhere():
    text = "Hart's Zorbul, 12 Hill Road"
    mentions = (Mention(0, 13, "PERSON"), Mention(15, 27, "STREET_ADDRESS"))
    assert named_words(a_reading(text, *mentions)) == ("hart", "zorbul")


def test_a_form_counts_once_and_only_by_place_alone():
    text = "Zorbul, Quarx, zorbul, ab, Ab, Quarx"
    placed = [
        Mention(text.index(one), text.index(one) + len(one), "PERSON", by_place=True)
        for one in ("Zorbul", "Quarx", "Ab,")
    ]
    told = Mention(len(text) - 5, len(text), "PERSON")
    assert by_place([(text, [*placed, told])], POLICY) == ("zorbul",)
    assert by_place([(text, placed[:1]), (text, placed[:2])], POLICY) == ("zorbul", "quarx")
