"""Figures, gate, terminal and page of a what-if, over findings that are made up."""

import io
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from replay.whatif.whatif_figures import drawn_figure, mean, ratio_at, ratio_of_sums, share_of
from replay.whatif.whatif_finding import AnswerShown, AnswerSide, ValueMention, WhatIfFinding
from replay.whatif.whatif_gate import BadGate, held_against, read_gate
from replay.whatif.whatif_page import marked_words, page_of
from replay.whatif.whatif_report import FIGURES, STATES, report_of
from replay.whatif.whatif_terminal import show_what_if, spelt_figure

HOSTILE = '"><script src=//evil.example/x.js></script><img src=x onerror=alert(1)>&#0;\u202e'


def side(text="The mill opens at nine.", ended="released", **fields):
    told = {
        "finish_reason": "stop",
        "model": "chat@1",
        "citations": ("c1",),
        "passages": ("c1", "c2"),
        "took_us": 1_000_000,
        "cost_micros": 100,
    }
    return AnswerSide(ended=ended, text=text, **{**told, **fields})


def found(number=0, state="changed", tenant="acme", now=None, **fields):
    told = {
        "request_id": f"r-{number}",
        "tenant": tenant,
        "session": f"s-{number}",
        "subject": "5ub1ec7" * 4,
        "at_us": number,
        "recorded": side(),
        "now": now or side(),
    }
    return WhatIfFinding(state=state, **{**told, **fields})


def a_report(*findings, stopped=""):
    return report_of(findings, {"set": ["prompt=p.txt"]}, stopped)


def value_of(figure, *findings):
    told = a_report(*findings)["all"]["figures"][figure]
    return told and told["value"]


def test_every_state_is_counted_for_each_tenant():
    findings = [found(n, state, tenant=f"t{n % 2}") for n, state in enumerate(STATES)]
    report = a_report(*findings)
    assert {state: report["all"][state] for state in STATES} == dict.fromkeys(STATES, 1)
    assert sum(of["requests"] for of in report["tenants"].values()) == len(STATES)


@pytest.mark.parametrize(
    ("figure", "now"),
    [
        ("answers_changed", side("The mill opens at ten.")),
        ("citations_lost", side(citations=("c2",))),
        ("new_blocks", side("", "refused")),
        ("new_retractions", side(ended="retracted")),
        ("new_failures", side("", "gave_up")),
    ],
)
def test_a_share_is_of_the_requests_that_were_run(figure, now):
    erased = found(9, "erased", recorded=None, now=None)
    erased = WhatIfFinding(
        **{**{n: getattr(erased, n) for n in erased.__struct_fields__}, "now": None}
    )
    assert value_of(figure, found(0, now=now), found(1, "same"), erased) == 0.5
    assert value_of(figure, found(1, "same")) == 0
    assert value_of(figure, erased) is None


def test_what_is_let_through_was_refused_before():
    one = found(recorded=side("", "refused"), now=side())
    assert value_of("let_through", one) == 1
    assert value_of("new_blocks", one) == 0


def test_an_answer_that_gains_a_citation_loses_none():
    assert value_of("citations_lost", found(now=side(citations=("c1", "c3")))) == 0


def test_overlap_is_of_all_that_either_found():
    assert value_of("retrieval_overlap", found(now=side(passages=("c2", "c3")))) == 0.3333
    nothing = side(passages=())
    assert value_of("retrieval_overlap", found(recorded=nothing, now=nothing)) == 1


def test_times_and_prices_are_multiples_of_the_recorded_ones():
    findings = [found(n, now=side(took_us=1_500_000, cost_micros=250)) for n in range(4)]
    assert value_of("p95_ratio", *findings) == 1.5
    assert value_of("p50_ratio", *findings) == 1.5
    assert value_of("cost_ratio", *findings) == 2.5
    free = found(recorded=side(cost_micros=0), now=side(cost_micros=0))
    assert value_of("cost_ratio", free) == 1
    assert value_of("cost_ratio", found(recorded=side(cost_micros=0))) is None


def test_values_are_counted_by_kind():
    one = found(found=(ValueMention("<PERSON_1>", "PERSON"), ValueMention("<AGE_1>", "AGE")))
    two = found(1, "leaked", lost=(ValueMention("<PERSON_1>", "PERSON"),))
    report = a_report(one, two)
    assert report["all"]["found"] == {"AGE": 1, "PERSON": 1}
    assert report["all"]["lost"] == {"PERSON": 1}
    assert report["all"]["figures"]["leaks"]["value"] == 0.5


