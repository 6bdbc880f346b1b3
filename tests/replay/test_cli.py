import subprocess
import sys
import threading

from replay.side_by_side import process_context

ASKING = (
    "from replay.side_by_side import process_context; print(process_context().get_start_method())"
)


def test_children_are_forked_from_a_process_of_one_thread():
    said = subprocess.run(
        [sys.executable, "-c", ASKING], check=True, capture_output=True, text=True
    )
    assert said.stdout.strip() == "fork"


def test_children_begin_anew_beside_other_threads():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert process_context().get_start_method() == "spawn"
    finally:
        done.set()
        thread.join()
