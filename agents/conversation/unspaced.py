"""Unspaced: words of texts in Chinese and Japanese, and stems of Korean ones.

No dictionary is needed to tell what such a text names: Japanese writes it in ideographs and
katakana and all else in hiragana; in Chinese a small number of signs joins and asks, and what
stands between them names; Korean words carry particles at their end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import regex

from agents.phrases import word_set
from agents.placeholders import TOKEN

_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_HANGUL = regex.compile(r"\p{Hangul}")
_LATIN = rf"{TOKEN}|[A-Za-z0-9][A-Za-z0-9_.+#/-]*"
_JAPANESE = regex.compile(
    rf"{_LATIN}|[\p{{Han}}\p{{Katakana}}ー々]+(?:の[\p{{Han}}\p{{Katakana}}ー々]+)*"
)
_CHINESE = regex.compile(
    rf"{_LATIN}|(?:为什么|什么时候|什么|怎么样|怎么|怎样|如何|多少钱|多少|多久|多长|多大|哪里|哪儿|哪个|哪些|几点|几个|谁|吗|呢|吧|啊|呀"
    r"|那么|那|这个|那个|这些|那些|这|它们|它|他们|他|她们|她|我们|我|你们|你|您|请问|请|的"
    r"|地|得|了|着|过|是不是|是|不是|有没有|有|没有"
    r"|在|从|到|对|和|跟|与|或者|或|还是|还|也|都|就|才|能不能|能|可以|可不可以|会|要|应该"
    r"|需要|必须|关于|告诉|知道|一下|一个|把|被|给|用|为|以"
    r"|上|下|里|中|之|另一个|第[一二三四五]个|最后一个|不|呢)(*SKIP)(*FAIL)"
    r"|\p{Han}(?:(?!为什么|什么|怎么|怎样|如何|多少|多久|哪|谁|吗|呢|吧|的|是|在|和|与|了|还"
    r"|也|都|能|可以|要|应该|需要|从|对|有)\p{Han})*"
)
_KOREAN = regex.compile(rf"{_LATIN}|\p{{Hangul}}+")
_PARTICLE = re.compile(
    r"(?<=..)(?:에서는|에서|에게|으로|까지|부터|이나|에는|은|는|이|가|을|를|의|에|로|와|과|도|만)$"
)
_KOREAN_EMPTY = re.compile(
    r"(?:그것|이것|저것|그|이|저|그녀|그들|거기|여기|언제|어디|어떻게|왜|무엇|뭐|누가|누구"
    r"|얼마|얼마나|어느|어떤|그럼|그러면|그리고|있|없|하|합니|입니)"
    r"(?:은|는|이|가|을|를|의|에|에서|로|도|예요|인가요|나요|니까|습니까|습니다|요|입니까|야|죠)*"
    r"|.*(?:나요|까요|습니까|니까|합니다|입니다|습니다|세요|어요|아요|에요|예요|인가요|니다)"
)


def is_unspaced(text: str) -> bool:
    """Tell whether a text holds signs of Chinese, Japanese or Korean."""
    return _UNSPACED.search(text) is not None


def stretches(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield what a text names: where it begins and ends, and the word without its particle."""
    if _KANA.search(text):
        pattern = _JAPANESE
    elif _HANGUL.search(text):
        pattern = _KOREAN
    else:
        pattern = _CHINESE
    for match in pattern.finditer(text):
        word = match.group()
        if pattern is _KOREAN:
            if _KOREAN_EMPTY.fullmatch(word):
                continue
            word = _PARTICLE.sub("", word)
        elif pattern is _JAPANESE and word in _JAPANESE_EMPTY:
            continue
        yield match.start(), match.start() + len(word), word


_JAPANESE_EMPTY = word_set("何 何時 誰 私 彼 彼女 彼等 今 時 方 事 物 所 他 次 前 後")
