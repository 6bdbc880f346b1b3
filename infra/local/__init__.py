"""The local stack: every component as a child process of one supervisor, on 127.0.0.1.

cli.py         playhead up, down, status, parts
parts.py       fetches what the components are made of, once a version
components.py  the components, as data; java.py has the command lines of two of them
ports.py       who listens where
health.py      asks a component whether it is there
supervisor.py  starts, watches, restarts and stops them
guard.py       leaves no orphan when the supervisor itself is killed
"""