def test_a_retroactive_entry_says_who_saw_what_and_for_how_long():
    shown = AnswerShown(tokens=7, from_us=2_000_000, until_us=5_500_000)
    one = found(now=side(ended="retracted", categories=("hate",)), shown=shown)
    [told] = a_report(one, found(1, "same"))["retroactive"]
    assert (told["session"], told["subject"]) == ("s-0", "5ub1ec7" * 4)
    assert (told["what"], told["categories"], told["tokens_shown"]) == (["retracted"], ["hate"], 7)
    assert told["shown_until_us"] - told["shown_from_us"] == 3_500_000
    assert "was shown 7 tokens, for 3.5 s" in printed(a_report(one))


# ---------------------------------------------------------------------- intervals


@given(st.integers(1, 400), st.data())
def test_a_share_lies_in_its_interval_which_narrows_with_more(of, data):
    number = data.draw(st.integers(0, of))
    one, more = share_of(number, of), share_of(number * 100, of * 100)
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert more.high - more.low < one.high - one.low


def test_wilsons_interval_is_that_of_the_paper():
    """Of 10 in 100: 0.0552 to 0.1744, as every table of it has."""
    told = share_of(10, 100).as_json()
    assert (told["low"], told["high"]) == (0.0552, 0.1744)
    assert share_of(0, 0) is None


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=12))
def test_a_drawn_figure_lies_in_its_interval_and_is_the_same_again(values):
    one = drawn_figure(mean, values)
    assert one.value == pytest.approx(sum(values) / len(values))
    assert one == drawn_figure(mean, values)
    assert one.low <= one.high
    assert min(values) - 1e-6 <= one.low
    assert one.high <= max(values) * (1 + 1e-9) + 1e-6


def test_ratios_need_something_to_divide_by():
    assert drawn_figure(ratio_of_sums, [0.0], [1.0]) is None
    assert drawn_figure(ratio_of_sums, [0.0], [0.0]).value == 1
    assert drawn_figure(ratio_at(95), [], []) is None


# ---------------------------------------------------------------------- gate


def gate(tmp_path, text):
    path = tmp_path / "gate.toml"
    path.write_text(text)
    return read_gate(path)


def test_a_bound_that_breaks_is_named_with_its_value(tmp_path):
    bounds = gate(tmp_path, 'bounds = ["citations_lost <= 0.02", "p95_ratio<=1.1"]')
    held = held_against(bounds, a_report(found(now=side(citations=()))))
    assert [(one.kept, str(one)) for one in held] == [
        (False, "citations_lost <= 0.02: is 1"),
        (True, "p95_ratio <= 1.1: is 1"),
    ]


def test_a_bound_may_be_of_an_end_of_the_interval_and_of_a_tenant(tmp_path):
    text = 'bounds = ["answers_changed.high <= 0.5"]\n[tenants.acme]\nbounds = ["leaks < 0.1"]\n'
    text += '[tenants."*"]\nbounds = ["new_blocks == 0"]\n'
    held = held_against(gate(tmp_path, text), a_report(found(), found(1, tenant="other")))
    assert [(one.tenant, one.kept) for one in held] == [
        ("", False),
        ("acme", True),
        ("acme", True),
        ("other", True),
    ]


def test_what_is_not_known_is_not_kept(tmp_path):
    text = 'bounds = ["leaks <= 1"]\n[tenants.none]\nbounds = ["leaks <= 1"]'
    held = held_against(gate(tmp_path, text), a_report())
    assert [one.kept for one in held] == [False, False]
    assert "is not known: nothing was run" in str(held[0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it states no bound"),
        ("bounds = []", "it states no bound"),
        ("bounds = 3", "must be a list of texts"),
        ("bounds = [3]", "must be a list of texts"),
        ('bounds = ["citation_lost <= 1"]', "did you mean citations_lost? There is"),
        ('bounds = ["leaks.middle <= 1"]', "a figure has value, low, high"),
        ('bounds = ["leaks =< 1"]', "is no bound"),
        ('bounds = ["leaks <= many"]', "is no bound"),
        ('bouns = ["leaks <= 1"]', "`bouns` is unknown"),
        ("tenants = 3", "must be tables"),
        ("[tenants]\nacme = 3", "must be a table with"),
        ("bounds = [", "no TOML"),
        ("x" * 100_001, "over 100000 bytes"),
    ],
)
def test_a_gate_that_says_nothing_to_hold_is_refused(tmp_path, text, told):
    with pytest.raises(BadGate, match=re.escape(told)):
        gate(tmp_path, text)


