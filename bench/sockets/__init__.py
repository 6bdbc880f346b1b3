"""Thousands of idle WebSockets beside some that stream, in one process; a bare echo beside it.

The echo runs under the same server with the same bounds on frames, in the same run, in turns: what
it takes is the server's and the library's, what is above it ours. CPU and memory are the kernel's
account of the process. Latencies count the client's process, too, so only their ratios say much.
"""
