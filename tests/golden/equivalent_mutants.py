"""Mutants that no outcome and no test can show, each with the reason: they are not counted.

Named by file, line as it is and line of the mutant, so that an edit of the line asks for another look.
"""

EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        "agents/chunking.py",
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
}
