"""How parts are made, over tools that play Java and Go."""

import hashlib
import sys
import tarfile
import textwrap
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.local import java, recipes
from infra.parts import downloads
from infra.parts.part import Workshop
from infra.parts.shell import Shell
from infra.stack_error import StackError

# serves what it is asked, and leaves an archive of classes as it ends, as Java does
# (by way of sh: an interpreter's path on a first line can't hold a space)
JAVA = f"""\
    #!/bin/sh
    ''':'
    exec "{sys.executable}" "$0" "$@"
    '''
    import http.server, pathlib, re, signal, sys

    def end(*_):
        if "ArchiveClassesAtExit" in " ".join(sys.argv):
            pathlib.Path("classes.jsa").write_text(pathlib.Path("lib/a.jar").read_text())
        sys.exit()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

    signal.signal(signal.SIGTERM, end)
    port = int(re.search(r"quarkus.http.port=(\\d+)", " ".join(sys.argv))[1])
    http.server.HTTPServer(("127.0.0.1", port), Answer).serve_forever()
    """
# notes its settings, fills its caches with folders that can't be entered, and "builds"
GO = """\
    #!/bin/sh
    [ "$1" = version ] && { echo "go version go$VERSION linux/amd64"; exit; }
    env > "$NOTES"
    mkdir -p "$GOMODCACHE/module" "$GOCACHE/object"
    echo "building $3"
    printf '#!/bin/sh\\nexit 0\\n' > "$GOBIN/weaviate-server"
    chmod +x "$GOBIN/weaviate-server"
    """


def program(path, script):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(script))
    path.chmod(0o755)
    return path


@pytest.fixture
def said():
    return []


@pytest.fixture
def work(tmp_path, said):
    target = tmp_path / "part ü"
    target.mkdir()
    home = tmp_path / "java"
    program(home / "bin" / "java", JAVA)
    return Workshop(target, Shell(), said.append, {"java": home})


@pytest.fixture
def repository(tmp_path, monkeypatch):
    folder = tmp_path / "repository"
    folder.mkdir()
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv(downloads.MIRROR, f"http://127.0.0.1:{server.server_port}")
        yield folder
        server.shutdown()
        thread.join()


def a_registry(repository, tmp_path):
    """Put an archive with a registry into the repository; returns the lock that names it."""
    content = tmp_path / "content"
    (content / "lib").mkdir(parents=True)
    (content / "lib" / "a.jar").write_text("a jar")
    (content / java.REGISTRY_JAR).write_text("the program")
    archive = repository / "registry.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(content, ".")
    lock = tmp_path / "registry.lock"
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    lock.write_text(f"{digest}  {archive.name}\n")
    return lock


def test_a_registry_is_unpacked_tried_and_gets_its_archive_of_classes(work, repository, tmp_path):
    recipes.make_registry(work, a_registry(repository, tmp_path))
    assert {path.name for path in work.target.iterdir()} == {
        "lib",
        java.REGISTRY_JAR,
        java.ARCHIVE,
    }
    assert (work.target / java.ARCHIVE).read_text() == "a jar"


def test_a_registry_that_does_not_start_is_no_part(work, repository, tmp_path):
    program(work.places["java"] / "bin" / "java", "#!/bin/sh\necho no memory; exit 1\n")
    with pytest.raises(StackError, match=r"did not become ready:\n    no memory"):
        recipes.make_registry(work, a_registry(repository, tmp_path))


@pytest.fixture
def go(tmp_path, monkeypatch):
    monkeypatch.delenv("GOROOT", raising=False)
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    program(tmp_path / "bin" / "go", GO)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return monkeypatch


def notes(tmp_path):
    return dict(line.split("=", 1) for line in (tmp_path / "notes").read_text().splitlines())


def test_weaviate_leaves_nothing_behind_that_only_its_build_needs(work, go, tmp_path, said):
    go.setenv("VERSION", "1.25.3")
    recipes.make_weaviate(work)
    assert [path.name for path in work.target.iterdir()] == ["weaviate-server"]
    assert f"building {recipes.WEAVIATE}" in said
    settings = notes(tmp_path)
    for name in ("GOPATH", "GOMODCACHE", "GOCACHE"):
        assert settings[name].startswith(f"{work.target}/.building/"), name
    assert settings["GOTOOLCHAIN"] == "local"
    assert settings["GOFLAGS"].startswith("-mod=mod ")
    assert "-modcacherw" in settings["GOFLAGS"]


class Noting(Shell):
    """Notes the first tool and runs none."""

    def run(self, argv, *_, **__):
        raise StackError(" ".join(argv[1:]))


def test_a_go_that_is_too_old_is_not_run_but_one_is_fetched(work, go, tmp_path):
    go.setenv("VERSION", "1.19.8")
    noting = Workshop(work.target, Noting(), work.say)
    with pytest.raises(StackError, match=r"^-m venv "):
        recipes.make_weaviate(noting)
    assert not (tmp_path / "notes").exists()
