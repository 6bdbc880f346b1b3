"""Credential files: certificates, keys and passwords of connections, read where settings name them.

A file is read anew for each client that is made, so a password is changed by writing its file and
starting the process again. Nothing that was read stands in an error or a log; its setting does.

Why it is so: TLS libraries say of a handshake that failed what the mathematics said. Who reads it
must know which of four services it was, and which setting is to be changed (`tls_fault`).
"""

from __future__ import annotations

import ssl
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from streams.settings import BadSetting, Settings
from streams.variables import variable

SECRET_BYTES_MAX = 16_384  # of a file: more is no password
PEM = b"-----BEGIN "

SERVICES = ("kafka", "registry", "weaviate", "triton")
SECRETS = (
    "kafka_password_file",
    "registry_password_file",
    "weaviate_key_file",
    "producer_key_file",
)
FAULTS = (
    (("certificate has expired", "certificate_expired", "certificate expired"), "expired"),
    (("hostname mismatch", "ip address mismatch", "not valid for", "name mismatch"), "name"),
    (("wrong version number", "wrong_version_number", "record layer failure",
      "packet length too long", "unexpected message", "http_request"), "plain"),
    (("certificate required", "bad certificate", "certificate_required", "bad_certificate",
      "certificate unknown", "certificate_unknown", "unknown ca", "unknown_ca"), "own"),
    (("certificate verify failed", "certificate_verify_failed", "could not be verified",
      "self-signed", "unable to get local issuer"), "authority"),
)  # fmt: skip
"""Words of OpenSSL and BoringSSL, as clients pass them on, and what they mean; the first counts."""


class TlsFiles(NamedTuple):
    """The files of one connection's TLS; empty where there is none."""

    ca: str
    certificate: str
    private_key: str


def secret_of(settings: Settings, name: str) -> str:
    """Read the password in the file that a setting names; raises BadSetting, without its value."""
    path = Path(getattr(settings, name))
    try:
        with path.open("rb") as file:
            text = file.read(SECRET_BYTES_MAX + 1).decode().strip()
    except OSError as error:
        raise BadSetting(
            f"{variable(name)}: {path} can't be read ({error.strerror}): name a file that holds "
            "the password alone"
        ) from None
    except UnicodeDecodeError:
        text = ""
    if not text or len(text) > SECRET_BYTES_MAX or not text.isprintable():
        raise BadSetting(f"{variable(name)}: {path} must hold a secret, in one line of UTF-8")
    return text


def tls_files(settings: Settings, service: str) -> TlsFiles:
    """Return the files of a service's TLS (kafka, registry, weaviate, triton), looked through.

    Raises BadSetting for one that can't be read or is no PEM, and for a key that does not fit its
    certificate.
    """
    given = {part: str(getattr(settings, f"{service}_{part}", "")) for part in TlsFiles._fields}
    for part, path in given.items():
        if path:
            _check_pem(f"{service}_{part}", path)
    files = TlsFiles(**given)
    if files.private_key and not files.certificate:
        raise BadSetting(
            f"{variable(f'{service}_private_key')} is a key without a certificate: name that in "
            f"{variable(f'{service}_certificate')}"
        )
    if files.ca or files.certificate:
        tls_context(files, service)
    return files


def check_files(settings: Settings, without: Collection[str] = ()) -> None:
    """Look through every file that settings name; raises BadSetting for one that can't be used.

    For a process that begins: what it finds here, no waiting would mend. `without` names services
    that it never asks.
    """
    for service in SERVICES:
        if service not in without:
            tls_files(settings, service)
    for name in SECRETS:
        if getattr(settings, name) and name.partition("_")[0] not in without:
            secret_of(settings, name)


def tls_context(files: TlsFiles, service: str) -> ssl.SSLContext:
    """Make what Python's TLS connects by; raises BadSetting for files that don't go together."""
    try:
        context = ssl.create_default_context(cafile=files.ca or None)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(
            f"{variable(f'{service}_ca')}: {files.ca} holds no certificates that can be used "
            f"({_short(error)})"
        ) from None
    if files.certificate:
        try:
            # a key with a password is refused: nobody could be asked for it
            context.load_cert_chain(
                files.certificate, files.private_key or None, password=lambda: b""
            )
        except (OSError, ssl.SSLError) as error:
            raise BadSetting(
                f"{variable(f'{service}_certificate')} and {variable(f'{service}_private_key')} do "
                f"not go together, or the key has a password ({_short(error)})"
            ) from None
    return context


def grpc_files(files: TlsFiles) -> tuple[bytes | None, bytes | None, bytes | None]:
    """Read them as gRPC takes them: authorities, key, certificate; None stands for the default."""
    ca, certificate, key = (Path(path).read_bytes() if path else None for path in files)
    return ca, key or certificate, certificate


def tls_fault(words: str, service: str, address: str) -> str:
    """Say in a sentence what a TLS error means, and what to set; empty where it says nothing.

    `words` are those of the library, whichever it is.
    """
    told = words.lower()
    kind = next((kind for signs, kind in FAULTS if any(sign in told for sign in signs)), "")
    ca, own = variable(f"{service}_ca"), variable(f"{service}_certificate")
    return {
        "": "",
        "expired": f"the certificate of {address} has expired: renew it there",
        "name": f"the certificate of {address} is for another host: connect by a name that it has",
        "plain": f"{address} does not speak TLS: see {_secured_by(service)}",
        "own": f"{address} takes no certificate of ours, or none at all: see {own}",
        "authority": f"no authority that we trust signed the certificate of {address}: see {ca}",
    }[kind]


def _secured_by(service: str) -> str:
    """Name the setting by which a service is spoken to with TLS."""
    by = {"registry": "registry", "weaviate": "weaviate_http"}
    return variable(by.get(service, f"{service}_security"))


def _check_pem(name: str, path: str) -> None:
    try:
        holds = PEM in Path(path).read_bytes()
    except OSError as error:
        raise BadSetting(f"{variable(name)}: {path} can't be read ({error.strerror})") from None
    if not holds:
        raise BadSetting(f"{variable(name)}: {path} is no PEM file (-----BEGIN …)")


def _short(error: Exception) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
