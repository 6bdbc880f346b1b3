"""What is printed for people, as text."""

import io

from rich.console import Console


def shown(show, *arguments):
    text = io.StringIO()
    show(*arguments, Console(file=text, width=250))
    return text.getvalue()
