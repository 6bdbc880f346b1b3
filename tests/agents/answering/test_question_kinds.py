"""Questions: what kind of answer is asked for."""

import pytest

from agents.answering.question_kinds import asked_for


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What is a passage?", "definition"),
        ("what's smart_open?", "definition"),
        ("What does VAT mean?", "definition"),
        ("Was ist ein Mahnbescheid?", "definition"),
        ("What is the accuracy of the model?", "other"),
        ("How do I install it?", "how_to"),
        ("How to install it?", "how_to"),
        ("Wie kann ich das installieren?", "how_to"),
        ("¿Cómo puedo pagar?", "how_to"),
        ("Which command updates the list?", "how_to"),
        ("How many days of leave are there?", "quantity"),
        ("When does the pier open?", "quantity"),
        ("Which Python version does it need?", "quantity"),
        ("Since when is it open?", "quantity"),
        ("Which status does it give when it fails?", "other"),
        ("Which projects use it?", "list"),
        ("Wie lange dauert das?", "quantity"),
        ("Combien coûte le billet ?", "quantity"),
        ("Which platforms does it support?", "list"),
        ("What are the conditions?", "list"),
        ("Which class is it in?", "other"),
        ("May visitors enter without a guide?", "yes_no"),
        ("Darf ich das?", "yes_no"),
        ("What is the difference between A4 and letter?", "comparison"),
        ("PostgreSQL versus MySQL?", "comparison"),
        ("Where is the key?", "place"),
        ("Who signed it?", "person"),
        ("Why does it fail?", "reason"),
        ("", "other"),
    ],
)
def test_a_question_says_what_it_asks_for(question, kind):
    assert asked_for(question).kind == kind


def test_a_definition_names_what_is_to_be_defined():
    assert asked_for("What is a PhoneNumberMatcher?").name == {"phonenumbermatcher"}
    assert asked_for("What is psutil used for?").name == {"psutil"}
    assert (
        asked_for("What are Contributions in the MPL?").name
        == asked_for("What is a contribution?").name
    )
    assert not asked_for("What is the default of strict in the MPL?").name


@pytest.mark.parametrize(
    "question",
    [
        "What is the difference between PathSpec and GitIgnoreSpec?",
        "How do PathSpec and GitIgnoreSpec differ?",
        "PathSpec vs GitIgnoreSpec?",
        "Was ist der Unterschied zwischen PathSpec und GitIgnoreSpec?",
    ],
)
def test_a_comparison_has_two_sides(question):
    assert asked_for(question).sides == ({"pathspec"}, {"gitignorespec"})


def test_what_both_sides_share_tells_them_not_apart():
    asked = asked_for("What is the difference between public suffixes and private suffixes?")
    assert asked.sides == ({"public"}, {"private"})
    assert asked_for("What is the difference?").sides == ()


@pytest.mark.parametrize(
    ("question", "before", "now"),
    [
        ("What can I use Zug for?", "other", "definition"),
        ("What could one use the red valve for?", "other", "definition"),
        ("What can I use?", "other", "other"),
        ("In which order do they start?", "other", "list"),
        ("What was the first year of the club?", "other", "quantity"),
        ("What's the maximum length of a name?", "other", "quantity"),
        ("What is the name of the year?", "other", "other"),
    ],
)
def test_more_is_told_since_0_2_0_dev7(question, before, now):
    assert asked_for(question).kind == before
    assert asked_for(question, nearer=True).kind == now


def test_what_something_is_used_for_is_asked_of_its_name():
    assert asked_for("What can I use Zug for?", nearer=True) == asked_for("What is Zug?")
