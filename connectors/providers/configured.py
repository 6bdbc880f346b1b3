"""What is configured of providers: `<run>/providers.json`, or the file that the settings name.

    {"local": {"kind": "openai", "url": "http://127.0.0.1:8080/v1"},
     "cloud": {"kind": "anthropic", "auth": "env:ANTHROPIC_API_KEY", "first_token_timeout_s": 10}}

Which route may use which provider stands in the routes (agents/configuration/routes.json), with its
prices; that part is on the log, this one is each worker's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from schemas.prepared_types import prepared
from streams.settings import BadSetting, Settings

PROVIDERS_MAX = 64
WaitSeconds = Annotated[float, msgspec.Meta(ge=0.001, le=3_600)]
ProviderName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][\w.-]{0,99}\Z")]
ProviderAddress = Annotated[str, msgspec.Meta(pattern=r"^[^\s@]*\Z", max_length=2_000)]
"""Without a name and a password before an @: they would show in errors."""


class ProviderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one provider is reached and what is asked of it."""

    kind: str
    """A row of `kinds.py`."""
    url: ProviderAddress = ""
    """Where it is; empty where its kind knows."""
    auth: str = ""
    """Where its key is: env:NAME or file:PATH."""
    auth_header: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z-]{1,64}\Z")] = "Authorization"
    """The header that carries the key; Azure's is `api-key`."""
    query: dict[str, str] = {}
    """Added to each address, such as Azure's `api-version`."""
    api: Literal["chat", "completions"] = "chat"
    """Whether a prompt goes as a message of a user, or as it is."""
    grammar: Literal["response_format", "json_schema", "none"] = "response_format"
    """How a JSON schema is told; none: it stands in the prompt alone, and the answer is checked."""
    tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    connect_timeout_s: WaitSeconds = 5.0
    first_token_timeout_s: WaitSeconds = 20.0
    total_timeout_s: WaitSeconds = 60.0
    tries_max: Annotated[int, msgspec.Meta(ge=1, le=5)] = 2
    """Calls on behalf of one request; after its first token there is no other."""
    running_max: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 4
    """Calls at once; others wait, tenants in turns."""
    retention: bool = False
    """Whether the provider may keep what it is sent, where its interface lets us say so."""
    prompt_cache: bool = True
    """Whether it is told which beginning of a prompt it should keep for the next one."""
    proxy: ProviderAddress = ""
    ca_file: str = ""
    """Certificates to trust in place of the usual ones."""


prepared(dict[ProviderName, ProviderSettings])


def configured(settings: Settings) -> dict[str, ProviderSettings]:
    """Read the providers by name; none where there is no file.

    Raises BadSetting for a file that can't be used.
    """
    path = Path(settings.providers) if settings.providers else settings.run / "providers.json"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if settings.providers:
            raise BadSetting(
                f"{path}: there is no such file; PLAYHEAD_PROVIDERS names it"
            ) from None
        return {}
    except OSError as error:
        raise BadSetting(f"{path} can't be read: {error.strerror}") from None
    try:
        read = msgspec.json.decode(content, type=dict[ProviderName, ProviderSettings])
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadSetting(f"{path}: {error}; docs/how-to/another-model.md shows one") from None
    if len(read) > PROVIDERS_MAX:
        raise BadSetting(f"{path}: {len(read)} providers, at most {PROVIDERS_MAX} are taken")
    return read
