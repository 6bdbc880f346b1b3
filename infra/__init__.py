"""What Playhead runs on, and what people run: nothing else imports from here, but the benchmarks.

* `kafka/`, `triton/`, `parts/`, `local/`: topics, models, what is fetched, the local stack
* `Dockerfile`, `compose.yaml`, `container`: the same in containers
* `cli`, `settings_cli`, `demo/`, `stack_error`: the command line `playhead`,
  two of its verbs, its errors
* `docs`: the generated pages and parts of pages
"""
