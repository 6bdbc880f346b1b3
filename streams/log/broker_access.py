"""Broker access: what every client of the broker is told of where it is and how to be let in.

Consumers, producers and admin clients of librdkafka begin with `client_settings`, those of aiokafka
with `aio_settings`; a test walks the tree and finds no other that spells an address. Faust's own
broker address names our transport and is dialled by nobody (`streams.delivery.faust_shell`).

Why it is so: a client that is refused says so to its callback and tries again for ever, and whoever
asked it something learns after a while that nobody answered. So where an answer is missing the
broker is asked once more, by a client that listens (`refusal`): it tells a wrong password from a
broker that is away. The first won't pass, and a process that begins says so and ends; the second
will, and it waits.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from streams.log.credential_files import secret_of, tls_context, tls_fault, tls_files
from streams.settings import BadSetting, Settings
from streams.variables import variable

ASK_S = 2.0  # for a refusal: a broker that is up refuses within milliseconds
TRY_S = 0.5  # for one answer, between two looks at what the client was told
POLL_S = 0.05
PERHAPS_PLAIN = ("connecting to a plaintext broker listener",)
NO_MECHANISM = ("unsupported sasl mechanism", "mechanism handshake failed")
NOT_KNOWN = frozenset({KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED})  # noqa: SLF001 - public


class BrokerRefuses(ConnectionError):
    """The broker is there and does not let us in; the message names what to set."""


RECONNECT_MS = 1_000
"""The longest pause of a client between two looks for a broker that is away. By its default, 10 s,
it comes back long after the broker does: so late began what asked while that one was restarted."""


def client_settings(settings: Settings) -> dict[str, Any]:
    """Return what a client of librdkafka connects by; raises BadSetting for unusable files."""
    told: dict[str, Any] = {
        "bootstrap.servers": settings.kafka,
        "reconnect.backoff.max.ms": RECONNECT_MS,
    }
    if settings.kafka_security == "plaintext":
        return told
    told["security.protocol"] = settings.kafka_security
    if _has_tls(settings):
        files = tls_files(settings, "kafka")
        names = ("ssl.ca.location", "ssl.certificate.location", "ssl.key.location")
        told |= {name: path for name, path in zip(names, files, strict=True) if path}
    if _has_sasl(settings):
        told |= {
            "sasl.mechanism": settings.kafka_mechanism,
            "sasl.username": _user(settings),
            "sasl.password": secret_of(settings, "kafka_password_file"),
        }
    return told


def aio_settings(settings: Settings) -> dict[str, Any]:
    """Return the same for a client of aiokafka."""
    told: dict[str, Any] = {"bootstrap_servers": settings.kafka.split(",")}
    if settings.kafka_security == "plaintext":
        return told
    told["security_protocol"] = settings.kafka_security.upper()
    if _has_tls(settings):
        told["ssl_context"] = tls_context(tls_files(settings, "kafka"), "kafka")
    if _has_sasl(settings):
        told |= {
            "sasl_mechanism": settings.kafka_mechanism,
            "sasl_plain_username": _user(settings),
            "sasl_plain_password": secret_of(settings, "kafka_password_file"),
        }
    return told


def refusal(
    settings: Settings,
    ask_s: float = ASK_S,
    new_admin: Callable[[dict[str, Any]], Any] = AdminClient,
) -> str:
    """Ask the broker whether it lets us in; say in a sentence why not, empty where that is not it.

    Blocks until it answers, or for `ask_s`. A broker that is away refuses nobody.
    Raises BadSetting.
    """
    told: list[str] = []
    closed = False

    def heed(code: int, words: str) -> None:
        nonlocal closed
        closed = closed or code == KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - public
        if said := why_refused(settings, code, words):
            told.append(said)

    admin = new_admin(
        {
            **client_settings(settings),
            "error_cb": lambda error: heed(error.code(), error.str()),
            "log_level": 0,
        }
    )
    ends_s = time.monotonic() + ask_s
    while not told and time.monotonic() < ends_s:
        try:
            admin.list_topics(timeout=min(TRY_S, ask_s))
        except KafkaException as error:
            heed(error.args[0].code(), error.args[0].str())
        else:
            return ""
        admin.poll(POLL_S)  # what the callback is told waits for this
    if told:
        return told[0]
    return _closed_without_a_word(settings) if closed else ""


def check_access(settings: Settings) -> None:
    """Raise BrokerRefuses where the broker is there and does not let us in; BadSetting as above."""
    if said := refusal(settings):
        raise BrokerRefuses(said)


def _closed_without_a_word(settings: Settings) -> str:
    """Say why a broker that listens answers nothing: it speaks TLS and we don't, or wants a name.

    Such a broker closes the connection, and the client is told no more than that.
    """
    security = settings.kafka_security
    if security == "sasl_ssl" or not speaks_tls(settings.kafka.split(",")[0]):
        return ""
    at, name = f"the broker at {settings.kafka}", variable("kafka_security")
    if security == "ssl":
        return f"{at} closes the connection: it may ask for a name, so try {name}=sasl_ssl"
    return f"{at} speaks TLS, and {name}={security} does not: choose ssl or sasl_ssl"


def speaks_tls(address: str, timeout_s: float = TRY_S) -> bool:
    """Try a TLS handshake with an address; whose certificate that is does not matter here."""
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return True
    except (OSError, ValueError):
        return False


def why_refused(settings: Settings, code: int, words: str) -> str:
    """Say what an error of a client means, where the broker refuses it; else nothing."""
    words = words.lower()
    at = f"the broker at {settings.kafka}"
    security = variable("kafka_security")
    if any(sign in words for sign in PERHAPS_PLAIN):
        return f"{at} does not speak TLS, {security}={settings.kafka_security} asks for it"
    if any(sign in words for sign in NO_MECHANISM):
        return f"{at} takes no {settings.kafka_mechanism}: see {variable('kafka_mechanism')}"
    if code in NOT_KNOWN:
        return (
            f"{at} does not know {settings.kafka_user or 'us'} by this password: see "
            f"{variable('kafka_user')} and {variable('kafka_password_file')}"
        )
    if code == KafkaError._SSL:  # noqa: SLF001 - public
        return tls_fault(words, "kafka", at) or f"TLS with {at} fails: {words[:200]}"
    return tls_fault(words, "kafka", at) if "ssl routines" in words else ""


def _has_tls(settings: Settings) -> bool:
    return settings.kafka_security in {"ssl", "sasl_ssl"}


def _has_sasl(settings: Settings) -> bool:
    return settings.kafka_security.startswith("sasl")


def _user(settings: Settings) -> str:
    if not settings.kafka_user or not settings.kafka_password_file:
        raise BadSetting(
            f"{variable('kafka_security')}={settings.kafka_security} needs a name and its "
            f"password: set {variable('kafka_user')} and {variable('kafka_password_file')}"
        )
    return settings.kafka_user
