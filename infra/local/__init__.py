"""The local stack: every component as a child process of one supervisor, on 127.0.0.1.

parts.py        fetches what the components are made of, once a version
ports.py        who listens where
components.py   the components, as data
supervisor.py   starts, watches, restarts and stops them
guard.py        leaves no orphan when the supervisor itself is killed
cli.py          playhead up, down, status, parts
"""
