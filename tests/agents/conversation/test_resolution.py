"""Questions that lean on a conversation, made to stand alone."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agents
from agents.conversation.exchanges import Exchange
from agents.conversation.grammars import grammar_of
from agents.conversation.resolution import leans, stand_alone
from agents.conversation.salience import TopicTurns, topics

CONFIGURATION = json.loads(
    (Path(agents.__file__).parent / "configuration/rewrite.json").read_text()
)


def resolved(question, *turns):
    exchanges = [Exchange(*one) if isinstance(one, tuple) else Exchange(one) for one in turns]
    return stand_alone(question, exchanges, CONFIGURATION, sharper=True)


@pytest.mark.parametrize(
    ("question", "turns", "query"),
    [
        (
            "What were its causes?",
            ["Who wrote the Bronze Age?"],
            "What were the Bronze Age's causes?",
        ),
        ("Where does he live?", ["Tell me about <PERSON_1>."], "Where does <PERSON_1> live?"),
        ("Are they dying", ["Tell me about bees."], "Are bees dying"),
        ("Who keeps those animals?", ["Tell me about bees."], "Who keeps those animals (bees)?"),
        ("What is her name?", ["Who is Ann?"], "What is Ann's name?"),
        ("Who saw her?", ["Who is Ann?"], "Who saw Ann?"),
        # a name that ends as a plural does is one person's
        ("Where did he live?", ["Did James meet Ann?"], "Where did James live (Ann)?"),
        ("Is that allowed?", ["Is smoking legal?"], "Is smoking allowed?"),
        ("What is their food?", ["Tell me about bees."], "What is bees' food?"),
        ("What are the symptoms?", ["What is gout?"], "What are the symptoms (gout)?"),
        ("Is it possible to pay there?", ["Where is Oslo?"], "Is it possible to pay there (Oslo)?"),
        ("And there ?  ", ["Who is Ann?"], "And there (Ann)?"),
    ],
)
def test_a_question_that_leans_gets_what_the_conversation_is_about(question, turns, query):
    assert resolved(question, *turns).query == query


@pytest.mark.parametrize(
    ("question", "turns", "reason"),
    [
        ("What about it?", [], "first question"),
        ("Which invoices need a delivery address?", ["What is VAT?"], "stands alone"),
        ("What is a lane?", ["What is VAT?", "Who pays VAT?"], "stands alone"),
        ("Who is Ann?", ["What is VAT?", "Who pays VAT?"], "stands alone"),
        ("Are dogs allowed?", ["What is VAT?", "Who pays VAT?"], "stands alone"),
        ("What are the symptoms of gout?", ["What is VAT?"], "stands alone"),
        ("Is it?", ["What is it?"], "nothing to add"),
        ("Is x?", ["What is x?"], "stands alone"),
    ],
)
def test_other_questions_stay_as_they_are(question, turns, reason):
    wording = resolved(question, *turns)
    assert (wording.query, wording.reason) == (question, reason)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Does that apply to refunds over 100 euro?", True),
        ("What about refunds over 100 euro paid by card?", True),
        ("Is it possible to cancel a booking online?", False),
        ("How many times?", True),
        ("How many times does a bell ring?", False),
        ("How large may a cabin bag to Oslo be?", False),
        ("Wie lange gilt er?", True),
        ("Ist Strom darin enthalten?", True),
        ("Was ist der Preis?", True),
        ("Wann öffnet der Pier in Nordhafen?", False),
        ("Quand est-il ouvert ?", True),
        ("Où se trouve le hangar rouge ?", False),
        ("¿Y cuánto cuesta?", True),
        ("它多少钱?", True),
        ("多少钱?", True),
        ("什么是增值税?", False),
        ("停车证在哪里申请?", False),
        ("それは何時ですか?", True),
        ("増値税とは何ですか?", False),
        ("그것은 얼마예요?", True),
        ("Почему?", True),
        ("Где можно купить билет на поезд?", False),
        ("أين؟", True),
    ],
)
def test_a_language_has_words_by_which_a_question_leans(question, expected):
    assert leans(question, grammar_of(question, []), CONFIGURATION) is expected


def test_a_definite_thing_leans_once_a_topic_is_established():
    turns = ["Tell me about toilets.", "Who invented toilets?"]
    assert resolved("When was the indoor version sold?", *turns[:1]).reason == "stands alone"
    assert "toilets" in resolved("When was the indoor version sold?", *turns).query


def test_a_definite_thing_that_an_answer_named_stands_alone():
    turns = [
        ("Where are the booms?", "The booms are beside the fuel pier."),
        ("Are the booms new?", "Yes."),
    ]
    assert resolved("When does the fuel pier open?", *turns).reason == "stands alone"
    assert "booms" in resolved("When does the coal pier open?", *turns).query


def test_a_conjunction_before_a_whole_question_makes_it_lean_on_nothing():
    assert resolved("And when does Oslo wake up?", "Where are booms?").reason == "stands alone"
    assert resolved("And in Oslo?", "Where are booms?").reason == ""


def test_what_was_carried_in_brackets_weighs_less_than_what_was_asked():
    found = topics(
        "Why?", [Exchange("Are cars cheap (trams)?")], grammar_of("Why is it?", []), CONFIGURATION
    )
    assert {one.mention.text: one.score for one in found}["trams"] < found[0].score / 2


def test_a_person_stands_in_brackets_only_where_nothing_else_does():
    assert resolved("And then?", "Did <PERSON_1> see the boat?").query == "And then (boat)?"
    assert resolved("And then?", "Did <PERSON_1> go?").query == "And then (<PERSON_1>)?"


@pytest.mark.parametrize(
    ("turns", "query"),
    [
        (["Where do I get a visa?", "How do I get a permit?"], "When does a permit expire?"),
        (["Who needs the visa?", "How do I get the permit?"], "When does the permit expire?"),
    ],
)
def test_after_a_change_of_topic_the_old_one_is_gone(turns, query):
    assert resolved("When does it expire?", *turns).query == query


def test_the_theme_of_several_turns_outlives_a_question_that_leads_away():
    turns = ["Tell me about bees.", "Do bees sleep?", "How is testing done?"]
    assert resolved("What else?", *turns).query == "What else (bees, testing)?"
    assert resolved("What else?", turns[0], turns[2]).query == "What else (testing)?"


def test_what_introduces_something_ends_all_before():
    turns = [Exchange(one) for one in ("Do bees sleep?", "Do bees eat?", "What is a lane?")]
    conversation = TopicTurns.read(turns, grammar_of("a lane is", []))
    assert (conversation.current, conversation.earlier) == ((turns[2],), ())


@pytest.mark.parametrize(
    ("turns", "first"),
    [
        (
            ["What is vat?", "What is vat duty?", "And duty of customs?"],
            "duty of customs",
        ),  # recent
        (["What is duty?", "What is duty of vat?", "What is duty?"], "duty"),  # often
        (["What is vat in Bergen?"], "Bergen"),  # a name
        ([("What is here?", "The pier is near the shed.")], "pier"),  # an answer's subject
        ([("What is here?", "I found the pier.")], None),  # but not of one about its speaker
        ([("Where is the pier?", "The pier opens at six.")], "pier"),  # without its verb
        ([("What is here?", "It closes the pier.")], None),  # nor of one about what was asked
        ([("Is it open in winter?", "")], None),  # nor is a time
        ([("What is here?", "On 3 May the buoy was lost.")], "buoy"),  # and not when it was so
        (
            [("What is here?", "Only very recently was the pier opened.")],
            None,
        ),  # nor what comes late
    ],
)
def test_what_was_named_lately_often_or_by_name_is_salient(turns, first):
    exchanges = [Exchange(*one) if isinstance(one, tuple) else Exchange(one) for one in turns]
    found = topics("Why?", exchanges, grammar_of("Why is it?", []), CONFIGURATION)
    assert (found[0].mention.text if found else None) == first


def test_a_person_is_no_it_and_several_are_no_one():
    turn = ("Did <PERSON_1> see the pier?", "")
    assert resolved("Is it old?", turn).query == "Is the pier old?"
    assert resolved("Where is he?", turn).query == "Where is <PERSON_1>?"
    assert resolved("Are they old?", "Are swivels on the buoy?").query.startswith("Are swivels old")


@pytest.mark.parametrize(
    ("question", "turn", "query"),
    [
        ("Who built it?", ("What is a ferry?", "The ferry is new."), "Who built a ferry?"),
        (
            "Does <PERSON_1> know her way?",
            ("What is a ferry?", ""),
            "Does <PERSON_1> know her way (ferry)?",
        ),
        ("它多少钱?", ("渡船什么时候开?", "在您的文档中找不到答案。"), "渡船多少钱 (开)?"),
        ("Почему?", ("Где?", ""), "Почему (Где)?"),
        ("How heavy is the bell?", ("What is a ferry?", ""), "How heavy is the bell?"),
        ("What is the fare?", ("What is a ferry?", ""), "What is the fare (ferry)?"),
    ],
)
def test_what_a_played_conversation_showed(question, turn, query):
    assert resolved(question, turn).query == query


def test_what_happens_is_what_that_means():
    turn = "What happens when a worker dies?"
    assert resolved("How can I avoid that?", turn).query == "How can I avoid that a worker dies?"
    assert (
        resolved("How long does that take?", turn).query
        == "How long does that take (a worker dies)?"
    )


@given(
    st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), max_size=3),
    st.text(max_size=40),
)
def test_any_text_is_rewritten_the_same_way_twice_and_no_sign_is_invented(turns, question):
    first = resolved(question, *turns)
    assert first == resolved(question, *turns)
    known = "".join(part for turn in turns for part in turn) + question + "'s (),:? Why and"
    assert set(first.query.casefold()) <= set(known.casefold())


def test_what_happens_is_taken_over_whole_from_a_question_that_is_no_longer_than_allowed():
    last = "What happens if the pump runs dry?"
    for allowed, whole in ((len(last), True), (len(last) - 1, False)):
        configured = CONFIGURATION | {"topic_characters_max": allowed}
        query = stand_alone("How can I prevent that?", [Exchange(last)], configured).query
        assert (query == "How can I prevent that the pump runs dry?") == whole


@given(st.sampled_from(["it", "And <A_1>?", "why?", "no, I meant <B_2>", "their name", "<A_2>?"]))
def test_no_placeholder_is_broken_or_invented(question):
    query = resolved(question, ("Who is <A_1> of <B_1>?", "<C_1>, <C_2> or <C_3>.")).query
    rest = query
    for known in ("<A_1>", "<B_1>", "<C_1>", "<C_2>", "<C_3>", "<A_2>", "<B_2>"):
        rest = rest.replace(known, "")
    assert "<" not in rest
    assert "_" not in rest


def test_a_conversation_of_endless_phrases_has_questions_that_do_not_grow():
    turns = []
    for turn in range(30):
        words = [" ".join(f"{side}{turn}x{n}" for n in range(200)) for side in "ab"]
        turns.append(resolved(f"{words[0]} it {words[1]}", *turns[-6:]).query)
    assert len(turns[-1]) < len(turns[0]) + 3 * CONFIGURATION["topic_characters_max"]


@pytest.mark.parametrize(
    ("question", "last", "query"),
    [
        (
            "And if it fails?",
            "Which status does it give when it ends?",
            "Which status does it give if it fails?",
        ),
        (
            "What if the pier is closed?",
            "Where do I land?",
            "Where do I land if the pier is closed?",
        ),
        ("Und wenn es regnet?", "Wo kann ich parken?", "Wo kann ich parken wenn es regnet?"),
        (
            "And for a single boat?",
            "What is the fee for all my boats?",
            "What is the fee for a single boat?",
        ),
        ("And why not?", "Why should I use the pier?", "why not should I use the pier?"),
    ],
)
def test_a_clause_takes_the_place_of_the_one_before_or_follows(question, last, query):
    assert resolved(question, (last, "")).query == query


def test_a_whole_question_is_no_condition():
    assert "fee" not in resolved("And when does the pier open?", ("What is the fee?", "")).query


def test_what_a_quotation_begins_with_takes_no_pronouns_place():
    turn = ("How can I set a timeout of five minutes?", "The following sample is short.")
    assert (
        resolved("How can I disable it?", turn).query
        == "How can I disable a timeout of five minutes?"
    )
    told = ("Where is the crane?", "The big crane is near the shed.")
    assert "crane" in resolved("Is it old?", told).query


def test_both_before_a_noun_stands_for_nothing():
    query = resolved("Which lines do both files have?", ("What is comm?", "")).query
    assert query.startswith("Which lines do both files have")


@pytest.mark.parametrize(
    ("turns", "question", "before", "now"),
    [
        (
            ["What are facts about bees?", "Do bees hibernate?"],
            "Where do they sleep?",
            "Where do facts sleep (bees hibernate)?",
            "Where do bees sleep?",
        ),
        (
            ["Who led the End of Winter march to Oslo with Ada Byron?"],
            "When did she retire?",
            None,
            "When did Ada Byron retire (End of Winter)?",
        ),
    ],
)
def test_what_is_no_thing_and_no_person_is_not_carried_on(turns, question, before, now):
    exchanges = [Exchange(query) for query in turns]
    old = stand_alone(question, exchanges, CONFIGURATION).query
    assert before is None or old == before
    assert old != now
    assert stand_alone(question, exchanges, CONFIGURATION, sharper=True).query == now


OPENINGS = [
    ("Mandatory arguments to long options are mandatory for short options too.", "timeout"),
    ("Zero-cost schema validation is done by types.", "timeout"),
    ("Montcalm marched to the fort.", "Montcalm"),
    ("Montcalm took the fort.", "Montcalm"),
    ("Montcalm chooses the fort.", "Montcalm"),
    ("PyPy interpreters run it.", "PyPy"),
    ("Niceness values end at 19, and Niceness values begin at 0.", "Niceness"),
]


@pytest.mark.parametrize(("answer", "meant"), OPENINGS)
def test_a_capital_that_only_opens_an_answer_makes_no_name(answer, meant):
    exchanges = [Exchange("What is timeout?", answer)]
    said = [
        stand_alone("What does it do?", exchanges, CONFIGURATION, sharper=True, openings=openings)
        for openings in (True, False)
    ]
    assert said[0].query.startswith(f"What does {meant} do")
    assert (said[0] == said[1]) is (meant != "timeout")


def followed(question, *exchanges, following=True):
    return stand_alone(
        question, exchanges, CONFIGURATION, sharper=True, openings=True, following=following
    ).query


PLASTICS = Exchange("How are biodegradable plastics made?")


@pytest.mark.parametrize(
    ("question", "now"),
    [
        ("How is corn oil used?", "How is corn oil used (biodegradable plastics)?"),
        ("How is Oslo used?", "How is Oslo used?"),  # a name
        ("How are plastics used?", "How are plastics used?"),  # what is talked of
        ("What is a mold?", "What is a mold?"),  # what something is
        ("Explain wooden molds.", "Explain wooden molds."),
        ("What does curing mean?", "What does curing mean?"),
        (
            "How is corn oil pressed for large kitchens?",
            "How is corn oil pressed for large kitchens?",
        ),
    ],
)
def test_a_short_question_leans_that_calls_nothing_by_a_name(question, now):
    assert followed(question, PLASTICS) == now
    assert followed(question, PLASTICS, following=False) == question


def test_it_takes_over_one_thing_and_what_was_asked_long_ago_is_no_anchor():
    oil = Exchange("Where does corn oil come from?")
    talked = [oil, PLASTICS, Exchange("Are biodegradable plastics safe?")]
    assert followed("How is corn oil used?", *talked) == (
        "How is corn oil used (biodegradable plastics)?"
    )
    both = Exchange("Are biodegradable plastics made in wooden molds?")
    assert followed("How is corn oil used?", both) == (
        "How is corn oil used (biodegradable plastics)?"
    )
    assert followed("How is corn oil used?", PLASTICS, oil) == "How is corn oil used?"


@pytest.mark.parametrize(
    ("answer", "topic"),
    [
        ("Overview\n- Names of files\n- Paths", "timeout"),
        ("Mandatory arguments to long options are mandatory.", "timeout"),
        ("Simple, modern and fast code for time.", "timeout"),
        ("Simple, modern code. All of it is Simple.", "Simple"),
        ("Oslo, capital of Norway, has it.", "Oslo"),
        ("Oslo has it.\n- Paths", "Oslo"),
    ],
)
def test_what_opens_an_answer_that_is_no_name_is_no_topic_at_all(answer, topic):
    exchange = Exchange("What is timeout?", answer)
    assert followed("What does it do?", exchange).startswith(f"What does {topic} do")


def test_no_other_topic_is_made_of_it_either():
    said = Exchange("What is timeout?", "Mandatory arguments to long options are mandatory.")
    assert followed("And which signals?", said) == "And which signals (timeout)?"
    assert "Mandatory" in followed("And which signals?", said, following=False)
