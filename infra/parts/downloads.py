"""Files of a Maven repository over HTTPS, each checked by a SHA-256 of the source tree.

Maven Central unless PLAYHEAD_MAVEN_REPOSITORY names a mirror of it; proxies as the environment says
(https_proxy, no_proxy). Since each file is checked, any mirror will do, and one without TLS too.
"""

import hashlib
import os
import ssl
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import tenacity

from infra.parts.part import Workshop
from infra.parts.shell import Interrupted
from infra.stack_error import StackError

MAVEN_CENTRAL = "https://repo.maven.apache.org/maven2"
MIRROR = "PLAYHEAD_MAVEN_REPOSITORY"

AT_ONCE = 8  # a file is small beside the time until its first byte
ATTEMPTS = 5
PAUSE = tenacity.wait_exponential_jitter(initial=0.5, max=8)
CONNECT_S = 15.0
SILENCE_S = 30.0  # without a byte
DIGEST_CHARACTERS = 64
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # statuses that another try may mend
TOLD_EVERY_S = 1.0


class Hiccup(Exception):
    """The fetch failed in a way that another try may mend."""


@dataclass(frozen=True)
class Artifact:
    """One file of a repository."""

    sha256: str
    path: str  # in the repository, e.g. org/slf4j/slf4j-api/1.7.36/slf4j-api-1.7.36.jar

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]


def repository() -> str:
    """Return the address of the repository, without a slash at its end."""
    address = os.environ.get(MIRROR) or MAVEN_CENTRAL
    if not address.startswith(("https://", "http://")):
        message = f"{MIRROR} is {address!r}, which is no address of a Maven repository; "
        raise StackError(message + f"unset it, or set it to one such as {MAVEN_CENTRAL}")
    return address.rstrip("/")


def read_lock(lock: Path) -> tuple[Artifact, ...]:
    """Read a file of artifacts: lines as sha256sum writes them, and comments."""
    artifacts = []
    for number, line in enumerate(lock.read_text(encoding="utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        sha256, _, path = line.partition("  ")
        if len(sha256) != DIGEST_CHARACTERS or not path or ".." in path.split("/"):
            raise StackError(f"{lock}, line {number} is not a SHA-256 and a path")
        artifacts.append(Artifact(sha256, path))
    return tuple(artifacts)


def download(
    work: Workshop,
    artifacts: Sequence[Artifact],
    folder: Path,
    pause: tenacity.wait.wait_base = PAUSE,
    silence_s: float = SILENCE_S,
) -> list[Path]:
    """Fetch artifacts into a folder, some side by side; returns their files in the same order.

    What breaks off is resumed, what fails in passing is tried again; a file has its name only when
    its SHA-256 is right. Raises StackError at the first that can't be fetched, and Interrupted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    limits = httpx.Timeout(silence_s, connect=CONNECT_S)
    with httpx.Client(verify=_trusted(), timeout=limits, follow_redirects=True) as client:
        source = _Source(work, client, repository(), folder, pause)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            fetches = [threads.submit(source.fetch, artifact) for artifact in artifacts]
            try:
                source.await_all(fetches)
            finally:
                source.over.set()
                threads.shutdown(cancel_futures=True)
    return [fetch.result() for fetch in fetches]


@dataclass
class _Source:
    """A repository that is asked for several files at once."""

    work: Workshop
    client: httpx.Client
    address: str
    folder: Path
    pause: tenacity.wait.wait_base
    over: threading.Event = field(default_factory=threading.Event)  # nobody waits any more

    def await_all(self, fetches: Sequence[Future[Path]]) -> None:
        """Say how many are there, until all are; raises what the first that failed did."""
        waiting = set(fetches)
        while waiting:
            done, waiting = wait(waiting, timeout=TOLD_EVERY_S, return_when=FIRST_EXCEPTION)
            self.work.shell.check()
            for fetch in done:
                fetch.result()
            self.work.say(f"{len(fetches) - len(waiting)} of {len(fetches)} files")

    def fetch(self, artifact: Artifact) -> Path:
        """Fetch one file, in as many tries as it may take."""
        partial = self.folder / f"{artifact.name}.partial"
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Hiccup),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=self.pause,
            sleep=self._rest,
        )
        try:
            attempts(self._try, artifact, partial)
        except tenacity.RetryError as error:
            reason = error.last_attempt.exception()
            raise self._failure(artifact, f"{reason}, {ATTEMPTS} times") from None
        return partial.rename(self.folder / artifact.name)

    def _rest(self, seconds: float) -> None:
        """Wait for the next try, or until another file has failed for good."""
        self.over.wait(seconds)

    def _try(self, artifact: Artifact, partial: Path) -> None:
        """Fetch what is missing of a file, and check the whole."""
        size = partial.stat().st_size if partial.exists() else 0
        headers = {"Accept-Encoding": "identity"}
        if size:
            headers["Range"] = f"bytes={size}-"
        try:
            url = f"{self.address}/{artifact.path}"
            with self.client.stream("GET", url, headers=headers) as answer:
                self._refuse_status(artifact, answer.status_code, partial)
                resumed = answer.status_code == httpx.codes.PARTIAL_CONTENT
                with partial.open("ab" if resumed else "wb") as file:
                    for piece in answer.iter_raw():  # unbuffered: what came can be resumed from
                        if self.over.is_set():
                            raise Interrupted
                        file.write(piece)
        except httpx.HTTPError as error:
            raise Hiccup(f"{type(error).__name__}: {error}") from error
        self._verify(artifact, partial)

    def _refuse_status(self, artifact: Artifact, status: int, partial: Path) -> None:
        if status in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
            return
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            partial.unlink()
            raise Hiccup("it has another length than the last try saw")
        if status in PASSING:
            raise Hiccup(f"HTTP {status}")
        raise self._failure(artifact, f"HTTP {status}")

    def _verify(self, artifact: Artifact, partial: Path) -> None:
        with partial.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        if sha256 != artifact.sha256:
            partial.unlink()  # a broken cache on the way may hand out the right one next time
            raise Hiccup(f"it has SHA-256 {sha256}, not {artifact.sha256}")

    def _failure(self, artifact: Artifact, reason: str) -> StackError:
        message = f"{artifact.path} could not be fetched from {self.address}: {reason}"
        return StackError(f"{message}; {MIRROR} may name a mirror")


def _trusted() -> ssl.SSLContext:
    """Trust whom the machine trusts, whom pip was told to trust, and the list that httpx brings."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    if bundle := os.environ.get("PIP_CERT"):
        context.load_verify_locations(bundle)
    return context
