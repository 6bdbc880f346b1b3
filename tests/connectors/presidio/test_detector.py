"""Detection of personal data, with the model itself."""

import os

import pytest

from connectors.presidio.connector import Presidio
from connectors.presidio.detector import Detector
from connectors.presidio.stretches import OVERLAP_CHARACTERS, PIECE_CHARACTERS, pieces
from schemas import Detect
from streams.running.world import Call
from streams.settings import Settings

CALL = Call(tenant="acme", lane=0, request="r", session="s", event="e", topic="t", offset=0)


@pytest.fixture(scope="module")
def detector():
    return Detector()


def found(detector, text):
    """What of a text was found, by kind."""
    [spans] = detector.find((text,))
    return {(span.kind, text[span.start : span.end]) for span in spans if span.score >= 0.4}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Call John Smith tomorrow.", "PERSON", "John Smith"),
        ("my name is anna kowalska and i need help", "PERSON", "anna"),
        ("Dear Mrs. Okonkwo-Bright, thank you", "PERSON", "Okonkwo-Bright"),
        ("She lives in Berlin.", "LOCATION", "Berlin"),
        ("He works for Microsoft Corporation.", "ORGANIZATION", "Microsoft Corporation"),
        ("write to jane.doe+x@example.co.uk", "EMAIL_ADDRESS", "jane.doe+x@example.co.uk"),
        ("card 4111 1111 1111 1111 please", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("IBAN DE89 3704 0044 0532 0130 00", "IBAN_CODE", "DE89 3704 0044 0532 0130 00"),
        ("from 192.168.14.7 at noon", "IP_ADDRESS", "192.168.14.7"),
        ("my SSN is 536-90-4399", "US_SSN", "536-90-4399"),
        ("ring +49 30 901820 or", "PHONE_NUMBER", "+49 30 901820"),
        ("ring (212) 555-0123 or", "PHONE_NUMBER", "(212) 555-0123"),
        ("at 221B Baker Street, London", "STREET_ADDRESS", "221B Baker Street"),
        ("at 12 High Street, York YO1 7HH now", "STREET_ADDRESS", "12 High Street, York YO1 7HH"),
        ("in Lindenstraße 1, 10115 Berlin.", "STREET_ADDRESS", "Lindenstraße 1, 10115 Berlin"),
        ("wohnt Lindenstraße 12a in", "STREET_ADDRESS", "Lindenstraße 12a"),
        ("habite 14 rue de la Paix", "STREET_ADDRESS", "14 rue de la Paix"),
        ("send it to P.O. Box 1234", "STREET_ADDRESS", "P.O. Box 1234"),
        ("born on 3 March 1984 in", "DATE_OF_BIRTH", "3 March 1984"),
        ("date of birth: 1984-03-03", "DATE_OF_BIRTH", "1984-03-03"),
        ("a 38-year-old patient", "AGE", "38"),
        ("passport number X1234567", "ID_NUMBER", "X1234567"),
        ("NINO AB 12 34 56 C", "ID_NUMBER", "AB 12 34 56 C"),
        ("account number 12345678", "BANK_ACCOUNT", "12345678"),
        ("device 00:1A:2B:3C:4D:5E", "MAC_ADDRESS", "00:1A:2B:3C:4D:5E"),
        ("see https://example.org/u/jane", "URL", "https://example.org/u/jane"),
    ],
)
def test_it_finds(detector, text, kind, value):
    assert any(k == kind and value in v for k, v in found(detector, text)), found(detector, text)


@pytest.mark.parametrize(
    "text",
    [
        "The pump runs at 4500 rpm for 30 minutes and needs 12 bar.",
        "Release 3.11.7 fixes issue 12345 in the parser.",
        "We returned to 3 different places, 5 km apart.",
        "It costs 1,200.50 dollars every day.",
        "a card game of 52 cards",
    ],
)
def test_it_leaves_ordinary_numbers_alone(detector, text):
    assert found(detector, text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "The `BatchGetItem` request returns a KeySchema with the primary key.",
        "Choose *Drive Write Traffic* in com.example.scaling, then Copy.",
    ],
)
def test_manuals_hold_no_persons(detector, text):
    assert {value for kind, value in found(detector, text) if kind == "PERSON"} == set()


def test_a_name_in_markup_is_found_without_the_markup(detector):
    assert ("PERSON", "Alice Johnson") in found(detector, "| **Alice Johnson** | reads |")
    assert ("PERSON", "Ronald McDonald") in found(detector, "I met Ronald McDonald there.")


def test_patterns_hold_in_languages_that_the_model_does_not_know(detector):
    text = "お問い合わせは taro@example.jp まで、または +81 3-1234-5678 へ"
    kinds = {kind for kind, _ in found(detector, text)}
    assert {"EMAIL_ADDRESS", "PHONE_NUMBER"} <= kinds


@pytest.mark.parametrize(
    "text", ["", " ", "\x00\x01\x02", "\n" * 50, "<PERSON_1>", "\ufffd", "1" * 5000]
)
def test_odd_texts_are_no_crash(detector, text):
    [spans] = detector.find((text,))
    assert all(0 <= span.start < span.end <= len(text) for span in spans)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", [":" * 10_000, "=-" * 5_000])
def test_signs_in_a_row_take_no_time(detector, text):
    assert detector.find((text + " Call John Smith now.",))[0]


def test_a_long_text_is_searched_to_its_end_and_across_the_seams(detector):
    filler = "The quick brown fox jumps over it. "
    parts = [filler * 280, "Write to ada@example.org now. ", filler * 700, "Or bob@example.org."]
    text = "".join(parts)
    assert len(text) > 3 * PIECE_CHARACTERS
    assert {("EMAIL_ADDRESS", "ada@example.org"), ("EMAIL_ADDRESS", "bob@example.org")} <= found(
        detector, text
    )


def test_pieces_overlap_and_leave_nothing_out():
    text = "word " * 5000 + "x" * 25_000
    end = 0
    for start, piece in pieces(text):
        assert text[start : start + len(piece)] == piece
        assert len(piece) <= PIECE_CHARACTERS
        assert start == 0 or start == end - OVERLAP_CHARACTERS
        end = start + len(piece)
    assert end == len(text)


def test_the_same_texts_give_the_same_spans_alone_and_in_company(detector):
    texts = ("Call John Smith in Berlin.", "", "Mrs. Jones, 12 High Street", "Call Ada.")
    together = detector.find(texts)
    assert together == detector.find(texts)
    assert together == [detector.find((text,))[0] for text in texts]
    assert all(
        list(spans) == sorted(spans, key=lambda s: (s.start, s.end, s.kind)) for spans in together
    )


async def test_it_answers_detect_with_one_entry_a_text():
    presidio = Presidio(Settings(detector="presidio"))
    try:
        answer = await presidio.handlers()[Detect](Detect(texts=("Ann Lee", "", "none")), CALL)
    finally:
        await presidio.close()
    assert len(answer.texts) == 3
    assert answer.texts[0].spans
    assert answer.texts[1].spans == ()
    assert "presidio 2.2" in answer.model
    assert "en_core_web_sm" in answer.model


def test_the_model_multiplies_with_numpys_library_on_one_thread(detector):
    assert os.environ["OPENBLAS_NUM_THREADS"]
    encoder = detector._entities.model.get_pipe("ner").model.get_ref("tok2vec")
    assert {layer.ops.use_blis for layer in encoder.walk()} == {False}


def test_the_models_tokenizer_is_the_bounded_one(detector):
    assert detector._entities.model.tokenizer.prefix_search.__name__ == "match"
