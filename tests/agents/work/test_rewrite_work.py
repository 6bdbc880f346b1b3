"""The work of *rewrite* is linear in its texts."""

import pytest

from agents import rewrite
from agents.before import rewrite_by_questions
from agents.conversation import resolution, small_talk, summary
from agents.conversation.exchanges import Exchange, entries_in
from schemas import Ask, QuestionRedacted, Turn
from tests.agents.work.growth import cpu_that_outgrows, lines_that_outgrow
from tests.agents.work.hostile_records import ASKED, CONFIGURED, map_of
from tests.fakes import a_meta


def rewritten(question, *turns):
    exchanges = [Exchange(*turn) for turn in turns]
    resolution.stand_alone(
        question, exchanges, CONFIGURED["rewrite"], sharper=True, openings=True, following=True
    )


def summing_up(text):
    turns = [
        Turn(request="r", question=one, answer=text, entries=map_of(text, "t"), unanswered=True)
        for one in ("Where is the residential parking permit?", text, f"Is <A_1> new, {text}")
    ]
    summed_up = None
    for one in turns:
        summed_up = summary.summarised(summed_up, one)
    exchanges_read = [Exchange("When is the tide low?", text), Exchange(text, text)]
    for question in ("What does the permit cost?", f"The permit, the {text}"):
        summary.recalled(question, exchanges_read[:1], summed_up)
        summary.recalled(question, exchanges_read, summed_up)


def question_of(text):
    return QuestionRedacted(meta=a_meta(), outcome="redacted", subject="u", text=text, ask=Ask())


def rewriting(text):
    rewritten("Why is it so, in the pier?", (text, text), (f"{text} 1", text))
    rewritten("Is the pier's price of the day new?", (text, text), (text, text))
    rewritten("What are the costs for repair?", (text, text))
    rewritten("Is the pier of Oslo new?", (f"{text} pier", text), (text, text))
    rewritten("Is it new?", (text, f"Mandatory piers stand there, {text}"))
    rewritten(f"{text} their", (ASKED, text), ("Is <PERSON_1> new?", "On 3 May <PERSON_1> is."))
    rewritten(
        "Where did he live?", (f"Why did {text} stop?", text), (f"When did {text} stop?", text)
    )
    turns = [Turn(request="r", question=text, answer=text, entries=map_of(text, "t"))]
    entries_in(text, map_of(text, "q"), turns)
    rewrite._spoken(turns)
    rewrite._unchanged(asked := question_of(text))
    rewrite._small_talk(asked)
    chat = small_talk.small_talk("Thanks!")
    rewrite._chatted(rewrite._unchanged(asked), chat, "")


def filling_in(text):
    for question in (f"And for {text}?", "And for June?", "No, I meant the other one.", "Why?"):
        rewritten(question, (ASKED, text))
    rewritten(f"No, I meant {text}", (ASKED, text))
    rewritten("No, I meant a boat", (ASKED, text))
    rewritten("How do I avoid that?", ("What if it ends?", text))
    rewritten("And if it fails?", (ASKED, text))
    rewritten(f"And if {text} fails?", (f"What is {text} if it ends?", text))


def picking(text):
    rewritten("Is the second one old?", ("Which?", f"- {text}\n- {text}"))
    rewritten("Which of them is best?", ("Which?", f"You can take a, b or c. {text}"))


def rewriting_in_other_languages(text):
    rewritten(f"{text}は", (f"東京の営業時間 {text}", ""))
    rewritten(f"它在{text}?", (f"停车证 {text}", text))
    rewritten("什么是税?", (f"税 {text}", ""))
    rewritten(f"{text} 그것은?", (text, ""))
    rewritten(f"Gilt er für {text}?", (f"Was ist {text}?", text))
    rewritten("Где?", (text, text))


def rewriting_before(text):
    rewrite_by_questions.stand_alone(
        "Why is it?", [f"{text} {n}" for n in range(6)], CONFIGURED["rewrite"]
    )
    rewrite_by_questions.stand_alone(f"{text} their", [text, "Oslo", text], CONFIGURED["rewrite"])


PIECES = {
    "rewrite": rewriting,
    "rewrite: sum up": summing_up,
    "rewrite: fill in": filling_in,
    "rewrite: pick": picking,
    "rewrite: other languages": rewriting_in_other_languages,
    "rewrite: as 0.1.0 did": rewriting_before,
}


@pytest.mark.slow  # each line that runs is counted
@pytest.mark.parametrize("piece", PIECES)
def test_the_lines_that_a_piece_runs_grow_no_faster_than_its_text(piece):
    assert not lines_that_outgrow(PIECES[piece])


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_the_rest_of_the_work_is_linear(piece):
    assert not cpu_that_outgrows(PIECES[piece])
