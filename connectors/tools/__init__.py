"""Tools: what answers Calculate, CheckPolicy and CallTool.

`calculator.py` is a parser of its own, exact and bounded; `tool_hosts.py` asks a host over HTTP
within the bounds that the request names; `connector.py` registers both.
"""

from connectors.tools.connector import Tools

__all__ = ["Tools"]
