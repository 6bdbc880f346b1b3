"""The master key: from the environment or a private file, and never replaced by accident."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.keyring.master_key import MASTER_KEY_VARIABLE, read_master_key
from streams.settings import BadSetting

KEY = bytes(range(32))
TEXT = base64.b64encode(KEY).decode()


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.delenv(MASTER_KEY_VARIABLE, raising=False)
    return tmp_path / "keys" / "master.key"


def test_it_is_made_once_and_then_read(path):
    made = read_master_key(path, may_create=True)
    assert len(made) == 32
    assert read_master_key(path, may_create=True) == made
    assert read_master_key(path, may_create=False) == made
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_environment_comes_before_the_file(path, monkeypatch):
    read_master_key(path, may_create=True)
    monkeypatch.setenv(MASTER_KEY_VARIABLE, TEXT)
    assert read_master_key(path, may_create=False) == KEY


def test_where_a_store_is_there_a_missing_key_is_not_made_up(path):
    with pytest.raises(BadSetting, match=rf"missing: put .* into {path} .*{MASTER_KEY_VARIABLE}"):
        read_master_key(path, may_create=False)
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o777])
def test_a_file_that_others_can_read_is_refused_with_the_command_that_helps(path, mode):
    read_master_key(path, may_create=True)
    path.chmod(mode)
    with pytest.raises(BadSetting, match=f"chmod 600 {path}"):
        read_master_key(path, may_create=True)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
def test_a_private_file_will_do(path, mode):
    made = read_master_key(path, may_create=True)
    path.chmod(mode)
    assert read_master_key(path, may_create=True) == made


@pytest.mark.parametrize("ending", ["", "\n", "  \n", "\r\n"])
def test_white_space_around_it_does_not_matter(path, ending):
    path.parent.mkdir()
    path.write_text(TEXT + ending)
    path.chmod(0o600)
    assert read_master_key(path, may_create=False) == KEY


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=50).filter(lambda data: len(data) != 32))
def test_a_key_of_another_length_is_refused_and_not_shown(path, data):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(base64.b64encode(data))
    path.chmod(0o600)
    with pytest.raises(BadSetting, match=r"holds no master key.*openssl rand -base64 32") as raised:
        read_master_key(path, may_create=False)
    assert len(data) < 6 or base64.b64encode(data).decode() not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"\xff" * 44, b"=" * 44, bytes(range(128, 160))])
def test_a_file_of_anything_else_is_refused(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadSetting, match=rf"{path} holds no master key"):
        read_master_key(path, may_create=True)
    assert path.read_bytes() == content
