"""Credentials: keys and passwords are found, words about passwords are not.

The keys are made here, in pieces, so that nobody who looks for keys in sources finds one.
"""

import pytest

from connectors.tagger.secret_values import credentials

LETTERS = "abCDefGH12ijKLmnOP34qrSTuvWX56yzABcd78EFghIJ90klMNopQRst"
JWT = "eyJ" + LETTERS[:20] + ".eyJ" + LETTERS[:40] + "." + LETTERS[:43]
BLOCK = (
    "-----BEGIN {}PRIVATE KEY-----\n" + (LETTERS[:40] + "\n") * 5 + "-----END {}PRIVATE KEY-----"
)


def found(text):
    """What is taken for a credential."""
    return {text[start:end] for start, end in credentials(text)}


TOKENS = [
    "AKIA" + "IOSFODNN7ABCDEFG",
    "ASIA" + "IOSFODNN7ABCDEFG",
    "AIza" + LETTERS[:35],
    "ghp_" + LETTERS[:36],
    "gho_" + LETTERS[:36],
    "github_pat_" + LETTERS[:22] + "_" + LETTERS[:40],
    "glpat-" + LETTERS[:20],
    "xoxb-" + "123456789012-123456789012-" + LETTERS[:24],
    "xapp-1-" + "A123-456-" + LETTERS[:20].lower(),
    "sk-" + LETTERS[:48],
    "sk-proj-" + LETTERS[:50],
    "sk-ant-" + "api03-" + LETTERS[:50],
    "hf_" + LETTERS[:34],
    "gsk_" + LETTERS[:52],
    "sk_live_" + LETTERS[:24],
    "npm_" + LETTERS[:36],
    "SG." + LETTERS[:22] + "." + LETTERS[:43],
    "https://hooks.slack.com/services/" + "T00000000/B00000000/" + LETTERS[:24],
    JWT,
    BLOCK.format("", ""),
    BLOCK.format("RSA ", "RSA "),
    BLOCK.format("OPENSSH ", "OPENSSH "),
]


@pytest.mark.parametrize("token", TOKENS, ids=[token[:14] for token in TOKENS])
def test_a_token_is_found_whole_in_a_sentence_in_quotes_and_in_code(token):
    assert token in found(f"My key is {token}, please help.")
    assert token in found(f"{token}")
    assert token in found(f'export KEY="{token}"')
    assert token in found(f"Clé :\n{token}\nmerci")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("password: hunter2", "hunter2"),
        ("Password: correcthorse", "correcthorse"),
        ('{"password": "correcthorse"}', "correcthorse"),
        ("DB_PASSWORD=s3cr3t!", "s3cr3t"),
        ("my password is Tr0ub4dor&3.", "Tr0ub4dor&3"),
        ("pwd = 'letmein'", "letmein"),
        ("**Password**: abc-123", "abc-123"),
        ("api_key: 9f8e7d6c5b4a", "9f8e7d6c5b4a"),
        ("client_secret=QwErTyUiOp", "QwErTyUiOp"),
        ("aws_secret_access_key = " + LETTERS[:40], LETTERS[:40]),
        ("PIN: 4711", "4711"),
        ("Passwort: geheim42", "geheim42"),
        ("mot de passe : soleil99", "soleil99"),
        ("contraseña: gato-77", "gato-77"),
        ("Authorization: Bearer " + LETTERS[:30], LETTERS[:30]),
        ("postgres://app:pa55word@db.example.com/x", "pa55word"),
        ("AccountKey=" + LETTERS[:50] + "==;EndpointSuffix", LETTERS[:50] + "==;EndpointSuffix"),
    ],
)
def test_a_password_is_found_by_what_stands_before_it(text, value):
    assert value in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Password: The password of the user.",
        "password: string, required",
        "password: <your-password>",
        "password = ${DB_PASSWORD}",
        "password=********",
        "The password is required, the token is expired and the secret was rotated.",
        "Your password is stored encrypted. Passwords are hashed.",
        "password = settings.database_password",
        "token: str = read_token()",
        "next token: none, pin to the top, key: value",
        "pk_customer_orders_history, sk-learn, ghp_short, AKIASHORT, eyJ.eyJ.x",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "https://example.org:8080/path@2 and git@github.com:a/b",
        "how do i reset the password of my account?",
        "Password:",
    ],
)
def test_words_about_passwords_are_none(text):
    assert found(text) == set()


def test_a_key_that_is_cut_is_hidden_as_far_as_it_goes():
    cut = BLOCK.format("", "").split("-----END", maxsplit=1)[0]
    assert cut in found(f"here: {cut}")
