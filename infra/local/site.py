"""Where one stack lives, and what is started there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local import java
from infra.local.ports import HOST, Ports, number_of
from infra.triton.install import tokenizer_path
from streams.variables import variable


@dataclass(frozen=True)
class Site:
    """Where one stack lives: its run folder, its ports, and the folders of its parts."""

    run: Path
    ports: Ports
    parts: Mapping[str, Path]

    def address(self, port: str) -> str:
        """Return host:port."""
        return f"{HOST}:{number_of(self.ports, port)}"

    def url(self, port: str, path: str = "") -> str:
        """Return an HTTP address."""
        return f"http://{self.address(port)}{path}"

    @property
    def weaviate_key_file(self) -> Path:
        """Hold the key of Weaviate's API, for this run folder only."""
        return self.run / "weaviate.key"

    def _tokenizer(self) -> str:
        part = self.parts.get("triton")
        return str(tokenizer_path(part)) if part else ""

    def description(self) -> dict[str, object]:
        """Say what a client needs to know to reach the components: `<run>/stack.json`."""
        return {
            "kafka": self.address("kafka"),
            "registry": self.url("registry", java.REGISTRY_PATH),
            "weaviate_http": self.url("weaviate"),
            "weaviate_grpc": self.address("weaviate_grpc"),
            "weaviate_key_file": str(self.weaviate_key_file),
            "triton_http": self.url("triton"),
            "triton_grpc": self.address("triton_grpc"),
            "tokenizer": self._tokenizer(),
            **_chat_choice(os.environ),
            "gateway": self.url("gateway"),
            "ports": dict(self.ports),
            "parts": {name: str(place) for name, place in self.parts.items()},
        }


def _chat_choice(environment: Mapping[str, str]) -> dict[str, str]:
    """Tell the chat model that was chosen: a worker that joins works by the same configuration."""
    names = ("chat_model", "chat_trust")
    return {name: given for name in names if (given := environment.get(variable(name)))}


@dataclass(frozen=True)
class Launch:
    """A command, what it adds to the environment, and where it runs."""

    argv: list[str]
    environment: dict[str, str]
    folder: Path | None = None  # the run folder, unless it says otherwise
    secrets: tuple[str, ...] = ()  # names of those in the environment that it needs; of no others
    verb: tuple[str, ...] = ()  # the same command as words of `playhead`, if it is one of ours
