"""Mutants that no outcome and no test can show, each with the reason: they are not counted.

Named by file, line as it is and line of the mutant, so that an edit of the line asks for another look.
"""

EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        "agents/before/even_chunks.py",
        "if length(first, end) > policy.tokens_max:",
        "if length(first, end) >= policy.tokens_max:",
    ): "what is exactly as long as allowed is split into one part, which is the same chunk",
    (
        "agents/evidence.py",
        "if not new or new.isspace():",
        "if not new and new.isspace():",
    ): "a shortcut: blanks alone bring no word, so the long way finds what it found before",
    (
        "agents/spans.py",
        'rank: tuple[int, float, str] = (0, 0.0, "")',
        'rank: tuple[int, float, str] = (1, 0.0, "")',
    ): "set before the first mention, whose own rank replaces it before anybody reads it",
    (
        "agents/checking/clauses.py",
        "negated: bool = False",
        "negated: bool = True",
    ): "what a term is made with: every clause says of each of its terms whether it is negated",
    (
        "agents/policies/policy_text.py",
        '_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")',
        '_OPENING, _CLOSING = list("([{"), frozenset(")]}")',
    ): "signs are only looked up in it, which a list of three answers alike",
    (
        "agents/language.py",
        'if end[0][0] == "." and _ABBREVIATION.search(text, max(0, end.start() - 8), end.start()):',
        'if end[0][0] == "." and _ABBREVIATION.search(text, max(0, end.start() - 9), end.start()):',
    ): "the longest abbreviation has six letters, and is found among eight as among nine",
    (
        "agents/language.py",
        "PASSAGES_KEPT = 1_024",
        "PASSAGES_KEPT = 1025",
    ): "how much a cache keeps",
    (
        "agents/checking/clauses.py",
        "CLAIMS_KEPT = 4_096",
        "CLAIMS_KEPT = 4097",
    ): "how much a cache keeps",
    (
        "agents/spans.py",
        "character.isalnum() and ord(character) < 0x2E80 for character in text[at - 1 : at + 1]",
        "character.isalnum() and ord(character) < 11905 for character in text[at - 1 : at + 1]",
    ): "U+2E80 itself is a radical, and neither letter nor number",
    (
        "agents/relevance.py",
        "if exponent < -60:",
        "if exponent <= -60:",
    ): "at -60 itself the curve is 1e-26, which is rounded to 0, too",
    (
        "agents/lexicon.py",
        "if left >= end:",
        "if left > end:",
    ): "a shortcut: of a window that begins where its room ends, no shorter phrase has room",
    (
        "agents/normal_forms.py",
        "MARKS_MAX = 30",
        "MARKS_MAX = 31",
    ): "marks come in one order by either way: the long one is for the time it takes",
    (
        "agents/instructions.py",
        "ENCODED_CHARACTERS = 1_000",
        "ENCODED_CHARACTERS = 1001",
    ): "base64 is decoded by fours: a character beyond the last whole four is left out",
    (
        "agents/instructions.py",
        'text = base64.b64decode(whole + "=" * (-len(whole) % 4)).decode()',
        'text = base64.b64decode(whole + "=" * (len(whole) % 4)).decode()',
    ): "three characters of four get three signs in place of one: what is padded too much decodes alike",
    (
        "agents/before/spoken_answers.py",
        "late: bool = False",
        "late: bool = True",
    ): "read behind a part, which sets it, or of a reply without any, which is no answer",
    (
        "agents/checking/quantities.py",
        "counted = words[1:2] if unit else words[:1]",
        "counted = words[1:3] if unit else words[:1]",
    ): "two words are looked at behind a number: there is no third",
    (
        "agents/checking/calendar_days.py",
        "return CalendarPoint((0, 0, 0), _minute(match), False, *place)",
        "return CalendarPoint((0, 0, 0), _minute(match), True, *place)",
    ): "a time has neither day nor month: both are 0, whichever comes first",
    (
        "agents/tools/tool_results.py",
        "return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)",
        "return value if isinstance(value, str) else json.dumps(value, ensure_ascii=True)",
    ): "what is no text here is a number, a truth or nothing: all of them ASCII",
    (
        "agents/answering/question_kinds.py",
        "named = 0 < len(stems) <= NAME_STEMS_MAX and not _NOT_A_NAME.search(text)",
        "named = 0 <= len(stems) <= NAME_STEMS_MAX and not _NOT_A_NAME.search(text)",
    ): "of no stems the set is empty, named or not",
}


def _renamed(file: str, line: str, label: str) -> tuple[str, str, str]:
    """Name the mutant that gives a label another name."""
    return file, line, line.replace(f'"{label}"', f"'{label}_'")


