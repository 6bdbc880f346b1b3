"""The weight of an operation: counted on its text, as if it were unfolded."""

import pytest
from graphql import parse
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.problems import Problem
from edge.protocols.graphql.graphql_limits import (
    ALIASES_MAX,
    COST_MAX,
    DEPTH_MAX,
    ENTRIES_MAX,
    NESTED_MAX,
    QUERY_MAX,
    READS_LOG,
    OperationWeight,
    check_name,
    check_text,
    check_weight,
)


def weighed(query):
    weight = OperationWeight(parse(query))
    return weight.cost, weight.depth, weight.aliases


@pytest.mark.parametrize(
    ("query", "cost", "depth", "aliases"),
    [
        ("{ me }", 1, 1, 0),
        ("{ me { user tenant } }", 3, 2, 0),
        ("{ a: me { b: user } }", 2, 2, 2),
        ("{ message { answer { text } } }", 1 + READS_LOG + 1, 3, 0),
        ("{ sessions(first: 3) { nodes { id } } }", 1 + 3 * 2, 3, 0),
        ("{ sessions { nodes { id } } }", 1 + 20 * 2, 3, 0),
        ("query ($n: Int!) { sessions(first: $n) { nodes { id } } }", 1 + ENTRIES_MAX * 2, 3, 0),
        ("{ sessions(first: 0) { nodes { id } } }", 1, 3, 0),
        ("{ sessions(first: -9) { nodes { id } } documentText }", 1 + 5 * READS_LOG, 3, 0),
        ("{ ... { me } ... on Query { me } }", 2, 1, 0),
        ("{ ...a ...a } fragment a on Query { me { user } }", 4, 2, 0),
        ("{ ...nowhere }", 0, 0, 0),
        ("query a { me } query b { me { user } }", 2, 2, 0),
        ("fragment a on Query { me }", 0, 0, 0),
        ("{ sessions(first: 99999999999999999999) { nodes } }", 1 + 999_999_999, 2, 0),
    ],
)
def test_an_operation_weighs_what_it_unfolds_to(query, cost, depth, aliases):
    assert weighed(query) == (cost, depth, aliases)


def unfolded(selection, fragments):
    """Write an operation out: the plain way, which takes as long as what it unfolds to."""
    parts = []
    for one in selection:
        if isinstance(one, int):
            parts.append(unfolded(fragments[one], fragments))
        else:
            name, inner = one
            parts.append(f"{name} {{ {unfolded(inner, fragments)} }}" if inner else name)
    return " ".join(parts)


def spelt(selection):
    parts = []
    for one in selection:
        if isinstance(one, int):
            parts.append(f"...f{one}")
        else:
            name, inner = one
            parts.append(f"{name} {{ {spelt(inner)} }}" if inner else name)
    return " ".join(parts)


NAMES = st.sampled_from(["me", "answer", "x: user", "sessions(first: 2)", "messages"])
LEAVES = st.lists(st.tuples(NAMES, st.just([])), min_size=1, max_size=2)


def selections(spreads):
    part = st.tuples(NAMES, LEAVES) | (st.sampled_from(spreads) if spreads else st.nothing())
    return st.lists(part, min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_fragments_weigh_what_stands_in_their_place(data):
    # a fragment spreads those behind it alone, so none spreads itself
    fragments = [[("me", [])]]
    for _ in range(3):
        fragments.append(data.draw(selections(list(range(len(fragments))))))
    last = len(fragments) - 1
    defined = " ".join(
        f"fragment f{n} on Query {{ {spelt(one)} }}" for n, one in enumerate(fragments)
    )
    assert weighed(f"{{ ...f{last} }} {defined}") == weighed(
        f"{{ {unfolded(fragments[last], fragments)} }}"
    )


@pytest.mark.parametrize("levels", [20, 200])
def test_a_fragment_is_counted_once_however_often_it_is_spread(levels):
    doubling = " ".join(
        f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels)
    )
    cost, depth, _ = weighed(f"{{ ...f0 }} {doubling} fragment f{levels} on Query {{ me }}")
    assert (cost, depth) == (2**levels, 1)


@pytest.mark.parametrize(
    "fragments",
    [
        "fragment a on Query { ...a }",
        "fragment a on Query { me { ...b } } fragment b on Query { ...a }",
        "fragment a on Query { ... { ...b } } fragment b on Query { x ...c } fragment c on Q { ...a }",
    ],
)
def test_a_circle_is_named(fragments):
    with pytest.raises(Problem, match="spreads itself"):
        weighed(f"{{ ...a }} {fragments}")


@pytest.mark.parametrize(
    ("least_too_much", "said"),
    [
        ("{ a " * DEPTH_MAX + "{ a }" + " }" * DEPTH_MAX, f"depth is {DEPTH_MAX + 1}"),
        (
            "{" + " ".join(f"a{n}: me" for n in range(ALIASES_MAX + 1)) + "}",
            f"aliases is {ALIASES_MAX + 1}",
        ),
        (
            "{ " + "documentText " * (COST_MAX // (5 * READS_LOG)) + " me }",
            f"cost is {COST_MAX + 1}",
        ),
    ],
)
def test_one_more_than_the_limit_is_too_much(least_too_much, said):
    with pytest.raises(Problem, match=said) as refused:
        check_weight(parse(least_too_much))
    assert refused.value.status == 422


@pytest.mark.parametrize(
    "most",
    [
        "{ a " * (DEPTH_MAX - 1) + "{ a }" + " }" * (DEPTH_MAX - 1),
        "{" + " ".join(f"a{n}: me" for n in range(ALIASES_MAX)) + "}",
        "{ " + "documentText " * (COST_MAX // (5 * READS_LOG)) + "}",
    ],
)
def test_the_limit_itself_is_not(most):
    check_weight(parse(most))


def test_a_text_is_refused_before_it_is_parsed():
    check_text("{" * NESTED_MAX)
    check_text("{}" * 500)
    check_text(" " * QUERY_MAX)
    with pytest.raises(Problem, match="deep"):
        check_text("{" * (NESTED_MAX + 1))
    with pytest.raises(Problem, match="deep"):
        check_text("{ a(b: " + "[" * NESTED_MAX)
    with pytest.raises(Problem, match="characters"):
        check_text(" " * (QUERY_MAX + 1))


def test_of_several_operations_one_is_named():
    two = parse("query a { me } query b { me }")
    check_name(two, "a")
    check_name(parse("{ me }"), None)
    check_name(parse("{ ...a } fragment a on Query { me }"), None)
    for name in (None, ""):
        with pytest.raises(Problem, match="operationName"):
            check_name(two, name)
