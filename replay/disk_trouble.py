"""Trouble of a disk, told from damage: a file that this machine can't read may be whole."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from agents.errors import Transient

OF_THIS_MACHINE = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
        errno.EREMOTEIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.ENOTCONN,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
    }
)
"""Rights, broken or lacking disks and shares, files and memory in use: another user, another time
or another machine may read it. A link, a folder or no file in the place of one is not among them.
"""


def is_of_this_machine(error: OSError) -> bool:
    """Tell whether an error says something of this machine alone."""
    return error.errno in OF_THIS_MACHINE


@contextmanager
def told_from_damage(what: str) -> Iterator[None]:
    """Raise Transient in the place of an OSError that says nothing of `what` is read."""
    try:
        yield
    except OSError as error:
        if not is_of_this_machine(error):
            raise
        raise Transient(
            f"{what} can't be read here: {error.strerror}; that says nothing of what lies there"
        ) from None
