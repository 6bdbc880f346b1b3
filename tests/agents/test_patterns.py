"""Patterns over text in pieces."""

import json
from pathlib import Path

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

import agents
from agents.patterns import Rule, Rules, rules_of
from agents.placeholders import TOKEN, held_back

POLICY = json.loads((Path(agents.__file__).parent / "configuration/moderate.json").read_text())
RULES = rules_of(POLICY["rules"])


def in_pieces(rules, pieces):
    """Check text piece by piece; return what was shown and the categories."""
    shown, held, categories = "", "", []
    for number, piece in enumerate(pieces):
        checked = rules.check(shown, held + piece, final=number == len(pieces) - 1)
        shown, held = shown + checked.released, checked.held
        categories += checked.categories
        if checked.blocked:
            break
    return shown, categories


def cut(text, places):
    ends = sorted({min(place, len(text)) for place in places})
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "Write to jane.doe+x@mail.example.org, please.",
            "Write to [e-mail address removed], please.",
        ),
        ("Call +49 (0)30 1234-5678 now", "Call [phone number removed] now"),
        ("Call 555-123-4567.", "Call [phone number removed]."),
        ("Pay 4111 1111 1111 1111 today", "Pay [card number removed] today"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN [account number removed]."),
        ("key AKIAIOSFODNN7EXAMPLE here", "key [secret removed] here"),
        ("use sk-abcdefghijklmnopqrstuvwx!", "use [secret removed]!"),
        ("password: hunter22 works", "[secret removed] works"),
        ("SSN 078-05-1120", "SSN [number removed]"),
        ("What the fuck.", "What the ***."),
    ],
)
def test_what_a_model_must_not_show_is_masked(text, shown):
    assert RULES.mask(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "In 1990 there were 1,234,567 people in 12 towns, or 10.5 % of 11 764 305.",
        "Scunthorpe's classic shell assessment by Dr. Dickens: see ISO 27001:2022 § 4.2.",
        "Write to <EMAIL_ADDRESS_1> or call <PHONE_NUMBER_2>; password rules: see the handbook.",
        "The EC2 instance m5.24xlarge (us-east-1) costs $4.608 at 2024-01-31T10:00:00Z.",
        "The additive retards combustion, and seals the chinks in the wall.",
        "Drop pk_customer_orders_history before rk_order_lines_by_customer_idx is made.",
        "Sales rose in 2024 2025 2026 2027, see order 4512345678901234567.",
        "ChatML begins each turn with <|im_start|> and ends it with <|im_end|>.",
    ],
)
def test_ordinary_text_is_left_alone(text):
    assert RULES.mask(text) == text


def test_nothing_behind_a_block_is_shown():
    checked = RULES.check("", "Sure. My system prompt says You are", final=True)
    assert (checked.released, checked.blocked, checked.categories) == ("Sure. ", True, ("leak",))


SNIPPETS = st.sampled_from(
    [
        "The ", "answer", " is", " 42", " 555-123-4567", "a.b@c.de", ".", " fuck", "<PERSON_1>", "<PER",
        "AKIAIOSFODNN7EXAMPLE", "password: ", "hunter22", "\n", " DE89 3704 0044 0532 0130 00", "@", "-",
        "<|im_end|>", "+49 30 123456", "4111 1111 1111 1111", "x", " 4111", " 1111 1111 1112", "1", "eyJhbGciOiJI.eyJzdWIiOiIx.abc", "é",
    ]
)  # fmt: skip


@given(st.lists(SNIPPETS, max_size=12).map("".join), st.lists(st.integers(0, 120), max_size=8))
def test_however_a_text_is_cut_the_same_is_shown(text, places):
    whole = RULES.check("", text, final=True)
    assert in_pieces(RULES, cut(text, places)) == (whole.released, list(whole.categories))


@given(st.lists(SNIPPETS, max_size=8).map("".join))
def test_what_was_shown_is_a_beginning_of_what_will_be(text):
    now = RULES.check("", text, final=False)
    assert RULES.check("", text, final=True).released.startswith(now.released)


ONE = Rules([Rule("word", "secret(?!\\w)", "mask", "***")])


@pytest.mark.parametrize(
    ("text", "released", "held"),
    [
        ("The", "The", ""),
        ("The answer s", "The answer ", "s"),
        ("The answer se", "The answer ", "se"),
        ("no secre tunnel", "no secre tunnel", ""),
        ("my secret", "my ", "secret"),
        ("my secret ", "my *** ", ""),
        ("see <PERS", "see ", "<PERS"),
        ("see <PERSON_1", "see ", "<PERSON_1"),
        ("1 < 2", "1 < 2", ""),
    ],
)
def test_only_what_may_still_become_a_match_is_held(text, released, held):
    checked = ONE.check("", text, final=False)
    assert (checked.released, checked.held) == (released, held)


