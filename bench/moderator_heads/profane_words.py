"""Take the weights of words out of alt-profanity-check, without scikit-learn and without its code.

The package (MIT, Victor Zhou, Menelaos Kotoglou, Dimitrios Mistriotis) holds a linear model over
TF-IDF of words, trained on 200,000 comments, in two files of joblib. Joblib's format is a pickle
with the bytes of each array behind the object that describes it. Only the few classes that these
files name are made, as empty shells: nothing in a file is run.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.moderator_heads.model_code import module

PythonUnpickler: Any = vars(pickle)["_Unpickler"]
"""The unpickler in Python, whose steps can be followed."""


class EmptyObject:
    """An object of a class that is not here: its state alone."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


class ArrayHeader(EmptyObject):
    """What joblib puts before the bytes of an array."""


class JoblibReader(PythonUnpickler):  # type: ignore[misc]  # typeshed has no such class
    """Reads a file of joblib: plain numpy objects, and shells for all other ones."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self._bytes = file

    def find_class(self, module_name: str, name: str) -> Any:
        """Return what a pickle may name: numpy's types, or a shell."""
        if name == "NumpyArrayWrapper":
            return ArrayHeader
        if module_name.startswith("numpy") and name in {"dtype", "scalar", "ndarray"}:
            return super().find_class(module_name, name)
        return EmptyObject

    def load_build(self) -> None:
        """Give an object its state; behind joblib's wrapper comes an array."""
        super().load_build()
        if isinstance(self.stack[-1], ArrayHeader):
            self.stack.append(self._array(self.stack.pop().state))

    def _array(self, described: dict[str, Any]) -> NDArray[Any]:
        if described.get("numpy_array_alignment_bytes") is not None:
            self._bytes.read(self._bytes.read(1)[0])
        kind: np.dtype[Any] = described["dtype"]
        shape: tuple[int, ...] = described["shape"]
        count = int(np.prod(shape))
        data = self._bytes.read(count * kind.itemsize)
        return np.frombuffer(data, kind, count).reshape(shape, order=described["order"])

    dispatch: ClassVar[dict[int, Any]] = {
        **PythonUnpickler.dispatch,
        pickle.BUILD[0]: load_build,
    }


def read(wheel: Path) -> dict[str, NDArray[Any]]:
    """Return the weights by hashed word, in bytes, with what one step of each is worth."""
    with zipfile.ZipFile(wheel) as archive:
        vectorizer, model = (
            JoblibReader(io.BytesIO(archive.read(f"profanity_check/data/{name}.joblib"))).load()
            for name in ("vectorizer", "model")
        )
    words: dict[str, Any] = vectorizer.state["vocabulary_"]
    idf = np.asarray(vectorizer.state["_tfidf"].state["idf_"], float).reshape(-1)
    fitted = [one.state["estimator"].state for one in model.state["calibrated_classifiers_"]]
    weights = np.mean([one["coef_"].reshape(-1) for one in fitted], axis=0)
    bias = np.mean([one["intercept_"].reshape(-1)[0] for one in fitted])
    features = module("moderator", "features")
    size = 1 << features.PROFANITY_BITS
    by_bucket, rarity = np.zeros(size), np.zeros(size)
    for word in sorted(words, key=lambda word: (abs(weights[int(words[word])]), word)):
        bucket = features.profanity_bucket(word)  # of two words the heavier one is written last
        by_bucket[bucket], rarity[bucket] = weights[int(words[word])], idf[int(words[word])]
    steps = np.array([np.abs(by_bucket).max() / 127, rarity.max() / 255], np.float32)
    return {
        "profanity.weights": np.round(by_bucket / steps[0]).astype(np.int8),
        "profanity.idf": np.round(rarity / steps[1]).astype(np.uint8),
        "profanity.steps": steps,
        "profanity.bias": np.array(bias, np.float32),
    }
