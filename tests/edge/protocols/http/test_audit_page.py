"""The auditors' page in a real browser, over a log in memory. Skipped where there is no Chromium."""

from __future__ import annotations

import base64
import json

import httpx
import msgspec
import pytest
from msgspec.structs import replace
from playwright.async_api import expect

from agents.errors import Permanent
from replay.log import Stored
from replay.seal.checkpoint import Checkpoint, origin_of
from replay.seal.leaves import leaf_of
from replay.seal.merkle import Frontier, leaf_hash
from replay.seal.note import Signer
from replay.seal.receipt import as_string, receipt_of
from schemas import AnswerReleased, Effect, LogInspected, QuestionAsked
from tests.edge import chromium
from tests.edge.chromium import PHONE, faults, is_no_wider_than_its_window
from tests.edge.fake_log import Answers, FakeLog, a_citation, a_gateway, a_key
from tests.edge.reviewed import a_reviewed_answer, know

pytestmark = chromium.MARKS
browser, page, url = chromium.browser, chromium.page, chromium.url

SIGNER = Signer.new("playhead-test")
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
GENERATE = Effect(number=1, kind="Generate", request=b"", started=0, took_us=0)
PROMPT = {
    "attempt": 1,
    "counts": True,
    "prompt": f"Ask <PERSON_1>. {HOSTILE}",
    "system": "",
    "model": "chat",
    "provider": "",
    "route": "",
    "max_tokens": 9,
    "digest": "d",
    "holds": True,
    "doubt": "",
    "documents": [],
}


PROOFS_IN_SIGHT = """[...document.querySelectorAll("#records td.proof")].every(
    (cell) => cell.getBoundingClientRect().right <= innerWidth)"""
"""Whether one sees without scrolling sideways what each record's proof says."""


class Tree(dict):
    """Proves records by a tree of so many leaves, as a seal does; the proved one is the last but
    one. `mend` changes what is handed out, or refuses it."""

    def __init__(self, size=7):
        super().__init__()
        self.size = size
        self.mend = lambda receipt: receipt

    def hash_at(self, level, index):
        return self[level, index]

    def __call__(self, place, *, request, text):
        leaf = leaf_of(Stored(*place, 1, b"acme", b"\0" + as_string(request)))
        frontier = Frontier()
        for number in range(self.size):
            mine = leaf if number == self.size - 2 else b"leaf %d" % number
            for level, index, full in frontier.append(leaf_hash(mine)):
                self[level, index] = full
        checkpoint = Checkpoint(
            origin_of(SIGNER.verifier.name, *place[:2]), self.size, frontier.root, 0, self.size
        )
        signed = checkpoint, checkpoint.signed(SIGNER)
        receipt = receipt_of(
            place, leaf, self.size - 2, self, signed, SIGNER.verifier, request=request
        )
        return self.mend(msgspec.to_builtins(receipt))


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
def tree():
    return Tree()


@pytest.fixture
async def gateway(tmp_path, log, tree):
    parts = {"receipts": tree, "prompts": lambda _: [PROMPT]}
    return a_gateway(tmp_path / "run", log, parts=parts)


@pytest.fixture
def key(gateway):
    return a_key(gateway, scopes=["audit"])


async def answered(gateway, log, url, *, say=None, retracted="", text="x"):
    """Have a question answered; returns the record of it."""
    know(log)
    made = say or a_reviewed_answer(gateway)

    def step_by_step(event):
        for outcome in made(event):
            log.tick()
            if isinstance(outcome, AnswerReleased):  # a model was asked
                meta = replace(outcome.meta, effects=(GENERATE,))
                outcome = replace(outcome, meta=meta)  # noqa: PLW2901
            log.append(outcome)
        return ()

    log.answer = step_by_step
    headers = {"Authorization": f"Bearer {a_key(gateway)}"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, trust_env=False, timeout=60
    ) as client:
        reply = await client.post("/v1/messages", json={"text": text, "session_id": "s-1"})
        assert reply.status_code == 200, reply.text
    question = log.published(QuestionAsked)[-1]
    if retracted:
        log.tick()
        log.append(Answers(question).retracted(retracted, 1))
    return question


async def opened(page, url, key, question):
    await page.goto("about:blank")  # else only the fragment would change
    await page.goto(f"{url}/audit#key={key}&request={question.meta.request}")
    await expect(page.locator("#life")).to_be_visible()


