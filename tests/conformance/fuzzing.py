"""Requests that schemathesis makes of the documents of the interfaces, against a gateway.

What counts is that no answer is an error of the server's, that each is one which the document has, with the media type
and the shape that it has there, and that what the document forbids is refused.
"""

import subprocess
import sys
from pathlib import Path

from schemas import DocumentSubmitted, DocumentWithdrawn, QuestionAsked
from tests.edge.fake_log import Answers, a_citation
from tests.edge.http_client import outcomes_of, passages_for

SCOPES = ("read", "write", "restore", "review")
UNFIT = (
    # not all that is refused can be said by a schema: media types, a key that came with another body
    "positive_data_acceptance",
    # a document that was withdrawn is known as such
    "use_after_free",
    # and one that was handed in exists once the log's reader has come to it
    "ensure_resource_availability",
)


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


def fuzz(address, key, *options, seed=None):
    """Run schemathesis against an address with a document; returns its exit status and what it said."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        *("run", address, "-H", f"Authorization: Bearer {key}", "--workers", "1"),
        *("--exclude-checks", ",".join(UNFIT), "--no-color", *options),
        *(() if seed is None else ("--seed", str(seed))),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr
