"""The local stack: every component as a child process of one supervisor, on 127.0.0.1.

matching.py    whether what is up is what is asked for
cli.py         playhead up, down, status; detached.py: up --detach; parts_cli.py: playhead parts
parts.py       the parts that the components are made of, as a table; recipes.py how each is made
components.py  the components, as a table; java.py and weaviate.py: command lines of three of them
site.py        where one stack lives
ports.py       who listens where; network.py keeps proxies out of that
paths.py       paths of the environment, true in every folder
leaning.py     what a stack needs and does not start itself
health.py      asks a component whether it is there
supervisor.py  starts the components and stops them; keeper.py keeps one of them running
run_folder.py  what a run folder says, and who holds it; status.py says it to users
guard.py       leaves no orphan when the supervisor itself is killed
"""
