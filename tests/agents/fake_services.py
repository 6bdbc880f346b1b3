"""What answers ingest, redact and moderate in their tests; held to the real ones by test_fake_services.py."""

import hmac
import re

from agents.errors import KeyDestroyed
from schemas import (
    Detect,
    Detected,
    Digest,
    Digested,
    RecallValues,
    RememberValues,
    Seal,
    Sealed,
    SealedValues,
    Span,
    Spans,
    Unseal,
    Unsealed,
    ValuesRecalled,
    Written,
)


def sealed(key, event, field, value):
    """Seal a value by turning its bytes round."""
    return Sealed(key=key, event=event, field=field, ciphertext=value[::-1])


def unsealed(value):
    """Return the bytes of a sealed value."""
    return value.ciphertext[::-1]


def digest(value):
    return hmac.digest(b"k", value, "sha256").hex()


class FakeKeys:
    """Seals by turning bytes round; has no key of those that were destroyed."""

    def __init__(self):
        self.destroyed = set()
        self.known = {}
        self.words = {}

    def answers(self):
        return {
            Seal: self._seal,
            Unseal: self._unseal,
            Digest: self._digest,
            RememberValues: self._remember,
            RecallValues: self._recall,
        }

    def _seal(self, request):
        self._check(request)
        return SealedValues(
            values=tuple(sealed(i.key, i.event, i.field, i.value) for i in request.values)
        )

    def _unseal(self, request):
        self._check(request)
        return Unsealed(values=tuple(map(unsealed, request.values)))

    def _digest(self, request):
        return Digested(digests=tuple(map(digest, request.values)))

    def _remember(self, request):
        self.known = {one.digest: one for one in reversed(request.values)} | self.known
        self.words = dict.fromkeys(request.readable, True) | self.words
        self.words |= dict.fromkeys(request.named, False)
        return Written()

    def _recall(self, request):
        asked, words = dict.fromkeys(request.digests), dict.fromkeys(request.words)
        return ValuesRecalled(
            values=tuple(self.known[one] for one in asked if one in self.known),
            readable=tuple(one for one in words if self.words.get(one) and one not in self.known),
        )

    def _check(self, request):
        if any(one.key in self.destroyed for one in request.values):
            raise KeyDestroyed("erased")


class FakeRow:
    """A table of one row: what was written is what is read."""

    def __init__(self, read, write, state):
        self.state = state
        self._read, self._write = read, write

    def answers(self):
        return {self._read: lambda _: self.state, self._write: self._put}

    def _put(self, request):
        self.state = request.state
        return Written()


class FakeDetector:
    """Detects by regular expressions, or the same spans in every text."""

    def __init__(self, patterns, spans=None, unsupported=()):
        self.patterns, self.spans, self.unsupported = patterns, spans, unsupported

    def answers(self):
        return {Detect: self._detect}

    def _detect(self, request):
        texts = tuple(Spans(spans=tuple(self._found(text))) for text in request.texts)
        return Detected(texts=texts, model="fake", languages_unsupported=tuple(self.unsupported))

    def _found(self, text):
        if self.spans is not None:
            return self.spans
        return [
            Span(start=m.start(), end=m.end(), kind=kind, score=0.85)
            for kind, pattern in self.patterns.items()
            for m in re.finditer(pattern, text)
        ]
