"""Keys of an issuer: which are usable, when it is asked, and what holds while it is away."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from edge.callers.access_tokens import Tokens
from edge.callers.issuer_keys import (
    ASK_AGAIN_S,
    FRESH_S,
    STALE_S,
    BadIssuerAnswer,
    IssuerAway,
    IssuerKeys,
    NoSuchKey,
    discovered,
    fetch_json,
    keys_in,
    usable_key,
)
from edge.problems import Problem
from tests.edge.callers.issuing import (
    CURVE,
    EDWARDS,
    KEY,
    OTHER,
    STAFF,
    URL,
    Answers,
    claims,
    issuers,
    signed,
)

PUBLIC = KEY.as_dict(private=False)
NEXT = RSAKey.generate_key(2048, {"kid": "key-2"})


class Time:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def answers():
    return Answers(KEY)


@pytest.fixture
def keys(time, answers):
    [issuer] = issuers().issuers
    return IssuerKeys(issuer, answers, time)


# ---------------------------------------------------------------------- when it is asked


async def test_keys_are_asked_for_once_and_known_then(keys, answers):
    for _ in range(3):
        assert not (await keys.find("key-1", "RS256")).is_private
    assert answers.asked == [f"{URL}/.well-known/openid-configuration", f"{URL}/keys"]


async def test_a_key_that_is_new_is_asked_for_and_one_that_was_dropped_is_none(keys, answers, time):
    await keys.find("key-1", "RS256")
    answers.keys = [NEXT.as_dict(private=False)]
    time.now_s += ASK_AGAIN_S
    assert await keys.find("key-2", "RS256")
    time.now_s += ASK_AGAIN_S
    with pytest.raises(NoSuchKey):
        await keys.find("key-1", "RS256")


async def test_made_up_keys_cost_the_issuer_one_question_in_seconds(keys, answers, time):
    await keys.find("key-1", "RS256")
    for number in range(100):
        with pytest.raises(NoSuchKey):
            await keys.find(f"made-up-{number}", "RS256")
    assert len(answers.asked) == 2, "it was asked just now"
    time.now_s += ASK_AGAIN_S
    for number in range(100):
        with pytest.raises(NoSuchKey):
            await keys.find(f"made-up-{number}", "RS256")
    assert len(answers.asked) == 4


async def test_whoever_waits_at_once_waits_for_one_answer(time):
    asked, go = [], asyncio.Event()

    async def slowly(url):
        asked.append(url)
        await go.wait()
        return (
            {"issuer": URL, "jwks_uri": f"{URL}/keys"}
            if "well-known" in url
            else {"keys": [PUBLIC]}
        )

    [issuer] = issuers().issuers
    keys = IssuerKeys(issuer, slowly, time)
    waiting = [asyncio.create_task(keys.find("key-1", "RS256")) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # one who leaves takes nobody's answer along
    await asyncio.sleep(0)
    go.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert len(asked) == 2
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(not isinstance(one, BaseException) for one in found[1:])


async def test_known_keys_go_on_while_the_issuer_is_away_and_for_so_long(keys, answers, time):
    await keys.find("key-1", "RS256")
    answers.fault = httpx.ConnectError("refused")
    time.now_s += 86_400
    assert await keys.find("key-1", "RS256")
    with pytest.raises(IssuerAway) as away:
        await keys.find("key-2", "RS256")
    assert away.value.retry_after_s >= 1
    time.now_s += 1
    with pytest.raises(IssuerAway):
        await keys.find("key-1", "RS256")
    answers.fault = None
    time.now_s += 3_600
    assert await keys.find("key-1", "RS256")


async def test_an_issuer_that_is_away_is_asked_less_and_less(keys, answers, time):
    answers.fault = httpx.ConnectError("refused")
    for _ in range(600):
        with pytest.raises(IssuerAway):
            await keys.find("key-1", "RS256")
        time.now_s += 1
    assert 10 <= len(answers.asked) <= 15


async def test_older_keys_are_asked_for_again_beside_the_request(keys, answers, time):
    await keys.find("key-1", "RS256")
    answers.keys = []
    time.now_s += FRESH_S + 1
    assert await keys.find("key-1", "RS256"), "nobody waits for it"
    while len(answers.asked) < 4:  # noqa: ASYNC110 - a task of its own
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(NoSuchKey):
        await keys.find("key-1", "RS256")


async def test_a_key_that_was_taken_back_is_out_however_seldom_anybody_comes(keys, answers, time):
    await keys.find("key-1", "RS256")
    answers.keys = []
    time.now_s += STALE_S + 1
    with pytest.raises(NoSuchKey):
        await keys.find("key-1", "RS256")


async def test_made_up_keys_keep_nobody_from_signing_in(time, answers):
    [issuer] = issuers({**STAFF, "keys": f"{URL}/certs"}).issuers
    keys = IssuerKeys(issuer, answers, time)
    with pytest.raises(NoSuchKey):
        await keys.find("made-up", "RS256")
    found = await asyncio.gather(*(keys.document() for _ in range(3)))
    assert [one["issuer"] for one in found] == [URL] * 3
    assert len(answers.asked) == 3


@pytest.mark.parametrize(
    ("kid", "algorithm"),
    [("key-1", "ES256"), ("key-1", "HS256"), ("KEY-1", "RS256"), ("key-1 ", "RS256")],
)
async def test_a_key_is_of_its_name_and_for_its_algorithm(keys, kid, algorithm):
    with pytest.raises(NoSuchKey):
        await keys.find(kid, algorithm)


async def test_of_two_keys_by_one_name_neither_is_taken(keys, answers):
    answers.keys = [PUBLIC, OTHER.as_dict(private=False)]
    with pytest.raises(NoSuchKey):
        await keys.find("key-1", "RS256")


async def test_an_address_of_keys_needs_no_discovery(time, answers):
    [issuer] = issuers({**STAFF, "keys": f"{URL}/certs"}).issuers
    assert await IssuerKeys(issuer, answers, time).find("key-1", "RS256")
    assert answers.asked == [f"{URL}/certs"]


# ---------------------------------------------------------------------- which are usable


@pytest.mark.parametrize("key", [KEY, CURVE, EDWARDS])
def test_public_keys_are_read_and_nothing_private(key):
    found = usable_key(key.as_dict(private=True))
    assert found.kid == key.kid
    assert not found.key.is_private


WEAK = RSAKey.generate_key(1024, {"kid": "weak"}).as_dict(private=False)
SECRET = OctKey.generate_key(256, {"kid": "secret"}).as_dict(private=True)
CURVE_K = ECKey.generate_key("secp256k1", {"kid": "k"}).as_dict(private=False)


@pytest.mark.parametrize(
    "listed",
    [
        WEAK,
        SECRET,
        CURVE_K,
        {**PUBLIC, "e": "AQ"},
        {**PUBLIC, "e": "Ag"},
        {**PUBLIC, "e": PUBLIC["n"]},
        {**PUBLIC, "n": PUBLIC["n"] * 4},
        {**PUBLIC, "n": ""},
        {**PUBLIC, "n": 7},
        {**PUBLIC, "n": "$$$"},
        {**PUBLIC, "kid": 7},
        {**PUBLIC, "kid": ["key-1"]},
        {**PUBLIC, "alg": {}},
        {**PUBLIC, "kty": "rsa"},
        {**CURVE.as_dict(private=False), "x": "AA"},
        {**EDWARDS.as_dict(private=False), "x": "AA"},
        {"kty": "RSA"},
        {},
        [],
        None,
        "key",
    ],
)
def test_a_weak_or_broken_key_is_passed_over_and_others_go_on(listed):
    assert [one.kid for one in keys_in({"keys": [listed, PUBLIC]}, "staff")] == ["key-1"]


@pytest.mark.parametrize(
    "changed", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}]
)
def test_a_key_of_another_use_is_none(changed):
    assert usable_key({**PUBLIC, **changed}) is None


@pytest.mark.parametrize("content", [[], None, {}, {"keys": {}}, {"keys": [PUBLIC] * 65}])
def test_what_is_no_key_set_is_refused(content):
    with pytest.raises(BadIssuerAnswer):
        keys_in(content, "staff")


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.test"},
        {"issuer": f"{URL}/"},
        {"issuer": None},
        {"jwks_uri": "http://id.acme.test/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
    ],
)
def test_a_discovery_document_is_of_its_issuer_and_names_a_safe_address(changed):
    document = {"issuer": URL, "jwks_uri": f"{URL}/keys"}
    assert discovered(document, URL)
    with pytest.raises(ValueError, match=r"another issuer|must be an https address"):
        discovered({**document, **changed}, URL)


# ---------------------------------------------------------------------- a process of its own


@pytest.fixture
def issuer():
    """An issuer as a process; its url, and orders to it."""
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("issuer_process.py")],
        stdout=subprocess.PIPE,
        text=True,
    )
    url = process.stdout.readline().strip()

    client = httpx.Client(base_url=url, trust_env=False)

    def order(path, content=None):
        return client.post(path, content=json.dumps(content or {})).json()

    order.url, order.process = url, process
    yield order
    client.close()
    process.kill()
    process.wait()
    process.stdout.close()


FAULTS = (
    {"status": 500},
    {"status": 302, "headers": {"location": "https://evil.test/keys"}},
    {"content": "<html>"},
    {"content": '{"keys": []}', "spaces": 10_000_000},
    {"content": "{}"},
    {"content": '{"keys": []}', "headers": {"content-encoding": "gzip"}},
)


async def test_tokens_of_a_real_issuer_through_rotation_faults_and_its_end(issuer, time):
    """One process for all of it: a start costs half a second."""
    found = Tokens(
        issuers({**STAFF, "issuer": issuer.url}), lambda one: IssuerKeys(one, clock=time)
    )
    said = claims(iss=issuer.url)

    async def asks(token):
        return await found.caller(token, lambda _, user: user)

    async def status_of(token):
        with pytest.raises(Problem) as refused:
            await asks(token)
        return refused.value.status

    first = issuer("/sign", {"claims": said})
    assert (await asks(first)).user == f"oidc:{issuer.url}#jane"

    # a new key is known at its first token; the old one goes on until it is taken back
    issuer("/rotate")
    time.now_s += ASK_AGAIN_S
    second = issuer("/sign", {"claims": said})
    assert await asks(second)
    assert await asks(first)
    issuer("/rotate", {"drop": True})
    time.now_s += ASK_AGAIN_S
    third = issuer("/sign", {"claims": said})
    assert await asks(third)
    assert await status_of(first) == 401
    asked = issuer("/asked")["/keys"]
    for _ in range(20):
        assert await status_of(signed(said, header={"kid": "made-up"})) == 401
    assert issuer("/asked")["/keys"] == asked

    # what it says otherwise than it should: known keys go on, others can't be told (503)
    for fault in FAULTS:
        issuer("/say", {"/keys": fault})
        time.now_s += 120
        assert await status_of(signed(said, header={"kid": "made-up"})) == 503, fault
        assert await asks(third), fault
    issuer("/say", {"/keys": {"status": 400, "content": '{"error": "invalid_grant"}'}})
    with pytest.raises(
        BadIssuerAnswer, match=r"^127\.0\.0\.1 answers with status 400 \(invalid_grant\)$"
    ):
        await fetch_json(f"{issuer.url}/keys")
    issuer("/say", {"/keys": {}})
    issuer.process.kill()
    issuer.process.wait()
    time.now_s += 120
    assert await asks(third)
    with pytest.raises(Problem) as away:
        await asks(signed(said, header={"kid": "made-up"}))
    assert (away.value.status, away.value.retryable) == (503, True)
    assert int(away.value.headers["Retry-After"]) >= 1
    time.now_s += 86_400
    assert await status_of(third) == 503, "nobody knows any more whether its key still stands"
