"""The contents of bodies and frames: JSON values, held against what a request may be."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

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