_SIZES = (
    ("agents/language.py", "SENTENCES_KEPT = 8_192", "SENTENCES_KEPT = 8193"),
    ("agents/statements.py", "TEXTS_KEPT = 1_024", "TEXTS_KEPT = 1025"),
    (
        "agents/checking/clauses.py",
        "WORDS_KEPT = 8_192  # terms of words, which come again and again",
        "WORDS_KEPT = 8193  # terms of words, which come again and again",
    ),
    (
        "agents/policies/rule_book.py",
        "BOOKS_MAX = 8  # texts that are kept read: one is in force, experiments and replays meet a few",
        "BOOKS_MAX = 9  # texts that are kept read: one is in force, experiments and replays meet a few",
    ),
    (
        "agents/policies/asking_rules.py",
        "KNOWN_MAX = 20_000  # decisions kept of an action, some 300 bytes each",
        "KNOWN_MAX = 20001  # decisions kept of an action, some 300 bytes each",
    ),
    ("agents/dictionaries.py", "KEPT_MAX = 16", "KEPT_MAX = 17"),
    ("agents/personal/term_lists.py", "KEPT_MAX = 64", "KEPT_MAX = 65"),
)
_EMPTIED = (
    ("agents/dictionaries.py", "if len(_KEPT) >= KEPT_MAX:", "_KEPT.clear()"),
    ("agents/personal/term_lists.py", "if len(_KEPT) >= KEPT_MAX:", "_KEPT.clear()"),
    ("agents/policies/asking_rules.py", "if len(rules.known) > KNOWN_MAX:", "rules.known.clear()"),
)
"""Where caches are emptied that have no library's bound: when, and what does it."""
EQUIVALENT |= dict.fromkeys(_SIZES, "how much a cache keeps")
for _file, _full, _clear in _EMPTIED:
    _other = _full.replace(">=", ">") if ">=" in _full else _full.replace(">", ">=")
    _turned = f"if not ({_full.removeprefix('if ').removesuffix(':')}):"
    EQUIVALENT |= dict.fromkeys(
        ((_file, _full, _other), (_file, _full, _turned), (_file, _clear, "pass")),
        "when a cache is emptied",
    )
CURRENCIES = """"¥": "jpy", "JPY": "jpy", "₹": "inr", "CHF": "chf"}  # fmt: skip"""
TIME_OF_DAY = "return CalendarPoint((0, 0, 0), _minute(match), False, *place)"
EQUIVALENT |= {
    (
        "agents/checking/calendar_days.py",
        TIME_OF_DAY,
        TIME_OF_DAY.replace("(0, 0, 0)", parts),
    ): "a time of day is only ever held against others, all of which are made with this day"
    for parts in ("(1, 0, 0)", "(0, 1, 0)", "(0, 0, 1)")
}
EQUIVALENT |= {
    (
        "agents/checking/comparing.py",
        line,
        line.replace("frozenset", "list"),
    ): "words are only looked up in it, which a list of three answers alike"
    for line in (
        '"must": frozenset({"must"}),',
        '"should": frozenset({"must", "should"}),',
        '"may": frozenset({"must", "should", "may"}),',
    )
}
GROUPS = (
    r"""GROUPS = {"de": ".", "fr": "\u202f", "es": "\u00a0", "it": ".", "pt": ".", "nl": "."}"""
)
EQUIVALENT |= {
    _renamed(
        "agents/tools/number_style.py", GROUPS, language
    ): "where it is missing a comma is, or what a comma gives way to: this sign again"
    for language in ("de", "it", "pt", "nl")
}
EQUIVALENT |= {
    _renamed(
        "agents/checking/units.py", CURRENCIES, label
    ): "a dimension of one sign alone: it is equal to itself, however it is called"
    for label in ("inr", "chf")
} | {
    _renamed(
        "agents/checking/polar_words.py", line, line.split('"')[1]
    ): "the name of an axis: it is only ever held against itself"
    for line in (
        '"amount": (',
        '"quality": (',
        '"order": (',
        '"limit": "minimum min minimal mindestens mínimo / maximum max maximal höchstens máximo",',
        '"permission": (',
        '"switch": (',
        '"inclusion": (',
        '"opening": (',
        '"beginning": (',
        '"success": "succeed success successful erfolgreich / failure unsuccessful",',
        '"truth": (',
        '"likeness": (',
        '"sign": "positive positively / negative negatively inverse inversely",',
        '"safety": (',
        '"duty": (',
        '"rank": "first erste premier primero / last final letzte dernier último",',
        '"place": (',
        '"reach": "public öffentlich publique público / private privat privé privado",',
        '"price": "free gratis kostenlos gratuit gratuito / paid chargeable kostenpflichtig payant",',
        '"heat": "hot warm heiß chaud caliente / cold cool kalt froid frío",',
        '"side": "left links gauche izquierda / right rechts droite derecha",',
        '"height": "top above upper oben / bottom below unten",',
        '"age": "new newer young neu nouveau nuevo / old older alt ancien viejo",',
        '"length": "long longer lang / short shorter kurz",',
        '"strength": "strong stronger stark fort fuerte / weak weaker schwach faible débil",',
        '"speed": "fast faster quick schnell rapide rápido / slow slower langsam lent lento",',
        '"effort": "easy simple einfach facile fácil / hard difficult schwierig difficile difícil",',
        '"cost": "cheap cheaper billig / expensive costly teuer cher caro",',
        '"filling": "full voll plein lleno / empty leer vide vacío",',
        '"presence": (',
        '"traffic": "upload import importieren / download export exportieren",',
        '"secrecy": "encrypt verschlüsseln / decrypt entschlüsseln",',
        '"latitude": "north northern / south southern",',
        '"longitude": "east eastern / west western",',
        '"sex": "male men man / female women woman",',
        '"day": (',
    )
}
