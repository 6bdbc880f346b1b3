"""What the fields of a recorded effect may hold beside its request and its response.

Nothing is recomputed from them, so they are held against what writes them
(`streams.running.live`): what a record says of model and price stands in the response too, and an
effect is an answer or an error, and never both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas import Begun, Effect, Event, Failed, Instant, Record, Request, Unseal
from streams.running.digests import holds_versions, version_of

SHOWN_CHARS_MAX = 60  # of a field of a request
KNOWN_BY_THE_RUN = (Begun, Failed, Instant)
"""Responses that a run gives itself, which takes no time."""


def against_effect(
    effect: Effect, request: Request[Any], response: Record | Exception, first: Effect
) -> str:
    """Say what speaks against an effect; nothing where all of it fits.

    `first` is the first part of a stream, and the effect itself otherwise.
    """
    reason = (
        _against_answer(effect, request, response)
        or _against_part(effect, first)
        or _against_times(effect, response)
    )
    return reason and f"effect {effect.number} ({request.SCHEMA}) {reason}"


def against_sealed(event: Event, request: Request[Any]) -> str:
    """Say what speaks against the keys of sealed values that a run over an input opens.

    What can't be opened any more can't be compared. So a key that is gone excuses what was sealed
    under it and nothing else: an input names the key of its person, or of its document.
    """
    if not isinstance(request, Unseal):
        return ""
    own = _own_keys(event)
    other = next((value.key for value in request.values if value.key not in own), None)
    return "" if other is None else f"opens what {other} sealed, which is no key of its input"


def _own_keys(event: Event) -> set[str]:
    """Name the keys under which the texts of an input are sealed."""
    subject, document = getattr(event, "subject", ""), getattr(event, "document", "")
    names = {"user": subject, "document": getattr(document, "document", document)}
    return {f"{kind}/{name}" for kind, name in names.items() if name}


def _against_answer(effect: Effect, request: Request[Any], response: Record | Exception) -> str:
    failed, local = isinstance(response, Exception), request.EFFECT == "local"
    if failed and (effect.response is not None or effect.digest):
        return "has an error and an answer"
    if local and effect.response is not None:
        return "is local and has its answer on the log"
    if effect.cached and (failed or local or isinstance(response, KNOWN_BY_THE_RUN)):
        return "was kept from before, and is none that is ever kept"
    if effect.digest and not local:
        return "has its answer on the log and a digest of it"
    if effect.version != ("" if failed else _version_beside(effect, response)):
        return f"names versions that its answer has not: {effect.version!r}"
    model = "" if failed else getattr(response, "model", "") or ""
    if effect.model != model:
        return f"names the model {effect.model!r}, its answer {model!r}"
    cost = 0 if failed else getattr(response, "cost_micros", 0)
    if effect.cost_micros != cost:
        return f"has the price {effect.cost_micros}, its answer {cost}"
    return ""


def _version_beside(effect: Effect, response: Any) -> str:
    """Return the versions that an effect tells because its digest does not hold them."""
    return version_of(response) if effect.digest and not holds_versions(effect.digest) else ""


def _against_part(effect: Effect, first: Effect) -> str:
    if effect is first:
        return f"begins with part {effect.part}" if effect.part else ""
    if effect.kind != first.kind:
        return f"is {effect.kind} in part {effect.part}"
    if effect.request or effect.started != first.started:
        return f"asks anew, or at another time, with part {effect.part}"
    if effect.took_us < first.took_us:
        return f"had part {effect.part} before its first"
    return ""


def _against_times(effect: Effect, response: Record | Exception) -> str:
    if effect.took_us < 0:
        return "ended before it began"
    if isinstance(response, KNOWN_BY_THE_RUN) and effect.took_us:
        return "took time: nobody was asked"
    if isinstance(response, Instant) and response.at != effect.started:
        return "tells another time than its own"
    return ""


def described(request: Request[Any]) -> str:
    """Say what a request asks for, each field cut short; of one with a person's text only sizes."""
    fields: Mapping[str, Any] = request.to_avro()
    show = _size if request.PERSONAL else _short
    return (
        f"{request.SCHEMA}({', '.join(f'{name}={show(value)}' for name, value in fields.items())})"
    )


def answered(effect: Effect, response: Record | None) -> str:
    """Say what a record holds of an effect: from a digest alone no request can be read."""
    if effect.error:
        what = f"the error {_short(effect.error)}"
    elif response is None:
        what = "an answer of which only a digest is kept"
    else:
        what = f"the answer {shown(response)}"
    return f"the digest {effect.request.hex()[:12]}… and {what}"


def shown(record: Record) -> str:
    """Spell a record, each field cut short."""
    fields = ", ".join(f"{name}={_short(value)}" for name, value in record.to_avro().items())
    return f"{record.SCHEMA}({fields})"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[: SHOWN_CHARS_MAX - 1]}…"


def _size(value: Any) -> str:
    if isinstance(value, list | tuple | str | bytes | dict):
        return f"<{len(value)}>"
    return f"<{type(value).__name__}>"
