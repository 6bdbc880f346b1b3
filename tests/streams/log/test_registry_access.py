"""How the registry's client is let in, and what is said where it is not."""

import base64
import dataclasses
import os
import subprocess
import time

import pytest

from infra.local import java, ports
from infra.local.parts import all_parts
from schemas.definitions import self_contained
from schemas.registry import RegistryAway, UnknownSchema
from streams.log.subjects import new_registry, open_registry
from streams.settings import BadSetting, Settings
from tests.certificates import Authority
from tests.schemas.registry_server import FakeRegistryServer, serving
from tests.tls_proxy import behind_tls

PATIENCE_S = 60.0


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def registry(authority):
    """The settings of a registry that takes certificates of its own authority alone."""
    fake = FakeRegistryServer()
    own = authority.issue("registry")
    with (
        serving(fake.answer) as url,
        behind_tls(url.removeprefix("http://"), own, clients_of=authority.file) as at,
    ):
        client = authority.issue("client")
        yield Settings(
            registry=f"https://{at}",
            registry_ca=str(authority.file),
            registry_certificate=str(client.certificate),
            registry_private_key=str(client.private_key),
        )


def test_a_registry_behind_tls_lets_in_whoever_has_a_certificate(registry):
    client = new_registry(registry)
    client.register({"usage-value": "Usage"})
    assert client.definition_of(client.id_of("Usage")) == self_contained("Usage")


def test_who_is_not_let_in_is_told_which_setting_is_wrong(registry, tmp_path):
    stranger = Authority(tmp_path, "stranger")
    plain = registry.registry.replace("https:", "http:")
    for change, said in [
        ({"registry_ca": str(stranger.file)}, "signed the certificate.* see PLAYHEAD_REGISTRY_CA"),
        ({"registry_certificate": "", "registry_private_key": ""}, "PLAYHEAD_REGISTRY_CERTIFICATE"),
        ({"registry": plain}, "if it speaks TLS, PLAYHEAD_REGISTRY begins https://"),
    ]:
        client = new_registry(dataclasses.replace(registry, **change))
        client._client._rest_client.max_retries = 0  # what it says is the same each time
        with pytest.raises(RegistryAway, match=said):
            client.definition_of(1)


def test_a_name_and_a_password_are_sent_as_http_wants_them(tmp_path):
    password = tmp_path / "password"
    password.write_text("hunter:two\n")
    settings = Settings(
        registry="http://localhost:1", registry_user="gateway", registry_password_file=str(password)
    )
    session = new_registry(settings)._client._rest_client.session
    request = session.build_request("GET", settings.registry)
    sent = next(session.auth.auth_flow(request)).headers["authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"gateway:hunter:two"


def test_a_name_without_its_password_is_refused():
    with pytest.raises(BadSetting, match="PLAYHEAD_REGISTRY_PASSWORD_FILE"):
        new_registry(Settings(registry_user="gateway"))


@pytest.mark.stack
def test_the_registry_itself_may_speak_tls(tmp_path):
    parts, home = all_parts(), tmp_path / "home"
    java.lay_out(home, parts["registry"].place)
    authority = Authority(tmp_path)
    own, port = authority.issue("registry"), ports.free_block()["registry"]
    words = java.registry(parts["java"].place, port)
    told = {
        "ssl-port": port,
        "insecure-requests": "disabled",
        "ssl.certificate.files": own.certificate,
        "ssl.certificate.key-files": own.private_key,
    }
    at = words.index("-jar")
    words[at:at] = [f"-Dquarkus.http.{name}={value}" for name, value in told.items()]
    with (tmp_path / "out").open("wb") as out:
        started = subprocess.Popen(
            words, cwd=home, env={**os.environ, **java.ENVIRONMENT}, stdout=out, stderr=out
        )
        try:
            settings = Settings(
                registry=f"https://localhost:{port}{java.REGISTRY_PATH}",
                registry_ca=str(authority.file),
            )
            client, deadline = open_registry(settings), time.monotonic() + PATIENCE_S
            while True:
                try:
                    client.definition_of(77)
                except RegistryAway:
                    assert time.monotonic() < deadline, (tmp_path / "out").read_text()
                    assert started.poll() is None
                except UnknownSchema:
                    break
            client.register({"usage-value": "Usage"})
        finally:
            started.terminate()
            started.wait(PATIENCE_S)
