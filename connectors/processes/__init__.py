"""Processes: work on hostile input, done where the kernel limits it and anyone may end it.

Documents are read and personal data is looked for in processes of their own (docs/decisions/0019):
`shared_processes.py` keeps those of a program and has tenants take turns, `limited_process.py` is
one of them as the event loop sees it, and `process.py` what runs in it. Each is a fork of the
program's `template.py`, in which `template_process.py` runs (docs/decisions/0099). `exchange.py` is
what they say to each other, and `program.py` which program, and how errors speak of it. All that
passes is passed over a socket pair, since it holds personal data: it is written to no file and no
log.

A program is a function `load`: it loads what the work needs, beginning no thread, and returns who
does it, from the body of a task to the parts of its answer.
"""
