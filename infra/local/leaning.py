"""What a stack needs and does not start itself: it must be there already, or nothing gets ready."""

import socket
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from infra.local.components import Component
from infra.stack_error import StackError
from streams.settings import Settings
from streams.variables import variable

ANSWER_S = 2.0  # for a connection, on a loaded machine
SETTINGS = {
    "kafka": "kafka",
    "registry": "registry",
    "weaviate": "weaviate_http",
    "triton": "triton_grpc",
}
"""Which setting says where a component is."""


def answers(address: str) -> bool:
    """Try whether something listens at HOST:PORT."""
    parts = urlsplit(f"//{address}")
    try:
        with socket.create_connection((parts.hostname, parts.port), ANSWER_S):
            return True
    except (OSError, ValueError):
        return False


def refuse_absent(
    chosen: Sequence[Component],
    settings: Settings,
    answers: Callable[[str], bool] = answers,
) -> None:
    """Raise StackError that names what these components need, do not start, and do not reach."""
    started = {component.name for component in chosen}
    needs = {need: component.name for component in reversed(chosen) for need in component.needs}
    absent = []
    for need in needs:
        if need in SETTINGS and need not in started:
            addresses = _addresses(str(getattr(settings, SETTINGS[need])))
            if not any(map(answers, addresses)):
                absent.append((need, ", ".join(addresses)))
    if not absent:
        return
    who = " and ".join(dict.fromkeys(needs[need] for need, _ in absent))
    where = ", ".join(f"{need} ({address})" for need, address in absent)
    names = ", ".join(variable(SETTINGS[need]) for need, _ in absent)
    raise StackError(
        f"{who} can't do without {where}: nothing answers there; "
        f"start all together (without --only), or say where they run: {names}"
    )


def _addresses(text: str) -> list[str]:
    """Return the HOST:PORT of a setting: of an HTTP address, or of each bootstrap server."""
    if "://" not in text:
        return text.split(",")
    parts: Iterable[str] = [urlsplit(text).netloc.rpartition("@")[2]]
    default = 443 if text.startswith("https") else 80
    return [part if urlsplit(f"//{part}").port else f"{part}:{default}" for part in parts]
