"""The file of issuers: what it may say, and what is said of mistakes, at the start."""

import pytest

from edge.callers.issuers import Issuers, check_address, issuers_of, secret_of
from streams.settings import BadSetting

WHOLE = """
public_url = "https://chat.acme.test"

[[issuers]]
name = "staff"
issuer = "https://id.acme.test/realms/staff"
audience = ["playhead"]
tenants = ["acme", "globex"]
claims = {tenant = "org", groups = "groups", scopes = ["realm_access", "roles"]}
scopes = {editor = ["ask", "ingest"], reader = ["ask", "restore:PERSON"]}
login = {client_id = "playhead-pages", title = "Acme"}
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "issuers.toml"


def read(file, text):
    file.write_text(text)
    return issuers_of(str(file))


def test_without_a_file_keys_alone_are_taken():
    assert issuers_of("") is None


def test_a_whole_file_is_read(file):
    issuers = read(file, WHOLE)
    [staff] = issuers.issuers
    assert isinstance(issuers, Issuers)
    assert issuers.origin == "https://chat.acme.test"
    assert list(issuers.with_login) == ["staff"]
    assert staff.claims.scopes == ["realm_access", "roles"]
    assert staff.algorithms == ["RS256", "ES256"]


@pytest.mark.parametrize(
    ("tenants", "claimed", "tenant"),
    [
        (["acme"], "acme", "acme"),
        (["acme"], "globex", None),
        (["acme"], "*", None),
        (["*"], "anything", "anything"),
        (["*"], "../etc", None),
        (["*"], "*", None),
        ({"9f0c": "acme"}, "9f0c", "acme"),
        ({"9f0c": "acme"}, "acme", None),
    ],
)
def test_a_claim_names_the_tenants_that_it_may(file, tenants, claimed, tenant):
    spelt = str(tenants).replace(": ", " = ").replace("'9f0c'", '"9f0c"')
    [staff] = read(file, WHOLE.replace('["acme", "globex"]', spelt)).issuers
    assert staff.tenant_of(claimed) == tenant


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "staff"', 'name = "Staff!"', "name"),
        ('name = "staff"', 'name = "staff"\nnmae = 1', "nmae"),
        ("https://id.acme.test", "http://id.acme.test", "must be an https address"),
        ("https://id.acme.test", "https://jane:pw@id.acme.test", "must be an https address"),
        ("realms/staff", "realms/staff?x=1", "query or a fragment"),
        ("realms/staff", "realms/staff#x", "must be an https address"),
        ('["playhead"]', "[]", "audience is empty"),
        ('audience = ["playhead"]', "", "audience"),
        ('audience = ["playhead"]', 'audience = "playhead"', "audience"),
        ("tenants =", 'algorithms = ["HS256"]\ntenants =', "algorithm HS256 is not taken"),
        ("tenants =", 'algorithms = ["none"]\ntenants =', "algorithm none is not taken"),
        ("tenants =", "algorithms = []\ntenants =", "algorithms is empty"),
        ("tenants =", 'tenant = "acme"\ntenants =', "either tenant, or claims.tenant"),
        ('tenant = "org", ', "", "either tenant, or claims.tenant"),
        ('tenants = ["acme", "globex"]', "", "tenants is empty"),
        ('"acme", "globex"', '"acme", "../etc"', "no tenant can be called"),
        ('"acme", "globex"', '"acme", "*"', "no tenant can be called"),
        ('["ask", "ingest"]', '["ask", "everything"]', "no scope everything"),
        ("scopes = {editor", "skew_s = 301\nscopes = {editor", "skew_s"),
        ('scopes = ["realm_access", "roles"]', 'scopes = ""', "go together"),
        ('"groups", scopes', '"groups", subject = "", scopes', "claims.subject is empty"),
        ('"playhead-pages"', '"playhead-pages", ask_for = "profile"', "lacks openid"),
        ('public_url = "https://chat.acme.test"', "", "public_url is missing"),
        ("https://chat.acme.test", "http://chat.acme.test", "must be an https address"),
        ("https://chat.acme.test", "https://acme.test/chat", "path or query"),
        ("[[issuers]]", "[[issuers", "PLAYHEAD_OIDC="),
        ('"playhead-pages"', '"playhead-pages", client_secret_file = "none"', "No such file"),
    ],
)
def test_a_mistake_is_named_at_the_start(file, old, new, said):
    assert old in WHOLE
    with pytest.raises(BadSetting) as refused:
        read(file, WHOLE.replace(old, new, 1))
    assert said in str(refused.value)
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize(("what", "other"), [("name", "issuer"), ("issuer", "name")])
def test_no_two_issuers_share_name_or_address(file, what, other):
    second = WHOLE[WHOLE.index("[[") :]
    changed = {"name": ('"staff"', '"guests"'), "issuer": ("realms/staff", "realms/guests")}[other]
    with pytest.raises(BadSetting, match=f"two issuers have one {what}"):
        read(file, WHOLE + second.replace(*changed))


def test_nobody_may_do_anything_is_no_setting(file):
    text = WHOLE[: WHOLE.index("scopes = {")].replace(', scopes = ["realm_access", "roles"]', "")
    with pytest.raises(BadSetting, match="nobody may do anything"):
        read(file, text)
    assert read(file, text + 'everyone = ["ask"]').issuers[0].everyone == ["ask"]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadSetting, match=r"none\.toml: No such file"):
        issuers_of(str(tmp_path / "none.toml"))


def test_a_secret_is_read_beside_the_file_and_by_nobody_else(file, tmp_path, monkeypatch):
    secret = tmp_path / "client.secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    monkeypatch.chdir("/")
    text = WHOLE.replace(
        '"playhead-pages"', '"playhead-pages", client_secret_file = "client.secret"'
    )
    assert secret_of(read(file, text).issuers[0].login) == "s3cret"
    secret.chmod(0o644)
    with pytest.raises(BadSetting, match="chmod 600"):
        read(file, text)
    secret.chmod(0o600)
    secret.write_text("")
    with pytest.raises(BadSetting, match="is empty"):
        read(file, text)


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:9", "http://[::1]:9/x", "http://localhost", "https://a.test/b?c=d"],
)
def test_an_address_is_https_or_on_this_machine(address):
    assert check_address("it", address) == address


@pytest.mark.parametrize(
    "address",
    [
        None,
        7,
        "",
        "https://",
        "ftp://a.test",
        "http://a.test",
        "http://127.0.0.1.evil.test",
        "//a.test",
    ],
)
def test_no_other_address_is_asked(address):
    with pytest.raises(ValueError, match="it must be an https address"):
        check_address("it", address)
