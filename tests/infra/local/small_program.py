"""A small program in a folder, and forks of its template: what they are given, and what they wrote."""

import os
import sys
import textwrap
import time

from infra.local.verb_template import VerbTemplate

PATIENCE_S = 60.0
TINY = """
    import os, sys, time

    def main(words):
        print(SAID, *words, flush=True)
        match words[0]:
            case "env":
                print(sorted(os.environ.items()), os.getcwd(), sys.stdin.read(), flush=True)
            case "end":
                sys.exit(int(words[1]))
            case "say":
                sys.exit("this is why")
            case "break":
                raise ValueError("broken")
            case "stay":
                time.sleep(600)

    SAID = "says"
"""
BASE = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}


def until(holds):
    ends_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < ends_s
        time.sleep(0.005)


class SmallProgram:
    """Forks of one template of a small program, and what they wrote."""

    def __init__(self, folder, program="tiny:main"):
        self.folder = folder
        self.module = folder / "tiny.py"
        self.log = folder / "forks.log"
        self.complaints = folder / "template.log"
        self.module.write_text(textwrap.dedent(TINY))
        environment = {**BASE, "PYTHONPATH": os.pathsep.join(sys.path), "OF_THE_TEMPLATE": "1"}
        self.template = VerbTemplate(program, (), environment, self.complaints, folder=folder)
        self.made = []

    def wanted(self, *words, environment=BASE):
        with self.log.open("ab") as log:
            return self.template.fork(words, environment, self.folder, log.fileno())

    def fork(self, *words, environment=BASE):
        made = self.wanted(*words, environment=environment).begun(PATIENCE_S)
        assert made is not None
        self.made.append(made)
        return made

    def said(self):
        return self.log.read_text()

    def staying(self):
        before = self.said().count("stay") if self.log.exists() else 0
        made = self.fork("stay")
        until(lambda: self.said().count("stay") > before)
        return made

    def end(self):
        for fork in self.made:
            fork.kill()
            fork.wait(PATIENCE_S)
        self.template.end()

    def until_written(self, log, what):
        until(lambda: what in log.read_text())
