"""`eval groundedness`: claims stand or fall by the step's own rule."""

import pytest

from evals.data_sets import BadData, Choice, EvalRow
from evals.groundedness import (
    OVERLAP,
    claim_of,
    evaluate_groundedness,
    passage_of,
    standing,
    stands,
    word_overlap,
)
from evals.outcome import OURS
from tests.evals.sets import PUBLIC, needs_public_sets, write_rows

CONTEXT = "The lighthouse of Lindesnes was built in 1887. Anna Holm kept its lamp for thirty years."
CLAIMS = {
    "supported": ["The lighthouse of Lindesnes was built in 1887.", "Anna Holm kept the lamp for thirty years."],
    "contradicted": ["The lighthouse of Lindesnes was built in 1923."],
    "not_supported": ["The ferry leaves the harbour at nine."],
}  # fmt: skip
ROWS = [
    {"id": f"{label}-{number}", "context": CONTEXT, "claim": claim, "label": label}
    for label, claims in CLAIMS.items()
    for number, claim in enumerate(claims)
]


def advance(_total):
    return lambda: None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"label": "true"},
            "'label' is 'true': it must be one of supported, contradicted, not_supported",
        ),
        ({"context": 1.5}, "'context' must be a text"),
        ({"claim": None}, "'claim' must be a text"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path, changed, said):
    with pytest.raises(BadData, match=said):
        claim_of(EvalRow(tmp_path, 1, {**ROWS[0], **changed}))


def test_what_stands_word_for_word_stands_at_any_price():
    assert standing(CONTEXT, CLAIMS["supported"][0]) == 1.0


def test_a_foreign_number_never_stands():
    assert standing(CONTEXT, CLAIMS["contradicted"][0]) == 0.0


def test_a_score_is_where_the_verdict_turns():
    claim = "Anna Holm painted its lamp for thirty years."
    score = standing(CONTEXT, claim)
    assert 0 < score < 1
    assert stands(CONTEXT, claim, score)
    assert not stands(CONTEXT, claim, score + 1 / 2**15)


@pytest.mark.parametrize(
    ("claim", "share"),
    [("The lighthouse of Lindesnes", 1.0), ("A ferry to Lindesnes", 0.5), ("Is it?", 0.0)],
)
def test_the_overlap_of_words_is_the_share_that_the_context_has(claim, share):
    assert word_overlap(CONTEXT, claim) == share


def test_a_passage_of_a_text_has_a_length_in_tokens():
    passage = passage_of("x" * 40, "T", "p-1")
    assert (passage.tokens, passage.title, passage.document, passage.chunk) == (
        10,
        "T",
        "p-1",
        "p-1",
    )
    assert passage_of("").tokens == 1


def test_a_set_has_curves_and_verdicts(tmp_path):
    path = write_rows(tmp_path / "claims.jsonl", ROWS)
    outcome = evaluate_groundedness(path, Choice(), advance)
    assert outcome.counts == {"supported": 2, "contradicted": 1, "not_supported": 1}
    assert outcome.figure("AUPRC").value == 1.0
    assert outcome.figure("AUPRC", OVERLAP).value == 1.0
    assert outcome.figure("ROC area, contradicted only").rows == 3
    assert outcome.figure("let stand, supported").value == 1.0
    assert outcome.figure("let stand, contradicted").value == 0.0
    assert outcome.figure("let stand, not_supported").value == 0.0
    with pytest.raises(KeyError):
        outcome.figure("let stand, supported", OVERLAP)


def test_without_contradicted_claims_there_is_no_figure_of_them(tmp_path):
    kept = [row for row in ROWS if row["label"] == "supported"]
    outcome = evaluate_groundedness(write_rows(tmp_path / "a.jsonl", kept), Choice(), advance)
    assert {one.name for one in outcome.figures if one.system == OURS} == {
        "AUPRC", "ROC area", "recall at 1 % false", "let stand, supported",
    }  # fmt: skip


@needs_public_sets
def test_a_public_set_is_read_whole():
    path = PUBLIC / "grounded" / "scifact_train.jsonl.gz"
    outcome = evaluate_groundedness(path, Choice(200, seed=1), advance)
    assert outcome.rows == 200
    assert sum(outcome.counts.values()) == 200
    assert 0.4 < outcome.figure("AUPRC", OVERLAP).value < 0.9
