"""Presentations: each slide under its title, with what belongs to it."""

import pptx
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from connectors.readers.parsing import parse
from tests.connectors.readers.written import PPTX, pptx_of, saved


def read(content):
    parsed = parse(PPTX, content)
    assert not parsed.error
    return [
        (f"h{one.level}" if one.kind == "heading" else one.kind, one.text) for one in parsed.blocks
    ]


def test_a_slide_stands_under_its_title_and_its_notes_say_that_they_are_notes():
    content = pptx_of("Plans", "One\nTwo", notes="Speak slowly.")
    assert read(content) == [
        ("h1", "Plans"),
        ("list", "One\nTwo"),
        ("paragraph", "Speaker notes: Speak slowly."),
    ]
    assert list(parse(PPTX, content).notes) == [
        "the speaker notes of 1 slides follow them, as such"
    ]


def test_slides_without_title_have_a_number_tables_a_header_and_charts_their_numbers():
    deck = pptx.Presentation()
    deck.slides.add_slide(deck.slide_layouts[6])  # says nothing
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    place = (Inches(1), Inches(1), Inches(4), Inches(2))
    grid = slide.shapes.add_table(2, 2, *place).table
    for at, text in enumerate(["Model", "Flow", "P1", "20"]):
        grid.cell(at // 2, at % 2).text = text
    data = CategoryChartData()
    data.categories = ["2023", "2024"]
    data.add_series("Ducks", (3, 5))
    data.add_series("Geese", (1, 2))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *place, data)
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(*place).text_frame.text = "In a group"
    content = saved(deck)
    assert read(content) == [
        ("h1", "Slide 2"),
        ("table", "Model | Flow\nP1 | 20"),
        ("table", "| Ducks | Geese\n2023 | 3 | 1\n2024 | 5 | 2"),
        ("paragraph", "In a group"),
    ]


def test_hidden_slides_are_left_out_and_told():
    deck = pptx.Presentation()
    for title in ("Seen", "secret"):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = title
    slide._element.set("show", "0")
    content = saved(deck)
    assert read(content) == [("h1", "Seen")]
    assert list(parse(PPTX, content).notes) == ["1 hidden slides were left out"]


def test_slides_come_in_the_order_in_which_they_are_shown():
    deck = pptx.Presentation()
    for title in ("Second", "First"):
        deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = title
    ids = deck.slides._sldIdLst
    ids.insert(0, ids[1])
    assert [text for _, text in read(saved(deck))] == ["First", "Second"]


def test_a_presentation_that_says_nothing_is_refused():
    deck = pptx.Presentation()
    deck.slides.add_slide(deck.slide_layouts[6])
    assert "holds no text" in parse(PPTX, saved(deck)).error
