"""What an evaluation found, as a document and as a table."""

import io

import pytest
from rich.console import Console

from evals.bootstrap import EvalEstimate
from evals.outcome import OURS, SetOutcome, document, show_sets, spelled
from streams.version import CODE


def an_outcome():
    outcome = SetOutcome("tower", 3, counts={"changed": 1_000}, notes=["[a] note"])
    outcome.add("recall", OURS, EvalEstimate(0.75, 0.5, 1.0, 3))
    outcome.add("recall", "raw", EvalEstimate(0.5, 0.25, 0.625, 3))
    outcome.add("precision", OURS, EvalEstimate(0.25, 0.0, 0.5, 3))
    return outcome


def test_a_figure_is_found_by_name_and_system():
    outcome = an_outcome()
    assert outcome.figure("recall").value == 0.75
    assert outcome.figure("recall", "raw").value == 0.5
    with pytest.raises(KeyError):
        outcome.figure("precision", "raw")


def test_the_document_says_by_which_code_and_how_it_was_made():
    made = document("rewriting", [an_outcome()], {"seed": 3})
    assert (made["eval"], made["code"], made["seed"]) == ("rewriting", CODE, 3)
    [one] = made["sets"]
    assert (one["set"], one["rows"], one["counts"], one["notes"]) == (
        "tower",
        3,
        {"changed": 1_000},
        ["[a] note"],
    )
    assert one["figures"][1] == {
        "figure": "recall", "system": "raw", "value": 0.5, "low": 0.25, "high": 0.625, "rows": 3,
    }  # fmt: skip


def test_the_table_has_a_row_a_figure_and_a_column_a_system():
    shown = io.StringIO()
    show_sets([an_outcome()], Console(file=shown, width=120))
    lines = shown.getvalue().splitlines()
    assert lines[0].split() == ["tower", "(3)", OURS, "raw"]
    assert lines[1].split() == ["recall", ".750", "[.500,", "1.000]", ".500", "[.250,", ".625]"]
    assert lines[2].split() == ["precision", ".250", "[.000,", ".500]"]
    assert "changed 1,000" in lines[3]
    assert lines[4].strip() == "[a] note"


@pytest.mark.parametrize(
    ("figures", "text"),
    [
        ((0.7494, 0.7, 0.8), ".749 [.700, .800]"),
        ((float("nan"),) * 3, "– [–, –]"),
        ((1.0, 0.0, 1.0), "1.000 [.000, 1.000]"),
    ],
)
def test_a_figure_is_spelled_with_its_interval(figures, text):
    assert spelled(EvalEstimate(*figures, rows=1)) == text
