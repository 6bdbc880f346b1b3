"""The claim store: named by content, whole or not there, and clear about what is wrong."""

import hashlib
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.errors import KeyDestroyed, Permanent, Transient
from connectors.claims import Claims


@pytest.fixture
def claims(tmp_path):
    return Claims(tmp_path / "claims")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=2_000))
def test_content_comes_back_by_the_name_of_its_digest(claims, content):
    name = claims.put(content)
    assert name == hashlib.sha256(content).hexdigest()
    assert claims.get(name) == content
    assert claims.put(content) == name


def test_equal_content_is_one_file_of_its_owner(claims):
    names = {claims.put(b"the same") for _ in range(3)}
    [path] = claims.folder.iterdir()
    assert {path.name} == names
    assert path.stat().st_mode & 0o777 == 0o600
    assert claims.folder.stat().st_mode & 0o777 == 0o700


def test_a_file_that_a_crash_cut_is_written_again(claims):
    name = claims.put(b"all of it")
    (claims.folder / name).write_bytes(b"all")
    assert claims.put(b"all of it") == name
    assert claims.get(name) == b"all of it"


@pytest.mark.parametrize(
    "name", ["", "../master.key", "A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", "a" * 63 + "/"]
)
def test_no_name_leads_out_of_the_folder(claims, name):
    with pytest.raises(Permanent, match="64 hexadecimal digits"):
        claims.get(name)


def test_a_claim_that_is_missing_says_what_to_bring(claims):
    with pytest.raises(Permanent, match=rf"is not in {re.escape(str(claims.folder))}: bring"):
        claims.get("a" * 64)


def test_a_claim_that_was_changed_says_what_to_restore(claims):
    name = claims.put(b"content")
    (claims.folder / name).write_bytes(b"forged!")
    with pytest.raises(Permanent, match=f"claim {name} was changed: restore"):
        claims.get(name)


def test_a_folder_that_can_not_be_used_is_worth_another_try(tmp_path):
    (tmp_path / "claims").write_text("a file where the folder should be")
    with pytest.raises(Transient, match=r"can't write .*make room or give access"):
        Claims(tmp_path / "claims").put(b"x")


def test_a_claim_that_can_not_be_read_is_worth_another_try(claims):
    name = "a" * 64
    (claims.folder / name).mkdir(parents=True)
    with pytest.raises(Transient, match="can't read"):
        claims.get(name)


def test_what_was_deleted_on_time_is_gone_for_good_and_says_why(tmp_path):
    claims = Claims(tmp_path)
    name = claims.put(b"a body")
    assert claims.expire(name, "31 days old")
    with pytest.raises(KeyDestroyed, match=f"{name} was deleted: 31 days old"):
        claims.get(name)
    assert not claims.expire(name, "again")
    assert claims.expired(name) == "31 days old"
    assert b"a body" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_body_whose_deletion_was_cut_off_is_deleted_by_the_next(tmp_path):
    claims = Claims(tmp_path)
    name = claims.put(b"a body")
    (tmp_path / f"{name}.expired").write_text("31 days old")
    assert claims.get(name) == b"a body"
    assert claims.expire(name, "32 days old")
    assert claims.expired(name) == "31 days old"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_what_is_no_name_deletes_nothing(tmp_path, name):
    with pytest.raises(Permanent, match="64 hexadecimal digits"):
        Claims(tmp_path).expire(name, "why")
