"""What a conversation had come to at a request, read from a log in memory."""

import pytest
from msgspec.structs import replace

from agents.conversation.summary import summarised
from replay.forking.recorded_session import SessionName, begun_with, session_at
from replay.proved_records import ProvedRecords
from schemas import (
    Answer,
    AnswerReleased,
    AnswerRetracted,
    Ask,
    DocumentWithdrawn,
    Effect,
    MapEntry,
    Numbered,
    Placeholders,
    QuestionAsked,
    QuestionRedacted,
    ReadPlaceholders,
    Sealed,
    SessionForked,
    SessionOrigin,
    SessionSummary,
    StepVersion,
    Turn,
    Usage,
    Verdict,
)
from streams.delivery.tables import ENTRIES_MAX
from streams.topics import topic_of
from tests.fakes import NOW_US, a_codec, a_meta
from tests.memory_log import MemoryLog
from tests.producer_keys import ProducerKeys, must_sign, put_signed
from tests.replay.little_log import put

SEALED = Sealed(key="value/d", event="e", field="f", ciphertext=b"c")
CODEC = a_codec()


def numbered(name):
    return Numbered(placeholder=name, kind="PERSON", digest=f"digest of {name}")


def entry(name):
    return MapEntry(placeholder=name, kind="PERSON", digest=f"digest of {name}", value=SEALED)


def step(name):
    return StepVersion(name=name, code="test", configuration=f"configuration of {name}")


class Talk:
    """Puts a conversation on a log, second by second."""

    def __init__(self, **meta):
        self.log, self.meta, self.clock = MemoryLog(), meta, NOW_US

    def _meta(self, request, **fields):
        self.clock += 1_000_000
        return a_meta(**{"request": request, "at": self.clock, **self.meta, **fields})

    def ask(self, request, known=(), new=(), subject="u", refused=False, **meta):
        asked = QuestionAsked(
            meta=self._meta(request, **meta), subject=subject, text=SEALED, ask=Ask()
        )
        put(self.log, asked)
        state = Placeholders(entries=tuple(map(numbered, known)))
        read = Effect(
            number=1,
            kind=ReadPlaceholders.SCHEMA,
            request=b"",
            response=CODEC.encode(state),
            started=0,
            took_us=0,
        )
        done = self._meta(request, id=f"redacted {request}", step=step("redact"), **meta)
        redacted = QuestionRedacted(
            meta=replace(done, effects=() if refused else (read,)),
            outcome="refused" if refused else "redacted",
            subject=subject,
            text=f"q {request}",
            entries=tuple(map(entry, new)),
            ask=Ask(),
        )
        put(self.log, redacted)

    def answer(self, request, finish="stop", subject="u", entries=(), **meta):
        made = self._meta(request, id=f"released {request}", step=step("moderate"), **meta)
        answer = Answer(
            text="", usage=Usage(), finish_reason=finish, question="", query=f"q {request}"
        )
        event = AnswerReleased(
            meta=made,
            text=f"a {request}",
            answer=answer,
            verdict=Verdict(allowed=True),
            entries=tuple(map(entry, entries)),
            subject=subject,
        )
        return put(self.log, event)

    def retract(self, request):
        event = AnswerRetracted(
            meta=self._meta(request, id=f"retracted {request}"),
            reason="",
            verdict=Verdict(allowed=False),
            subject="u",
        )
        put(self.log, event)

    def said(self, *requests, **fields):
        for request in requests:
            self.ask(request, **fields)
            self.answer(request, **fields)
        return self

    def at(self, request, **fields):
        return session_at(self.log, CODEC, request, **fields)


def requests_of(carried):
    return [turn.request for turn in carried.turns]


def test_what_was_said_up_to_a_request_is_carried_and_nothing_of_what_came_later():
    talk = Talk().said("r-1", "r-2", "r-3")
    carried = talk.at("r-2")
    assert requests_of(carried) == ["r-1", "r-2"]
    assert carried.turns[1] == Turn(request="r-2", question="q r-2", answer="a r-2")
    assert carried.summary is None
    assert carried.people == ("acme/u",)
    assert carried.origin == SessionOrigin(
        tenant="acme",
        subject="u",
        session="s-1",
        request="r-2",
        topic=topic_of(AnswerReleased),
        partition=0,
        offset=1,
        configurations={name: f"configuration of {name}" for name in ("moderate", "redact")},
    )


def test_before_a_request_it_is_left_out():
    carried = Talk().said("r-1", "r-2", "r-3").at("r-2", before=True, archive="beef")
    assert requests_of(carried) == ["r-1"]
    origin = carried.origin
    assert (origin.before, origin.topic, origin.offset) == (True, topic_of(QuestionAsked), 1)
    assert origin.archive == "beef"


