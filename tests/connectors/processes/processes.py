"""The processes of this one that do tasks, seen from outside, as an operator would."""

import asyncio
import os
import resource
from contextlib import contextmanager, suppress

import psutil

from connectors.processes.limited_process import LimitedProcess
from connectors.processes.program import Limits
from connectors.processes.template import Template

ORDINARY = Limits(cpu_s=18, memory_bytes=1_024_000_000)
MUCH_TIME = Limits(cpu_s=600, memory_bytes=1_024_000_000)
LITTLE_TIME = Limits(cpu_s=1, memory_bytes=1_024_000_000)
LOADING_S = 0.6  # of CPU time, before it can be asked; it takes about 0.2 s
LITTLE_MEMORY = Limits(cpu_s=18, memory_bytes=60_000_000)


TEMPLATES = []
"""Those that a test has made here."""


def a_process(load, limits):
    """Make a process that does the tasks of a program, and the template of which it is a fork."""
    TEMPLATES.append(template := Template(load, limits))
    return LimitedProcess(template, limits)


async def end_templates():
    """End those that a test has made."""
    while TEMPLATES:
        template = TEMPLATES.pop()
        template.end()
        await template.wait()


def templates(program, parent=None):
    """List the templates of a program that this process has started."""
    return _of_program(program, psutil.Process(parent).children())


def running(parent=None, program="connectors.readers.document_task:load"):
    """List the processes that do tasks for this one; of documents, if nothing else is said."""
    return [fork for one in templates(program, parent) for fork in _forks_of(one)]


def _of_program(program, processes):
    found = []
    for one in processes:
        try:
            if program in one.cmdline() and one.status() != "zombie":
                found.append(one)
        except psutil.NoSuchProcess:
            continue
    return found


def _forks_of(template):
    with suppress(psutil.NoSuchProcess):
        return [one for one in template.children() if one.status() != "zombie"]
    return []


@contextmanager
def no_more_files():
    """Have this process open no further file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(free := os.open(os.devnull, os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def busy():
    """Wait until such a process works on a task, and return it."""
    used = {}

    def one():
        for process in running():
            with suppress(psutil.NoSuchProcess):
                now = process.cpu_times().user
                if now > used.setdefault(process, now) + LOADING_S:
                    return process
        return None

    return await until(one)


async def gone(process):
    """Wait until a process has ended; nobody may have asked for its status yet."""

    def ended():
        with suppress(psutil.NoSuchProcess):
            return process.status() == psutil.STATUS_ZOMBIE
        return True

    await until(ended)


async def begun(before):
    """Wait until there is such a process beside some, and return it."""
    return await until(lambda: next((one for one in running() if one not in before), None))


async def until(found):
    """Wait until something is found, and return it."""
    async with asyncio.timeout(120):
        while not (thing := found()):  # noqa: ASYNC110 - what is waited for is another process's
            await asyncio.sleep(0.01)
        return thing
