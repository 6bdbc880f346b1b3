"""The language of a document: told by its script, and by the commonest words of what shares one.

A sample of the document is read, not all of it. `und` (ISO 639-2, undetermined) where hardly any
word is known: in another language, or where there is little but numbers, names and code.

Why it is so: no model and no library's tables decide, so a log of today names the same languages in
ten years.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import regex

from agents.language import words
from schemas import Block

UNDETERMINED = "und"
SAMPLES_MAX = 48  # blocks that are looked at, from the first to the last
SAMPLE_CHARS = 300  # of each
KNOWN_MIN = 0.1  # least share of a text's words: of 200 English passages three have less than .12
SCRIPT_MIN = 0.3  # least share of the letters: Japanese and Korean have Latin words between

COMMON = {
    "en": "the of and to is are was were that this with for from by which it be as on an or not",
    "de": "der die das und ist sind nicht mit für auf dem den des ein eine einer zu von wird werden"
    " im auch sich bei oder als nach wie",
    "fr": "le la les et est sont des du une un pour dans que qui pas sur avec par au aux ce cette"
    " il elle vous être ou",
    "es": "el la los las y es son del que en una un para con por no se su al como más o este esta"
    " lo",
    "it": "il lo la gli le di che è sono per con non una un del della dei nel si da come anche più"
    " al alla",
    "pt": "o a os as e é são do da dos das que em um uma para com não por no na se como mais ao ou",
    "nl": "de het een en van is zijn niet met voor op te dat die in aan er ook als bij wordt of"
    " door naar",
    "sv": "och är att det som en ett på för med av inte den till har om var kan eller från vid",
    "da": "og er at det som en et på for med af ikke den til har om kan eller fra ved der blev hvad"
    " nogle",
    "nb": "og er at det som en et på for med av ikke den til har om kan eller fra ved ble etter hva"
    " noen",
    "fi": "ja on ei että se oli ovat myös kun mutta tai hän joka kuin sen jos voi mukaan",
    "pl": "i w z na do nie się jest to że od o przez po jak dla są za lub oraz który która",
    "cs": "a v na se je že s do z o pro jsou to byl jako nebo ve od po i za by ale které který",
    "ro": "și în de la cu o un pe nu este sunt din care că a fi pentru sau mai au prin ale",
    "hu": "a az és hogy nem is egy van volt vagy meg ez azt már csak mint de ha",
    "tr": "ve bir bu için ile olarak da de en çok daha olan gibi değil ne var kadar veya sonra",
    "id": "yang dan di dari untuk dengan pada ini itu adalah tidak dalam ke oleh sebagai atau juga",
    "vi": "và của là có trong được cho các một những không với này đã người từ khi",
    "ru": "и в не на что с по для это как из от к он она они был его или также при а но",
    "uk": "і в не на що з до для це як та від він вона вони був його або також при у але є",
    "bg": "и в на не се да от за с е по са че като или към които който това",
    "sr": "и у је да се на не су за од са као или који која који што али",
    "ar": "في من على أن إلى هذا التي الذي عن مع كان هذه لا ما أو كما بين ذلك",
    "fa": "در از به که این را با است برای آن یک می شود های بود یا تا",
    "ur": "کے میں کی ہے اور سے کا کو پر نے یہ کہ ہیں اس ایک بھی",
    "hi": "के में की है और से का को पर ने यह कि हैं इस एक भी लिए",
    "mr": "आहे आणि या च्या हे ते मध्ये आहेत की एक होते व तर",
}
"""Words of a language, in small letters; of those that several share, each has them."""
_SCRIPTS = (
    # the first that holds enough letters: Kana before Han, which Japanese has too
    ("ja", regex.compile(r"[\p{Hiragana}\p{Katakana}]"), 0.1),
    ("zh", regex.compile(r"\p{Han}"), SCRIPT_MIN),
    ("ko", regex.compile(r"\p{Hangul}"), SCRIPT_MIN),
    ("th", regex.compile(r"\p{Thai}"), SCRIPT_MIN),
    ("he", regex.compile(r"\p{Hebrew}"), SCRIPT_MIN),
    ("el", regex.compile(r"\p{Greek}"), SCRIPT_MIN),
    ("bn", regex.compile(r"\p{Bengali}"), SCRIPT_MIN),
    ("ta", regex.compile(r"\p{Tamil}"), SCRIPT_MIN),
    ("te", regex.compile(r"\p{Telugu}"), SCRIPT_MIN),
    ("ka", regex.compile(r"\p{Georgian}"), SCRIPT_MIN),
    ("hy", regex.compile(r"\p{Armenian}"), SCRIPT_MIN),
)
"""Scripts that one language is mostly written in, and the least share of the letters."""
_LETTER = regex.compile(r"\p{L}")
_KNOWN: dict[str, tuple[str, ...]] = {}
for _language, _words in COMMON.items():
    for _word in dict.fromkeys(_words.split()):
        _KNOWN[_word] = (*_KNOWN.get(_word, ()), _language)


def document_language(blocks: Sequence[Block]) -> str:
    """Return the ISO 639-1 code of the language that most of a document is in, or und."""
    sample = "\n".join(_samples(blocks))
    letters = len(_LETTER.findall(sample))
    if not letters:
        return UNDETERMINED
    for language, script, least in () if sample.isascii() else _SCRIPTS:
        if len(script.findall(sample)) >= least * letters:
            return language
    spoken = [word.casefold() for word in words(sample)]
    counts = Counter(language for word in spoken for language in _KNOWN.get(word, ()))
    if not counts:
        return UNDETERMINED
    best = min(counts, key=lambda language: (-counts[language], language))
    return best if counts[best] >= KNOWN_MIN * len(spoken) else UNDETERMINED


def _samples(blocks: Sequence[Block]) -> Iterator[str]:
    """Yield the beginnings of blocks that hold prose, evenly over the document."""
    step = max(1, -(-len(blocks) // SAMPLES_MAX))
    for at in range(0, len(blocks), step):
        if blocks[at].kind != "code":
            yield blocks[at].text[:SAMPLE_CHARS]
