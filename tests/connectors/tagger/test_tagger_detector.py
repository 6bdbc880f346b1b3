"""The tagger as a whole: names by the field, forms first, and spaCy where the field is unsure."""

import pytest

from agents.spans import join
from connectors.presidio.entities import Entities
from connectors.tagger.field import Tagged
from connectors.tagger.tagger_detector import (
    Biases,
    TaggerDetector,
    family_names,
    marks,
    surer,
    unsure,
)
from connectors.tagger.value_forms import FoundValue
from evals.step_alone import in_force


@pytest.fixture(scope="module")
def detector():
    return TaggerDetector()


def found(detector, text):
    """What of a text was found, by kind."""
    [spans] = detector.find((text,))
    return {(span.kind, text[span.start : span.end]) for span in spans if span.score >= 0.4}


def replaced(detector, text):
    """What of a text the policy in force would replace, by kind."""
    [spans] = detector.find((text,))
    policy = in_force("redact", {}).values
    return {(one.kind, one.of(text)) for one in join(text, spans, policy)}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Call John Smith tomorrow.", "PERSON", "John Smith"),
        ("my name is anna kowalska and i need help", "PERSON", "anna kowalska"),
        ("Dear Mrs. Okonkwo-Bright, thank you", "PERSON", "Okonkwo-Bright"),
        ("ask maria fernandez about the invoice", "PERSON", "maria fernandez"),
        ("PLEASE CALL JOHN MILLER TODAY", "PERSON", "JOHN MILLER"),
        ("Report of Ingrid Solberg on Quarterly Figures", "PERSON", "Ingrid Solberg"),
        ("I met Ronald McDonald there.", "PERSON", "Ronald McDonald"),
        ("| **Alice Johnson** | reads |", "PERSON", "Alice Johnson"),
        ("She lives in Berlin.", "LOCATION", "Berlin"),
        ("He works for Microsoft Corporation.", "ORGANIZATION", "Microsoft Corporation"),
        ("at 221B Baker Street, London", "STREET_ADDRESS", "221B Baker Street"),
        ("Ich wohne in der Lindenstraße 12a", "STREET_ADDRESS", "Lindenstraße 12a"),
        ("send it to P.O. Box 1234", "STREET_ADDRESS", "P.O. Box 1234"),
        ("I just turned 47 and moved", "AGE", "47"),
        ("Меня зовут Иван Петров", "PERSON", "Иван Петров"),
        ("我叫王伟，请回电。", "PERSON", "王伟"),
        ("اسمي محمد علي", "PERSON", "محمد علي"),
        ("मेरा नाम राहुल शर्मा है", "PERSON", "राहुल शर्मा"),
        ("Ich heiße Jürgen Weiß und brauche Hilfe", "PERSON", "Jürgen Weiß"),
        ("Je m'appelle Céline Dupont", "PERSON", "Céline Dupont"),
        ("Me llamo José García", "PERSON", "José García"),
        ("Dear kowalczyk, thanks", "PERSON", "kowalczyk"),
        ("меня зовут анна, я живу тут", "PERSON", "анна"),
        ("THE JONES FILE IS WITH ANNA MILLER", "PERSON", "ANNA MILLER"),
        ("here is AKIA" + "IOSFODNN7ABCDEFG", "SECRET", "AKIA" + "IOSFODNN7ABCDEFG"),
    ],
)
def test_it_finds(detector, text, kind, value):
    assert any(k == kind and value in v for k, v in found(detector, text)), found(detector, text)


@pytest.mark.parametrize(
    "text",
    [
        # what the review named, and what is like it
        "std::vector and a::b are names; b::c, too",
        "451234567890123456 is a serial number",
        "The device can fax 200-400 dpi.",
        "The printer can fax 2000-4000 dpi and scan 300-600 dpi.",
        "Dear Team, the deployment is done.",
        "What does the amber mill show to its visitors?",
        "each jordan almond has a shell",
        "Dear Support, hello all, dear customers",
        "We run 12 Docker hosts in 4 zones.",
        "There are 40 Redis nodes in 3 regions and 8 Kafka brokers in 2.",
        "call me when you are ready",
        "tell me if it works, call me if not, ask me later",
        "How do I install Docker on Ubuntu?",
        "Is Redis faster than Kafka, and what is Grafana?",
        "WHAT IS KUBERNETES",
        "Terraform and Ansible deploy it to Kubernetes.",
        # ordinary numbers
        "The pump runs at 4500 rpm for 30 minutes and needs 12 bar.",
        "Release 3.11.7 fixes issue 12345 in the parser.",
        "We returned to 3 different places, 5 km apart.",
        "It costs 1,200.50 dollars every day.",
        "a card game of 52 cards",
        "| 12 | 34 | 56 |\n| 1024 | 2048 | 4096 |",
        # programs, in small letters that no list has, and what a few capitals are short for
        "Which libraries does httpx need?",
        "Does httpx need certifi, and who wrote xyzzyq?",
        "Does the MPL grant rights to trademarks, and what does an AGPL allow?",
        # manuals
        "The `BatchGetItem` request returns a KeySchema with the primary key.",
        "Choose *Drive Write Traffic* in com.example.scaling, then Copy.",
        "## See Also\n\n1. Choose **Create**.\n2. Enter a Name.",
    ],
)
def test_the_policy_leaves(detector, text):
    assert replaced(detector, text) == set()


