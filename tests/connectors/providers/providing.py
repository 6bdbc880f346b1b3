"""Make the connector over providers that a test describes."""

import json
from contextlib import asynccontextmanager

from connectors.providers import Providers
from schemas import Generate
from streams.running.world import Call
from streams.settings import Settings

CALL = Call(tenant="acme", lane=0, request="r-1", session="s-1", event="e-1", topic="t", offset=3)
SECRET = "sk-planted-0123456789"
PROMPT = "Text: <PERSON_1> pays.\nQuestion: Who pays?\nAnswer:"
STABLE = "Text: "


@asynccontextmanager
async def providers(folder, tracer=None, **entries):
    """A connector with these providers, by name."""
    (folder / "providers.json").write_text(json.dumps(entries))
    connector = Providers(Settings(run=folder), tracer)
    try:
        yield connector
    finally:
        await connector.close()


def a_request(provider="p", **fields):
    values = {
        "prompt": PROMPT,
        "max_tokens": 9,
        "model": "big",
        "provider": provider,
        "route": "r@1",
    }
    return Generate(**{**values, **fields})


async def generated(connector, request=None, call=CALL):
    return [part async for part in connector.generate(request or a_request(), call)]


def text_of(parts):
    return "".join(token.text for part in parts for token in part.tokens)
