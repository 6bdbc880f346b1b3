"""The steps' own tables over a Faust app that is none; what is asked of them, and what they remember."""

from schemas import Answer, AnswerReleased, Usage, Verdict
from streams.running.world import Call
from streams.settings import Settings
from tests.fakes import a_codec, a_meta
from tests.streams.delivery.fake_app import FakeApp


def table(kind, broker=None):
    app = FakeApp()
    made = kind(app, Settings(), lambda *_: broker.consumer())
    made.attach(a_codec())
    return made, app


def a_call(event, request="r-1", lane=2, session="s-1"):
    return Call("acme", lane, request, session, event, "topic", 0)


def an_answer(request, finish_reason="stop"):
    return AnswerReleased(
        meta=a_meta(request=request, id=f"released-{request}", lane=2),
        text=f"answer to {request}",
        answer=Answer(
            text="t",
            usage=Usage(prompt_tokens=1, completion_tokens=1),
            finish_reason=finish_reason,
            question="q",
            query=f"query of {request}",
        ),
        verdict=Verdict(allowed=True),
        subject="u",
    )