@pytest.mark.parametrize(
    "name", ["Ines Almeida", "Kwame Boateng", "Docker", "Terraform", "HUBSPOT", "Sadie"]
)
def test_a_question_and_a_document_are_decided_alike(detector, name):
    question = f"Who maintains {name} at our office?"
    document = f"We grew again this year. {question} Nobody else does.\n\nIt rains.\n"
    by_question, by_document = replaced(detector, question), replaced(detector, document)
    assert {one for one in by_document if one[1] in question} == by_question


def test_the_same_texts_give_the_same_spans_alone_and_in_company(detector):
    texts = ("Call John Smith in Berlin.", "", "Mrs. Jones, 12 High Street", "Call Ada.")
    together = detector.find(texts)
    assert together == detector.find(texts)
    assert together == [detector.find((text,))[0] for text in texts]
    assert all(
        list(spans) == sorted(spans, key=lambda s: (s.start, s.end, s.kind)) for spans in together
    )


@pytest.mark.parametrize(
    "text", ["", " ", "\x00\x01\x02", "\n" * 50, "<PERSON_1>", "\ufffd", "1" * 5000]
)
def test_odd_texts_are_no_crash(detector, text):
    [spans] = detector.find((text,))
    assert all(0 <= span.start < span.end <= len(text) for span in spans)


def test_a_long_text_is_searched_to_its_end_and_across_the_seams(detector):
    filler = "The quick brown fox jumps over it. "
    text = "".join(
        [filler * 280, "Write to ada@example.org now. ", filler * 700, "Or bob@example.org."]
    )
    addresses = {value for kind, value in found(detector, text) if kind == "EMAIL_ADDRESS"}
    assert addresses == {"ada@example.org", "bob@example.org"}


NOTHING_SEEN = Biases(-50.0, 0.5, -50.0)
"""The usual look sees nothing, the bold one does."""


class CountedEntities:
    """A fake of spaCy's model that names nothing and counts what it is asked."""

    def __init__(self):
        self.asked = []

    def find(self, texts):
        self.asked += texts
        return [[] for _ in texts]


def test_a_name_in_another_script_takes_spacy_from_no_english_sentence():
    entities = CountedEntities()
    text = (
        "The Quarrell proposal was signed by Barlow at the office, and Tamsin was there. 山田さん"
    )
    TaggerDetector(lambda: entities).find((text,))
    assert entities.asked


def test_spacy_is_asked_about_sentences_that_leave_the_field_unsure_and_no_others(monkeypatch):
    loaded = []

    def load():
        loaded.append(CountedEntities())
        return loaded[-1]

    monkeypatch.setattr("connectors.tagger.tagger_detector.BIASES", NOTHING_SEEN)
    detector = TaggerDetector(load)
    sure = "It rains and it rains. "
    detector.find((sure, "Set the timeout to 30 seconds."))
    assert loaded == []
    detector.find((sure + "I met Anna Miller there. " + sure,))
    assert [one.asked for one in loaded] == [["I met Anna Miller there. "]]


def test_spacy_is_not_asked_about_a_language_that_it_does_not_know(monkeypatch):
    monkeypatch.setattr("connectors.tagger.tagger_detector.BIASES", NOTHING_SEEN)
    entities = CountedEntities()
    detector = TaggerDetector(lambda: entities)
    detector.find(("Gestern habe ich mit Anna Müller über den Bericht gesprochen.",))
    assert entities.asked == []
    detector.find(("Yesterday I spoke with Anna Miller about the report.",))
    assert len(entities.asked) == 1


MANUAL = (
    "Click the Function tab of the console and select the instance whose database snapshot "
    "Nadia Quarrell configured. The Quarrell Template command deletes the cluster."
)
PROSE = "On Monday we walked to the lake. Nadia Quarrell met the Brambleton sisters there."


def test_spacy_is_not_asked_about_a_manual(monkeypatch):
    monkeypatch.setattr("connectors.tagger.tagger_detector.BIASES", NOTHING_SEEN)
    entities = CountedEntities()
    TaggerDetector(lambda: entities).find((MANUAL,))
    assert entities.asked == []
    TaggerDetector(lambda: entities).find((f"{MANUAL}\n\n{PROSE}",))
    assert entities.asked
    assert set(entities.asked) <= set(PROSE.replace(". ", ". \n").split("\n"))


