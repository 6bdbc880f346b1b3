"""`playhead policy check` and `explain`, over a conversation that the real steps held."""

import dataclasses
import json
from importlib.metadata import version

import pytest
from msgspec.structs import replace

from infra.cli import main
from replay.export import export
from replay.local_effects import local_handlers
from replay.other_versions import versions_differ
from replay.verify import Verifier
from schemas import Begun, ChunksRetrieved, TokensGenerated
from streams.topics import topic_of
from streams.version import CODE, RUNTIME_WITH_POLICY
from tests.golden.policed_talks import FEN, PLACES, QUESTIONS, READING, SENDING, SHUT
from tests.replay.policies.policed_log import PolicedLog

PAY = QUESTIONS[1]
TOPIC = topic_of(ChunksRetrieved)


@pytest.fixture
async def policed(tmp_path):
    made = PolicedLog(tmp_path)
    made.go_by("")
    await made.submit()
    yield made
    await made.drive.close()


def said_by(capsys, *words, code=0):
    """Return what a command prints: on stdout, or on stderr where it fails."""
    with pytest.raises(SystemExit) as left:
        main(list(words))
    said = capsys.readouterr()
    assert left.value.code == code, said
    return said.out if code == 0 else said.err


@pytest.fixture
def verb(policed, tmp_path, capsys):
    """Runs a verb over the log as it is by then; the archive is written anew each time."""
    count = iter(range(99))

    def run(*words, code=0, rules=None, archive=True):
        place = tmp_path / f"archive-{next(count)}"
        options = []
        if archive:
            export(policed.log, place)
            options = ["--archive", str(place)]
        if rules is not None:
            (tmp_path / "rules.cedar").write_text(rules)
            words = [str(tmp_path / "rules.cedar") if word == "FILE" else word for word in words]
        return said_by(capsys, "policy", *words, *options, code=code)

    return run


async def verified(policed, **options):
    local, keyring = local_handlers(policed.settings)
    return await Verifier(policed.log, local, keyring.digest_key, None, **options).verify()


def of(kind, written):
    return next(event for event in written if isinstance(event, kind))


async def test_what_a_policy_hides_is_told_document_by_document(policed, verb):
    policed.go_by(READING)
    request = await policed.ask(PAY, groups=("north",), mode="search")
    uris = {passage.uri for passage in of(ChunksRetrieved, policed.written).passages}
    assert uris == {"lock.md", "notes.md"}
    told = json.loads(verb("explain", request, "--json"))
    [step] = told["steps"]
    assert step["decisions"][0]["denied"] == 2
    assert {one["uri"]: (one["allowed"], one["rules"]) for one in step["documents"]} == {
        "lock.md": (True, ["all"]),
        "notes.md": (True, ["all"]),
        "pay.md": (False, ["pay is for clerks"]),
        "plans.md": (False, ["plans are not searched"]),
    }
    printed = " ".join(verb("explain", request).split())
    assert "retrieve: read: 2 allowed, 2 denied by policy" in printed
    assert "hidden pay.md pay 'pay is for clerks'" in printed


async def test_the_timeline_tells_what_was_decided(policed, tmp_path, capsys):
    policed.go_by(READING)
    request = await policed.ask(PAY)
    export(policed.log, tmp_path / "archive")
    words = ["replay", "timeline", request, "--archive", str(tmp_path / "archive")]
    assert "→ read:" in said_by(capsys, *words)
    told = json.loads(said_by(capsys, *words, "--json"))
    [retrieve] = [one for one in told["steps"] if one["step"] == "retrieve"]
    assert retrieve["policies"][0]["action"] == "read"
    assert retrieve["policies"][0]["denied"] == 2


async def test_a_request_that_no_policy_decided_about_says_so(policed, verb):
    request = await policed.ask(PAY)
    assert "no policy decided about it" in verb("explain", request)
    assert json.loads(verb("explain", request, "--json"))["steps"] == []
    assert "no record of request" in verb("explain", "nobodys", code=1)


async def test_a_dry_run_tells_what_recorded_answers_would_have_lost(policed, verb):
    """Nothing is known of documents but what was handed in: no policy was in force."""
    hidden = await policed.ask(PAY, mode="search")
    await policed.ask(PAY, mode="search", groups=("clerks", "north"))
    told = json.loads(verb("check", "FILE", "--against", "requests", "--json", rules=READING))
    run = told["dry_run"]
    assert (run["requests"], run["changed"]) == (2, 2)
    by_request = {one["request_id"]: one for one in run["examples"]}
    assert {one["uri"]: one["rules"] for one in by_request[hidden]["hidden"]} == {
        "pay.md": ["pay is for clerks"],
        "notes.md": ["teams keep to themselves"],
        "plans.md": ["plans are not searched"],
    }
    assert run["documents_hidden"] == 4
    printed = " ".join(verb("check", "FILE", "--against", "requests", rules=READING).split())
    assert "2 of 2 requests would have gone otherwise: 4 documents hidden, 0 shown" in printed
    assert f"{hidden} hidden: pay.md by 'pay is for clerks'" in printed


