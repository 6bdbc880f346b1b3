"""Evidence: what a text says that its sources hold, also while it is still being written."""

from collections.abc import Iterable

from agents.language import STOP_WORDS, content, is_number, sentences, stem, words
from agents.placeholders import placeholders_in


def evidence(texts: Iterable[str]) -> frozenset[str]:
    """Collect the stems that texts hold."""
    return frozenset(form for text in texts for form in map(stem, words(text)))


def support(text: str, held: frozenset[str]) -> float:
    """Return the share of a text's content words that the evidence holds; 1 where it has none."""
    said = content(text)
    return sum(word in held for word in said) / len(said) if said else 1.0


def complete(text: str) -> str:
    """Leave out the last word of a text that may still grow."""
    return text[: max(text.rfind(" "), text.rfind("\n")) + 1]


def settled(text: str) -> str:
    """Leave out the last word of a text if it is a number or a name, which may still grow.

    The first word of a sentence is taken for an ordinary one.
    """
    whole = complete(text)
    word = text[len(whole) :].lstrip("\"'“‘([")
    begins = not whole.strip() or whole.rstrip()[-1] in ".!?:"
    waits = word[:1].isdigit() or word.startswith("<") or (word[:1].isupper() and not begins)
    return whole if waits else text


def unsupported(text: str, held: frozenset[str]) -> tuple[str, ...]:
    """List what an answer says without support: numbers, names and placeholders, then words.

    Numbers and names can't be put in other words, so each one that the evidence lacks counts.
    """
    lacking = [name for name in placeholders_in(text) if name not in held]
    for sentence in sentences(text):
        for position, word in enumerate(words(sentence)):
            if word.startswith("<") or word.casefold() in STOP_WORDS or stem(word) in held:
                continue
            name = position > 0 and word[0].isupper()
            if is_number(word) or name:
                lacking.append(word)
    return tuple(dict.fromkeys(lacking))
