"""Routes and facts for tests."""

from agents.routing.permission import Facts
from agents.routing.routes import routes_of

BIG = {"name": "big", "model": "big-1", "provider": "cloud", "regions": ["us"], "classes": ["public", "internal"],
       "input_price": 3_000, "output_price": 15_000, "first_token_ms": 900, "quality": 1, "fallbacks": ["other"]}  # fmt: skip
MIDDLE = {"name": "middle", "model": "mid", "provider": "house", "regions": ["eu"], "input_price": 100,
          "output_price": 100, "first_token_ms": 400, "quality": 2}  # fmt: skip
OTHER = {**MIDDLE, "name": "other", "quality": 5}
SMALL = {"name": "chat", "model": "chat", "regions": ["eu"], "input_price": 0, "output_price": 0, "quality": 9,
         "distilled": True}  # fmt: skip
TRIAL = {**MIDDLE, "name": "trial", "model": "mid-2", "canary": {"of": "middle", "share": 0.25}}
ALL = (SMALL, BIG, MIDDLE, OTHER)


def routes(*entries, **more):
    return routes_of({"routes": list(entries or ALL), **more})


def facts(**fields):
    values = {
        "tenant": "acme",
        "request": "r-1",
        "content": "internal",
        "left_ms": None,
        "prompt_tokens": 200,
        "max_tokens": 100,
    }
    return Facts(**{**values, **fields})