def test_before_a_request_without_an_answer_stands_what_was_released_by_then():
    talk = Talk().said("r-1")
    talk.ask("r-2")
    talk.said("r-3")
    assert requests_of(talk.at("r-2", before=True)) == ["r-1"]
    with pytest.raises(LookupError, match="has no answer on this log: it was rejected, or is"):
        talk.at("r-2")


@pytest.mark.parametrize("finish", ["refused", "search", "small_talk", "tool_calls"])
def test_what_nobody_can_refer_to_is_no_turn(finish):
    talk = Talk().said("r-1")
    talk.ask("r-2")
    talk.answer("r-2", finish=finish)
    assert requests_of(talk.at("r-2")) == ["r-1"]


def test_an_answer_that_lies_there_twice_is_one_turn():
    talk = Talk().said("r-1")
    talk.answer("r-1")
    assert requests_of(talk.said("r-2").at("r-2")) == ["r-1", "r-2"]


def test_an_answer_that_was_retracted_is_not_carried_on_and_its_question_is():
    talk = Talk().said("r-1", "r-2")
    talk.retract("r-1")
    carried = talk.at("r-2")
    assert [turn.answer for turn in carried.turns] == ["", "a r-2"]
    assert carried.turns[0].question == "q r-1"
    assert carried.retracted == 1


@pytest.mark.parametrize(
    "other", [{"subject": "v"}, {"tenant": "globex"}, {"session": "s-1b"}, {"lane": 3}]
)
def test_another_conversation_is_not_carried_on(other):
    talk = Talk().said("r-1")
    talk.said("o-1", **other)
    assert requests_of(talk.said("r-2").at("r-2")) == ["r-1", "r-2"]


def test_a_record_that_lies_wrongly_or_can_not_be_read_is_passed_over():
    talk = Talk().said("r-1", "r-2")
    rows = talk.log.topics[topic_of(AnswerReleased), 0]
    rows[0].key = b"globex"
    assert requests_of(talk.at("r-2")) == ["r-2"]
    rows[0].value = rows[0].value[:-1]
    assert requests_of(talk.at("r-2")) == ["r-2"]


def test_as_many_turns_are_carried_as_a_row_holds_and_the_others_are_summed_up():
    names = [f"r-{number}" for number in range(ENTRIES_MAX + 4)]
    carried = Talk().said(*names).at(names[-1])
    assert requests_of(carried) == names[4:]
    summary = None
    for name in names[:4]:
        summary = summarised(summary, Turn(request=name, question=f"q {name}", answer=""))
    assert carried.summary == summary


# ------------------------------------------------------------------ placeholders


def test_placeholders_are_those_in_use_with_what_the_question_added():
    talk = Talk()
    talk.ask("r-1", known=["<PERSON_1>"], new=["<PERSON_1>", "<PERSON_2>"])
    talk.answer("r-1", entries=["<PERSON_2>"])
    carried = talk.at("r-1")
    assert carried.placeholders == (numbered("<PERSON_1>"), numbered("<PERSON_2>"))
    assert talk.at("r-1", before=True).placeholders == (numbered("<PERSON_1>"),)
    assert [one.placeholder for one in carried.turns[0].entries] == ["<PERSON_2>"]


def test_a_refused_question_tells_of_no_placeholders_and_the_one_before_it_does():
    talk = Talk()
    talk.ask("r-1", new=["<PERSON_1>"])
    talk.answer("r-1")
    talk.ask("r-2", refused=True)
    talk.answer("r-2", finish="refused")
    assert talk.at("r-2").placeholders == (numbered("<PERSON_1>"),)


def test_without_values_nothing_is_left_of_whom_placeholders_stand_for():
    talk = Talk()
    talk.ask("r-1", new=["<PERSON_1>"])
    talk.answer("r-1", entries=["<PERSON_1>"])
    bare = talk.at("r-1").without_values()
    assert bare.turns[0].entries == ()
    assert bare.placeholders == (Numbered(placeholder="<PERSON_1>", kind="PERSON", digest=""),)
    summed = replace(SessionSummary(turns=1), entries=(entry("<PERSON_1>"),))
    assert Talk().said("r-1").at("r-1").without_values().summary is None
    fork = a_fork(summary=summed)
    assert forked_talk(fork).at("r-9").without_values().summary == SessionSummary(turns=1)


# ------------------------------------------------------------------ a fork of a fork


