"""Grammar: patterns and pronouns that are made of a language's tables."""

from agents.conversation.grammar import Grammar

SPACED = Grammar(
    language="x", singular=frozenset({"it"}), plural=frozenset({"they"}),
    persons=frozenset({"she"}), possessives=frozenset({"its"}), openers="and|so", closers="then",
    whys="why(?: not)?", corrections="no", ordinals=("first one", "second", "third last"),
)  # fmt: skip
SIGNS = Grammar(language="y", signs="它", openers="那", corrections="不")


def test_pronouns_are_those_that_a_noun_can_stand_for():
    assert SPACED.pronouns == {"it", "they", "she", "its"}


def test_a_word_that_opens_is_whole_where_words_are_spaced():
    assert SPACED.is_spaced
    assert SPACED.opener.match("And, it?")
    assert not SPACED.opener.match("Andes?")
    assert SPACED.correction.match("No, it")
    assert not SPACED.correction.match("Nobody")
    assert not SIGNS.is_spaced
    assert SIGNS.opener.match("那它呢")
    assert SIGNS.correction.match("不它")


def test_why_is_the_whole_question_and_a_closer_its_end():
    assert SPACED.why.fullmatch("But why not?")
    assert not SPACED.why.fullmatch("Why it?")
    assert SPACED.closer.search("And it then?")
    assert not SPACED.closer.search("then it?")


def test_items_of_a_list_are_counted_from_nothing_and_the_last_is_minus_one():
    numbers = [SPACED.number_of(word) for word in ("first", "one", "second", "last", "tenth")]
    assert numbers == [0, 0, 1, -1, None]


def test_an_empty_table_matches_nothing():
    empty = Grammar(language="z")
    assert empty.pronouns == frozenset()
    for pattern in (empty.opener, empty.closer, empty.other, empty.ordinal, empty.sign,
                    empty.pronoun_sign, empty.expletive, empty.definition, empty.bare_opener):  # fmt: skip
        assert not pattern.search("and it then?")
