"""Cutting a document in one go, as no step does: that one gives way between slices."""

from agents.chunking import Cutting
from agents.pieces import pieces_of


def at_once(work):
    return tuple(result for result in work if result is not None)


def begun(title, blocks, policy):
    return Cutting.of(title, at_once(pieces_of(blocks, questions=policy.questions)), policy)


def unmeasured(cutting):
    """Return the texts whose tokens must be counted next; none when it can be packed."""
    return at_once(cutting.uncounted())


def measured(cutting, counts):
    return cutting.with_pieces(tuple(cutting.remeasured(counts)))


def cut_by(tokens, title, blocks, policy):
    """Cut until all is measured by a function of a text."""
    cutting = begun(title, blocks, policy)
    while texts := unmeasured(cutting):
        cutting = measured(cutting, [tokens(text) for text in texts])
    return cutting


def chunks_of(cutting):
    return at_once(cutting.packed())
