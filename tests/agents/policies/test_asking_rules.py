"""The engine is asked once for things that its rules can't tell apart, and never twice."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.policies.asking_rules import KNOWN_MAX, rulings
from agents.policies.deciding import CannotDecide, Ruling, decide
from agents.policies.policy_entities import document_entity, user_entity
from agents.policies.policy_text import RULES_MAX
from agents.policies.processing_place import processed
from agents.policies.rule_book import rule_book, rules_of
from agents.policies.rule_mentions import PARENTS, WHOLE, RuleMention, fits, mentions
from tests.agents.policies.policies import HIDING, OPEN, RESIDENT, a_document

READ = 'permit(principal, action == Action::"read", resource%s)%s;'
CONDITIONS = [
    'resource.class == "a"',
    'resource.uri like "a/*"',
    'resource.uri like "*/1" || resource.class like "*a*"',
    'Document::"d2" == resource',
    'resource.groups.contains("g")',
    "principal.groups.containsAny(resource.groups)",
    'resource has "class"',
    'resource.hasTag("team") && resource.getTag("team") == "x"',
    'resource.hasTag("team") && principal.groups.contains(resource.getTag("team"))',
    'resource == Document::"d0"',
    '[Document::"d0", Document::"d1"].contains(resource)',
    'resource in Group::"acme/g"',
    'resource in [Tenant::"acme", Group::"acme/h"]',
    'principal in Group::"acme/g"',
    'principal == User::"u0"',
    'if context.mode == "search" then resource.class == "a" else principal == User::"u1"',
    '!(resource in Tenant::"acme")',
    "principal in resource",
]  # fmt: skip
scopes = st.sampled_from(
    [
        "",
        ' == Document::"d0"',
        ' in Group::"acme/g"',
        " is Document",
        ' is Document in Tenant::"acme"',
    ]
)
rules = st.lists(
    st.tuples(
        st.sampled_from(["permit", "forbid"]),
        scopes,
        st.lists(st.sampled_from(CONDITIONS), max_size=2),
    ),
    min_size=1,
    max_size=4,
)
groups = st.lists(st.sampled_from("gh"), unique=True)
documents = st.lists(
    st.builds(
        lambda number, uri, readers, tags: a_document(f"d{number}", tuple(readers), uri, **tags),
        st.integers(0, 3),
        st.sampled_from(["a/1", "b/1"]),
        groups,
        st.dictionaries(st.sampled_from(["class", "team"]), st.sampled_from(["a", "x", "g"])),
    ),
    max_size=8,
    unique_by=lambda one: one.document,
)


def made(given):
    return "\n".join(
        f'{effect}(principal, action == Action::"read", resource{scope})'
        + "".join(f" when {{ {one} }}" for one in conditions)
        + ";"
        for effect, scope, conditions in given
    )


@settings(deadline=None, max_examples=200)
@given(
    rules,
    st.lists(
        st.tuples(
            st.sampled_from(["acme", "umbrella"]),
            st.sampled_from(["u0", "u1"]),
            groups,
            documents,
            st.sampled_from(["search", "answer"]),
        ),
        max_size=3,
    ),
)
def test_what_is_grouped_and_kept_is_decided_as_if_each_were_asked_for_alone(given_rules, asked):
    text = made(given_rules)
    book = rule_book.__wrapped__(text).of("read")
    for tenant, subject, of_groups, found, mode in asked:
        reader = user_entity(tenant, subject, of_groups)
        things = [document_entity(tenant, one) for one in found]
        together = [one for one in rulings(book, reader, things, {"mode": mode}) if one]
        alone = [decide(book.policies, "read", reader, [one], {"mode": mode})[0] for one in things]
        assert together == alone


@pytest.mark.parametrize(
    ("scope", "condition", "of_resource"),
    [
        ("", "", []),
        (' == Document::"d"', "", [RuleMention("named", "d")]),
        (' in Group::"acme/g"', "", [PARENTS]),
        (' is Document in Tenant::"acme"', "", [PARENTS]),
        ("", 'resource.class == "a" && resource.hasTag("t")', [RuleMention("attribute", "class"), RuleMention("tag", "t")]),
        ("", 'resource in [Document::"d", Group::"acme/g"]', [RuleMention("named", "d"), PARENTS]),
        ("", 'Document::"d" == resource', [RuleMention("named", "d")]),
        ("", "resource in principal", [WHOLE]),
        ("", 'resource in principal && resource.class == "a"', [WHOLE]),
        ("", '["a"].contains(resource.uri)', [RuleMention("attribute", "uri")]),
        ("", 'resource.uri like "a*b\\*c"', [RuleMention("like", "uri", ("a", "b*c"))]),
    ],
)  # fmt: skip
def test_what_rules_mention_of_a_document(scope, condition, of_resource):
    when = f" when {{ {condition} }}" if condition else ""
    told = mentions(rules_of(READ % (scope, when)), "resource", "Document")
    assert list(told) == sorted(of_resource)


@given(st.text("ab*", max_size=6), st.text("ab*", max_size=8))
def test_a_pattern_fits_what_it_fits_for_the_engine(pattern, text):
    rule = READ % ("", f' when {{ resource.uri like "{pattern}" }}')
    book = rule_book.__wrapped__(rule).of("read")
    [mention] = book.of_resource
    thing = document_entity("acme", a_document(uri=text))
    [told] = decide(
        book.policies, "read", user_entity("acme", "u", ()), [thing], {"mode": "answer"}
    )
    assert fits(text, mention.pattern) is told.allowed


def test_tenants_and_regions_are_told_apart_where_rules_name_them():
    book = rule_book.__wrapped__(RESIDENT).of("process")
    told = [
        processed(book, tenant, region).allowed
        for tenant in ("acme", "umbrella")
        for region in ("us", "eu")
    ]
    assert told == [False, True, True, True]


class Asked(list):
    """Decides, and keeps of how many things each question was."""

    def __call__(self, policies, action, principal, resources, context):
        self.append(len(resources))
        return decide(policies, action, principal, resources, context)


def test_a_hundred_documents_of_three_classes_are_three_questions_and_none_the_next_time():
    asked = Asked()
    book = rule_book.__wrapped__(HIDING).of("read")
    things = [
        document_entity("acme", a_document(f"d{n}", **{"class": "abc"[n % 3]})) for n in range(100)
    ]
    for subject in ("u", "another of the same groups"):
        reader = user_entity("acme", subject, ("staff",))
        assert [one for one in rulings(book, reader, things, {"mode": "answer"}, asked) if one] == [
            Ruling(True, ("all may read",))
        ] * 100
    assert asked == [3]
    list(rulings(book, user_entity("acme", "u", ("hr",)), things, {"mode": "answer"}, asked))
    assert asked == [3, 3]


def test_many_rules_let_others_have_their_turn():
    asked = Asked()
    text = OPEN + "".join(
        f'@id("{n}") forbid(principal, action == Action::"read", resource) when {{ resource.uri == "{n}" }};'
        for n in range(RULES_MAX - 1)
    )
    book = rule_book.__wrapped__(text).of("read")
    things = [document_entity("acme", a_document(f"d{n}", uri=f"{n}")) for n in range(20)]
    told = list(rulings(book, user_entity("acme", "u", ()), things, {"mode": "answer"}, asked))
    assert asked == [5] * 4
    assert told.count(None) == 4
    assert not any(one.allowed for one in told if one)


def test_what_is_kept_is_bounded():
    book = rule_book.__wrapped__(HIDING).of("read")
    reader, thing = user_entity("acme", "u", ()), document_entity("acme", a_document())
    book.known.update((number, None) for number in range(KNOWN_MAX + 1))
    list(rulings(book, reader, [thing], {"mode": "answer"}))
    assert len(book.known) == 1


def test_a_rule_that_breaks_denies():
    text = OPEN + (
        '@id("older") forbid(principal, action == Action::"read", resource) '
        "when { 9223372036854775807 + 1 == 1 };"
    )
    book = rule_book.__wrapped__(text).of("read")
    [told] = [one for one in rulings(book, user_entity("a", "u", ()), [document_entity("a", a_document())], {"mode": "x"}) if one]  # fmt: skip
    assert told == Ruling(False, ("error",))


@pytest.mark.parametrize(
    ("text", "pieces", "told"),
    [
        ("a", ("a", "a"), False),  # one letter is not both its beginning and its end
        ("aa", ("a", "a"), True),
        ("a", ("", "a", "a", ""), False),  # nor two pieces one after the other
        ("xaxa", ("", "a", "a", ""), True),
        ("ab", ("", "b", "a", ""), False),
        ("a", ("a",), True),
        ("ab", ("a",), False),
    ],
)
def test_pieces_of_a_pattern_stand_one_after_the_other(text, pieces, told):
    assert fits(text, pieces) is told


def test_what_was_decided_in_one_context_is_not_taken_for_another():
    rule = READ % ("", ' when { context.mode == "search" }')
    book = rule_book.__wrapped__(rule).of("read")
    reader, thing = user_entity("acme", "u", ()), document_entity("acme", a_document())
    told = [
        one.allowed
        for mode in ("search", "answer", "search")
        for one in rulings(book, reader, [thing], {"mode": mode})
        if one
    ]
    assert told == [True, False, True]


def test_what_the_engine_can_not_take_is_told_without_what_it_was_told():
    rules = rule_book(OPEN).of("read")
    reader = user_entity("acme", "s", ("board",))
    odd = document_entity("acme", a_document("d", uri="hr/pay of Ada.md \ud800", team="north"))
    with pytest.raises(CannotDecide) as refused:
        decide(rules.policies, "read", reader, [odd], {"mode": "answer"})
    assert (
        str(refused.value) == "the policy's engine can't decide about read: it takes no part of it"
    )


def test_decisions_that_another_thread_forgets_are_made_anew():
    rules = rule_book(HIDING).of("read")

    class Forgotten(dict):
        def __contains__(self, key):
            return True  # it was there, a moment ago

    ours = replace(rules, known=Forgotten())
    reader = user_entity("acme", "s", ())
    [*_, made] = rulings(ours, reader, [document_entity("acme", a_document())], {"mode": "answer"})
    assert made == Ruling(True, ("all may read",))
