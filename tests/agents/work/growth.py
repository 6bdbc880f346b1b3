"""How the work of a piece of a step grows with its text, over all hostile families.

What counts is how many lines of our code run, which no clock and no neighbour changes. What the interpreter does in
C (regular expressions above all) runs no line of it: of that the CPU time tells.
"""

import time
from functools import partial

from agents import evidence, language, neutralising, relevance, statements
from agents.answering import respelling, terms
from agents.checking import clauses, holding
from agents.personal import folding
from tests.agents.hostile import FAMILIES, lines_run

SIZE, TIMES = 250, 4
CUT_SIZE = 4 * SIZE
"""Of a document, so that the shorter one is cut as well, and of what works on few lines else."""
GROWTH = 1.6
"""By how much more than the text the work on it may grow: sorting and what is once a run."""
FEW_LINES = 3_000  # below this a difference is what is done once

CPU_SIZE, CPU_TIMES, CPU_GROWTH = 1_000, 4, 8
"""What is linear takes 3.5 to 4.6 times as much for four times the text, as measured; with the square it is 16 times."""
NOTICED_S = 0.0125
"""CPU below which a piece need not be compared: what grows with the square takes 0.2 s, which an event loop hardly
notices, for four times the longer text.
"""
DOUBTS = 10
"""How often both are measured before more CPU than the text grew counts as the piece's own."""


def forget():
    """Let nothing be known of a text that was worked on before."""
    for remembered in (
        language.sentences,
        language.content,
        language.stem,
        language._meaning,
        relevance.asked,
        statements.statements,
        clauses.claim_of,
        holding.held_of,
        evidence._stems,
        neutralising._told_apart,
        terms.terms,
        terms._term,
        folding._kept,
        respelling._spellings,
    ):
        remembered.cache_clear()


def lines_of(piece, text):
    """Count the lines of the steps' code that a piece runs."""
    forget()
    return lines_run(partial(piece, text)).total()


def cpu_s(piece, text):
    """Measure the CPU time of a piece."""
    forget()
    began = time.thread_time()
    piece(text)
    return time.thread_time() - began


def lines_that_outgrow(piece, size=SIZE, families=FAMILIES):
    """Return the families in which lines grow faster than the text, each with few and many."""
    grown = {}
    for family, text_of in families.items():
        many = lines_of(piece, text_of(TIMES * size))
        if many > FEW_LINES:
            few = lines_of(piece, text_of(size))
            if many > GROWTH * TIMES * few:
                grown[family] = few, many
    return grown


def cpu_that_outgrows(piece, families=FAMILIES, doubts=DOUBTS):
    """Return the families in which CPU time grows faster than the text, each with few and many.

    No bound in seconds: how much more of it so many times the text takes, where it takes what a loop would notice.
    What it does not notice need not be compared, and is most.
    """
    grown = {}
    for family, text_of in families.items():
        long = text_of(CPU_TIMES * CPU_SIZE)
        many = cpu_s(piece, long)
        if many > NOTICED_S:
            short = text_of(CPU_SIZE)
            few = min(cpu_s(piece, short) for _ in range(2))
            for _ in range(doubts):  # a neighbour on the same core makes either of them look slow
                if many <= NOTICED_S or many <= CPU_GROWTH * few:
                    break
                few, many = min(few, cpu_s(piece, short)), min(many, cpu_s(piece, long))
            else:
                grown[family] = few, many
    return grown
