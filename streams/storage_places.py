"""Where files may be kept, as people spell it: a folder, or s3://bucket/prefix.

Why it is so: `s3:/bucket` and `http://host/x` could be names of folders, and never are meant so.
Taken for one, each process would keep what others look for in a folder of its own. So whatever
begins as an address does is none; who has such a folder writes ./ before it.
"""

from __future__ import annotations

import re

SCHEME = "s3://"
BUCKET = r"[a-z0-9][a-z0-9._\-]{1,61}[a-z0-9]"
"""Names of buckets (Amazon S3 User Guide, Bucket naming rules; Google's may have underscores)."""
SCHEMES = "s3|s3a|s3n|gs|gcs|az|abfss?|wasbs?|hdfs|https?|ftps?|sftp|file"
"""What begins an address even where no slash follows."""
ADDRESS = rf"\s*(?:[A-Za-z][A-Za-z0-9+.\-]*:/|(?i:{SCHEMES}):)"
PREFIX = r"(?:/(?!\.{1,2}(?:/|\Z))[^/]+)*"
"""Of objects in a bucket: parts that are not empty, `.` or `..`."""
FOLDER = rf"^(?!{ADDRESS})"
FOLDER_OR_BUCKET = rf"^(?:(?!{ADDRESS})|{SCHEME}{BUCKET}{PREFIX}/?\Z)"


def is_address(place: str) -> bool:
    """Say whether a place is spelt as an address is, whatever of; else it is a folder."""
    return re.match(ADDRESS, place) is not None