def test_a_name_in_a_manual_is_one_that_the_strict_look_sees():
    usual = [Tagged(0, 4, "PERSON"), Tagged(5, 9, "ORG"), Tagged(10, 14, "ADDR")]
    strict, manual = [Tagged(0, 4, "PERSON")], b"\1" * 20
    assert list(surer(usual, strict, manual)) == [usual[0], usual[2]]
    assert list(surer(usual, strict, bytes(20))) == usual


def test_a_word_that_no_list_has_is_a_name_in_prose_and_none_in_a_manual(detector):
    sentence = "Crazyheed are a punk rock band from the north."
    assert found(detector, sentence) == {("PERSON", "Crazyheed")}
    assert found(detector, f"{MANUAL} {sentence}") == found(detector, MANUAL)


HEADED = """{title}

Installing

{title} can be installed with pip. Select the console, then click the button of the browser.

Features

* It supports sockets. Written by Nadia Quarrell.
"""


@pytest.mark.parametrize("title", ["urllib3", "Zorbulax", "h11"])
def test_a_manuals_headings_and_what_it_is_about_are_neither_people_nor_addresses(detector, title):
    assert replaced(detector, HEADED.format(title=title)) == {("PERSON", "Nadia Quarrell")}


@pytest.mark.parametrize(
    "text",
    [
        "Is h11 fast?",
        "What do I need for the TestClient of Zorbulax?",
        "What is Emacs?",
        "How do I say hello in Klingon?",
        "Why ASGI and not WSGI?",
        ">>> p.pid\n7055\n>>> p.name()",
    ],
)
def test_a_question_about_a_program_keeps_what_it_is_about(detector, text):
    assert replaced(detector, text) == set()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("What does Przybylski want?", "Przybylski"),
        ("Does Adebayo have access?", "Adebayo"),
        ("Who is Kvaratskhelia?", "Kvaratskhelia"),
        ("When did Goldberg call?", "Goldberg"),
    ],
)
def test_a_person_that_no_list_has_is_one_in_a_question(detector, text, name):
    assert ("PERSON", name) in replaced(detector, text)


def test_the_same_ticket_has_its_names_beside_a_manual(detector):
    ticket = "Dear team, Anna Kowalska of Brightwater Ltd moved to Leeds."
    alone = found(detector, ticket)
    assert {"Anna Kowalska", "Leeds"} <= {value for _, value in alone}
    assert alone <= found(detector, f"{MANUAL}\n\n{ticket}")


def test_what_spacy_names_counts_where_the_bold_look_agrees(detector):
    class EverythingEntities:
        """A fake that takes each text for a person."""

        def find(self, texts):
            return [[(0, len(text), "PERSON", 0.85)] for text in texts]

    eager = TaggerDetector(EverythingEntities)
    assert found(eager, "The pump runs at noon.") == found(detector, "The pump runs at noon.")


def test_sentences_are_unsure_where_the_bold_look_marks_more():
    text = "Anna came. Then Odalys went.\n\nIt rained."
    usual, bold = [Tagged(0, 4, "PERSON")], [Tagged(0, 4, "PERSON"), Tagged(16, 22, "PERSON")]
    marked, bolder = marks(text, usual), marks(text, bold)
    assert [text[start:end].strip() for start, end in unsure(text, marked, bolder)] == [
        "Then Odalys went."
    ]
    assert list(unsure(text, bolder, bolder)) == []
    assert list(unsure(text, marked, marks(text, [*usual, Tagged(16, 18, "PERSON")]))) == []


def test_a_family_name_is_found_again_by_itself():
    text = "Ben Player sold it; Player won. A player lost, Players too. Ann left, Ann."
    people = [FoundValue(0, 10, "PERSON", 0.8), FoundValue(60, 63, "PERSON", 0.8)]
    assert [(one.start, one.end) for one in family_names(text, people)] == [(20, 26)]


def test_marks_are_of_characters():
    assert marks("abcd", [Tagged(1, 3, "PERSON")]) == b"\0\1\1\0"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", [":" * 10_000, "=-" * 5_000, "Ann " * 2_500, "1 A, " * 2_000])
def test_a_hostile_piece_is_searched_to_its_end(text):
    detector = TaggerDetector(CountedEntities)
    assert ("EMAIL_ADDRESS", "ada@example.org") in found(
        detector, text + " write to ada@example.org"
    )


def test_its_name_says_which_weights_and_which_model(detector):
    assert detector.name.startswith("tagger ")
    assert "en_core_web_sm" in detector.name


def test_the_models_are_the_same_for_both_detectors(detector):
    assert isinstance(detector.entities, Entities)
