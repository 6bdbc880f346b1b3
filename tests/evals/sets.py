"""Small evaluation sets, written into a folder."""

import gzip
import json
import os
from pathlib import Path

import pytest

PUBLIC = Path(
    os.environ.get("PLAYHEAD_EVAL_DATA") or Path(__file__).parents[3] / "shared" / "evaldata"
)
needs_public_sets = pytest.mark.skipif(
    not (PUBLIC / "scorers").is_dir(), reason="no public evaluation sets: set PLAYHEAD_EVAL_DATA"
)


def write_rows(path, rows):
    """Write rows to a file, packed where its name says so."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


PASSAGES = [
    {
        "id": "p-1",
        "title": "Lighthouse",
        "text": "The lighthouse was built in 1887. It is 31 metres high. Its keeper was Anna Holm.",
    },
    {
        "id": "p-2",
        "title": "Ferry",
        "text": "The ferry leaves at nine. A ticket costs four crowns.",
    },
    {
        "id": "p-3",
        "title": "Museum",
        "text": "The museum shows nets and boats. It is closed on Mondays.",
    },
]
QUESTIONS = [
    {
        "id": "q-1",
        "question": "When was the lighthouse built?",
        "passage_id": "p-1",
        "answerable": True,
        "answers": ["1887", "in 1887"],
    },
    {
        "id": "q-2",
        "question": "What does a ticket of the ferry cost?",
        "passage_id": "p-2",
        "answerable": True,
        "answers": ["four crowns"],
    },
    {
        "id": "q-3",
        "question": "Who painted the museum?",
        "passage_id": "p-3",
        "answerable": False,
        "answers": [],
    },
]


def write_question_set(folder, questions=QUESTIONS, passages=PASSAGES):
    """Write a folder of questions and passages."""
    write_rows(folder / "questions.jsonl", questions)
    write_rows(folder / "passages.jsonl.gz", passages)
    return folder