# ---------------------------------------------------------------------- what was asked


async def test_an_answer_is_found_and_rewound_by_keys_alone(page, gateway, log, url, key):
    question = await answered(gateway, log, url, retracted="not allowed here")
    await page.goto(f"{url}/audit#key={key}")
    line = page.locator("#found button")
    await expect(line).to_contain_text("withdrawn")
    await page.focus("#session")
    await page.keyboard.type("s-1")
    await page.keyboard.press("Enter")
    await expect(page.locator("#count")).to_have_text("1 is shown")
    await line.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#life-title")).to_be_focused()
    stage = page.locator("#stage")
    await expect(stage).to_have_text("The answer was withdrawn: not allowed here")
    await page.focus("#instant")
    seen = []
    for _ in range(5):
        await page.keyboard.press("ArrowLeft")
        seen.append(await stage.text_content())
    whole = "Yes, <PERSON_1>: VAT is due."
    assert seen == [whole, whole, "Yes, <PERSON_1>: ", *["Nothing was shown yet."] * 2]
    assert "the question was taken in" in await page.get_attribute("#instant", "aria-valuetext")
    for shown in (
        "Does <PERSON_1> owe VAT on books?",
        "Before it. VAT is due. And after.",
        "0.900",
    ):
        await expect(page.locator("#life")).to_contain_text(shown)
    await page.click("#life .back")
    await expect(line).to_be_focused()
    assert {one.what for one in log.published(LogInspected)} == {"search", "answer"}
    assert log.published(LogInspected)[-1].about == question.meta.request


async def test_a_document_leads_to_the_answers_that_cite_it_and_back(page, gateway, log, url, key):
    question = await answered(gateway, log, url)
    await opened(page, url, key, question)
    await page.locator("#documents button").click()
    await expect(page.locator("#document-title")).to_have_text("file:vat")
    await expect(page.locator("#citing")).to_contain_text(question.meta.request)
    await page.locator("#document .back").click()
    await expect(page.locator("#life-title")).to_be_focused()


# ---------------------------------------------------------------------- proofs


def another_leaf(receipt):
    leaf = bytearray(base64.b64decode(receipt["leaf"]))
    leaf[12] ^= 1  # of when it was written
    return {**receipt, "leaf": base64.b64encode(leaf).decode()}


def refused(receipt):
    raise Permanent("the record at 0 is not one of those that were signed")


def note_of(receipt, change):
    return {**receipt, "checkpoint": change(receipt["checkpoint"])}


PROOFS = [
    (dict, "", "Covered: one of 7 records that were signed by playhead-test"),
    (dict, str(SIGNER.verifier), "Covered"),
    (dict, str(Signer.new("playhead-test").verifier), "not signed by this key"),
    (dict, "nonsense", "NAME+ID+KEY"),
    (lambda _: None, "", "Not covered yet"),
    (refused, "", "Does not hold: this record can't be proved"),
    (another_leaf, "", "Does not hold: the record does not lead to the root"),
    (lambda r: {**r, "proof": r["proof"][:-1]}, "", "the proof is too short"),
    (lambda r: {**r, "proof": [*r["proof"], r["proof"][0]]}, "", "the proof is too long"),
    (lambda r: {**r, "index": r["index"] - 1}, "", "Does not hold"),
    (lambda r: {**r, "index": 7}, "", "behind the end of the tree"),
    (lambda r: {**r, "offset": 5}, "", "of another record"),
    (lambda r: {**r, "leaf": "?"}, "", "Does not hold"),
    (lambda r: note_of(r, lambda n: n.replace("next 7", "next 8")), "", "does not hold"),
    (lambda r: note_of(r, lambda n: n.replace("playhead-test/", "other/")), "", "another log"),
]


async def test_a_proof_is_checked_here_and_said_in_words(page, gateway, log, url, key, tree):
    question = await answered(gateway, log, url)
    for mend, trusted, says in PROOFS:
        tree.mend = mend
        await opened(page, url, key, question)
        await page.fill("#trusted", trusted)
        await page.locator("#records button").first.click()
        await expect(page.locator("#records td.proof").first).to_contain_text(says)


