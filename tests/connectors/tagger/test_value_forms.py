"""Structured kinds: what each form finds, what it leaves, and that no text turns it back."""

import pytest

from connectors.tagger.value_forms import structured


def found(text, kind=None):
    """What is found in a text, by kind."""
    return {
        (one.kind, text[one.start : one.end])
        for one in structured(text)
        if kind in (None, one.kind)
    }


FOUND = [
    ("EMAIL_ADDRESS", "write to jane.doe+x@example.co.uk.", "jane.doe+x@example.co.uk"),
    ("EMAIL_ADDRESS", "an taro@例え.jp bitte", "taro@例え.jp"),
    ("EMAIL_ADDRESS", "ada [at] example [dot] org", "ada [at] example [dot] org"),
    ("EMAIL_ADDRESS", "ada.l(at)mail.example.com!", "ada.l(at)mail.example.com"),
    ("EMAIL_ADDRESS", "mail ada at example dot org now", "ada at example dot org"),
    ("EMAIL_ADDRESS", "ada{at}example{dot}co{dot}uk", "ada{at}example{dot}co{dot}uk"),
    ("IBAN_CODE", "IBAN DE89 3704 0044 0532 0130 00, BIC", "DE89 3704 0044 0532 0130 00"),
    ("IBAN_CODE", "gb29nwbk60161331926819", "gb29nwbk60161331926819"),
    ("IBAN_CODE", "FR14 2004 1010 0505 0001 3M02 606", "FR14 2004 1010 0505 0001 3M02 606"),
    ("IBAN_CODE", "NO93-8601-1117-947", "NO93-8601-1117-947"),
    ("CREDIT_CARD", "4111 1111 1111 1111", "4111 1111 1111 1111"),
    ("CREDIT_CARD", "378282246310005", "378282246310005"),
    ("CREDIT_CARD", "2223-0031-2200-3222", "2223-0031-2200-3222"),
    ("CREDIT_CARD", "my card number is 4111 1111 1111 1112", "4111 1111 1111 1112"),
    ("CREDIT_CARD", "card ending in 4242", "4242"),
    ("CREDIT_CARD", "４１１１ １１１１ １１１１ １１１１", "４１１１ １１１１ １１１１ １１１１"),
    ("PHONE_NUMBER", "ring +٤٩ ٣٠ ٩٠١٨٢٠ or", "+٤٩ ٣٠ ٩٠١٨٢٠"),
    ("US_SSN", "my SSN is 536-90-4399", "536-90-4399"),
    ("US_SSN", "536 90 4399", "536 90 4399"),
    ("IP_ADDRESS", "from 192.168.14.7:8080", "192.168.14.7"),
    ("IP_ADDRESS", "host 10.1.2.3/24", "10.1.2.3"),
    ("IP_ADDRESS", "2001:db8::8a2e:370:7334 answered", "2001:db8::8a2e:370:7334"),
    ("IP_ADDRESS", "via fe80::1ff:fe23:4567:890a%eth2", "fe80::1ff:fe23:4567:890a"),
    ("IP_ADDRESS", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
    ("MAC_ADDRESS", "device 00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D:5E"),
    ("PHONE_NUMBER", "ring +49 30 901820 or", "+49 30 901820"),
    ("PHONE_NUMBER", "ring (212) 555-0123 x42 or", "(212) 555-0123 x42"),
    ("PHONE_NUMBER", "+41 (0)96 471 07 95", "+41 (0)96 471 07 95"),
    ("PHONE_NUMBER", "06.12.34.56.78", "06.12.34.56.78"),
    ("PHONE_NUMBER", "0171/2345678", "0171/2345678"),
    ("PHONE_NUMBER", "212-555-0123", "212-555-0123"),
    ("PHONE_NUMBER", "+1-912-490-4047x96669", "+1-912-490-4047x96669"),
    ("PHONE_NUMBER", "call 8359-2451", "8359-2451"),
    ("PHONE_NUMBER", "call 699 956 915", "699 956 915"),
    ("PHONE_NUMBER", "móvil: 612 345 678", "612 345 678"),
    ("PHONE_NUMBER", "téléphone 01 42 68 53 00", "01 42 68 53 00"),
    ("PHONE_NUMBER", "Rufnummer 030 1234567", "030 1234567"),
    (
        "CRYPTO",
        "to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 please",
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    ),
    (
        "CRYPTO",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    ),
    ("AGE", "a 38-year-old patient", "38"),
    ("DATE_OF_BIRTH", "date of birth: 1984-03-03", "1984-03-03"),
    ("BANK_ACCOUNT", "account number 12345678", "12345678"),
    ("URL", "see https://example.org/u/jane.", "https://example.org/u/jane"),
    ("URL", "at shop.example.com/cart today", "shop.example.com/cart"),
    # numbers that states give to people
    ("ID_NUMBER", "NINO AB 12 34 56 C", "AB 12 34 56 C"),
    ("ID_NUMBER", "NHS number 943 476 5919", "943 476 5919"),
    ("ID_NUMBER", "Steuer-ID 86095742719", "86095742719"),
    ("ID_NUMBER", "86 095 742 719", "86 095 742 719"),
    ("ID_NUMBER", "INSEE 2 55 08 14 168 025 38", "2 55 08 14 168 025 38"),
    ("ID_NUMBER", "DNI 12345678Z", "12345678Z"),
    ("ID_NUMBER", "NIE X1234567L", "X1234567L"),
    ("ID_NUMBER", "RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    ("ID_NUMBER", "BSN 111222333", "111222333"),
    ("ID_NUMBER", "85.07.30-033.28", "85.07.30-033.28"),
    ("ID_NUMBER", "85073003328", "85073003328"),
    ("ID_NUMBER", "150153 47594", "150153 47594"),
    ("ID_NUMBER", "811228-9874", "811228-9874"),
    ("ID_NUMBER", "131052-308T", "131052-308T"),
    ("ID_NUMBER", "PESEL 44051401359", "44051401359"),
    ("ID_NUMBER", "070761-4285", "070761-4285"),
    ("ID_NUMBER", "NIF 123456789", "123456789"),
    ("ID_NUMBER", "756.9217.0769.85", "756.9217.0769.85"),
    ("ID_NUMBER", "111.444.777-35", "111.444.777-35"),
    ("ID_NUMBER", "2341 2341 2346", "2341 2341 2346"),
    ("ID_NUMBER", "SIN 046 454 286", "046 454 286"),
]


@pytest.mark.parametrize(("kind", "text", "value"), FOUND, ids=[text for _, text, _ in FOUND])
def test_it_finds(kind, text, value):
    assert (kind, value) in found(text), found(text)


LEFT = [
    # what the review named, and what is like it
    ("IP_ADDRESS", "std::vector a::b Foo::Bar b::c dead::beef ::1 fd::x"),
    ("IP_ADDRESS", "version 10.2.3.4, chapter 2.5.10.3, 1.2.3.4.5, 256.1.1.1, v4.1.0.2"),
    ("IP_ADDRESS", "127.0.0.1 0.0.0.0 255.255.255.0 10.0.0.0/16 12:34:56"),
    ("CREDIT_CARD", "451234567890123456 and 4111 1111 1111 1112"),
    ("CREDIT_CARD", "2024 2025 2026 2027, 1234 5678 9012 3452, 0.4111111111111111"),
    ("CREDIT_CARD", "a card game of 52 cards"),
    ("PHONE_NUMBER", "fax 200-400 dpi, fax 2000-4000 dpi, call 1000000 times"),
    ("PHONE_NUMBER", "phone 2019-2024, number 2024-05-01, tel 12.05.2024"),
    ("PHONE_NUMBER", "order 0123 456 7890, invoice no. 030 1234567, $(200) 300-400"),
    ("PHONE_NUMBER", "3.11.7 and 4500 rpm, 123456789012, 0.1234567890, chapter 2.5.10.3"),
    ("PHONE_NUMBER", "119.584338133, 79.25920781260"),
    ("PHONE_NUMBER", "010-020-2024 kg 10-20-30 1024 2048 4096"),
    ("EMAIL_ADDRESS", "look at the dot matrix, @mention, a@b, meet at noon. Org chart"),
    ("IBAN_CODE", "DE89 3704 0044 0532 0130 01, DE00, GB29NWBK6016133192681"),
    ("US_SSN", "000-12-3456 666-12-3456 912-34-5678 536-00-4399 1536-90-4399 536-90-43991"),
    ("CRYPTO", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3 3a1b2c3d4e5f6a7b8c9d1e2f3a4b5c"),
    ("ID_NUMBER", "DA 12 34 56 C, 86 095 742 718, 12345678A, X1234567A, RSSMRA85T10A562T"),
    (
        "ID_NUMBER",
        "85073003329, 15015347595, 811328-9874, 131052-308U, 44051401358, 111.444.777-36, 2341 2341 2345",
    ),
    ("ID_NUMBER", "943 476 5919, 111222333, 123456789, passport control, 990761-4285"),
    ("URL", "see e.g. this.That and main.py, readme.md, 3.11.7, a..b"),
    ("STREET_ADDRESS", "zip files, post es, 3 easy ways, 12 Docker hosts in 4 zones, 2 main roads"),
    ("AGE", "I'm 100% sure, and 5.5 of 9; turned 5x faster"),
]


@pytest.mark.parametrize(("kind", "text"), LEFT, ids=[text for _, text in LEFT])
def test_it_leaves(kind, text):
    assert found(text, kind) == set()


def test_what_follows_an_account_in_the_same_run_is_no_part_of_it():
    text = "DE89370400440532013000 1234 5678"
    assert found(text, "IBAN_CODE") == {("IBAN_CODE", "DE89370400440532013000")}


@pytest.mark.parametrize(
    "text",
    [
        "bc1boooooooooooooo",
        "bc1q1bio0000000000",
        "DE89 3704 0044 0532 0130 0\u212a",
        "\u212aBCDEF12A34B567C",
    ],
)
def test_signs_that_a_form_lets_through_and_no_check_knows_are_no_error(text):
    assert ("IP_ADDRESS", "192.168.14.7") in found(f"see {text}, 192.168.14.7")


def test_scores_are_confidences_and_spans_lie_within():
    for _, text, _ in FOUND:
        for one in structured(text):
            assert 0 <= one.start < one.end <= len(text)
            assert 0.4 <= one.score <= 1


HOSTILE = [
    "1 " * 5_000,
    "1-" * 5_000,
    "1." * 5_000,
    "a." * 5_000,
    "a.a@" * 2_500,
    "a at b dot " * 900,
    "[at]" * 2_500,
    "(1) 2 " * 1_600,
    "+1 2 3 4 5 6 7 8 " * 600,
    "DE89 " * 2_000,
    "a:" * 5_000,
    "::" * 5_000,
    "password: " * 1_000,
    "password is is " * 700,
    "-----BEGIN PRIVATE KEY-----" * 370,
    "eyJaaaaaaaaaa.eyJ" * 600,
    "sk-" * 3_300,
    "https://a:b" * 900,
    "bearer " * 1_400,
    "card number " * 850,
    "phone " * 1_700,
    "\n" * 10_000,
    "é" * 10_000,
    "0x" * 5_000,
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", HOSTILE, ids=[text[:14] for text in HOSTILE])
def test_a_hostile_piece_of_ten_thousand_characters_is_searched_to_its_end(text):
    ending = text[:10_000] + " write to 00:1A:2B:3C:4D:5E"
    assert ("MAC_ADDRESS", "00:1A:2B:3C:4D:5E") in found(ending)
