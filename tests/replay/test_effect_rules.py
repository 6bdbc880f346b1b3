"""The fields of a recorded effect that nothing is recomputed from are held against what writes them."""

import pytest
from msgspec.structs import replace

from agents.errors import Permanent
from replay.effect_rules import (
    SHOWN_CHARS_MAX,
    against_effect,
    against_sealed,
    answered,
    described,
)
from schemas import (
    Batch,
    Begin,
    Begun,
    CancellationRequested,
    ChunksCut,
    Detect,
    Detected,
    Digest,
    Digested,
    DocumentRef,
    Effect,
    Generate,
    Generated,
    Instant,
    Now,
    Parse,
    Parsed,
    Sealed,
    Search,
    Unseal,
)
from tests.fakes import a_meta
from tests.replay.little_log import asked

BEGUN = Begun(at=1, attempt=1, code="c", configuration="d", trace="")
PART = Generated(tokens=(), model="m")
ASKED = {
    "detect": (Detect(texts=("x",)), Detected(texts=(), model="m")),
    "digest": (Digest(values=()), Digested(digests=())),
    "parse": (
        Parse(media_type="text/plain", content=b""),
        Parsed(blocks=(), parser="plain", parser_version="9"),
    ),
    "begin": (Begin(step="s", cause="c"), BEGUN),
    "now": (Now(), Instant(at=5)),
    "stream": (Generate(prompt="p", max_tokens=1), PART),
    "error": (Detect(texts=("x",)), Permanent("no")),
}


def effect_of(request, response):
    """What a live run records."""
    failed, local = isinstance(response, Exception), request.EFFECT == "local"
    return Effect(
        number=3,
        kind=request.SCHEMA,
        request=b"r",
        response=None if failed or local else b"a",
        digest=b"\2" + bytes(32) if local else b"",
        model=getattr(response, "model", ""),
        started=5,
        took_us=0,
        error="Permanent: no" if failed else "",
        version="9" if request.SCHEMA == "Parse" else "",
    )


@pytest.mark.parametrize("name", ASKED)
def test_what_a_live_run_records_fits(name):
    request, response = ASKED[name]
    effect = effect_of(request, response)
    assert against_effect(effect, request, response, effect) == ""


@pytest.mark.parametrize(
    ("name", "fields", "says"),
    [
        ("detect", {"part": 1}, "begins with part 1"),
        ("detect", {"model": "other"}, "names the model 'other', its answer 'm'"),
        ("digest", {"model": "other"}, "names the model 'other', its answer ''"),
        ("error", {"model": "m"}, "names the model"),
        ("error", {"response": b"x"}, "has an error and an answer"),
        ("error", {"digest": b"x"}, "has an error and an answer"),
        ("digest", {"response": b"x"}, "is local and has its answer on the log"),
        ("detect", {"digest": b"x"}, "and a digest of it"),
        ("error", {"cached": True}, "was kept from before"),
        ("digest", {"cached": True}, "was kept from before"),
        ("now", {"cached": True}, "was kept from before"),
        ("begin", {"cached": True}, "was kept from before"),
        ("detect", {"cost_micros": 1}, "has the price 1, its answer 0"),
        ("error", {"cost_micros": 1}, "has the price 1, its answer 0"),
        ("detect", {"version": "1"}, "names versions that its answer has not: '1'"),
        ("digest", {"version": "1"}, "names versions"),
        ("error", {"version": "1"}, "names versions"),
        ("parse", {"version": ""}, "names versions"),
        ("parse", {"version": "8"}, "names versions"),
        ("parse", {"digest": bytes(32)}, "names versions"),
        ("detect", {"took_us": -1}, "ended before it began"),
        ("begin", {"took_us": 1}, "took time"),
        ("now", {"took_us": 1}, "took time"),
        ("now", {"started": 6}, "tells another time than its own"),
    ],
)
def test_a_field_that_does_not_fit_is_named(name, fields, says):
    request, response = ASKED[name]
    effect = replace(effect_of(request, response), **fields)
    told = against_effect(effect, request, response, effect)
    assert told.startswith(f"effect 3 ({request.SCHEMA}) ")
    assert says in told


@pytest.mark.parametrize(
    "fields", [{"request": b"x"}, {"started": 6}, {"took_us": 1}, {"kind": "Embed"}]
)
def test_later_parts_of_a_stream_belong_to_the_first(fields):
    request, response = ASKED["stream"]
    first = replace(effect_of(request, response), took_us=2)
    later = replace(first, part=1, request=b"", took_us=3)
    assert against_effect(later, request, response, first) == ""
    assert "part 1" in against_effect(replace(later, **fields), request, response, first)


def test_a_request_is_shown_field_by_field_and_cut_short():
    text = described(Search(text="x" * 200, vector=b"", limit=3))
    assert "limit=3" in text
    assert max(map(len, text.split(", "))) < SHOWN_CHARS_MAX + 20


def test_of_what_a_person_wrote_only_the_size_is_shown():
    assert described(Detect(texts=("secret name",), language="en")) == (
        "Detect(texts=<1>, language=<2>)"
    )
    assert described(Digest(values=(b"secret",))) == "Digest(values=<1>)"


@pytest.mark.parametrize(
    ("fields", "response", "says"),
    [
        (
            {},
            Detected(texts=(), model="m"),
            "the answer Detected(texts=(), model='m', languages_unsupported=())",
        ),
        ({}, None, "an answer of which only a digest is kept"),
        ({"error": "Permanent: no"}, None, "the error 'Permanent: no'"),
    ],
)
def test_what_a_record_holds_of_a_request_is_its_digest_and_its_answer(fields, response, says):
    effect = replace(effect_of(*ASKED["detect"]), request=b"\xab" * 32, **fields)
    assert answered(effect, response) == f"the digest {'ab' * 6}… and {says}"


CUT = ChunksCut(
    meta=a_meta(),
    document=DocumentRef(document="d", version=1, uri="u"),
    batch=Batch(number=0, last=True),
    outcome="cut",
)


@pytest.mark.parametrize(
    ("event", "keys", "other"),
    [
        (asked(0), ["user/u"], ""),
        (asked(0), ["user/u", "user/u"], ""),
        (asked(0), ["user/u", "user/v"], "user/v"),
        (asked(0), ["document/u"], "document/u"),
        (asked(0), ["value/u"], "value/u"),
        (CUT, ["document/d"], ""),
        (CUT, ["document/e"], "document/e"),
        (CancellationRequested(meta=a_meta(), subject=""), ["user/"], "user/"),
    ],
)
def test_an_input_names_the_keys_of_its_own_person_or_document(event, keys, other):
    sealed = [Sealed(key=key, event="e", field="f", ciphertext=b"") for key in keys]
    reason = against_sealed(event, Unseal(values=tuple(sealed)))
    assert reason == (other and f"opens what {other} sealed, which is no key of its input")
    assert against_sealed(event, Now()) == ""
