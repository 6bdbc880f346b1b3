"""The server of the stub: ready while it is used, told of when it is not, and gone with all that it started."""

import sys
import time

import psutil
import pytest

from bench.chats.stub_server import MODELS, STUB, NotServing, serving
from infra.local import ports

READY = """
import http.server, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/v2/health/ready" else 404)
        self.end_headers()
    def log_message(self, *_): pass
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
UNREADY = "import time; print('loading', flush=True); time.sleep(60)"
BROKEN = "print('no such model'); raise SystemExit(1)"
PATIENCE_S = 20.0


@pytest.fixture
def serve(tmp_path):
    """Serve with a program, on a port of its own."""

    def served(program, ready_s=PATIENCE_S):
        port = ports.free_block()["triton"]
        argv = [sys.executable, "-c", program, str(port)]
        return serving(argv, {}, tmp_path, f"{ports.HOST}:{port}", ready_s)

    return served


def gone(pid):
    deadline = time.monotonic() + PATIENCE_S
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_it_is_ready_while_it_is_used_and_its_models_do_not_outlive_it(serve, tmp_path):
    with serve(READY):
        model = int((tmp_path / "triton.log").read_text())
        assert psutil.pid_exists(model)
    assert gone(model)


def test_it_ends_with_a_measurement_that_failed_too(serve, tmp_path):
    with pytest.raises(ZeroDivisionError), serve(READY):
        1 / 0  # noqa: B018
    assert gone(int((tmp_path / "triton.log").read_text()))


def test_a_server_that_ends_at_once_is_told_with_its_log(serve, tmp_path):
    with pytest.raises(NotServing, match=r"see .*/triton\.log"), serve(BROKEN):
        pytest.fail("it is not ready")
    assert (tmp_path / "triton.log").read_text() == "no such model\n"


def test_a_server_that_is_never_ready_is_told_and_ended(serve):
    before = set(psutil.Process().children())
    with pytest.raises(NotServing, match="not ready"), serve(UNREADY, ready_s=0.3):
        pytest.fail("it is not ready")
    assert set(psutil.Process().children()) <= before


def test_the_stub_is_a_model_of_the_bench():
    assert (MODELS / STUB / "config.pbtxt").is_file()
    assert (MODELS / STUB / "1/model.py").is_file()
