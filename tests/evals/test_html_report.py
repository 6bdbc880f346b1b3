"""The page: everything that was found, in one file that loads nothing."""

import json
from html.parser import HTMLParser

import pytest

from evals.bootstrap import EvalEstimate
from evals.data_sets import BadData, Choice
from evals.html_report import report_page, write_report
from evals.outcome import OURS, SetOutcome
from evals.stored_runs import CHANGE
from evals.verb_options import report

LOADING = {"src", "href", "xlink:href", "data", "action", "background", "poster", "srcset"}
VOID = {"meta", "line"}
NAN = float("nan")


class Page(HTMLParser):
    """What a page holds."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def of(self, tag, name):
        return [float(value) for kind, key, value in self.attributes if (kind, key) == (tag, name)]


def an_outcome(name="tower", note="a note"):
    outcome = SetOutcome(name, 3, counts={"documents": 1_000}, notes=[note])
    outcome.add("recall", OURS, EvalEstimate(0.75, 0.5, 1.0, 3))
    outcome.add("recall", "raw", EvalEstimate(0.5, 0.25, 0.625, 3))
    outcome.add("recall", CHANGE, EvalEstimate(-0.02, -0.05, 0.01, 3))
    outcome.add("search ms", OURS, EvalEstimate(120.0, 80.0, 300.0, 3))
    outcome.add("undefined", OURS, EvalEstimate(NAN, NAN, NAN, 0))
    return outcome


def a_page(*outcomes, **about):
    return Page(report_page("retrieval", outcomes or (an_outcome(),), about))


def test_figures_counts_notes_and_how_it_was_made_are_told():
    page = a_page(seed=3)
    for told in (
        ".750 [.500, 1.000]",
        ".500 [.250, .625]",
        "documents 1,000",
        "a note",
        '"seed": 3',
    ):
        assert told in page.text
    assert page.open == []


def test_nothing_is_loaded_and_nothing_runs():
    page = a_page()
    assert not LOADING & {name for _, name, _ in page.attributes}
    assert not {"script", "link", "img", "iframe", "object", "foreignobject"} & set(page.tags)
    text = report_page("retrieval", (an_outcome(),), {})
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "&amp;"]
)
def test_names_are_text_whatever_they_hold(hostile):
    outcome = an_outcome(hostile, hostile)
    outcome.add(hostile, hostile, EvalEstimate(0.5, 0.4, 0.6, 3))
    page = a_page(outcome, data=hostile)
    assert not {"script", "img"} & set(page.tags)
    assert page.text.count(hostile) >= 4
    assert page.open == []


def test_each_figure_that_there_is_is_drawn_within_the_plot_with_its_interval():
    page = a_page()
    assert page.tags.count("svg") == 3  # recall, its change, search ms; nothing undefined
    places = page.of("circle", "cx")
    assert len(places) == 4
    assert all(280 <= place <= 748 for place in [*places, *page.of("line", "x1")])
    recall, raw, change, _ = places
    assert raw < recall
    assert recall == 280 + 0.75 * (760 - 280 - 12)
    assert change < (280 + 748) / 2  # below nothing, which lies in the middle


def test_a_figure_of_nothing_at_all_is_drawn_too():
    outcome = SetOutcome("empty", 1)
    outcome.add("search ms", OURS, EvalEstimate(0.0, 0.0, 0.0, 1))
    outcome.add("search ms", CHANGE, EvalEstimate(0.0, 0.0, 0.0, 1))
    assert len(a_page(outcome).of("circle", "cx")) == 2


def test_it_is_written_where_it_can_be_and_otherwise_named(tmp_path):
    path = tmp_path / "page.html"
    write_report(path, "retrieval", [an_outcome()], {})
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(BadData, match=r"gone.page\.html: No such file.*--html"):
        write_report(tmp_path / "gone" / "page.html", "retrieval", [], {})


def test_a_name_that_is_no_text_and_a_figure_below_nothing_are_drawn(tmp_path):
    outcome = SetOutcome("set \udcff", 1)
    outcome.add("kappa", OURS, EvalEstimate(-1.0, -1.0, -1.0, 1))
    write_report(tmp_path / "page.html", "retrieval", [outcome], {})
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "set ?" in page
    assert 'cx="280.0"' in page


def test_what_was_found_is_printed_though_the_page_cannot_be_written(tmp_path, capsys):
    with pytest.raises(BadData, match="name another file"):
        report("retrieval", [an_outcome()], Choice(), {}, True, tmp_path / "gone" / "page.html")
    assert json.loads(capsys.readouterr().out)["eval"] == "retrieval"
