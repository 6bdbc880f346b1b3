"""Win rate: which of two configurations answers better, question by question.

The judge sees both answers and never whose they are: it is asked twice, the second time with the
order swapped, and where it contradicts itself the two are tied. Rules judge where the set knows
what is right; a model may judge instead, if one is configured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from evals import answer_scores
from evals.answer_figures import GivenAnswer
from evals.bootstrap import mean_of
from evals.outcome import SetOutcome
from evals.question_set import QuestionSet, SetQuestion
from schemas import Generate, Generated
from streams.running.world import Call, StreamHandler

FIRST, SECOND, TIE = "first", "second", "tie"
NEARER = 0.05  # F1 by which one answer must be nearer to a right one
Judge = Callable[[SetQuestion, GivenAnswer, GivenAnswer], Awaitable[str]]
"""Takes a question and two answers; returns FIRST, SECOND or TIE."""
VERDICTS = {"A": FIRST, "B": SECOND, "T": TIE}
PROMPT = """\
<|im_start|>system
You compare two answers to a question. Say A if the first answers it better, B if the second does, \
T if neither is better. A wrong answer is worse than none. Say one letter only.<|im_end|>
<|im_start|>user
Question: {question}

A: {first}

B: {second}<|im_end|>
<|im_start|>assistant
"""


async def by_rules(question: SetQuestion, first: GivenAnswer, second: GivenAnswer) -> str:
    """Judge by what the set holds for right.

    An answer that holds it beats an abstention, which beats a wrong answer; where there is none, an
    abstention beats an answer. Among right ones the nearer wins, which says less beside it.
    """
    one, other = (_rank(question, answer) for answer in (first, second))
    if abs(one - other) < NEARER:
        return TIE
    return FIRST if one > other else SECOND


def _rank(question: SetQuestion, answer: GivenAnswer) -> float:
    if not question.answerable:
        return float(answer.abstained)
    if answer.abstained:
        return 1.0
    holds = answer_scores.contains(answer.text, question.answers)
    return 2 * holds + answer_scores.f1(answer.text, question.answers)


def by_model(generate: StreamHandler, model: str, prompt: str = PROMPT) -> Judge:
    """Judge by a model: what answers Generate, the model's name, and how it is asked."""
    call = Call("evaluation", 0, "judge", "judge", "judge", "judge", 0)

    async def judge(question: SetQuestion, first: GivenAnswer, second: GivenAnswer) -> str:
        asked = prompt.format(question=question.text, first=first.text, second=second.text)
        request = Generate(prompt=asked, max_tokens=2, temperature=0.0, model=model)
        said = ""
        async for part in generate(request, call):
            assert isinstance(part, Generated)
            said += "".join(token.text for token in part.tokens)
        return VERDICTS.get(said.strip()[:1].upper(), TIE)

    return judge


async def compared(
    question: SetQuestion, ours: GivenAnswer, theirs: GivenAnswer, judge: Judge
) -> float:
    """Return 1 where the first of two answers wins, 0 where it loses, ½ where neither does."""
    if ours == theirs:
        return 0.5
    there = await judge(question, ours, theirs)
    back = await judge(question, theirs, ours)
    won = there == FIRST and back == SECOND
    lost = there == SECOND and back == FIRST
    return 1.0 if won else 0.0 if lost else 0.5


async def add_win_rate(
    outcome: SetOutcome,
    asked: QuestionSet,
    answers: Mapping[str, Mapping[str, GivenAnswer]],
    systems: Sequence[str],
    judge: Judge,
    seed: int,
) -> None:
    """Take in how often the first of two systems wins; a tie counts half."""
    first, second = (answers[system] for system in systems)
    points = [
        await compared(question, first[question.id], second[question.id], judge)
        for question in asked.questions
    ]
    groups = [question.passage for question in asked.questions]
    outcome.add(f"wins against {systems[1]}", systems[0], mean_of(points, groups, seed))
    counts = Counter(points)
    for name, value in (("won", 1.0), ("tied", 0.5), ("lost", 0.0)):
        counted = f"{systems[0]} {name}"
        if counted in outcome.counts:  # against another one
            counted += f" against {systems[1]}"
        outcome.counts[counted] = counts[value]
