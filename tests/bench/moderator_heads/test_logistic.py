"""Logistic regression: it finds what separates, and its slope is the slope of its loss."""

import numpy as np
import pytest

from bench.moderator_heads.logistic import FeatureTable, fit, minimised


def a_table(seed=1, texts=200, sparse=50, dense=3):
    generator = np.random.default_rng(seed)
    columns = generator.integers(0, sparse, texts * 4)
    return FeatureTable(
        dense=generator.standard_normal((texts, dense)),
        rows=np.repeat(np.arange(texts), 4),
        columns=columns,
        values=np.ones(texts * 4) / 2,
        width=sparse,
    )


def whole(table):
    """The same features as one matrix, with a column for the bias."""
    matrix = np.zeros((len(table.dense), table.width))
    np.add.at(matrix, (table.rows, table.columns), table.values)
    return np.hstack([matrix, table.dense, np.ones((len(table.dense), 1))])


def test_scores_are_those_of_the_whole_matrix():
    table = a_table()
    weights = np.random.default_rng(2).standard_normal(54)
    assert np.allclose(table.scores(weights), whole(table) @ weights)


def test_what_errors_say_of_weights_is_the_transposed_product():
    table = a_table()
    errors = np.random.default_rng(3).standard_normal(200)
    assert np.allclose(table.back(errors), whole(table).T @ errors)


def test_part_of_a_table_scores_as_in_the_whole():
    table, weights = a_table(), np.arange(54.0)
    chosen = np.arange(200) % 3 == 0
    assert np.allclose(table.take(chosen).scores(weights), table.scores(weights)[chosen])


def test_hidden_weights_are_found():
    table = a_table(texts=2_000)
    hidden = np.random.default_rng(4).standard_normal(54) * 3
    labels = (table.scores(hidden) > 0).astype(float)
    found = fit(table, labels, np.ones(2_000), 100.0)
    assert ((table.scores(found) > 0) == labels).mean() > 0.97


def test_a_text_that_counts_for_nothing_changes_nothing():
    table = a_table()
    labels = (table.dense[:, 0] > 0).astype(float)
    counts = np.ones(200)
    counts[:50] = 0
    turned = np.where(counts == 0, 1 - labels, labels)
    assert np.array_equal(fit(table, labels, counts, 1.0), fit(table, turned, counts, 1.0))


def test_a_smaller_strength_keeps_weights_smaller():
    table = a_table()
    labels = (table.dense[:, 0] > 0).astype(float)
    weak, strong = (np.abs(fit(table, labels, np.ones(200), at)).sum() for at in (0.01, 10.0))
    assert weak < strong / 2


def test_the_same_texts_give_the_same_weights():
    table = a_table()
    labels = (table.dense[:, 1] > 0).astype(float)
    first, second = (fit(table, labels, np.ones(200), 1.0) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("scale", [0.0, 20.0])
def test_the_floor_of_a_bowl_is_found(scale):
    floor = np.array([1.0, -2.0, 3.0])
    stretch = np.array([1.0, 2.0, 5.0])

    def bowl(at):
        off = (at - floor) * stretch
        return float(off @ off), 2 * off * stretch

    assert np.allclose(minimised(bowl, np.full(3, scale)), floor, atol=0.05)
