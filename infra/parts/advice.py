"""What to do about a fetch that failed: its tool names a symptom, not a remedy."""

import errno
import re
import shutil
from pathlib import Path

FULL_BYTES = 8 << 20  # less than this left is a full disk: tools stop before the last byte
NO_SPACE = re.compile(r"no space left on device|disk quota exceeded|errno 28\b", re.IGNORECASE)
NO_NETWORK = re.compile(
    r"name resolution|name or service not known|network is unreachable|no such host|dial tcp"
    r"|failed to establish a new connection|connection (refused|reset|timed out)|i/o timeout"
    r"|connecterror|(connect|read)timeout|proxyerror|no matching distribution found",
    re.IGNORECASE,
)
"""Words of pip, Go and the system; pip calls a package that it can't reach one that there isn't."""
UNTRUSTED = re.compile(r"certificate.verify.failed|failed to verify certificate", re.IGNORECASE)
ELSEWHERE = "set XDG_CACHE_HOME to a folder that"


def remedy(error: Exception, folder: Path) -> str:
    """Say what to do about an error of a fetch into `folder`; empty where nobody knows.

    The words decide, and where the tool found none, how full the disk is: what a tool wrote may be
    gone again by now.
    """
    full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
    if full or NO_SPACE.search(str(error)) or shutil.disk_usage(folder).free < FULL_BYTES:
        return (
            f"the disk is full: free some space, or {ELSEWHERE} has more "
            "(and TMPDIR, where tools keep what they need for a moment)"
        )
    if UNTRUSTED.search(str(error)):
        return (
            "a certificate on the way is not trusted: where a proxy puts in its own, name the file "
            "of its authority by PIP_CERT and SSL_CERT_FILE; then run the same again"
        )
    if NO_NETWORK.search(str(error)):
        return (
            "the network can't be reached: check it and the proxy (https_proxy), or name mirrors "
            "by PIP_INDEX_URL, GOPROXY and PLAYHEAD_MAVEN_REPOSITORY; then run the same again"
        )
    return ""
