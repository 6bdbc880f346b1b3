"""llama.cpp's own HTTP server over the chat model that comes with Playhead, as a process of its own.

    python llama_server.py MODEL.GGUF

It prints its address, and ends with its standard input.
"""

import sys

import xllamacpp as llama  # of Triton's part


def main(gguf: str) -> None:
    params = llama.CommonParams()
    params.model.path = gguf
    params.n_parallel, params.n_ctx = 2, 4_096
    params.cpuparams.n_threads = 1
    params.verbosity, params.port = 0, 0
    params.api_keys = ["sk-of-the-test"]
    server = llama.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
