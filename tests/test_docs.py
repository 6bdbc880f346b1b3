"""The pages say what is there: links lead somewhere, names exist, bounds are those of the code."""

import ast
import dataclasses
import re
from datetime import date
from pathlib import Path

import click
import pytest

from infra import docs
from infra.cli import playhead
from streams.setting_sources import known_names, type_of
from streams.setting_types import Folder, FolderOrBucket
from streams.settings import Settings
from streams.topics import STEPS, TOPICS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
FIELDS = {field.name: field.default for field in dataclasses.fields(Settings)}
FOLDERS = ("agents", "bench", "connectors", "docs", "edge", "evals", "infra", "replay", "schemas",
           "streams", "tests", "worker")  # fmt: skip
BYTES = {"KB": 2**10, "MB": 2**20}


def name(path):
    return str(path.relative_to(ROOT))


def prose(path):
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def constants(path):
    """What a module binds by name, where the value is written out."""
    bound = {}
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in targets:
            if isinstance(target, ast.Name):
                try:
                    bound[target.id] = ast.literal_eval(node.value)
                except ValueError:
                    bound[target.id] = None
    return bound


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_to_a_file_or_a_heading_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("http:", "https:")):
            continue
        path, _, heading = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in slugs, target


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_a_page_names_is_there(page):
    for path in re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`", prose(page)):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_says_when_it_was_taken_and_whether_it_holds(page):
    title, blank, status, *_ = page.read_text().splitlines()
    assert title.startswith("# ")
    assert blank == ""
    taken = re.fullmatch(r"Date: (\d{4}-\d{2}-\d{2})\. Status: (accepted|superseded).*\.", status)
    assert taken, status
    assert date.fromisoformat(taken[1])


def test_decisions_are_numbered_once_each():
    numbers = [page.name[:4] for page in DECISIONS]
    assert len(set(numbers)) == len(numbers)


SCALING = (ROOT / "docs" / "scaling.md").read_text()
NAMED = re.findall(r"`([A-Z_]{3,})` in `([\w./]+)`", SCALING)
BOUNDS = re.findall(r"\| ([\d,]+)(?: (MB|KB))?\b[^|]*\| `(\w+)`(?: in `([\w./]+)`)? \|", SCALING)


@pytest.mark.parametrize(("constant", "path"), NAMED)
def test_a_constant_that_scaling_names_is_where_it_says(constant, path):
    assert constant in constants(path)


def test_every_setting_that_holds_a_folder_refuses_what_is_none():
    described = {name: text for name, text in docs.meanings().items() if text.startswith("Folder")}
    assert len(described) > 3
    for name, text in described.items():
        folders = (Folder, FolderOrBucket)
        assert type_of(Settings, name) == folders["s3://bucket/prefix" in text], name


def test_scaling_names_constants_and_settings():
    assert len(NAMED) >= 4
    assert {bound[2] for bound in BOUNDS} & set(FIELDS)


@pytest.mark.parametrize(("number", "of", "named", "path"), BOUNDS)
def test_a_bound_of_scaling_is_that_of_the_code(number, of, named, path):
    said = int(number.replace(",", ""))
    value = constants(path)[named] if path else FIELDS[named]
    if named.endswith("_KB"):
        assert said * BYTES[of] == value * BYTES["KB"]
    else:
        assert said == value


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "scaling.md"], ids=name)
def test_a_setting_that_a_page_names_exists(page):
    for said in re.findall(r"PLAYHEAD_[A-Z_]+", prose(page)):
        assert said in known_names(Settings), said


def test_reach_is_what_scaling_and_the_code_say():
    [said] = re.findall(r"Runs may reach ([\d,]+) offsets", SCALING)
    assert constants("streams/delivery/lane.py")["REACH"] == int(said.replace(",", ""))


# ---------------------------------------------------------------- what is generated


def test_no_generated_page_is_stale(capsys):
    assert docs.main(["--check"], docs.pages()) == 0, capsys.readouterr().err


def test_a_stale_page_is_named_and_written_anew(tmp_path, capsys):
    page = tmp_path / "settings.md"
    page.write_text("old")
    assert docs.main(["--check"], {page: "new"}) == 1
    assert capsys.readouterr().err == "docs/settings.md is stale: run `make generate`\n"
    assert page.read_text() == "old"
    assert docs.main([], {page: "new"}) == 0
    assert page.read_text() == "new"


def test_a_page_without_marks_is_an_error():
    with pytest.raises(ValueError, match="no marks for topology"):
        docs.replace_part("text", "topology", "new")


def test_a_generated_part_stands_between_its_marks():
    page = "a\n<!-- t: by x -->\nold\n<!-- end of t -->\nb\n"
    once = docs.replace_part(page, "t", r"new \1")
    assert once == "a\n<!-- t: by x -->\n\nnew \\1\n<!-- end of t -->\nb\n"
    assert docs.replace_part(once, "t", r"new \1") == once


def test_the_diagram_has_an_arrow_for_each_outcome_and_each_request_that_is_read():
    drawn = [topic for names in docs.arrows().values() for topic in names]
    written = [docs.short(record) for step in STEPS for record in step.writes]
    requested = [docs.short(record) for step in STEPS for record in step.reads]
    assert set(drawn) == {*written, *requested}
    assert len(drawn) == len(set(drawn))


def test_the_table_has_every_topic_and_step():
    text = docs.topology()
    assert all(f"| `{docs.short(entry.record)}` |" in text for entry in TOPICS)
    assert all(f"| *{step.name}* |" in text for step in STEPS)


def test_every_setting_says_what_it_is_for():
    assert set(docs.meanings()) == set(FIELDS)
    assert all(f"`PLAYHEAD_{field.upper()}`" in docs.settings_page() for field in FIELDS)


@pytest.mark.parametrize(
    ("topic", "writer", "reader", "kept"),
    [
        ("question.asked", "", "*redact*", "for ever, by lane"),
        ("inbox.question", "", "", "6 hours, by lane"),
        ("query.rewritten", "*rewrite*", "*retrieve*", "for ever, by lane"),
        ("configuration.set", "", "", "compacted, one partition"),
    ],
)
def test_a_topic_is_shown_with_who_writes_and_reads_it_and_for_how_long(
    topic, writer, reader, kept
):
    [row] = [row for row in docs.topic_rows() if row[0] == f"`{topic}`"]
    assert row[2:] == (writer, reader, kept)


def test_a_step_is_shown_with_its_flows_its_table_and_what_it_asks():
    [row] = [row for row in docs.step_rows() if row[0] == "*redact*"]
    assert row[1] == "`chunks.cut` → `chunks.redacted`<br>`question.asked` → `question.redacted`"
    assert row[2] == "`placeholders`"
    assert {"Detect", "Unseal", "Seal"} <= set(row[3].split(", "))
    assert "Request" not in row[3].split(", ")


def test_a_fold_is_a_dotted_arrow():
    assert "  moderate -.->|answer.released| rewrite\n" in docs.diagram()


def test_a_table_has_its_head_and_a_line_for_each_row():
    text = docs.table(("a", "b"), iter([("1", ""), ("2", "x")]))
    assert text == "| a | b |\n| --- | --- |\n| 1 |  |\n| 2 | x |\n"


@pytest.mark.parametrize(
    ("field", "row"),
    [
        ("memory_mb", ("`256` MB", "a whole number (MB) from 1 to 2,147,483,647")),
        ("slot", ("empty", "a text")),
        ("run", ("`.playhead`", "a folder")),
        ("log_level", ("`info`", "one of debug, info, warning, error")),
    ],
)
def test_a_setting_is_shown_with_its_default_and_what_is_allowed(field, row):
    [shown] = [row for row in docs.setting_rows() if row[0] == f"`PLAYHEAD_{field.upper()}`"]
    assert shown[1:3] == row


def test_a_meaning_of_several_lines_is_one():
    assert docs.meanings()["slot"].startswith(
        "Name of a worker's place, unique among those that run"
    )
    assert not any("\n" in meaning for meaning in docs.meanings().values())


# ---------------------------------------------------------------- commands

COMMANDS = sorted(
    {
        command.strip()
        for page in PAGES
        for line in page.read_text().splitlines()
        for command in re.split(r" && |  +#", line)
        if command.startswith(("$ playhead ", "playhead "))
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_a_page_shows_exists_with_its_options(command):
    words = command.removeprefix("$ ").split()[1:]
    verb: click.Command | None = playhead
    # a group may do something by itself, where it is given options
    while isinstance(verb, click.Group) and words and not words[0].startswith("--"):
        verb = verb.get_command(click.Context(verb), words.pop(0))
    assert verb is not None
    known = {name for option in verb.params for name in option.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_pages_show_commands():
    assert len(COMMANDS) > 5


def test_a_target_that_a_page_names_is_in_the_makefile():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:`|^\$ )make (\w+)", page.read_text(), re.MULTILINE))
        assert named <= targets, page
