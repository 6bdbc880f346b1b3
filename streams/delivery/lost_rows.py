"""Has a table's changelog lost rows since the last commit of its lane?

A changelog that was deleted is made anew at the next start, empty, and the table with it: a session
forgets what was said, a document its version, and no outcome looks wrong by itself. So the note of
a commit tells, beside up to where each output is told by it (`after` in `progress`), how far the
lane of each changelog was written, and of which topic by the broker's id; whoever takes the lane
over holds that against what it reads. Older workers pass over what they do not know there.
"""

from __future__ import annotations

from collections.abc import Mapping

PART = "#"
OUR_FENCE = 1
"""Records that whoever takes a lane over has put into its changelog before it reads it."""


def noted_as(changelog: str, identity: str) -> str:
    """Spell a changelog, as a topic of an id, as a note names it."""
    return f"{changelog}{PART}{identity}"


def against_changelog(changelog: str, identity: str, end: int, after: Mapping[str, int]) -> str:
    """Say what a changelog that ends so lacks of what a note tells; empty for nothing known."""
    for name, noted in after.items():
        topic, _, known = name.partition(PART)
        if topic != changelog or not known:
            continue
        if known != identity:
            return "was deleted and made anew"
        if end - OUR_FENCE < noted:
            return f"ends at {end - OUR_FENCE}, and was written up to {noted}"
    return ""