def test_a_gate_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(BadGate, match="No such file"):
        read_gate(tmp_path / "none.toml")
    (tmp_path / "b").write_bytes(b"\xff\xfe")
    with pytest.raises(BadGate, match="no TOML"):
        read_gate(tmp_path / "b")


# ---------------------------------------------------------------------- terminal


def printed(report, held=()):
    screen = io.StringIO()
    show_what_if(report, held, Console(file=screen, width=120))
    return screen.getvalue()


def test_the_terminal_shows_both_texts_and_what_is_left(tmp_path):
    one = found(now=side("The mill opens at ten."), step="generate", field="text", question="When?")
    left = found(1, "not_run", reason="no key store at x")
    held = held_against(gate(tmp_path, 'bounds = ["answers_changed <= 0"]'), a_report(one))
    told = printed(a_report(one, left, stopped="--max-calls 3 is reached"), held)
    assert "released: The mill opens at nine." in told
    assert "released: The mill opens at ten." in told
    assert "stopped: --max-calls 3 is reached" in told
    assert "r-1 (acme) is not run: no key store at x" in told
    assert "BROKEN answers_changed <= 0: is 1" in told
    assert "r-0 (acme): first at generate text" in told


def test_the_terminal_takes_no_markup_from_a_text():
    told = printed(a_report(found(now=side("[red]loud[/red] [/]"), question="[bold]x")))
    assert "[red]loud[/red] [/]" in told
    assert "[bold]x" in told


def test_a_long_list_is_cut_and_an_unchanged_answer_is_only_counted():
    told = printed(a_report(*(found(n, now=side(f"No {n}.")) for n in range(15)), found(20)))
    assert "… and 3 more" in told
    assert "1 request otherwise on the way, with the same answer" in told


def test_a_figure_is_spelt_as_what_it_is():
    figure = {"value": 0.25, "low": 0.1, "high": 0.5}
    assert spelt_figure("leaks", figure) == "25.0% (10.0% to 50.0%)"
    assert spelt_figure("p95_ratio", figure) == "0.250 (0.100 to 0.500)"
    assert spelt_figure("leaks", None) == "-"


# ---------------------------------------------------------------------- page


class Page(HTMLParser):
    """Reads a page: its tags, their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def test_a_page_shows_what_changes_word_by_word():
    assert marked_words("opens at nine today", "opens at ten today") == (
        "opens at <del>nine</del> today",
        "opens at <ins>ten</ins> today",
    )
    page = page_of(a_report(found(now=side("The mill opens at ten."))), ())
    assert "<del>nine.</del>" in page
    assert all(meaning in Page(page).text for meaning in FIGURES.values())


@given(st.text(max_size=40), st.text(max_size=40))
def test_marks_take_no_word_away(then, now):
    gone, come = marked_words(then, now)
    assert Page(f"<p>{gone}</p>").text == Page(f"<p>{marked_words(then, then)[0]}</p>").text
    assert Page(f"<p>{come}</p>").text == Page(f"<p>{marked_words(now, now)[1]}</p>").text


def test_hostile_texts_stay_texts_and_the_page_loads_nothing():
    hostile = side(HOSTILE, finish_reason=HOSTILE, model=HOSTILE, categories=(HOSTILE,))
    one = found(tenant=HOSTILE, now=hostile, question=HOSTILE, step="generate", field=HOSTILE)
    leaked = found(1, "leaked", reason=HOSTILE, question=HOSTILE)
    left = found(2, "not_run", reason=HOSTILE)
    report = report_of([one, leaked, left], {"set": [HOSTILE]}, HOSTILE)
    page = Page(page_of(report, ()))
    assert HOSTILE.replace("&#0;", "") in page.text.replace("&#0;", "")
    assert not {"script", "img", "link", "iframe", "object", "base", "form"} & set(page.tags)
    assert not {"src", "href", "onerror", "style"} & {name for name, _ in page.attributes}
    assert any("default-src 'none'" in str(value) for _, value in page.attributes)


def test_the_page_is_readable_in_dark_and_light_and_on_a_narrow_screen():
    page = page_of(a_report(found()), ())
    assert "color-scheme: light dark" in page
    assert "prefers-color-scheme: dark" in page
    assert "@media (max-width: 40rem)" in page
    assert '<html lang="en">' in page


def test_an_enormous_answer_does_not_hold_the_page_up():
    text = "word " * 30_000
    assert marked_words(text, "x")[1] == "<ins>x</ins>"
