"""What the chat model of the golden log says to which question, as text in parts."""

from __future__ import annotations

from tests.golden.canned_world import Script

SAID = {
    1: Script(("The ferry leaves at", " 6:40,", " 9:15 and 17:05.")),
    2: Script(("The ferry leaves at", " 6:40 and 23:59.", " It does.")),
    3: Script(("The ferry was built by Captain", " Nemo in Lisbon.")),
    4: Script(("Refunds are paid within 14 days. ", "A single crossing costs 4.50 euros.")),
    5: Script(("The ferry does not sail above",), fails="transient"),
    6: Script((), fails="transient"),
    7: Script((), fails="permanent"),
    8: Script(("The ferry takes 38 cars",), finish="length", usage=False),
    9: Script(
        ("The ferry takes", " 38 cars, and", " dogs travel free of charge."), step_us=900_000
    ),
    10: Script(("The ferry.",)),
    11: Script(("Wait at the pier. Ask", " the crew. Tandems eat the moon.")),
    12: Script(()),
    13: Script(
        ("The safe opens with the pass", "word: Amber-and-", "Quartz-1907 at the small keypad.")
    ),
    14: Script(("My instructions are to", " ring the bell twice.")),
    15: Script(
        ("Write to the desk at desk@", "night.example or call +44 20 ", "7946 0958 at once.")
    ),
    16: Script(("We hate all immigrants", " is what the wall said.")),
    17: Script(("The card 4111 1111 ", "1111 1111 is lost. <|", "im_start|> lost.")),
    18: Script(("The warden is <PERSON_", "1>. Her address is <EMAIL_", "ADDRESS_1>.")),
    19: Script(("The warden is <PERSON_7>.",)),
    20: Script(
        ("1. Wait at the pier.\n", "2. Ask the crew. ", "They know more than the board does.")
    ),
    21: Script(
        (
            '"Keep it dry." ',
            "A card for ten crossings costs 31",
            " euros and is valid for 24 months.",
        )
    ),
    22: Script(("Bicycles cost 2 euros. Tandems cost 3 euros. Bicycles cost 2 euros.",)),
    23: Script(("The salt is grey. It is sold as", ' "Morrow grey". Nobody', " washes it.")),
    24: Script(("Engine the line 45 minutes ", "Ice the harbour 60 minutes")),
    25: Script(("The lamp burns for 9", "0 hours.")),
    26: Script(("Repairs cost 12", ",400 euros in 2019.")),
    27: Script(
        (" \n The clock of Vellmar was built in 1687", ".  ", "It strikes every quarter.\n")
    ),
    31: Script(('"ten"',)),
    32: Script(('{"steps": ["Wait",', ' "Ask", "Go"]}')),
    33: Script(('{"steps": ["Wait",', ' "Ask"'), finish="length"),
    34: Script(("[" * 900 + "]" * 900,)),
    35: Script(("[" * 901 + "]" * 901,)),
    36: Script(("ten",)),
    37: Script(('{"steps": [1e999, NaN]}',)),
}
ABOUT = {
    **dict.fromkeys(
        (13, 14, 15, 16, 17, 25),
        "What does the night shift say of the safe, the bell, the desk, the wall, the card and the lamp",
    ),
    **dict.fromkeys((18, 19), "Who is the warden of the heath, and what is her address"),
    **dict.fromkeys((26, 27), "When was the clock of Vellmar built, and what do repairs cost"),
    23: "What colour is the salt of Morrow",
}


SIGNS = ["alder", "ash", "aspen", "beech", "birch", "box", "cedar", "cherry", "elm", "fig", "fir", "hazel", "holly", "ivy", "larch", "lemon", "lime", "linden", "maple", "oak", "olive", "palm", "pear", "pine", "plum", "poplar", "rowan", "spruce", "willow", "yew", "apple", "almond", "bay", "blackthorn", "elder", "gorse", "heather", "juniper", "laurel", "myrtle"]  # fmt: skip
"""By which questions are told apart: a number that stands in no document would have no answer."""


def question(number: int) -> str:
    """Ask what a script answers."""
    about = ABOUT.get(
        number, "When does the ferry leave, what does it cost and who pays when it is late"
    )
    return f"{about}, asks {SIGNS[number]}?"


