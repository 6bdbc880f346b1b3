"""The contents of bodies and frames: JSON values, held against what a request may be."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from edge.problems import Problem
from edge.protocols.responses import invalid
from edge.requests.validity import Refused, check_depth

Model = TypeVar("Model", bound=BaseModel)


def _whole(value: Any) -> Any:
    """Refuse what JSON Schema calls no integer: 7.0 is one, true and "7" are not."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


AS_WHOLE = BeforeValidator(_whole)
WholeNumber = Annotated[int, AS_WHOLE, Field(strict=True)]
Truth = Annotated[bool, Field(strict=True)]
AnyNumber = Annotated[float, Field(strict=True)]


def as_in_a_body(content: Any) -> Any:
    """Return a content that came in another way than a body's JSON as it would be read out of one.

    Such as literals of GraphQL, which may be numbers of any size. Raises Problem.
    """
    try:
        return orjson.loads(json.dumps(content, allow_nan=False))
    except ValueError:
        raise Problem(
            422, "invalid", "a number is too large to be one of JSON: send a smaller one"
        ) from None


def validated(content: Any, model: type[Model]) -> Model:
    """Return a content as a model; raises Problem that names the fields at fault, no values."""
    try:
        check_depth(content)
        return model.model_validate(content)
    except Refused as error:
        raise Problem(422, "invalid", str(error)) from None
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid(told) from None
