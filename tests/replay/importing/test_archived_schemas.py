"""The registry gets the archive's schemas under the archive's ids, or nothing is imported."""

import io
import json
import zipfile

import pytest

from replay.archive import BadArchive
from replay.importing.archived_schemas import import_schemas
from schemas.definitions import self_contained
from schemas.registry import Registry, RegistryAway
from streams.settings import Settings
from tests.schemas.registry_server import FakeRegistryServer, serving

USAGE, ASKED = self_contained("Usage"), self_contained("QuestionAsked")
SUBJECT = "playhead.question.asked-value"


class Importing(FakeRegistryServer):
    """One that takes ids: as Confluent's does in import mode, or as Apicurio does in an export."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.modes = {}

    def answer(self, method, path, body):
        parts = path.removeprefix("/apis/ccompat/v7").strip("/").split("/")
        match method, parts:
            case "PUT", ["mode", subject] if self.kind == "confluent":
                self.modes[subject] = body["mode"]
                return 200, body
            case "POST", ["subjects", subject, "versions"] if "id" in body:
                assert self.modes[subject] == "IMPORT"
                self._take(subject, body["version"], body["id"], body["schema"])
                return 200, {"id": body["id"]}
            case "POST", ["apis", "registry", "v2", "admin", "import"] if self.kind == "apicurio":
                with zipfile.ZipFile(io.BytesIO(body)) as export:
                    self._take_all(export)
                return 204, {}
        return super().answer(method, "/" + "/".join(parts), body)

    def _take(self, subject, version, schema_id, schema):
        known = self.subjects.setdefault(subject, [])
        assert version == len(known) + 1
        known.append(schema_id)
        self.schemas[schema_id] = schema

    def _take_all(self, export):
        names = export.namelist()
        contents = {}
        for name in names:
            if name.endswith("Content.json"):
                data = export.read(name.removesuffix("json") + "data").decode()
                contents[json.loads(export.read(name))["contentId"]] = data
        for name in names:
            if name.endswith("ArtifactVersion.json"):
                entry = json.loads(export.read(name))
                place = entry["artifactId"], entry["versionId"], entry["contentId"]
                self._take(*place, contents[entry["contentId"]])


def imported(fake, definitions, path=""):
    with serving(fake.answer) as url:
        settings = Settings(registry=url + path)
        return import_schemas(settings, definitions, Registry(settings.registry, 1))


OLDER = {**ASKED, "fields": ASKED["fields"][:-1]}


@pytest.mark.parametrize(("kind", "path"), [("confluent", ""), ("apicurio", "/apis/ccompat/v7")])
def test_definitions_keep_their_ids_and_their_order(kind, path):
    fake = Importing(kind)
    assert imported(fake, {40: ASKED, 7: OLDER, 9: USAGE}, path) == 3
    assert {number: json.loads(text) for number, text in fake.schemas.items()} == {
        40: ASKED,
        7: OLDER,
        9: USAGE,
    }
    assert fake.subjects[SUBJECT] == [7, 40]
    assert fake.levels[SUBJECT] == "FULL_TRANSITIVE"
    assert set(fake.modes.values()) <= {"READWRITE"}
    assert imported(fake, {40: ASKED, 7: OLDER}, path) == 0, "what it knows is left alone"


def test_another_schema_under_an_id_is_refused_before_anything_is_written():
    fake = Importing("confluent")
    fake.schemas[9] = json.dumps(USAGE)
    with pytest.raises(BadArchive, match="holds Usage under the id 9, the archive QuestionAsked"):
        imported(fake, {9: ASKED, 10: USAGE})
    assert list(fake.schemas) == [9]
    assert {method for method, _ in fake.asked} == {"GET"}


def test_a_registry_that_takes_no_ids_is_told_of():
    for path in ("", "/apis/ccompat/v7"):
        with pytest.raises(BadArchive, match="does not take schemas with their ids"):
            imported(Importing("neither"), {9: ASKED}, path)


def test_a_registry_that_is_away_is_no_answer():
    settings = Settings(registry="http://127.0.0.1:1")
    with pytest.raises(RegistryAway):
        import_schemas(settings, {9: ASKED}, Registry(settings.registry, 1))


def test_a_mode_that_a_kill_left_is_put_back():
    fake = Importing("confluent")
    imported(fake, {7: ASKED})
    fake.modes[SUBJECT] = "IMPORT"
    assert imported(fake, {7: ASKED}) == 0
    assert fake.modes[SUBJECT] == "READWRITE"
