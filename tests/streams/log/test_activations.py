"""Which configuration counts: the last choice on the log that can be followed; all others are told."""

import dataclasses
import hashlib

import pytest
from msgspec.structs import replace

from schemas import ConfigurationActivated
from streams.log.activations import SHIPPED, Lying, activations_of, contents_of
from streams.log.configuration import configuration, load
from streams.log.configuration_log import activation
from streams.log.setup import configuration_records
from streams.version import CODE
from tests.fakes import a_codec

CODEC = a_codec()
STEP = "generate"
OURS = load()[STEP]
BRIEF, LONG = (
    configuration(STEP, {**OURS.values, "passage_tokens": tokens}) for tokens in (40, 400)
)
UNKNOWN = configuration(STEP, {**OURS.values, "of_a_later_release": 1})
EMBED, INDEX = configuration("embed", {"texts_max": 8}), configuration("index", {})


def content(*configured):
    records = [configuration_records({one.step: one})[0] for one in configured]
    return [Lying(n, r.digest.encode(), CODEC.encode(r)) for n, r in enumerate(records)]


def chosen(digest, previous=SHIPPED, step=STEP, **fields):
    return ConfigurationActivated(step=step, digest=digest, previous=previous, **fields)


def log_of(*records, of=(BRIEF, LONG, UNKNOWN, EMBED, INDEX)):
    """Lay choices on the log in their order; bytes as they are."""
    lying = []
    for offset, one in enumerate(records):
        if isinstance(one, ConfigurationActivated):
            value = CODEC.encode(activation(one, str(offset)))
            lying.append(Lying(offset, one.step.encode(), value))
        else:
            lying.append(Lying(offset, STEP.encode(), one))
    return activations_of(lying, contents_of(content(*of), CODEC), CODEC)


def in_force(told, step=STEP):
    return told.in_force(step, load()[step])


def test_where_nothing_was_chosen_the_shipped_one_counts():
    assert in_force(log_of()) == OURS
    assert log_of().latest(STEP) is None


def test_the_last_choice_counts_for_its_step_alone():
    told = log_of(chosen(BRIEF.digest), chosen(LONG.digest, BRIEF.digest))
    assert in_force(told) == LONG
    assert in_force(told, "embed") == load()["embed"]
    assert [one.replaced for one in told.history] == [None, None]


def test_who_did_not_know_of_the_one_before_is_told_which_one_that_was():
    told = log_of(chosen(BRIEF.digest), chosen(LONG.digest))
    assert in_force(told) == LONG
    assert [one.replaced for one in told.history] == [None, BRIEF.digest]


def test_the_shipped_one_can_be_chosen():
    told = log_of(chosen(BRIEF.digest), chosen(SHIPPED, BRIEF.digest))
    assert in_force(told) == OURS


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (None, "it is no record"),
        (b"", "it is no record"),
        (b"\0\0\0\0\1 not Avro", "it is no record"),
        (content(BRIEF)[0].value, "it is no record: schema"),
        (chosen("0" * 64), "the log holds no configuration '000000000000'"),
        (chosen(UNKNOWN.digest), f"this code ({CODE}) can't work by it: `of_a_later_release`"),
        (chosen(EMBED.digest), "`texts_max` is nothing that generate knows"),
        (chosen(BRIEF.digest, step="summarise"), "has no step 'summarise'"),
    ],
)  # fmt: skip
def test_what_can_not_be_followed_is_told_and_the_one_before_stays(record, says):
    told = log_of(chosen(BRIEF.digest), record)
    assert in_force(told) == BRIEF
    assert says in told.history[-1].ignored
    assert told.history[0].ignored == ""


def test_what_newer_code_wrote_is_told_with_its_version():
    newer = activation(chosen(UNKNOWN.digest), "x")
    meta = replace(newer.meta, step=replace(newer.meta.step, code="9.0.0"))
    lying = [Lying(0, STEP.encode(), CODEC.encode(replace(newer, meta=meta)))]
    told = activations_of(lying, contents_of(content(UNKNOWN), CODEC), CODEC)
    assert "written by 9.0.0: `of_a_later_release`" in told.history[0].ignored


def test_a_choice_under_another_key_is_ignored():
    value = CODEC.encode(activation(chosen(BRIEF.digest), "x"))
    contents = contents_of(content(BRIEF), CODEC)
    told = activations_of([Lying(0, b"redact", value)], contents, CODEC)
    assert told.history[0].ignored == "its key is not its step"


def test_content_that_is_not_that_of_its_digest_is_none():
    [record] = configuration_records({STEP: BRIEF})
    forged = replace(record, content=LONG.content)
    lying = [Lying(0, record.digest.encode(), CODEC.encode(forged)), Lying(1, b"k", b"\0broken")]
    assert contents_of(lying, CODEC) == {}


@pytest.mark.parametrize("text", ["[1]", "nonsense", "[" * 3_000])
def test_content_that_is_no_object_is_ignored(text):
    [record] = configuration_records({STEP: with_content(text)})
    lying = [Lying(0, record.digest.encode(), CODEC.encode(record))]
    value = CODEC.encode(activation(chosen(record.digest), "x"))
    contents = contents_of(lying, CODEC)
    told = activations_of([Lying(0, STEP.encode(), value)], contents, CODEC)
    assert "its content is no JSON" in told.history[0].ignored


def with_content(text):
    digest = hashlib.sha256(text.encode()).hexdigest()
    return dataclasses.replace(BRIEF, content=text, digest=digest)


def test_steps_that_are_configured_alike_each_get_it_as_their_own():
    alike = configuration("embed", {})
    told = log_of(chosen(INDEX.digest, step="index"), of=(alike,))
    assert (alike.digest, in_force(told, "index")) == (INDEX.digest, INDEX)


# ---------------------------------------------------------------------- going back


def test_what_was_never_changed_has_nothing_before_it():
    assert log_of().earlier(STEP) is None


def test_going_back_again_and_again_goes_further_back():
    a, b = BRIEF.digest, LONG.digest
    back = [chosen(a, b, why="rolled_back"), chosen(SHIPPED, a, why="rolled_back")]
    steps = [chosen(a), chosen(b, a), *back]
    assert [log_of(*steps[:n]).earlier(STEP) for n in range(1, 5)] == [SHIPPED, a, SHIPPED, None]


def test_what_is_set_after_going_back_is_followed_by_what_was_gone_back_to():
    a, b = BRIEF.digest, LONG.digest
    told = log_of(chosen(a), chosen(b, a), chosen(a, b, why="rolled_back"), chosen(b, a))
    assert told.earlier(STEP) == a


def test_what_is_ignored_is_nothing_to_go_back_to():
    told = log_of(chosen(UNKNOWN.digest), chosen(BRIEF.digest))
    assert told.earlier(STEP) == SHIPPED
