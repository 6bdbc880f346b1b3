"""The Triton model `embedder`: see encoder.py for what it computes.

Why it is so: requests are answered from threads, queries before passages, text by text. With
Triton's own batching a question would wait for a whole batch of an ingest (64 passages, 6 s on one
core); this way it waits for nobody, since one thread serves queries alone. The threads of passages
give way to what else is asked of Triton: nobody waits for a document as for an answer.
"""

import itertools
import os
import queue
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb
from encoder import Encoder, Encoding

QUERY, PASSAGE, STOP = 0, 1, 2  # ranks in the queue: STOP comes after all work
NICENESS = 10  # of the threads of passages: what is not nice gets nine times as much of a core


@dataclass
class Job:
    """A request and the rows of its answer as they become ready."""

    sender: Any
    texts: list[str]
    query: bool
    with_tokens: bool
    rows: dict[int, Encoding] = field(default_factory=dict)
    over: bool = False  # answered, failed or cancelled
    lock: threading.Lock = field(default_factory=threading.Lock)


class TritonPythonModel:
    """What Triton calls."""

    def initialize(self, args: dict[str, str]) -> None:  # noqa: ARG002 - Triton's signature
        """Load the model, try it once and start the threads."""
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
        self.encoder = Encoder(Path(os.environ["PLAYHEAD_EMBEDDER_FOLDER"]))
        self.encoder.encode("ready", query=True, with_tokens=True)
        self.ticket = itertools.count()  # first come, first served within a rank
        self.queues: dict[int, queue.PriorityQueue[tuple[int, int, Job | None, int]]]
        queries = queue.PriorityQueue()
        passages = queue.PriorityQueue()
        self.queues = {QUERY: queries, PASSAGE: passages}
        workers = [queries] + [passages] * int(os.environ["PLAYHEAD_EMBED_THREADS"])
        self.threads = [threading.Thread(target=self.work, args=(lane,)) for lane in workers]
        for thread in self.threads:
            thread.start()

    def execute(self, requests: list[Any]) -> None:
        """Queue the texts of the requests; the threads answer them."""
        for request in requests:
            sender = request.get_response_sender()
            try:
                job = self.read(request, sender)
            except ValueError as error:
                refuse(sender, str(error), pb.TritonError.INVALID_ARG)
                continue
            rank = QUERY if job.query else PASSAGE
            for row in range(len(job.texts)):
                self.queues[rank].put((rank, next(self.ticket), job, row))

    def read(self, request: Any, sender: Any) -> Job:
        """Take a request apart. Raises ValueError where Triton can't check it."""
        column = {
            name: pb.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)
            for name in ("text", "kind", "with_tokens")
        }
        kinds = {kind.decode() for kind in column["kind"]}
        if kinds not in ({"query"}, {"passage"}):
            raise ValueError("kind must be query or passage, the same for every text")
        texts = [text.decode("utf-8", errors="replace") for text in column["text"]]
        return Job(sender, texts, kinds == {"query"}, bool(column["with_tokens"].any()))

    def work(self, lane: "queue.PriorityQueue[tuple[int, int, Job | None, int]]") -> None:
        """Encode the texts of one queue until it is told to stop."""
        if lane is self.queues[PASSAGE]:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        while True:
            _, _, job, row = lane.get()
            if job is None:
                return
            if job.over:
                continue
            if job.sender.is_cancelled():
                self.fail(job, pb.TritonError.CANCELLED, "the client went away")
                continue
            try:
                encoding = self.encoder.encode(
                    job.texts[row], query=job.query, with_tokens=job.with_tokens
                )
            except Exception as error:  # noqa: BLE001 - a request must be answered, whatever fails
                self.fail(job, pb.TritonError.INTERNAL, f"{type(error).__name__} while encoding")
                continue
            with job.lock:
                job.rows[row] = encoding
                complete = len(job.rows) == len(job.texts)
            if complete:
                self.answer(job)

    def fail(self, job: Job, kind: int, why: str) -> None:
        """Answer a request with an error, once; its other texts are dropped."""
        with job.lock:
            first, job.over = not job.over, True
        if first:
            refuse(job.sender, why, kind)

    def answer(self, job: Job) -> None:
        """Send the rows in the order of the texts."""
        job.over = True
        rows = [job.rows[row] for row in range(len(job.texts))]
        count = len(rows)
        columns = {
            "vector": np.stack([row.vector for row in rows]),
            "token_vectors": np.array([[row.token_vectors] for row in rows], dtype=object),
            "tokens": np.array([[row.tokens] for row in rows], dtype=np.int32),
            "truncated": np.array([[row.truncated] for row in rows], dtype=bool),
            "model": np.array([[self.encoder.model.encode()]] * count, dtype=object),
        }
        tensors = [pb.Tensor(name, values) for name, values in columns.items()]
        final = pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL
        job.sender.send(pb.InferenceResponse(output_tensors=tensors), flags=final)

    def finalize(self) -> None:
        """Stop the threads; what is queued is answered first."""
        for lane, threads in ((QUERY, 1), (PASSAGE, len(self.threads) - 1)):
            for _ in range(threads):
                self.queues[lane].put((STOP, next(self.ticket), None, 0))
        for thread in self.threads:
            thread.join()


def refuse(sender: Any, why: str, kind: int) -> None:
    """Answer a request with an error; never with its text."""
    response = pb.InferenceResponse(error=pb.TritonError(why, kind))
    sender.send(response, flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


def end_with(server: int) -> None:
    """End this process once the server is gone: killed, it leaves its models waiting for ever."""
    while os.getppid() == server:
        time.sleep(1)
    os._exit(1)
