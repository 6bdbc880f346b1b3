"""The one error of the local stack that a user may see."""


class StackError(Exception):
    """Says, in lines fit for a terminal, what is wrong and what to do about it."""
