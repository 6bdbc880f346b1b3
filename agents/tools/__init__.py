"""Tools: what an answer may take beside passages, and how it is asked for.

`plain_arithmetic.py` and `number_style.py` read a question that is arithmetic and nothing else;
`tool_policy.py` is what is configured, `openapi.py` reads a tenant's interfaces; `toolbox.py` holds
the tools of one request, and `tool_turns.py` has a model ask for them, within the limits.
"""