def a_fork(**fields):
    return SessionForked(
        meta=a_meta(request="f-1", id="f-1"),
        subject="u",
        origin=SessionOrigin(
            tenant="globex", subject="d", session="s", request="o-1", topic="t", partition=0,
            offset=0),
        turns=(Turn(request="o-1", question="q", answer="a"),),
        placeholders=(numbered("<PERSON_7>"),),
        people=("globex/d", "initech/e"),
        **fields,
    )  # fmt: skip


def forked_talk(fork):
    talk = Talk()
    put(talk.log, fork)
    talk.ask("r-9", refused=True)
    talk.answer("r-9")
    return talk


def test_a_fork_of_a_fork_goes_on_from_both_and_names_everybody():
    carried = forked_talk(a_fork(summary=SessionSummary(turns=3))).at("r-9")
    assert requests_of(carried) == ["o-1", "r-9"]
    assert carried.summary == SessionSummary(turns=3)
    assert carried.placeholders == (numbered("<PERSON_7>"),)
    assert carried.people == ("acme/u", "globex/d", "initech/e")


def test_a_session_is_begun_with_its_forks_and_then_its_questions():
    fork = a_fork()
    talk = forked_talk(fork)
    begun = list(begun_with(ProvedRecords(talk.log, CODEC), SessionName("acme", "u", "s-1", 0)))
    assert [type(event) for event in begun] == [SessionForked, QuestionAsked]
    assert (
        list(begun_with(ProvedRecords(talk.log, CODEC), SessionName("acme", "u", "s-2", 0))) == []
    )


# ------------------------------------------------------------------ what nobody signed


def test_a_fork_that_nobody_signed_is_carried_nowhere_and_the_one_behind_it_is():
    """Else who forks would sign what the folds had passed over."""
    keys, talk = ProducerKeys({topic_of(SessionForked): [0]}), Talk()
    signer = keys.signer("*")
    must_sign(talk.log, keys)
    forged = replace(a_fork(), turns=(Turn(request="o-6", question="q", answer="forged"),))
    put_signed(talk.log, replace(forged, meta=a_meta(request="f-0", id="f-0")))
    talk.ask("r-9", refused=True)
    talk.answer("r-9")
    carried = talk.at("r-9")
    assert requests_of(carried) == ["r-9"]
    assert (carried.placeholders, carried.people) == ((), ("acme/u",))
    put_signed(talk.log, a_fork(), signer)
    carried = talk.at("r-9")
    assert requests_of(carried) == ["o-1", "r-9"]
    assert carried.people == ("acme/u", "globex/d", "initech/e")


def test_a_question_that_nobody_signed_leads_to_no_conversation():
    """It could name the session of anybody, whose turns would be carried to whoever wrote it."""
    keys, talk = ProducerKeys({topic_of(QuestionAsked): [1]}), Talk()
    must_sign(talk.log, keys)
    talk.said("r-1")
    meta = a_meta(request="x-1", id="x-1", at=talk.clock)
    forged = QuestionAsked(meta=meta, subject="u", text=SEALED, ask=Ask())
    put_signed(talk.log, forged)
    with pytest.raises(LookupError, match="x-1 is no question of a conversation"):
        talk.at("x-1", before=True)
    put_signed(talk.log, forged, keys.signer("acme"))
    assert requests_of(talk.at("r-1")) == ["r-1"]


def test_nor_does_one_that_lies_where_its_tenants_questions_do_not():
    talk = Talk().said("r-1")
    meta = a_meta(request="x-1", id="x-1", at=talk.clock)
    forged = QuestionAsked(meta=meta, subject="u", text=SEALED, ask=Ask())
    talk.log.put(topic_of(QuestionAsked), CODEC.encode(forged), key=b"globex")
    with pytest.raises(LookupError, match="x-1 is no question of a conversation"):
        talk.at("x-1", before=True)


# ------------------------------------------------------------------ what can't be forked


def test_a_request_that_never_was_or_of_another_tenant_is_told():
    talk = Talk().said("r-1")
    with pytest.raises(LookupError, match="no record of request r-7"):
        talk.at("r-7")
    with pytest.raises(LookupError, match="request r-1 is none of tenant globex"):
        talk.at("r-1", tenant="globex")
    meta = a_meta(request="d-1", session="doc")
    put(talk.log, DocumentWithdrawn(meta=meta, document="doc", reason=""))
    with pytest.raises(LookupError, match="d-1 is no question of a conversation"):
        talk.at("d-1")


def test_a_request_that_two_tenants_have_needs_to_be_told_whose_is_meant():
    talk = Talk().said("r-1")
    talk.said("r-1", tenant="globex")
    with pytest.raises(LookupError, match="acme and globex have a request r-1: say with --tenant"):
        talk.at("r-1")
    assert talk.at("r-1", tenant="globex").origin.tenant == "globex"
