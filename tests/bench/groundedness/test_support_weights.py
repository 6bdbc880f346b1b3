"""Support weights: fitted on one half of claims, reported on the other."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from agents.checking.support_head import probability
from bench.groundedness import support_weights
from bench.groundedness.support_weights import (
    LabelledClaim,
    area_under_roc,
    average_precision,
    fit,
    interval,
    read_claims,
    told,
    weighed,
)

DATA = Path(__file__).parents[4] / "shared" / "evaldata"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the evaluation sets are not here")


def gzipped(path, rows):
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


def claims(count):
    return [
        {
            "id": f"c{number}",
            "context": f"The lake {number} is wide. It lies in Norway.",
            "claim": f"The lake {number} is {'wide' if number % 3 else 'not wide'}.",
            "label": "supported" if number % 3 else "contradicted",
        }
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("scores", "positive", "precision", "area"),
    [
        ([0.9, 0.8, 0.2], [1, 1, 0], 1.0, 1.0),
        ([0.9, 0.8, 0.2], [0, 1, 1], (1 / 2 + 2 / 3) / 2, 0.0),
        ([0.5, 0.5, 0.5, 0.5], [1, 0, 1, 0], 0.5, 0.5),
        ([0.9, 0.5, 0.5], [1, 1, 0], (1 + 2 / 3) / 2, 0.75),
    ],
)
def test_the_areas_under_both_curves_are_right(scores, positive, precision, area):
    scores, positive = np.array(scores), np.array(positive, dtype=float)
    assert average_precision(scores, positive) == pytest.approx(precision)
    assert area_under_roc(scores, positive) == pytest.approx(area)


def test_a_fitted_head_tells_what_it_was_fitted_on():
    named = [{"a": float(n % 2), "b": 1.0} for n in range(40)]
    weights = fit(named, [bool(n % 2) for n in range(40)])
    assert probability(named[1], weights) > 0.8
    assert probability(named[0], weights) < 0.2
    assert weights == {name: round(weight, 4) for name, weight in weights.items()}


def test_a_feature_that_tells_nothing_has_no_weight():
    named = [{"a": float(n % 2), "b": float(n // 2 % 2)} for n in range(40)]
    weights = fit(named, [bool(n % 2) for n in range(40)])
    assert abs(weights["b"]) < 0.001 < abs(weights["a"])


def test_a_report_has_its_intervals():
    rows = [
        LabelledClaim(f"c{n}", "", "", "supported" if n % 2 else "not_supported") for n in range(40)
    ]
    rows += [LabelledClaim(f"d{n}", "", "", "contradicted") for n in range(40)]
    scores = np.array([float(row.label == "supported") for row in rows])
    assert told(rows, scores) == (
        "average precision 1.000 [1.000, 1.000], AUC 1.000, "
        "supported against contradicted AUC 1.000 [1.000, 1.000]"
    )
    assert told(rows, -scores).startswith("average precision 0.")
    assert "supported against contradicted AUC 0.000 [0.000, 0.000]" in told(rows, -scores)


def test_an_interval_leaves_out_a_fortieth_on_each_side():
    assert interval([n / 1_000 for n in range(1_001)]) == "[0.025, 0.975]"


def test_what_compares_worse_scores_lower():
    weights = json.loads(support_weights.WEIGHTS.read_text())
    context = "The lake increases the depth of the river. It lies in Norway."
    claims_of_it = [
        "The lake increases the depth of the river.",
        "The lake decreases the depth of the river.",
        "The volcano destroys 40 villages in Iceland.",
    ]
    scores = [
        probability(weighed(LabelledClaim("c", context, claim, "")), weights)
        for claim in claims_of_it
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[1]


def test_the_weights_of_one_half_are_written_and_the_other_is_reported(tmp_path, capsys):
    gzipped(tmp_path / "claims.gz", claims(60))
    support_weights.main(tmp_path / "claims.gz", tmp_path / "weights.json")
    weights = json.loads((tmp_path / "weights.json").read_text())
    first = read_claims(tmp_path / "claims.gz")[0]
    assert set(weights) == {"bias", *weighed(first)}
    assert "other half, rules alone: average precision 1.000" in capsys.readouterr().out


def test_both_halves_have_their_claims():
    halves = [LabelledClaim(f"c{n}", "", "", "supported").half for n in range(200)]
    assert 60 < sum(halves) < 140


@pytest.mark.slow  # reads all of a set
@needs_data
def test_shipped_weights_tell_supported_claims_better_than_their_words_do():
    weights = json.loads(support_weights.WEIGHTS.read_text())
    rows = [r for r in read_claims(DATA / "grounded" / "scifact_train.jsonl.gz") if r.half == 1]
    named = [weighed(row) for row in rows]
    positive = np.array([float(row.label == "supported") for row in rows])
    related = np.array([row.label != "not_supported" for row in rows])
    scores = np.array([probability(one, weights) for one in named])
    shares = np.array([one["share"] for one in named])
    assert average_precision(scores, positive) > average_precision(shares, positive) + 0.05
    assert area_under_roc(scores[related], positive[related]) > 0.56