async def test_a_dry_run_tells_what_would_come_to_be_shown(policed, verb):
    policed.go_by(READING)
    request = await policed.ask(PAY)
    wider = READING.replace('resource.class == "pay"', 'resource.class == "wages"')
    told = json.loads(verb("check", "FILE", "--against", "requests", "--json", rules=wider))
    [one] = told["dry_run"]["examples"]
    assert (one["request_id"], [each["uri"] for each in one["shown"]]) == (request, ["pay.md"])
    same = json.loads(verb("check", "FILE", "--against", "requests", "--json", rules=READING))
    assert same["dry_run"]["changed"] == 0


async def test_a_dry_run_tells_which_models_and_requests_would_be_refused(policed, verb):
    request = await policed.ask(QUESTIONS[2])  # answered from what is secret, by a host abroad
    answer = of(TokensGenerated, [one for one in policed.written if getattr(one, "answer", None)])
    assert answer.answer.route.chosen.startswith("first@")
    told = json.loads(verb("check", "FILE", "--against", "requests", "--json", rules=SENDING))
    [one] = told["dry_run"]["examples"]
    assert (one["request_id"], one["host"], one["host_rules"]) == (
        request,
        "first",
        ["secrets stay north"],
    )
    policed_elsewhere = PLACES.replace('"fen"', '"moor"')
    words = ("check", "FILE", "--against", "requests", "--json", "--region")
    told = json.loads(verb(*words, "south", rules=policed_elsewhere))
    assert told["dry_run"]["requests_refused"] == 1
    assert told["dry_run"]["examples"][0]["refused_by"] == ["fen stays north"]
    assert json.loads(verb(*words, "north", rules=policed_elsewhere))["dry_run"]["changed"] == 0


async def test_a_dry_run_is_of_one_tenant_and_of_the_newest_requests(policed, verb):
    await policed.submit(FEN)
    for tenant in ("moor", FEN, FEN):
        await policed.ask(PAY, tenant=tenant, mode="search")

    def requests(*more):
        told = verb("check", "FILE", "--against", "requests", "--json", *more, rules=SHUT)
        return json.loads(told)["dry_run"]

    assert (requests()["requests"], requests()["changed"]) == (3, 3)
    assert requests("--tenant", FEN)["requests"] == 2
    assert {one["tenant"] for one in requests("--tenant", FEN)["examples"]} == {FEN}
    assert requests("--limit", "1")["requests"] == 1
    assert requests("--since", "2999-01-01")["requests"] == 0


async def test_what_is_no_policy_is_told_with_its_place_and_needs_no_log(verb):
    said = verb(
        "check",
        "FILE",
        code=1,
        rules=READING + "permit(principal action, resource);",
        archive=False,
    )
    line = READING.count("\n") + 1
    assert f"rules.cedar: line {line}, column 18: unexpected token `action`" in said
    told = json.loads(verb("check", "FILE", "--json", rules=SHUT, archive=False))
    assert told["actions"] == ["read"]
    assert "no rule permits it" in told["warnings"][0]
    assert "warning: read: no rule permits it" in verb("check", "FILE", rules=SHUT, archive=False)


async def test_a_refused_request_is_explained_by_the_rule_and_the_region(policed, verb):
    policed.go_by(PLACES)
    request = await policed.ask(PAY, tenant=FEN)
    [step] = json.loads(verb("explain", request, "--json"))["steps"]
    assert (step["region"], step["decisions"][0]["rules"][0]["rule"]) == ("eu", "fen stays north")
    assert of(ChunksRetrieved, policed.written).outcome == "refused"


# ---------------------------------------------------------------------- replay


async def test_decisions_are_made_again_at_a_replay(policed):
    policed.go_by(READING + SENDING + PLACES)
    for text in QUESTIONS:
        await policed.ask(text, groups=("north",))
    report = await verified(policed)
    assert (report.records, report.diverged, report.unverifiable) == (report.equal, [], [])


async def test_a_record_that_tells_of_another_decision_diverges(policed):
    policed.go_by(READING)
    await policed.ask(PAY, mode="search")
    [lane] = [
        lane for (topic, lane), kept in policed.log._records.items() if topic == TOPIC and kept
    ]
    [stored] = policed.log._records[TOPIC, lane]
    event = policed.drive.codec.decode(stored.value, ChunksRetrieved)
    told = replace(event.policies[0], denied=0)
    value = policed.drive.codec.encode(replace(event, policies=(told,)))
    policed.log._records[TOPIC, lane] = [dataclasses.replace(stored, value=value)]
    report = await verified(policed)
    assert [(one.step, "policies" in one.reason) for one in report.diverged] == [("retrieve", True)]


def test_the_engine_counts_among_the_versions_of_a_run_that_a_policy_decided():
    begun = Begun(at=1, attempt=1, code=CODE, configuration="c", trace="", policy="p",
                  runtime=RUNTIME_WITH_POLICY.replace(f"cedarpy {version('cedarpy')}", "cedarpy 4.9.0"))  # fmt: skip
    assert (
        versions_differ(begun, RUNTIME_WITH_POLICY)
        == f"cedarpy was 4.9.0 and is {version('cedarpy')} here"
    )
    without = RUNTIME_WITH_POLICY.partition(", cedarpy")[0]
    assert versions_differ(begun, without) == "cedarpy was 4.9.0 and is none here"
    assert versions_differ(replace(begun, runtime=without), RUNTIME_WITH_POLICY) == ""
