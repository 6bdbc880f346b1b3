"""`python -m bench`, which `make bench` calls."""

from bench.cli import bench

bench(prog_name="python -m bench")
