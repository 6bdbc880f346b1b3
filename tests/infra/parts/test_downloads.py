"""Files from a repository on this machine that misbehaves in every way that repositories do."""

import hashlib
import threading
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import tenacity

from infra.parts import downloads
from infra.parts.advice import remedy
from infra.parts.downloads import Artifact, download, read_lock
from infra.parts.part import Workshop
from infra.parts.shell import Interrupted, Shell
from infra.stack_error import StackError

AT_ONCE = tenacity.wait_none()
CONTENT = bytes(range(256)) * 1_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PATH = "org/example/thing/1.0/thing-1.0.jar"
THING = Artifact(DIGEST, PATH)


class Repository(ThreadingHTTPServer):
    """Answers by a list of behaviours, one a request; after the last one, well."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = {f"/maven/{PATH}": CONTENT}
        self.behaviours = []
        self.requests = []
        self.released = threading.Event()
        self.asked = threading.Event()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/maven"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers.get("Range")))
        server.asked.set()
        behave = server.behaviours.pop(0) if server.behaviours else None
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404)
        elif behave is not None:
            behave(self, content)
        else:
            self.well(content)

    def well(self, content):
        begin = 0
        if asked := self.headers.get("Range"):
            begin = int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        self.wfile.write(content[begin:])

    def log_message(self, *_):
        pass


def cut_off_after(size):
    def behave(answer, content):
        answer.send_response(200)
        answer.send_header("Content-Length", str(len(content)))
        answer.end_headers()
        answer.wfile.write(content[:size])

    return behave


def status(number):
    return lambda answer, _: answer.send_error(number)


def another_content(answer, content):
    answer.well(b"x" * len(content))


def whole_though_asked_for_the_rest(answer, content):
    del answer.headers["Range"]
    answer.well(content)


def silent(answer, content):
    answer.send_response(200)
    answer.send_header("Content-Length", str(len(content)))
    answer.end_headers()
    answer.wfile.write(content[:1])
    answer.server.released.wait(30)


def trickling(answer, content):
    answer.send_response(200)
    answer.send_header("Content-Length", str(len(content)))
    answer.end_headers()
    with suppress(OSError):  # the other side gives up
        while not answer.server.released.wait(0.01):
            answer.wfile.write(b"x")


@pytest.fixture
def repository(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with Repository() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv(downloads.MIRROR, f"{server.address}/")
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def work(tmp_path):
    return Workshop(tmp_path, Shell(), lambda _: None)


def get(work, *artifacts, **options):
    return download(work, artifacts or (THING,), work.target / "libs", AT_ONCE, **options)


def left_in(work):
    return sorted(path.name for path in (work.target / "libs").iterdir())


@pytest.mark.parametrize(
    ("behaviours", "ranges"),
    [
        ([], [None]),
        ([status(503)], [None, None]),
        ([status(429), status(500)], [None] * 3),
        ([cut_off_after(1_000)], [None, "bytes=1000-"]),
        ([cut_off_after(1_000), whole_though_asked_for_the_rest], [None, "bytes=1000-"]),
        ([cut_off_after(0)], [None, None]),
        ([another_content], [None, None]),
        ([cut_off_after(1_000), status(416)], [None, "bytes=1000-", None]),
    ],
)
def test_a_file_is_whole_and_right_whatever_happens_on_the_way(
    repository, work, behaviours, ranges
):
    repository.behaviours = behaviours
    [path] = get(work)
    assert path.read_bytes() == CONTENT
    assert left_in(work) == ["thing-1.0.jar"]
    assert [asked for _, asked in repository.requests] == ranges


def test_many_files_come_in_the_order_that_was_asked_for(repository, work):
    artifacts = []
    for number in range(30):
        content = f"{number}".encode() * 100
        repository.files[f"/maven/{number}.jar"] = content
        artifacts.append(Artifact(hashlib.sha256(content).hexdigest(), f"{number}.jar"))
    paths = get(work, *artifacts)
    assert [path.name for path in paths] == [f"{number}.jar" for number in range(30)]
    assert Counter(repository.requests).most_common(1)[0][1] == 1


def test_a_file_with_another_content_is_refused_by_name_and_leaves_nothing(repository, work):
    repository.behaviours = [another_content] * 9
    with pytest.raises(StackError, match=rf"{PATH} .*it has SHA-256 \w+, not {DIGEST}, 5 times"):
        get(work)
    assert left_in(work) == []
    assert len(repository.requests) == downloads.ATTEMPTS


def test_a_file_that_is_not_there_is_not_asked_for_again(repository, work):
    with pytest.raises(
        StackError, match=r"absent.jar could not be fetched from \S+: HTTP 404"
    ) as no:
        get(work, Artifact(DIGEST, "absent.jar"))
    assert downloads.MIRROR in str(no.value)
    assert len(repository.requests) == 1


def test_one_that_can_not_be_had_ends_the_wait_for_all(repository, work):
    repository.behaviours = [trickling]
    giving_up = threading.Timer(20, repository.released.set)
    giving_up.start()
    with pytest.raises(StackError, match=r"absent\.jar"):
        get(work, THING, Artifact(DIGEST, "absent.jar"))
    assert not repository.released.is_set()
    giving_up.cancel()


def test_silence_is_not_waited_out(repository, work):
    repository.behaviours = [silent]
    [path] = get(work, silence_s=0.2)
    assert path.read_bytes() == CONTENT
    assert repository.requests[1] == (f"/maven/{PATH}", "bytes=1-")


def test_nobody_there_is_said_with_what_to_check(work, monkeypatch, repository):
    monkeypatch.setenv(downloads.MIRROR, "http://127.0.0.1:9/maven")
    with pytest.raises(StackError, match=r"from http://127\.0\.0\.1:9/maven: ConnectError") as no:
        get(work)
    assert "https_proxy" in remedy(no.value, work.target)


def test_a_stop_ends_a_download(repository, work):
    repository.behaviours = [silent]
    stopping = threading.Thread(
        target=lambda: (repository.asked.wait(10), work.shell.stop(), repository.released.set())
    )
    stopping.start()
    with pytest.raises(Interrupted):
        get(work, silence_s=5.0)
    stopping.join()


def test_a_proxy_is_asked_where_the_environment_names_one(repository, work, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{repository.server_port}")
    monkeypatch.setenv(downloads.MIRROR, "http://repository.example/maven")
    repository.files[f"http://repository.example/maven/{PATH}"] = CONTENT
    assert get(work)[0].read_bytes() == CONTENT
    assert repository.requests == [(f"http://repository.example/maven/{PATH}", None)]


def test_a_mirror_must_have_an_address(monkeypatch):
    monkeypatch.setenv(downloads.MIRROR, "mirror.example/maven")
    with pytest.raises(StackError, match=rf"{downloads.MIRROR} is 'mirror.example/maven'"):
        downloads.repository()
    monkeypatch.setenv(downloads.MIRROR, "")
    assert downloads.repository() == downloads.MAVEN_CENTRAL


def test_a_full_disk_is_an_error_of_the_system_and_not_retried(repository, work):
    (work.target / "libs").mkdir()
    (work.target / "libs" / "thing-1.0.jar.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        get(work)


def test_a_lock_is_what_sha256sum_writes(tmp_path):
    lock = tmp_path / "a.lock"
    lock.write_text(f"# why\n\n{DIGEST}  {PATH}\n")
    assert read_lock(lock) == (THING,)
    assert THING.name == "thing-1.0.jar"


@pytest.mark.parametrize(
    "line", [PATH, f"{DIGEST} {PATH}", f"{DIGEST[1:]}  {PATH}", f"{DIGEST}  ", f"{DIGEST}  a/../b"]
)
def test_a_line_that_is_no_artifact_is_refused_by_its_number(tmp_path, line):
    lock = tmp_path / "a.lock"
    lock.write_text(f"# why\n{line}\n")
    with pytest.raises(StackError, match=r"a\.lock, line 2"):
        read_lock(lock)