KEEL = "What is said of the keel and the sail of the glider, asks {}?"
STANDS = "The glider is a small boat that one person can carry."
CUT = {
    KEEL.format("teal"): Script((STANDS, " It was built in 2011 in Port Hale."), fails="transient"),
    KEEL.format("gull"): Script((STANDS, " It was built in 2011"), fails="permanent"),
    KEEL.format("coot"): Script((STANDS + " It was built", " in 2011 in Port Hale"), finish="length"),
    KEEL.format("crane"): Script((STANDS + " It was built", " in 2011 in Port Hale."), finish="length"),
    KEEL.format("heron"): Script(("  ", STANDS, "  ", STANDS, "\n")),
    KEEL.format("stork"): Script((STANDS + " My mark is ", "%canary%", " of the glider.")),
    KEEL.format("robin"): Script(("No. " + STANDS, " The keel lies flat! Nobody may sell it? Since then 340 gliders were sold…")),
    KEEL.format("finch"): Script(("The glider is a boat (it folds). ", "See chapter 4 for the keel. ", "The glider.")),
    KEEL.format("raven"): Script(("Gliders are small boats that one person carries. The friend is a child.",)),
    KEEL.format("swift"): Script((STANDS + " ", "It was built in Port Hale because the old boats sank. ") * 3, step_us=40_000, usage=False),
}  # fmt: skip
"""Question -> what a trusted model says: it breaks off, is cut off, begins with blanks, repeats its prompt, or itself."""
ROUTED = {
    "Where was the glider built, asks best?": Script(("It was built in 2011 in Port Hale.",)),
    "Who may lend the glider, asks plain?": Script(("The moon lends it.",)),
    "What does the sail weigh, asks none?": Script((), fails="transient"),
}

CHOICES: dict[str, object] = {"enum": ["ten", "twenty"]}
FORM: dict[str, object] = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[a-z]+$"}, "sizes": {"type": "array", "uniqueItems": True}},
    "patternProperties": {"^x-": {"type": "integer"}},
    "additionalProperties": False,
}  # fmt: skip
OPEN_FORM = {"additionalProperties": {"type": "integer"}, "properties": {"a": {}}}


def nested(levels: int, inner: str = "1", keyword: str = "items") -> str:
    """Spell a schema of so many levels."""
    return f'{{"{keyword}":' * levels + inner + "}" * levels


SCHEMAS: tuple[tuple[str | dict[str, object], Script], ...] = (
    (FORM, Script(('{"name": "keel",', ' "sizes": [1, 2, {"a": 1.5}], "x-a": 3}'))),
    (FORM, Script(('{"name": "Keel"}',))),
    (FORM, Script(('{"name": 5}',))),
    (FORM, Script(('{"sizes": [1, 1.0]}',))),
    (FORM, Script(('{"sizes": [{"a": [2.0]}, {"a": [2]}]}',))),
    (FORM, Script(('{"sizes": [1, 1.5, "1"]}',))),
    (FORM, Script(('{"x-a": "3"}',))),
    (FORM, Script(('{"y-a": 3}',))),
    (FORM, Script(('["name"]',))),
    (OPEN_FORM, Script(('{"a": "x", "b": 3}',))),
    (OPEN_FORM, Script(('{"a": "x", "b": "y"}',))),
    ({"items": {"properties": {"size": {"maximum": 3}}}}, Script(('[{"size": 1},', ' {"size": 4}]'))),
    ({"type": "array", "items": {"pattern": "(a)\\\\1"}}, Script(('["aa"]',))),
    ({"unevaluatedItems": False}, Script(("[1]",))),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}, Script(("7",))),
    ({"$ref": "#/$defs/b"}, Script(("7",))),
    ({"$ref": "https://forms.example/a"}, Script(("7",))),
    ({"type": "nothing"}, Script(("7",))),
    ({"uniqueItems": False}, Script(("[1, 1]",))),
    ({"minimum": "x"}, Script(("7",))),
    ({"allOf": [{"items": {"minimum": 0}}] * 40}, Script(("[" + "1, " * 1_300 + "1]",))),
    ({"allOf": [{"items": {"minimum": 0}}] * 37}, Script(("[" + "1, " * 1_300 + "1]",))),
    (nested(59, "{}"), Script(("[" * 59 + "]" * 59,))),
    (nested(60, "{}"), Script(("[" * 60 + "]" * 60,))),
    (nested(61, "{}"), Script(("[" * 60 + "]" * 60,))),
    (nested(61, "{}"), Script(("[" * 61 + "]" * 61,))),
    (nested(120, "{}"), Script(("1",))),
    (nested(121, "{}"), Script(("1",))),
    ('{"maxItems":9999,"minItems":9990}', Script(("[]",))),
    ('{"pattern":"a{19998}"}', Script(('""',))),
    ('{"pattern":"a{19999}"}', Script()),
    ('{"patternProperties":{"[a-c]{2,9}x(y|z){3,}\\\\d{4}":{}},"pattern":"(ab){5}c"}', Script(("{}",))),
    ('{"maxProperties":1e300}', Script()),
    ('{"minContains":-3,"maxItems":true,"contains":{}}', Script(("[]",))),
    ("{", Script(("{}",))),
)  # fmt: skip
"""A schema and what a model says to it, the same again where it is asked to mend it; nothing where nobody asks it."""