async def test_all_records_are_checked_at_once_and_their_files_can_be_saved(
    page, gateway, log, url, key, tree
):
    question = await answered(gateway, log, url)
    for size in (2, 3, 4, 8, 13):
        tree.size = size
        await opened(page, url, key, question)
        count = await page.locator("#records tbody tr").count()
        await page.click("#prove")
        await expect(page.locator("#proved")).to_have_text(f"{count} covered")
    async with page.expect_download() as saved:
        await page.locator("#records a").first.click()
    receipt = json.loads((await (await saved.value).path()).read_text())
    assert receipt["request"] == question.meta.request


async def test_without_ed25519_the_page_says_so_and_offers_the_file(page, gateway, log, url, key):
    question = await answered(gateway, log, url)
    await page.add_init_script(
        "const old = crypto.subtle?.importKey; if (old) crypto.subtle.importKey = async (...a) => {"
        "if (a[2] === 'Ed25519') throw new DOMException('', 'NotSupportedError');"
        "return old.apply(crypto.subtle, a); }"
    )
    await opened(page, url, key, question)
    await page.locator("#records button").first.click()
    cell = page.locator("#records td.proof").first
    await expect(cell).to_contain_text("Not checked here")
    await expect(cell).to_contain_text("no Ed25519")
    await expect(cell.locator("a")).to_have_text("Save the file")


# ---------------------------------------------------------------------- what comes from outside


async def test_nothing_of_what_is_shown_runs(page, gateway, log, url, key):
    cited = replace(a_citation(), title=HOSTILE, quote=HOSTILE)
    say = a_reviewed_answer(gateway, citations=(cited,), question=HOSTILE)
    question = await answered(gateway, log, url, say=say, retracted=HOSTILE, text=HOSTILE)
    await page.goto(f"{url}/audit#key={key}")
    await expect(page.locator("#found")).to_contain_text("withdrawn")
    await opened(page, url, key, question)
    for where in ("#life-title", "#stage", "#question", "#passages", "#summary"):
        await expect(page.locator(where)).to_contain_text(HOSTILE)
    await page.click("#recall")
    await expect(page.locator("#prompts")).to_contain_text(HOSTILE)
    assert await page.title() == "Playhead audit"
    assert await page.locator("main img, main script").count() == 0


async def test_erased_people_are_shown_as_erased(page, gateway, log, url, key):
    question = await answered(gateway, log, url)
    gateway.keyring.erase("acme", "one", [f"user/{question.subject}"])
    await page.goto(f"{url}/audit#key={key}")
    await expect(page.locator("#found")).to_contain_text("person erased")
    await page.locator("#found button").click()
    await expect(page.locator("#erased")).to_be_visible()
    await expect(page.locator("#question")).to_contain_text("Does <PERSON_1> owe VAT?")
    assert await faults(page) == []


async def test_a_key_that_may_not_audit_is_told_so(page, gateway, log, url, key):
    await page.goto(f"{url}/audit")
    for wrong, why in (("ph_wrong", "not valid"), (a_key(gateway), "may not audit")):
        await page.fill("#key", wrong)
        await page.keyboard.press("Enter")
        await expect(page.locator("#wrong")).to_contain_text(why)
    await page.fill("#key", key)
    await page.keyboard.press("Enter")
    await expect(page.locator("#count")).to_have_text("Nothing was found.")
    await page.click("#leave")
    assert await page.evaluate("sessionStorage.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", ["desk", "phone"])
async def test_it_is_for_everybody_in_either_light_and_on_a_phone(
    page, gateway, log, url, key, tree, scheme, width
):
    question = await answered(gateway, log, url, retracted="not allowed")
    await page.emulate_media(color_scheme=scheme)
    if width == "phone":
        await page.set_viewport_size(PHONE)
    await page.goto(f"{url}/audit#key={key}")
    await expect(page.locator("#found button")).to_be_visible()
    assert await faults(page) == []
    assert await is_no_wider_than_its_window(page)
    await page.locator("#found button").click()
    await page.click("#recall")
    await expect(page.locator("#prompts pre")).to_be_visible()
    tree.mend = another_leaf
    await page.click("#prove")
    await expect(page.locator("#proved")).to_contain_text("do not hold")
    assert await page.evaluate(PROOFS_IN_SIGHT)
    assert await faults(page) == []
    assert await is_no_wider_than_its_window(page)
    await page.locator("#documents button").click()
    await expect(page.locator("#citing")).to_contain_text(question.meta.request)
    assert await faults(page) == []
    assert await is_no_wider_than_its_window(page)
