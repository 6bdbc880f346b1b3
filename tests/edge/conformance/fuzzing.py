"""Requests that schemathesis makes of the documents of the interfaces, against a gateway.

What counts is that no answer is an error of the server's, that each is one which the document has, with the media type
and the shape that it has there, and that what the document forbids is refused.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from schemas import DocumentSubmitted, DocumentWithdrawn, QuestionAsked
from tests.edge.fake_log import Answers, a_citation
from tests.edge.http_client import outcomes_of, passages_for

ROOT = Path(__file__).parents[3]
HOOKS = "tests.edge.conformance.graphql_checks"
BODIES = "tests.edge.conformance.upload_bodies"
SCOPES = ("read", "write", "restore", "review")
UNFIT = (
    # not all that is refused can be said by a schema: media types, a key that came with another body
    "positive_data_acceptance",
    # a document that was withdrawn is known as such
    "use_after_free",
    # and one that was handed in exists once the log's reader has come to it
    "ensure_resource_availability",
)
FIT = ("--exclude-checks", ",".join(UNFIT))


def script(gateway):
    """Answer as the steps would, at once."""

    def answer(event):
        match event:
            case QuestionAsked(ask=ask) if ask.mode == "search":
                return passages_for(gateway)(event)
            case QuestionAsked():
                return Answers(event).whole("VAT ", "is due.", citations=(a_citation(),))
            case DocumentSubmitted():
                return outcomes_of(event)
            case DocumentWithdrawn():
                return outcomes_of(event, "withdrawn")
        return ()

    return answer


def fuzz(address, key, *options, seed=None, checks=FIT):
    """Run schemathesis against an address with a document; returns its exit status and what it said."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        *("run", address, "-H", f"Authorization: Bearer {key}", "--workers", "1", "--no-color"),
        # a slow machine is no fault of what is served
        *("--request-timeout", "120", "--suppress-health-check", "all"),
        *(*checks, *options),
        *(() if seed is None else ("--seed", str(seed))),
    ]
    # a check of ours would be one of all checks
    hooks = {"SCHEMATHESIS_HOOKS": BODIES if checks is FIT else HOOKS, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:  # it keeps what it found where it runs
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=folder, env=os.environ | hooks
        )
    return done.returncode, done.stdout + done.stderr


def fuzz_graphql(url, key, *options, seed=None):
    """Do the same for the schema of GraphQL, which is asked for by introspection."""
    checks = ("--checks", "problems_are_the_askers")
    return fuzz(f"{url}/graphql", key, *options, seed=seed, checks=checks)
