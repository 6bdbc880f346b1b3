"""Patterns: what each finds and leaves, and that no text makes one slow."""

import pytest

from connectors.presidio.personal_patterns import PATTERNS


def found(text, kind=None):
    """What the patterns find, by kind; a match begins behind its cue."""
    return {
        (one.kind, match.group())
        for one in PATTERNS
        for match in one.pattern.finditer(text)
        if kind in (None, one.kind)
    }


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("STREET_ADDRESS", "at 221B Baker Street today", "221B Baker Street"),
        ("STREET_ADDRESS", "at 1600 Pennsylvania Ave NW", "1600 Pennsylvania Ave"),
        ("STREET_ADDRESS", "12 High Street, York YO1 7HH", "12 High Street, York YO1 7HH"),
        ("STREET_ADDRESS", "5 Main St, Springfield, IL 62701", "5 Main St, Springfield, IL 62701"),
        ("STREET_ADDRESS", "Lindenstraße 12a", "Lindenstraße 12a"),
        ("STREET_ADDRESS", "Alter Markt 3, Hauptstr. 7", "Hauptstr. 7"),
        ("STREET_ADDRESS", "Storgata 5", "Storgata 5"),
        ("STREET_ADDRESS", "14 rue de la Paix", "14 rue de la Paix"),
        ("STREET_ADDRESS", "Via Roma 10", "Via Roma 10"),
        ("STREET_ADDRESS", "Calle Mayor 5", "Calle Mayor 5"),
        ("STREET_ADDRESS", "P.O. Box 1234", "P.O. Box 1234"),
        ("STREET_ADDRESS", "PSC 123, Box 456", "PSC 123, Box 456"),
        ("STREET_ADDRESS", "in apt. 4B of", "apt. 4B"),
        ("STREET_ADDRESS", "zip code: 90210", "90210"),
        ("STREET_ADDRESS", "PLZ 10115", "10115"),
        ("DATE_OF_BIRTH", "born on 3 March 1984", "3 March 1984"),
        ("DATE_OF_BIRTH", "DOB: 03/03/1984", "03/03/1984"),
        ("DATE_OF_BIRTH", "date of birth is March 3rd, 1984", "March 3rd, 1984"),
        ("DATE_OF_BIRTH", "geboren am 03.03.1984", "03.03.1984"),
        ("AGE", "a 38-year-old man", "38"),
        ("AGE", "aged 7", "7"),
        ("AGE", "I'm 29, she said", "29"),
        ("AGE", "38 y/o", "38"),
        ("PERSON", "Dear Mrs. Okonkwo-Bright,", "Mrs. Okonkwo-Bright"),
        ("PERSON", "Dr. Ada van der Berg", "Ada van der Berg"),
        ("PERSON", "my name is anna", "anna"),
        ("PERSON", "call me Anna", "Anna"),
        ("PERSON", "ich heiße Jürgen Weiß", "Jürgen Weiß"),
        ("PERSON", "Kind regards,\nAda Lovelace", "Ada Lovelace"),
        ("PERSON", "Ada: Hello there", "Ada"),
        ("US_SSN", "536-90-4399", "536-90-4399"),
        ("CREDIT_CARD", "4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("CREDIT_CARD", "card ending in 4242", "4242"),
        ("ID_NUMBER", "passport number X1234567", "X1234567"),
        ("ID_NUMBER", "driver's license no. D123-4567", "D123-4567"),
        ("ID_NUMBER", "AB 12 34 56 C", "AB 12 34 56 C"),
        ("ID_NUMBER", "Personalausweisnummer: L01X00T47", "L01X00T47"),
        ("BANK_ACCOUNT", "account number 12345678", "12345678"),
        ("BANK_ACCOUNT", "Kontonummer: 1234567", "1234567"),
        ("MAC_ADDRESS", "00:1A:2b:3c:4d:5e", "00:1A:2b:3c:4d:5e"),
        ("MAC_ADDRESS", "00-1A-2B-3C-4D-5E", "00-1A-2B-3C-4D-5E"),
        ("URL", "see <https://example.org/u/jane?x=1>", "https://example.org/u/jane?x=1"),
        ("PHONE_NUMBER", "+49 30 901820", "+49 30 901820"),
        ("PHONE_NUMBER", "(212) 555-0123 x42", "(212) 555-0123 x42"),
        ("PHONE_NUMBER", "06.12.34.56.78", "06.12.34.56.78"),
        ("PHONE_NUMBER", "phone: 555 0199 22", "555 0199 22"),
        ("PHONE_NUMBER", "0171 2345678 (mobile) or 555 0199 22 home", "555 0199 22"),
    ],
)
def test_a_pattern_finds(kind, text, value):
    assert (kind, value) in found(text), found(text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("STREET_ADDRESS", "turn left at the street"),
        ("STREET_ADDRESS", "version 12 of this product"),
        ("DATE_OF_BIRTH", "published on 3 March 1984"),
        ("AGE", "I'm 100% sure, and 5.5 of 9"),
        ("AGE", "turned 5x faster"),
        ("PERSON", "Dear sir or madam"),
        ("PERSON", "we were called a liar"),
        ("PERSON", "call me when you are ready, call me if not"),
        ("PERSON", "Dear Team, dear all, Dear Support, Dear Customers"),
        ("US_SSN", "000-12-3456 666-12-3456 912-34-5678 536-00-4399 536-90-0000"),
        ("US_SSN", "1536-90-4399 536-90-43991"),
        ("CREDIT_CARD", "a card game of 52 cards"),
        ("CREDIT_CARD", "1234 5678 9012 3456"),  # no issuer begins with 1
        ("ID_NUMBER", "passport control"),
        ("ID_NUMBER", "DA 12 34 56 C, AO 12 34 56 C, AB 12 34 56 E"),
        ("BANK_ACCOUNT", "account 12345"),
        ("MAC_ADDRESS", "00:1A:2B:3C:4D"),
        ("URL", "https:// and ftp:/x"),
        ("PHONE_NUMBER", "3.11.7 and 4500 rpm"),
        ("PHONE_NUMBER", "chapter 2.5.10.3"),
    ],
)
def test_a_pattern_leaves(kind, text):
    assert found(text, kind) == set()


def test_scores_are_confidences_and_kinds_are_spelt_as_placeholders_are():
    assert all(0 < one.score <= 1 for one in PATTERNS)
    assert all(one.kind.replace("_", "").isalpha() and one.kind.isupper() for one in PATTERNS)


HOSTILE = [
    "1 " * 5_000,
    "a" * 10_000,
    "1 A" * 3_000,
    "12 Main " * 1_200,
    "Main, " * 1_600,
    "address: " * 1_100,
    "lives at 1 A" * 800,
    "Dear Mr. A. A. A. " * 500,
    "my name is " * 900,
    "call " * 2_000,
    "+1 2 3 4 5 6 7 8 " * 600,
    "passport " * 1_100,
    "card number number " * 500,
    "https://" * 1_200,
    "born on " * 1_200,
    "é" * 10_000,
    "1-" * 5_000,
    "\n" * 10_000,
    "12 rue de la de la " * 500,
    "P.O. Box " * 1_100,
    "PSC 1 Box 1 APO " * 600,
]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("text", HOSTILE, ids=[text[:12] for text in HOSTILE])
def test_a_hostile_piece_of_ten_thousand_characters_is_searched_to_its_end(text):
    ending = text[:10_000] + " write to 00:1A:2B:3C:4D:5E"
    assert ("MAC_ADDRESS", "00:1A:2B:3C:4D:5E") in found(ending)
