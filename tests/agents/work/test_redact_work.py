"""The work of *redact* is linear in its texts."""

import pytest

from agents import numbering, placeholders, readable_words, redact, refusal, spans, without_values
from agents.personal import bounded_patterns, foreign_texts, tenant_policy, term_lists
from schemas import Detected, Numbered, Span, Spans
from tests.agents.work.growth import cpu_that_outgrows, lines_that_outgrow
from tests.agents.work.hostile_records import CONFIGURED

POLICY = CONFIGURED["redact"]


def redacting(text):
    text = redact.clean(text.encode())
    refusal.refusal(text, True, POLICY)
    words = list(spans.WORD.finditer(text))[::2]
    found = [
        Span(start=w.start(), end=w.end(), kind="PERSON", score=1.0, by_place=number % 3 == 0)
        for number, w in enumerate(words)
    ]
    detected = Detected(texts=(Spans(spans=tuple(found)), Spans(spans=())), model="m")
    tenant_policy.hold_expressible(POLICY)
    reading = without_values.reading_of((text, text), detected, POLICY, ("", ""), typed=True)
    earlier = [Numbered(placeholder="<PERSON_1>", kind="PERSON", digest="x")]
    readable_words.readable_words(reading)
    readable_words.named_words(reading)
    reading = reading.readable({*reading.by_place[::2]})
    candidates = reading.candidates(earlier)
    digests = {value: value for value in (*reading.values(), *candidates)}
    reading = reading.recognised(
        candidates, {**digests, **dict.fromkeys(candidates[:1], "x")}, earlier
    )
    digests |= {value: value for value in reading.values()}
    digests |= dict.fromkeys(candidates[:1], "x")
    known = numbering.Numbering.extended(earlier, reading, digests)
    excised = [
        numbering.excise(t, m, known, digests)
        for t, m in zip(reading.texts, reading.mentions, strict=True)
    ]
    numbering.remembered(known.added, 10)
    without_values._entries(excised[0].values, {})
    placeholders.inexpressible(POLICY["kinds"])
    placeholders.restore(excised[0].text, {})


LISTED = {"texts": ["a b c", "we", "北京"], "patterns": ["[a-z]{1,9}[0-9]{1,9}", "x{1,9} y"]}


TENANT = {
    "kinds": {"AGE": None},
    "allow": LISTED,
    "deny": {"PROJECT": {**LISTED, "digests": ["0" * 24]}},
    "fields": {"a": "PERSON", "c": "keep", "head 1": "PERSON", "x": "AGE"},
    "consistent": "tenant",
    "known_values": "everywhere",
    "languages": {"supported": [], "otherwise": "mask_more"},
}


BY_TENANT = {**POLICY, "tenants": {"acme": TENANT}}


def redacting_by_policy(text):
    """Once more, with all that a tenant may want beside it, and lists that are read anew."""
    bounded_patterns.compiled.cache_clear()
    term_lists._KEPT.clear()
    policy = tenant_policy.policy_of(BY_TENANT, "acme")
    text = redact.clean(text.encode())
    texts = (text, f"a | c\n{text}", f"a: {text}", f'{{"a": "{text}", "c": "{text}"}}')
    tenant_policy.is_consistent(policy)
    tenant_policy.remembers(policy)
    foreign = foreign_texts.unsupported_in(texts, policy)
    foreign_texts.refuses(foreign, policy)
    foreign_texts.masked_more(text)
    detected = Detected(texts=(Spans(spans=()),) * len(texts), model="m")
    typed = tenant_policy.recalls(policy, typed=False)
    reading = without_values.reading_of(texts, detected, policy, foreign, typed=typed)
    lists = term_lists.lists_of(policy)
    assert lists.by_digest
    forms = dict.fromkeys((*reading.values(), *reading.all_stretches()))
    kinds = ("PROJECT", lists.kind_of_digest("0" * 64), term_lists.ALLOWED, "", "", "", "")
    reading = reading.listed(dict(zip(forms, kinds * len(forms), strict=False)))
    reading = reading.recalled(dict.fromkeys(reading.recallable()[::3], "PERSON"))
    digests = {form: f"{number:064x}" for number, form in enumerate(reading.values())}
    numbers = numbering.Numbering.extended((), reading, digests, consistent=True)
    again = numbering.Numbering.extended(numbers.added, reading, digests, consistent=True)
    numbering.remembered(again.added, 10)


PIECES = {
    "redact": redacting,
    "redact: by a tenant's policy": redacting_by_policy,
}


@pytest.mark.slow  # each line that runs is counted
@pytest.mark.parametrize("piece", PIECES)
def test_the_lines_that_a_piece_runs_grow_no_faster_than_its_text(piece):
    assert not lines_that_outgrow(PIECES[piece])


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_the_rest_of_the_work_is_linear(piece):
    assert not cpu_that_outgrows(PIECES[piece])
