"""The language of a document."""

import pytest

from agents.document_language import (
    _SCRIPTS,
    COMMON,
    SAMPLE_CHARS,
    SAMPLES_MAX,
    UNDETERMINED,
    _samples,
    document_language,
)
from schemas import Block


def paragraphs(*texts, kind="paragraph"):
    return [Block(kind=kind, text=text) for text in texts]


SAID = {  # ISO 639-1
    "en": "The pump is started by the lever, and it must be primed before that.",
    "de": "Die Pumpe wird mit dem Hebel gestartet und muss vorher gefüllt werden.",
    "fr": "La pompe est mise en marche par le levier et doit être remplie avant.",
    "es": "La bomba se pone en marcha con la palanca y debe llenarse antes de usarla.",
    "it": "La pompa si avvia con la leva e deve essere riempita prima di usarla.",
    "pt": "A bomba é ligada com a alavanca e não deve ser usada sem água.",
    "nl": "De pomp wordt met de hendel gestart en moet van tevoren worden gevuld.",
    "sv": "Pumpen startas med spaken och får inte användas utan att den är fylld.",
    "da": "Pumpen startes med grebet, og den må ikke bruges af nogle, hvad der end sker.",
    "nb": "Pumpen startes med spaken, og den må ikke brukes av noen etter at vannet ble brukt opp.",
    "fi": "Pumppu on käynnistettävä vivulla, mutta se ei saa käydä kuivana ja kun vesi loppuu.",
    "pl": "Pompa jest uruchamiana za pomocą dźwigni i nie może być używana na sucho.",
    "cs": "Čerpadlo se spouští pákou a nebo tlačítkem, ale je to zakázáno, když v něm není voda.",
    "ro": "Pompa este pornită de la manetă și nu poate fi folosită fără apă, sau cu nisip.",
    "hu": "A szivattyú egy kar segítségével indul, és nem szabad víz nélkül vagy homokkal használni.",
    "tr": "Pompa bir kol ile çalıştırılır ve su olmadan kullanmak için uygun değil.",
    "id": "Pompa ini dinyalakan dengan tuas dan tidak boleh digunakan untuk pasir.",
    "vi": "Máy bơm này được khởi động với cần gạt và không dùng cho cát.",
    "ru": "Насос запускается рычагом, и его не следует использовать без воды.",
    "uk": "Насос запускається важелем, і його не слід використовувати без води та олії.",
    "bg": "Помпата се пуска от лоста и не е за пясък, който да се засмуква.",
    "sr": "Пумпа се покреће полугом и није за песак, али су вода и уље од користи.",
    "ar": "يتم تشغيل المضخة من الذراع على الجانب ولا يجب أن تعمل هذه بدون ماء",
    "fa": "این پمپ با اهرم روشن می شود و برای آن آب را به کار برید.",
    "ur": "یہ پمپ لیور سے چلتا ہے اور اس کو پانی کے بغیر نہیں چلانا ہے۔",
    "hi": "पंप को लीवर से चालू किया जाता है और इसे पानी के बिना नहीं चलाना है।",
    "mr": "हे पंप लीव्हरने सुरू होते आणि ते पाण्यात आहे.",
    "ja": "ポンプは左側のレバーで始動します。",
    "zh": "水泵由左侧的杠杆启动。使用前必须注水。",
    "ko": "펌프는 왼쪽의 레버로 시작합니다.",
    "th": "ปั๊มเริ่มทำงานด้วยคันโยก",
    "he": "המשאבה מופעלת באמצעות הידית.",
    "el": "Η αντλία ξεκινά με τον μοχλό.",
    "bn": "পাম্পটি লিভার দিয়ে চালু করা হয়।",
    "ta": "பம்பு நெம்புகோலால் இயக்கப்படுகிறது.",
    "te": "పంపు లివర్‌తో ప్రారంభమవుతుంది.",
    "ka": "ტუმბო ბერკეტით ირთვება.",
    "hy": "Պոմպը միացվում է լծակով։",
}


@pytest.mark.parametrize("language", [*COMMON, *(language for language, *_ in _SCRIPTS)])
def test_every_language_is_told_by_the_code_that_it_has(language):
    assert document_language(paragraphs(SAID[language])) == language


@pytest.mark.parametrize("text", ["17 42 3.5", "", "Zulu qwertz blorf knirps wumm zack peng."])
def test_where_little_is_known_no_language_is_told(text):
    assert document_language(paragraphs(text)) == UNDETERMINED == "und"  # ISO 639-2


def test_code_tells_nothing():
    blocks = [
        *paragraphs("while the and of is to are " * 5, kind="code"),
        *paragraphs("Die Pumpe ist nicht für den Betrieb mit Sand."),
    ]
    assert document_language(blocks) == "de"


def test_what_most_of_the_document_is_in_counts():
    german = "Die Pumpe ist nicht für den Betrieb mit Sand und Öl."
    english = "The pump is not for the use with sand."
    assert document_language(paragraphs(*[german] * 90, *[english] * 10)) == "de"
    assert document_language(paragraphs(*[german] * 10, *[english] * 90)) == "en"


@pytest.mark.parametrize("blocks", [1, 47, 48, 49, 5_000])
def test_a_bounded_sample_of_all_parts_is_read(blocks):
    read = list(_samples(paragraphs(*[f"{n} " * 500 for n in range(blocks)])))
    assert min(blocks, SAMPLES_MAX // 2) <= len(read) <= SAMPLES_MAX
    assert max(map(len, read)) == SAMPLE_CHARS
    assert float(read[-1].split()[0]) >= 0.9 * (blocks - 1)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        # of 300 characters that are read, 90 are three tenths
        ("水" * 89 + "x" * 210 + "水" + "x", "zh"),
        ("水" * 89 + "x" * 211 + "水", UNDETERMINED),
        # of the words a tenth
        ("Zulu " * 9 + "the", "en"),
        ("Zulu " * 10 + "the", UNDETERMINED),
    ],
)
def test_least_shares_are_of_as_much_as_is_read(text, language):
    assert document_language(paragraphs(text)) == language


@pytest.mark.parametrize(("blocks", "read"), [(48, 48), (49, 25), (96, 48), (97, 33)])
def test_every_block_is_read_or_every_second_or_third(blocks, read):
    assert len(list(_samples(paragraphs(*["a"] * blocks)))) == read


def test_each_language_has_words_of_its_own():
    for language, words in COMMON.items():
        others = {w for other, some in COMMON.items() if other != language for w in some.split()}
        assert len(set(words.split()) - others) >= 3, language