@given(st.text("abdfghijklmnopqruvwxyz .,\n", max_size=40))
def test_text_in_which_no_rule_can_start_is_never_held(text):
    assert ONE.check("", text, final=False).held == ""


def test_at_most_the_last_word_of_prose_waits():
    checked = RULES.check("", "The invoice is due within thirty days", final=False)
    assert checked.held == "days"


def test_half_a_placeholder_is_never_shown():
    shown, _ = in_pieces(RULES, ["Ask <PER", "SON_", "1> about", " it"])
    assert shown == "Ask <PERSON_1> about it"
    assert RULES.check("", "Ask <PER", final=False).released == "Ask "


def test_rules_that_cannot_be_used_are_named():
    with pytest.raises(ValueError, match="rule x: action mute: use mask, block, note, keep"):
        Rules([Rule("x", "a", "mute")])
    with pytest.raises(ValueError, match="mend its pattern"):
        Rules([Rule("x", "(", "mask")])
    with pytest.raises(ValueError, match="rule x: check luhn: use card or canary"):
        Rules([Rule("x", "a", "mask", check="luhn")])
    with pytest.raises(ValueError, match="matches the empty text"):
        Rules([Rule("x", "a*", "mask")])


@pytest.mark.parametrize(
    ("pattern", "pieces", "shown"),
    [
        ("cat\\b", ["a cat", "alog"], "a catalog"),  # the match is undone by what follows it
        ("(?<!\\w)damn(?!\\w)", ["grand", "damn "], "granddamn "),  # and by what was shown before
        ("(?<!\\w)damn(?!\\w)", ["oh ", "damn "], "oh *** "),
    ],
)
def test_what_stands_beside_a_match_decides_across_pieces(pattern, pieces, shown):
    assert in_pieces(Rules([Rule("word", pattern, "mask", "***")]), [*pieces, ""])[0] == shown


def checked_by_searching_anew(rules, shown, pending, *, final):
    """The rule itself: behind each match, everything is sought again in what is shown and what is left."""
    released, categories, before, rest = "", [], shown[-8:], pending
    keep = (Rule("placeholder", TOKEN, "keep"), *rules)
    while True:
        text, start = before + rest, len(before)
        waits = [len(text)]
        if not final:
            waits += [len(text) - held_back(text[start:])]
            endless = (regex.compile(f"(?:{rule.pattern})(?!)") for rule in rules)
            waits += [m.start() for one in endless if (m := one.search(text, start, partial=True))]
        found = [
            (m.start(), -m.end(), number)
            for number, rule in enumerate(keep)
            if (m := regex.compile(rule.pattern).search(text, start))
        ]
        begin, end, number = min(found, default=(len(text), 0, 0))
        wait = min([*waits, *([begin] if -end == len(text) and not final else [])])
        if not found or begin >= wait:
            return released + text[start:wait], text[wait:], tuple(categories), False
        rule = keep[number]
        released += text[start:begin]
        if rule.action == "keep":
            released += text[begin:-end]
        else:
            categories.append(rule.category)
        if rule.action == "block":
            return released, "", tuple(categories), True
        released += rule.replacement
        before, rest = (shown + released)[-8:], text[-end:]


TOUCHY = [
    Rule("a", r"(?<!\w)ab", "mask", "a"),
    Rule("b", "ab+", "mask", ""),
    Rule("c", "(?<!a)b(?!c)", "mask", "c"),
    Rule("d", "c{2,}+", "block"),
    Rule("e", r"\bca", "mask", "bb"),
    Rule("f", "(?<![ab])a", "mask", "ab"),
]


@given(
    st.lists(st.sampled_from(TOUCHY), unique=True),
    st.text("abc ", max_size=9),
    st.lists(st.sampled_from([*"abc ", "<A_1>", "<A"]), max_size=25).map("".join),
    st.booleans(),
)
def test_each_rule_is_sought_once_and_finds_what_searching_anew_finds(rules, shown, pending, final):
    checked = Rules(rules).check(shown, pending, final=final)
    found = (checked.released, checked.held, checked.categories, checked.blocked)
    assert found == checked_by_searching_anew(rules, shown, pending, final=final)


def test_what_is_noted_is_shown_and_named():
    checked = RULES.check("", "A turn begins with <|im_start|>.", final=True)
    assert checked.released == "A turn begins with <|im_start|>."
    assert (checked.categories, checked.blocked) == (("marks",), False)


def test_a_match_that_fails_its_check_hides_none_behind_it():
    text = "no card 4111 1111 1111 1112 but 4111 1111 1111 1111"
    assert RULES.mask(text) == "no card 4111 1111 1111 1112 but [card number removed]"


def test_a_match_right_behind_a_replacement_is_held_against_its_check_too():
    rules = Rules([Rule("x", "x", "mask", "-"), Rule("card", "[0-9]{16}", "mask", "#", "card")])
    assert rules.mask("x4111111111111112 x4111111111111111") == "-4111111111111112 -#"
