"""The how-tos of CONTRIBUTING.md work as they stand there, and touch what they say alone."""

import pytest

from tests.how_to.walk import GENERATED, ROOT, apply, section, walk

pytestmark = pytest.mark.slow

PAGE = (ROOT / "CONTRIBUTING.md").read_text()


def test_a_step_is_its_module_its_schema_its_row_and_its_test(tmp_path):
    copy = walk("Add a step", tmp_path / "copy")
    assert copy.touched() - GENERATED == {
        "agents/weigh.py",
        "schemas/avro/feedback_weighed.avsc",
        "streams/topics.py",
        "tests/agents/test_weigh.py",
    }
    copy.run(
        "pytest", "tests/streams/test_topics.py", "tests/streams/log/test_configuration_of_steps.py"
    )
    page = (copy.place / "docs/architecture.md").read_text()
    assert "weigh -->|feedback.weighed| gateway" in page


def test_a_field_is_a_line_of_its_schema(tmp_path):
    copy = walk("Add a field", tmp_path / "copy")
    assert copy.touched() - GENERATED == {
        "schemas/avro/feedback_given.avsc",
        "tests/schemas/test_feedback_given.py",
    }
    schema = copy.place / "schemas/avro/feedback_given.avsc"
    schema.write_text(schema.read_text().replace('"default": "", "doc": "Where', '"doc": "Where'))
    copy.run("python", "-m", "schemas.generate")
    refused = copy.tried("python", "-m", "schemas.check")
    assert refused.returncode == 1
    assert "give new ones a default" in refused.stderr


def test_a_connector_is_its_module_its_schemas_its_row_and_its_test(tmp_path):
    copy = walk("Add a connector", tmp_path / "copy")
    assert copy.touched() - GENERATED == {
        "connectors/languages.py",
        "connectors/who_answers.py",
        "schemas/avro/language_told.avsc",
        "schemas/avro/tell_language.avsc",
        "tests/connectors/test_languages.py",
    }


def test_a_chunk_policy_is_a_file(tmp_path):
    copy = walk("Add a chunk policy", tmp_path / "copy")
    assert copy.touched() - GENERATED == {
        "agents/configuration/chunk_policies/letters.json",
        "tests/agents/test_letters.py",
    }


def test_a_model_is_its_folder_and_its_name_in_the_configuration(tmp_path):
    copy = walk("Add a model", tmp_path / "copy")
    assert copy.touched() - GENERATED == {
        "agents/configuration/routes.json",
        "infra/triton/models/parrot/1/model.py",
        "infra/triton/models/parrot/config.pbtxt",
        "tests/infra/test_parrot.py",
    }


def test_a_block_that_no_longer_fits_is_noticed():
    with pytest.raises(AssertionError, match="stands 0 times"):
        apply("a\nb\n", " a\n+new\n c\n")
    with pytest.raises(AssertionError, match="stands 2 times"):
        apply("a\na\n", " a\n+new\n")
    with pytest.raises(AssertionError, match="stands 0 times"):
        apply("xa\n", " a\n+new\n")
    assert apply("a\nb\n", " a\n-b\n+c\n") == "a\nc\n"


def test_every_how_to_is_walked():
    titles = [line.removeprefix("## ") for line in PAGE.splitlines() if line.startswith("## Add ")]
    things = ("step", "field", "connector", "chunk policy", "model")
    assert titles == [f"Add a {thing}" for thing in things]
    assert all(section(PAGE, title) for title in titles)
