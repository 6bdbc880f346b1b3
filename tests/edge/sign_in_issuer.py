"""An issuer by another hand (oidc-provider-mock) as a process, and settings of a gateway for it."""

import contextlib
import os
import re
import subprocess
import sys

from edge.callers.access_tokens import Tokens
from edge.callers.people import People
from edge.callers.sign_ins import SignIns
from tests.edge.callers.issuing import issuers

CLIENT = "playhead-pages"
OPTIONS = ("--port", "0", "--host", "127.0.0.1", "--user", "jane", "--user", "joe")


@contextlib.contextmanager
def other_hands_issuer():
    """Start it; yields its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--require-nonce", *OPTIONS],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    try:
        said = ""
        while not (found := re.search(r"running on (http://\S+)", said)):
            said = process.stderr.readline()
            assert said, "it ended before it began"
        yield found[1]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def people(folder, issuer, public_url, **changed):
    """People who sign in there; all of them ask in the tenant acme."""
    secret = folder / "client.secret"
    secret.touch(0o600)
    secret.write_text("s3cret-of-the-client")
    settings = issuers(
        {
            "name": "staff",
            "issuer": issuer,
            "audience": ["playhead"],
            "tenant": "acme",
            "everyone": ["ask", "review", "restore"],
            "login": {
                "client_id": CLIENT,
                "client_secret_file": str(secret),
                "title": "Acme",
                **changed.pop("login", {}),
            },
            **changed,
        },
        public_url=public_url,
    )
    return People(Tokens(settings), SignIns(folder / "sign-ins.sqlite"))
