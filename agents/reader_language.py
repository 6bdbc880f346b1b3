"""The reader's language: which of those that refusals are written in a text is in.

Told by the commonest words, which are few and shared by no two of them. A text that holds none is
taken for English, and so is one in another language.
"""

from agents.language import words

COMMON = {
    "en": "the of and to is are what how why who when where which does do can i my you it in for",
    "de": "der die das und ist sind was wie warum wer wann wo welche welcher kann ich mein du sie"
    " ein eine nicht mit für auf zu bitte den dem von",
    "fr": "le la les et est sont que quoi comment pourquoi qui quand où quel quelle puis je mon"
    " vous tu un une pas avec pour sur du des dans ce",
    "es": "el la los las y es son qué cómo por quién cuándo dónde cuál puedo mi usted una no con"
    " para sobre del en lo que yo",
}
"""Words of a language, in small letters; of those that two share, each has them."""
_LANGUAGES: dict[str, tuple[str, ...]] = {}
for _language, _words in COMMON.items():
    for _word in _words.split():
        _LANGUAGES[_word] = (*_LANGUAGES.get(_word, ()), _language)
WORDS_READ = 400


def reader_language(text: str) -> str:
    """Return en, de, fr or es: of which a text's first words hold most common ones."""
    counts = dict.fromkeys(COMMON, 0)
    for word in words(text[: 20 * WORDS_READ])[:WORDS_READ]:
        for language in _LANGUAGES.get(word.casefold(), ()):
            counts[language] += 1
    return max(COMMON, key=lambda language: counts[language])


def in_language(sentences: dict[str, str], text: str) -> str:
    """Choose the sentence that the reader of a text will understand, or the English one."""
    return sentences.get(reader_language(text)) or sentences["en"]
