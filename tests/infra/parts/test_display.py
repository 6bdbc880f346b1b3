"""How a fetch shows, on a terminal and elsewhere."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress, Task

from infra.parts import display
from infra.parts.part import Part


def a_part(name="kafka", typical_s=100):
    return Part(name, "4.1.1", "abc", lambda _work: None, typical_s)


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def test_off_a_terminal_a_part_is_named_at_its_begin_and_end(capsys):
    with display.shown() as shown:
        shown.begun(a_part())
        shown.line(a_part(), "downloading")
        shown.done(a_part(), 12.4)
    said = capsys.readouterr()
    assert said.err == "fetching kafka 4.1.1 (about 100 s)\nfetched kafka 4.1.1 in 12 s\n"
    assert said.out == ""  # results go there, and nothing else


def test_off_a_terminal_a_tool_is_heard_now_and_then(capsys, clock):
    lines = display.Lines(clock)
    part = a_part()
    lines.begun(part)
    for clock.now_s in (1.0, 14.0, 16.0, 17.0, 40.0):
        lines.line(part, f"at {clock.now_s:.0f} " + "x" * 500)
    heard = capsys.readouterr().err.splitlines()[1:]
    assert [line.partition("x")[0] for line in heard] == ["kafka: at 16 ", "kafka: at 40 "]
    assert all(len(line) < 100 for line in heard)


@pytest.fixture
def bars(clock):
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120)
    with Progress(*display.columns(), console=console, get_time=clock, auto_refresh=False) as live:
        bars = display.Bars(live)
        bars.live, bars.text = live, text
        yield bars


def task_of(bars) -> Task:
    [task] = bars.live.tasks
    return task


def shows(bars):
    bars.text.truncate(0)
    bars.live.refresh()
    return bars.text.getvalue()


def test_a_bar_fills_by_what_the_part_usually_takes(bars, clock):
    bars.begun(a_part(typical_s=100))
    clock.now_s = 30.0
    assert "~70 s" in shows(bars)
    assert display.Elapsed().render(task_of(bars)).completed == 30.0
    clock.now_s = 400.0  # a slow network: neither full nor a negative rest
    assert "soon" in shows(bars)
    assert display.Elapsed().render(task_of(bars)).completed == 98.0
    bars.done(a_part(), 400.0)
    assert "400 s" in shows(bars)
    assert display.Elapsed().render(task_of(bars)).completed == 100.0


def test_a_bar_shows_its_tools_last_words_and_drops_them_at_the_end(bars):
    part = a_part()
    bars.begun(part)
    bars.line(part, "building weaviate " + "x" * 500)
    assert "building weaviate" in shows(bars)
    bars.done(part, 1.0)
    assert "building weaviate" not in shows(bars)
