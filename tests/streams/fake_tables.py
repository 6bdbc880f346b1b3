"""The steps' own tables over an app whose publisher is in memory; what is asked of them, and what they remember."""

from pathlib import Path

from schemas import Answer, AnswerReleased, QuestionAsked, Usage, Verdict
from streams.delivery.faust_shell import new_app
from streams.delivery.memory import Memory
from streams.running.world import Call
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_broker import MemoryBroker, a_broker
from tests.streams.delivery.memory_publisher import MemoryPublisher

NOWHERE = Path("/nowhere")  # an app that is not started writes nothing


def an_app(broker: MemoryBroker):
    """A step's app that is not started."""
    app = new_app("playhead-test", Settings(run=NOWHERE), Memory(1_000))
    app._publisher = MemoryPublisher(broker)
    return app


def table(kind, broker=None, open_consumer=None):
    """A table of a step, and the broker on which its changelog lies."""
    broker = broker or a_broker()
    made = kind(
        an_app(broker), Settings(run=NOWHERE), open_consumer or (lambda *_: broker.consumer())
    )
    made.attach(a_codec())
    return made, broker


def a_call(event, request="r-1", lane=2, session="s-1", subject="u", record=QuestionAsked):
    topic = topic_of(record)
    return Call("acme", lane, request, session, event, topic, 0, subject=subject)


def an_answer(request, finish_reason="stop", text=None):
    return AnswerReleased(
        meta=a_meta(request=request, id=f"released-{request}", lane=2),
        text=f"answer to {request}" if text is None else text,
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
