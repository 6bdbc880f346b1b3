"""Time stamps: what an authority stamped holds without network, whatever else it answers is told."""

import hashlib
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.witnessing.stamp_folder import STAMP_BYTES_MAX, BadStamp
from replay.witnessing.time_stamps import (
    NoStamp,
    TimeStampAuthority,
    authority_at,
    check_stamp,
    read_roots,
)
from tests.replay.witnessing.openssl_authority import OpensslAuthority, needs_openssl
from tests.replay.witnessing.served import AnsweringServer, say

pytestmark = needs_openssl
CONTENT = b"what is stamped\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
REPLY = "application/timestamp-reply"


def now():
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return OpensslAuthority(tmp_path_factory.mktemp("tsa") / "authority")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return OpensslAuthority(tmp_path_factory.mktemp("tsa") / "stranger", "stranger.test")


@pytest.fixture(scope="module")
def expired(tmp_path_factory):
    return OpensslAuthority(tmp_path_factory.mktemp("tsa") / "expired", expired=True)


@pytest.fixture(scope="module")
def response(authority):
    return authority.reply(authority.query(DIGEST))


def stamped_by(reply, root):
    """What becomes of a stamp where `reply` makes the answer out of the request."""
    with AnsweringServer(lambda h, body: say(h, 200, reply(body), Content_Type=REPLY)) as server:
        return TimeStampAuthority(server.url, [root], 30).stamp(CONTENT, now)


def test_what_an_authority_stamps_holds_by_its_roots(authority, tmp_path):
    response, told = stamped_by(authority.reply, authority.root)
    assert abs(told.at - now()) < timedelta(minutes=5)
    assert told.by == "CN=authority.test"
    assert check_stamp(response, CONTENT, read_roots(authority.roots)) == told
    (tmp_path / "content").write_bytes(CONTENT)
    (tmp_path / "response").write_bytes(response)
    assert authority.verifies(tmp_path / "response", tmp_path / "content")


def test_the_authority_is_told_a_digest_alone(authority):
    asked = []

    def reply(query):
        asked.append(query)
        return authority.reply(query)

    stamped_by(reply, authority.root)
    assert bytes.fromhex(DIGEST) in asked[0]
    assert CONTENT.strip() not in asked[0]


def test_what_it_stamped_holds_of_nothing_else_and_by_nobody_elses_roots(
    response, authority, stranger
):
    check_stamp(response, CONTENT, [stranger.root, authority.root])
    with pytest.raises(BadStamp, match="Mismatch"):
        check_stamp(response, CONTENT + b"x", [authority.root])
    with pytest.raises(BadStamp, match="does not hold"):
        check_stamp(response, CONTENT, [stranger.root])
    with pytest.raises(BadStamp):
        check_stamp(response, CONTENT, [])
    with pytest.raises(BadStamp, match="Nonce"):
        check_stamp(response, CONTENT, [authority.root], nonce=1)


HOSTILE = {
    "another nonce": lambda a, s, e, q: a.reply(a.query(DIGEST)),
    "no nonce": lambda a, s, e, q: a.reply(a.query(DIGEST, "-no_nonce")),
    "another digest": lambda a, s, e, q: a.reply(
        q.replace(bytes.fromhex(DIGEST), hashlib.sha256(b"x").digest())
    ),
    "a certificate that is over": lambda a, s, e, q: e.reply(q),
    "another authority": lambda a, s, e, q: s.reply(q),
    "a refusal": lambda a, s, e, q: a.reply(b"no request"),
    "the request": lambda a, s, e, q: q,
    "nothing": lambda a, s, e, q: b"",
    "garbage": lambda a, s, e, q: b"\xff\x00<html>" * 99,
    "10 MB": lambda a, s, e, q: a.reply(q) + bytes(10_000_000),
    "more behind it": lambda a, s, e, q: a.reply(q) + b"x",
    "a part of it": lambda a, s, e, q: a.reply(q)[:-20],
}


@pytest.mark.parametrize("how", HOSTILE)
def test_an_authority_that_lies_gives_no_stamp(authority, stranger, expired, how):
    with pytest.raises(NoStamp) as told:
        stamped_by(lambda query: HOSTILE[how](authority, stranger, expired, query), authority.root)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 400


def test_an_expired_authority_is_refused_by_its_own_roots_too(expired):
    with pytest.raises(NoStamp, match="does not hold: certificate has expired"):
        stamped_by(expired.reply, expired.root)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (lambda h, b: say(h, 404, b"<html>"), "it answered 404"),
        (lambda h, b: say(h, 302, Location="http://127.0.0.1:9/"), "no redirect is followed"),
        (lambda h, b: say(h, 503), "it answered 503"),
        (lambda h, b: time.sleep(60), "did not answer within"),
        (lambda h, b: h.connection.close(), "does not answer"),
    ],
)
def test_an_authority_that_does_not_answer_gives_none_either(authority, answers, says):
    with AnsweringServer(answers) as server, pytest.raises(NoStamp, match=says):
        TimeStampAuthority(server.url, [authority.root], 2).stamp(CONTENT, now)


def test_a_clock_that_is_far_from_ours_is_told(authority):
    with (
        AnsweringServer(lambda h, body: say(h, 200, authority.reply(body))) as server,
        pytest.raises(NoStamp, match=r"7\d\d\d s from this machine's clock"),
    ):
        TimeStampAuthority(server.url, [authority.root], 30).stamp(
            CONTENT, lambda: now() + timedelta(hours=2)
        )


@given(st.data())
def test_no_byte_of_a_stamp_can_be_another_and_none_ends_the_check(response, authority, data):
    """What is left over (the state of a certificate's encoding, say) tells the same."""
    told = check_stamp(response, CONTENT, [authority.root])
    changed = bytearray(response)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(response) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert check_stamp(bytes(changed), CONTENT, [authority.root]) == told
    except BadStamp as error:
        assert len(str(error)) < 2_000  # noqa: PT017  # most are refused, some bytes mean nothing


@given(st.binary(max_size=300))
def test_any_bytes_are_a_stamp_or_told_as_none(authority, content):
    with pytest.raises(BadStamp):
        check_stamp(content, CONTENT, [authority.root])


def test_a_stamp_has_a_bound(authority):
    with pytest.raises(BadStamp, match=str(STAMP_BYTES_MAX)):
        check_stamp(bytes(STAMP_BYTES_MAX + 1), CONTENT, [authority.root])


def test_roots_are_certificates_each_once(authority, stranger, tmp_path):
    path = tmp_path / "roots.pem"
    path.write_bytes(authority.roots.read_bytes() * 2 + stranger.roots.read_bytes())
    assert read_roots(path) == [authority.root, stranger.root]
    for content in (b"", b"nonsense", (authority.folder / "key.pem").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(BadStamp, match="holds no certificates"):
            read_roots(path)


@pytest.mark.parametrize("url", ["", "tsa.test", "ftp://tsa.test", "http://", "http://[x"])
def test_an_authority_has_an_address_and_roots(url, authority):
    with pytest.raises(BadStamp, match="no address"):
        authority_at(url, [authority.root])
    with pytest.raises(BadStamp, match="--timestamp-roots"):
        authority_at("https://tsa.test/", [])
