"""Parts: what the components are made of, fetched once a version and kept in the user's cache.

part.py       what a part is, where it lies, and what its recipe gets
advice.py     what to do about a fetch that failed
fetching.py   fetches what is absent: side by side, whole or not at all
display.py    shows a fetch on the terminal
shell.py      runs a recipe's tools, and stops them
downloads.py  files over HTTPS, checked by SHA-256
wheels.py     packages by pip, checked by their hashes
system.py     what the machine brings along: Java, Go, libpython

Nothing here knows a component: which parts there are stands in infra/local/parts.py.
"""
