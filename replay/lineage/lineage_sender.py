"""Handing events to whoever collects them: POST URL/api/v1/lineage, one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterable
from types import MappingProxyType

from replay.bounded_http import ANSWER_S, BoundedHttp, NoHttpAnswer, UselessAnswer, refused
from replay.lineage.lineage_events import Shape

ROUTE = "api/v1/lineage"
MEANINGS = MappingProxyType(
    {
        401: "it wants a key: name its file (--key-file)",
        403: "its key does not let us write",
        404: "it is no collector of OpenLineage events, as Marquez is one",
        422: "it takes none of this shape",
    }
)


class LineageNotTaken(ConnectionError):
    """A collector does not take events; they may be sent again, as often as wanted."""

    def __init__(self, why: str, taken: int = 0) -> None:
        """`taken` is how many it took before."""
        super().__init__(why)
        self.taken = taken


async def send_events(
    events: Iterable[Shape], url: str, key: str = "", answer_s: float = ANSWER_S
) -> int:
    """Send events in their order; returns how many. Raises LineageNotTaken at the first refusal."""
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    sent = 0
    async with BoundedHttp(answer_s) as http:
        for event in events:
            body = json.dumps(event, ensure_ascii=False).encode()
            try:
                status, said = await http.ask("POST", f"{url.rstrip('/')}/{ROUTE}", body, headers)
            except (NoHttpAnswer, UselessAnswer) as error:
                raise LineageNotTaken(f"{url}, after {sent} events: {error}", sent) from None
            if not 200 <= status < 300:
                why = refused(status, said, MEANINGS)
                raise LineageNotTaken(f"{url}, after {sent} events: {why}", sent)
            sent += 1
    return sent
