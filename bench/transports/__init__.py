"""The same eight no-op hops by Playhead's runner and by what else reads and writes Kafka.

One program a module, each run as a process of its own; `drive` loads it and measures from outside,
`contest` lets them take turns, `comparison` prints. Why it is so: a rate says little on a shared
machine, so every figure stands beside stock Faust's of the same run, on the same broker.
"""
