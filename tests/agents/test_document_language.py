"""The language of a document."""

import pytest

from agents.document_language import (
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


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The pump is started by the lever, and it must be primed before that.", "en"),
        ("Die Pumpe wird mit dem Hebel gestartet und muss vorher gefüllt werden.", "de"),
        ("La pompe est mise en marche par le levier et doit être remplie avant.", "fr"),
        ("La bomba se pone en marcha con la palanca y debe llenarse antes de usarla.", "es"),
        ("La pompa si avvia con la leva e deve essere riempita prima di usarla.", "it"),
        ("A bomba é ligada com a alavanca e não deve ser usada sem água.", "pt"),
        ("De pomp wordt met de hendel gestart en moet van tevoren worden gevuld.", "nl"),
        ("Pumpen startas med spaken och får inte användas utan att den är fylld.", "sv"),
        ("Pompa jest uruchamiana za pomocą dźwigni i nie może być używana na sucho.", "pl"),
        ("Насос запускается рычагом, и его не следует использовать без воды.", "ru"),
        ("Насос запускається важелем, і його не слід використовувати без води та олії.", "uk"),
        ("يتم تشغيل المضخة من الذراع على الجانب ولا يجب أن تعمل هذه بدون ماء", "ar"),
        ("पंप को लीवर से चालू किया जाता है और इसे पानी के बिना नहीं चलाना है।", "hi"),
        ("ポンプは左側のレバーで始動します。", "ja"),
        ("水泵由左侧的杠杆启动。使用前必须注水。", "zh"),
        ("펌프는 왼쪽의 레버로 시작합니다.", "ko"),
        ("ปั๊มเริ่มทำงานด้วยคันโยก", "th"),
        ("Η αντλία ξεκινά με τον μοχλό.", "el"),
        ("המשאבה מופעלת באמצעות הידית.", "he"),
        ("17 42 3.5", "und"),  # ISO 639-2
        ("", UNDETERMINED),
        ("Zulu qwertz blorf knirps wumm zack peng.", UNDETERMINED),
    ],
)
def test_a_language_is_told(text, language):
    assert document_language(paragraphs(text)) == language


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
