"""Groups of verbs that read a log: what they can't read is no finding, and it is not nothing.

Of a verb that judges, exit status 1 says that something differs, and 0 that all was looked at. A
broker, a registry, a bucket or a disk that does not answer says neither, so it is 3. A verb that
judges nothing ends with 1 whatever keeps it from its work.
"""

from __future__ import annotations

from typing import Any

import click

from streams.operations.options import Group, LateGroup

WITHOUT_VERDICT = frozenset(
    {
        *("export", "import", "timeline", "lineage", "debug", "fork", "as-of", "effects"),
        *("explain", "retain", "checkpoints", "key", "receipt"),
    }
)
"""Verbs that show or do something and judge nothing."""


class VerdictGroup(Group):
    """A group whose verbs that judge, and groups in it, end with 3 where something is away."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; what it raises gets the exit status that it leads to."""
        try:
            return super().invoke(ctx)
        except click.UsageError:
            raise
        except click.ClickException as error:
            if _keeps_from_judging(ctx, error.__cause__):
                error.exit_code = _not_verified()
            raise
        except Exception as error:
            if _keeps_from_judging(ctx, error):
                error.exit_status = _not_verified()  # type: ignore[attr-defined]
            raise


class LateVerdictGroup(VerdictGroup, LateGroup):
    """Such a group that imports a verb only when it is called."""


def _keeps_from_judging(ctx: click.Context, error: BaseException | None) -> bool:
    # what knows such errors loads the clients that raise them: not for `--help`
    from replay.what_is_away import says_away

    return ctx.invoked_subcommand not in WITHOUT_VERDICT and says_away(error)


def _not_verified() -> int:
    from replay.report import NOT_VERIFIED

    return NOT_VERIFIED
