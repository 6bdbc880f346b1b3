"""Another redaction over past documents: what would have been replaced in them, and who was shown it."""

from replay.whatif.redacted_documents import redacted_anew
from replay.whatif.whatif_report import report_of
from replay.whatif.whatif_terminal import document_lines
from streams.settings import Settings
from tests.replay.whatif.mill_talk import KEY, OPENS, WHERE


async def redacted(mill, *said, questions=None, tenant=None):
    questions = questions or mill.questions()
    walker = mill.walker(questions, *said)
    found = await redacted_anew(mill.log, questions.codec, walker, tenant)
    return found, found.as_json(questions.chains)


async def test_chunks_that_would_lose_values_are_told_with_those_who_were_shown_them(mill):
    _, told = await redacted(mill, "redact.kinds=PERSON,LOCATION")
    assert (told["chunks"], told["chunks_changed"]) == (3, 1)
    assert (told["found"], told["lost"], told["not_run"]) == ({"LOCATION": 1}, {}, {})
    seen = {one["request_id"]: one for one in told["seen_by"]}
    assert mill.requests[WHERE] in seen
    one = seen[mill.requests[WHERE]]
    assert one["cited"]
    assert one["kinds"] == {"LOCATION": 1}
    assert one["tokens"] > 0
    assert one["subject"]
    assert one["shown_from_us"] > 0
    assert "Lantern" not in str(told)


async def test_a_value_that_would_stand_in_plain_is_counted_by_its_kind(mill):
    _, told = await redacted(mill, "redact.kinds=EMAIL_ADDRESS")
    assert told["lost"] == {"PERSON": 1}
    assert told["seen_by"] == []
    assert "Mina" not in str(told)


async def test_nothing_changed_finds_nothing(mill):
    _, told = await redacted(mill)
    assert (told["chunks"], told["chunks_changed"], told["found"], told["lost"]) == (3, 0, {}, {})


async def test_of_another_tenant_nothing_is_told(mill):
    _, told = await redacted(mill, "redact.kinds=PERSON,LOCATION", tenant="other")
    assert told["chunks"] == 0


async def test_without_keys_every_batch_is_told_as_not_run(mill, tmp_path):
    questions = mill.questions(settings=Settings(run=tmp_path / "none"))
    _, told = await redacted(mill, "redact.kinds=PERSON,LOCATION", questions=questions)
    assert told["chunks"] == 0
    assert sum(told["not_run"].values()) == 3
    assert "no key store" in next(iter(told["not_run"]))


async def test_the_lines_say_it(mill):
    _, told = await redacted(mill, "redact.kinds=PERSON,LOCATION")
    head, *lines = document_lines(told)
    assert head.startswith("documents: of 3 chunks 1 would lose values (1 LOCATION)")
    assert any(line.strip().startswith(f"{mill.requests[WHERE]} cited chunk") for line in lines)
    assert document_lines(None) == []
    told["not_run"] = {"x": 2}
    assert document_lines(told)[0].endswith("2 batches not run")
    assert report_of([], {"set": []}, documents=told)["documents"] == told


async def test_who_was_not_shown_a_passage_is_not_told(mill):
    found, told = await redacted(mill, "redact.kinds=PERSON,LOCATION")
    shown = {one["request_id"] for one in told["seen_by"]}
    questions = mill.questions()
    for chain in questions.chains:
        passages = {p.chunk for e in chain.outcomes("retrieve") for p in e.passages}
        assert (chain.asked.meta.request in shown) is bool(passages & set(found.found))
    assert {mill.requests[OPENS], mill.requests[KEY]} - shown or len(shown) == 4
