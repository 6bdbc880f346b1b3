"""Runs verbs of the command line in this process."""

from click.testing import CliRunner


def run(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])
