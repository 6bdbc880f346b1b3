"""How the tests ask for responses, and what they look at."""

from __future__ import annotations

from schemas import QuestionAsked

QUESTION = "Is VAT due?"
LOOKUP = {
    "type": "function",
    "name": "lookup",
    "description": "Looks a rate up.",
    "parameters": {"type": "object", "properties": {"country": {"type": "string"}}},
    "strict": True,
}


def respond(client, given=QUESTION, **more):
    return client.responses.create(model="playhead", input=given, **more)


async def streamed(client, given=QUESTION, **more):
    return [event async for event in await respond(client, given, stream=True, **more)]


def asked(log):
    return log.published(QuestionAsked)


def words(gateway, question):
    return gateway.keyring.unseal("acme", question.text).decode()
