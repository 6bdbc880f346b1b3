"""Joblib's files, read without joblib: arrays behind their wrappers, and nothing that runs."""

import io
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest

from bench.moderator_heads import profane_words
from bench.moderator_heads.model_code import module

features = module("moderator", "features")


class Plain:
    """An object of some library."""

    def __init__(self, **state):
        self.__dict__ |= state


Wrapper = type("NumpyArrayWrapper", (Plain,), {"__module__": "joblib_numpy_pickle"})
"""What joblib puts before an array's bytes."""


class JoblibWriter(pickle._Pickler):
    """Writes arrays as joblib does: the wrapper's pickle, a byte of padding's length, the bytes."""

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, np.ndarray):
            wrapper = Wrapper(
                subclass=None,
                shape=obj.shape,
                order="C",
                dtype=obj.dtype,
                allow_mmap=False,
                numpy_array_alignment_bytes=16,
            )
            super().save(wrapper)
            self.framer.commit_frame(force=True)
            self.write(b"\x03\xff\xff\xff" + obj.tobytes())
            return
        super().save(obj, save_persistent_id)


@pytest.fixture
def joblib(monkeypatch):
    """Let the wrapper be known under joblib's name while files are written."""
    room = types.ModuleType("joblib_numpy_pickle")
    room.NumpyArrayWrapper = Wrapper
    monkeypatch.setitem(sys.modules, room.__name__, room)


def dumped(obj):
    file = io.BytesIO()
    JoblibWriter(file, 3).dump(obj)
    return file.getvalue()


def a_wheel(path, vectorizer, model):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("profanity_check/data/vectorizer.joblib", dumped(vectorizer))
        archive.writestr("profanity_check/data/model.joblib", dumped(model))
    return path


def fitted(weights, bias):
    estimator = Plain(coef_=np.array([weights]), intercept_=np.array([bias]))
    return Plain(estimator=estimator)


def test_weights_and_rarity_of_words_are_read(joblib, tmp_path):
    vectorizer = Plain(
        vocabulary_={"nasty": 0, "kind": 1}, _tfidf=Plain(idf_=np.array([5.0, 10.0]))
    )
    model = Plain(calibrated_classifiers_=[fitted([2.0, -1.0], -1.0), fitted([4.0, -1.0], -2.0)])
    read = profane_words.read(a_wheel(tmp_path / "a.whl", vectorizer, model))
    weight, rarity = read["profanity.steps"]
    buckets = [features.profanity_bucket(word) for word in ("nasty", "kind")]
    assert np.allclose(read["profanity.weights"][buckets] * weight, [3.0, -1.0], atol=0.02)
    assert np.allclose(read["profanity.idf"][buckets] * rarity, [5.0, 10.0], atol=0.05)
    assert read["profanity.bias"] == -1.5
    assert (read["profanity.weights"] != 0).sum() == 2


def test_nothing_that_a_file_names_is_run(tmp_path):
    ran = tmp_path / "ran"

    class Bad:
        def __reduce__(self):
            return (open, (str(ran), "w"))

    with pytest.raises(TypeError):  # a shell takes no such arguments
        profane_words.JoblibReader(io.BytesIO(pickle.dumps(Bad()))).load()
    assert not ran.exists()
