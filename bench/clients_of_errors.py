"""What the frames of an error hold is let go of before the error leaves the stack.

An error that is told at the end of a measurement keeps all frames that it went through, and with
them the clients of the broker that were made there. So they would be destroyed after their broker:
librdkafka may wait for ever then, and instead of the error nothing was told.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def none_outlives_its_broker() -> Iterator[None]:
    """Let go of what the frames of an error hold, inside the stack that it is of."""
    try:
        yield
    except BaseException as error:
        for one in _with_all_before(error):
            traceback.clear_frames(one.__traceback__)
        raise


def _with_all_before(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it came of, each once."""
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            left += [one.__cause__, one.__context__]
            left += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
