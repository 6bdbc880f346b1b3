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


def question(number: int) -> str:
    """Ask what a script answers."""
    about = ABOUT.get(
        number, "When does the ferry leave, what does it cost and who pays when it is late"
    )
    return f"{about}, number {number}?"
