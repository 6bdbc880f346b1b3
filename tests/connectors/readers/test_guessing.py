"""Charsets that nothing declares are told by their letters, and that they were is told."""

import pytest

from connectors.readers.guessing import decoded
from connectors.readers.parsing import parse

GERMAN = (
    "Die Größe der Übermaße wird in Köln geprüft, und außerdem müssen wir für die Prüfung zahlen."
)
POLISH = "Zażółć gęślą jaźń. Przyjdź jutro o ósmej, bo żona Łukasza będzie gotować."
RUSSIAN = "Маяк построен в 1874 году. Смотритель зажигает лампу за час до заката."
GREEK = "Καλημέρα κόσμε, ο φάρος ανοίγει στις εννέα το πρωί και κλείνει το βράδυ."
ARABIC = "المتحف مفتوح من التاسعة صباحا حتى الخامسة مساء. تذكرة الدخول مجانية يوم الجمعة."
HEBREW = "המוזיאון פתוח מתשע בבוקר עד חמש אחר הצהריים. הכניסה חופשית ביום שישי."
CHINESE = "茶园在山脚下。采茶从三月开始。每天限六十人！门票二十元。"
JAPANESE = "灯台は午前九時から午後五時まで開いています。月曜日は休みです。入場料は大人五百円です。"
KOREAN = "등대는 아침 아홉시부터 저녁 다섯시까지 열려 있습니다. 월요일은 쉽니다."
THAI = "ประภาคารเปิดตั้งแต่เก้าโมงเช้าถึงห้าโมงเย็น วันจันทร์ปิด"
UNLABELLED = [
    ("cp1252", GERMAN), ("cp1250", POLISH), ("cp1251", RUSSIAN), ("koi8-r", RUSSIAN), ("iso8859-5", RUSSIAN), ("cp866", RUSSIAN),
    ("iso8859-7", GREEK), ("cp1256", ARABIC), ("cp1255", HEBREW), ("gb18030", CHINESE), ("big5", CHINESE.translate(str.maketrans("园脚从开门", "園腳從開門")).replace("采", "採")),
    ("shift_jis", JAPANESE), ("euc_jp", JAPANESE), ("euc_kr", KOREAN), ("tis-620", THAI),
]  # fmt: skip


@pytest.mark.parametrize(("charset", "text"), UNLABELLED)
def test_an_older_charset_is_told_by_its_letters(charset, text):
    found = decoded(text.encode(charset, errors="ignore"), "")
    assert found.text == text.encode(charset, errors="ignore").decode(charset)
    assert found.note.startswith("no charset was declared: it was read as ")
    assert found.helper.startswith("charset-normalizer ")


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [RUSSIAN, GREEK, ARABIC, CHINESE, JAPANESE, KOREAN, THAI, POLISH])
def test_utf_16_without_a_mark_is_told_in_any_script(codec, text):
    found = decoded(text.encode(codec), "")
    assert found.text == text
    assert not found.helper


@pytest.mark.parametrize(
    ("content", "declared", "note"),
    [
        (GERMAN.encode(), "", ""),
        (GERMAN.encode("cp1252"), "cp1252", ""),
        (GERMAN.encode("cp1252"), "", "no charset was declared: it was read as cp1252 by its letters"),
        (GERMAN.encode("cp1252"), "klingon", "the declared charset is not known, or not its: it was read as cp1252 by its letters"),
        (GERMAN.encode("cp1252"), "utf-8", "some bytes are no characters of utf-8, as which the document was read"),
        (CHINESE.encode("utf-16-le"), "", "no charset was declared: it was read as utf-16-le by its letters"),
        (CHINESE.encode("utf-16-le"), "utf-16", ""),
    ],
)  # fmt: skip
def test_what_was_guessed_is_told(content, declared, note):
    assert decoded(content, declared).note == note


def test_a_guess_and_who_made_it_stand_in_the_manifest():
    parsed = parse("text/plain", RUSSIAN.encode("cp1251"))
    assert parsed.blocks[0].text == RUSSIAN
    assert parsed.notes == ("no charset was declared: it was read as cp1251 by its letters",)
    assert "charset-normalizer" in parsed.parser_version
    assert "charset-normalizer" not in parse("text/plain", b"plain").parser_version


@pytest.mark.parametrize("text", ["café", "Grüße", "naïve façade, déjà vu: 5 €", "Öl für Motoren"])
def test_a_few_letters_show_nothing_and_are_windows_1252(text):
    assert decoded(text.encode("cp1252"), "").text == text


def test_letters_far_behind_the_beginning_are_found():
    assert decoded(b"a" * 200_000 + RUSSIAN.encode("cp1251"), "").text.endswith(RUSSIAN)
