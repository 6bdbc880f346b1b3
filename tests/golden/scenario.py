"""The golden log of the present, request by request: as many kinds of outcomes as a small log can hold."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from agents.document_language import COMMON
from edge.requests.identity import Identity
from schemas import Ask, DocumentSubmitted, Event, QuestionAsked
from streams.log.clock import now_us
from tests.golden import texts
from tests.golden.canned_world import Script
from tests.golden.checked_talks import CheckedTalks
from tests.golden.chosen_talks import ChosenTalks
from tests.golden.driving import Drive
from tests.golden.earlier_talks import EarlierTalks
from tests.golden.forked_talks import ForkedTalks
from tests.golden.personal_talks import PersonalTalks
from tests.golden.policed_talks import PolicedTalks
from tests.golden.scripts import SAID, question
from tests.golden.tool_talks import ToolTalks

TERN, HEATH = "tern", "heath"
SMALL = {
    "procedural": {
        "tokens_min": 60,
        "tokens_target": 150,
        "tokens_max": 170,
        "overlap_tokens": 24,
        "questions": False,
    },
    "faq": {
        "tokens_min": 20,
        "tokens_target": 130,
        "tokens_max": 150,
        "overlap_tokens": 12,
        "questions": True,
    },
    "tight": {
        "tokens_min": 1,
        "tokens_target": 113,
        "tokens_max": 113,
        "overlap_tokens": 0,
        "questions": False,
    },
    "loose": {
        "tokens_min": 90,
        "tokens_target": 118,
        "tokens_max": 240,
        "overlap_tokens": 5,
        "questions": True,
    },
    "rows": {
        "tokens_min": 1,
        "tokens_target": 160,
        "tokens_max": 170,
        "overlap_tokens": 0,
        "header_tokens": 40,
        "default_for": {"shares": {"table": 0.5, "code": 0.5}},
    },
    "talk": {
        "tokens_min": 30,
        "tokens_target": 140,
        "tokens_max": 170,
        "overlap_tokens": 10,
        "turns": True,
        "default_for": {"media_types": ["text/html"], "shares": {"turns": 0.5}},
    },
    "broken": {
        "tokens_min": 1,
        "tokens_target": 112,
        "tokens_max": 200,
        "overlap_tokens": 0,
        "questions": False,
    },
}
NARROW: dict[str, dict[str, Any]] = {
    "ingest": {
        "policies": SMALL,
        "batch_chunks_max": 3,
        "batch_bytes_max": 2_100,
        "chunks_max": 10,
        "bytes_max": 3_400,
    },
    "embed": {"texts_max": 2},
    "redact": {"remembered_max": 4},
    "retrieve": {"budget_tokens": 260, "reranked": 9, "candidates": 12},
    "generate": {"models": ["chat", "second"], "routes": None, "passage_tokens": 60},
    "rewrite": {"turns": 3, "topic_characters_max": 30},
}
SECOND_US = 1_000_000


class Scenario:
    """Puts the requests."""

    def __init__(self, drive: Drive, scripts: MutableMapping[str, Script]) -> None:
        self._drive, self._scripts = drive, scripts
        self._count = 0

    async def play(self, place: Path) -> None:
        """Put all of them."""
        await self._documents()
        await self._languages()
        await self._talks()
        await CheckedTalks(self, self._drive, self._scripts, place).play()
        await ChosenTalks(self, self._drive, self._scripts, place).play()
        await ToolTalks(self, self._drive, self._scripts, place).play()
        await PersonalTalks(self, self._drive, place).play()
        await PolicedTalks(self, self._drive, place).play()
        self._drive.configure()
        await ForkedTalks(self, self._drive).play()
        earlier = EarlierTalks(self, self._drive)
        await earlier.ask()
        self._drive.configure(place / "narrow", **NARROW)
        await earlier.cut()
        await self._narrow_documents()
        await self._narrow_talks()
        await self._letters()

    # ---------------------------------------------------------------- documents

    def _document(
        self, uri: str, content: str | bytes, tenant: str = TERN, **fields: Any
    ) -> DocumentSubmitted:
        self._count += 1
        data = content.encode() if isinstance(content, str) else content
        policy = fields.pop("chunk_policy", "procedural")
        media = fields.pop("media_type", "text/markdown")
        event = self._drive.requests.document(
            tenant, uri=uri, content=data, media_type=media, fingerprint=f"document {self._count}", **fields)  # fmt: skip
        return replace(event, chunk_policy=policy)

    async def submit(
        self, *args: Any, crashes: dict[str, int] | None = None, **fields: Any
    ) -> list[Event]:
        return await self._drive.put(self._document(*args, **fields), crashes=crashes)

    async def _documents(self) -> None:
        await self.submit("ferry.md", texts.FERRY, metadata={"shelf": "sea"})
        await self.submit("ferry.md", texts.FERRY, metadata={"shelf": "sea"})  # unchanged
        await self.submit("ferry.md", texts.FERRY_CHANGED, metadata={"shelf": "sea"})
        await self.submit("ferry.md", texts.FERRY_CHANGED, metadata={"shelf": "shore"})
        await self.submit("ferry-copy.md", texts.COPY)
        await self.submit("clock.html", texts.HTML, media_type="text/html")
        await self.submit(
            "salt.txt",
            texts.PLAIN,
            media_type="text/plain",
            title="  The salt\tpans\u0007  " + "of Morrow " * 40,
        )
        await self.submit("faq.md", texts.FAQ, chunk_policy="faq")
        await self.submit("staff.md", texts.STAFF, title="Staff of Orla Quist", groups=("b", "a"))
        await self.submit(
            "staff.md", texts.MORE_STAFF, title="Staff of Orla Quist", groups=("b", "a")
        )
        await self.submit("night.md", texts.SECRETS)
        for uri, text in (
            ("灯台.md", texts.JAPANESE),
            ("tea.md", texts.CHINESE),
            ("muehle.md", texts.GERMAN),
        ):
            await self.submit(uri, text)
        await self.submit("museum.txt", texts.ARABIC, media_type="text/plain")
        await self.submit("empty.md", " \n\n ")
        await self.submit("odd.md", "Nobody cuts like that.", chunk_policy="by-the-yard")
        gone = await self.submit("recall.txt", "Batch 7 is recalled.", media_type="text/plain")
        for number in (1, 2):
            await self._withdraw(gone[0].meta.session, f"gone {number}")
        await self.submit("recall.txt", "Batch 7 is recalled.", media_type="text/plain")
        await self._withdraw("0b0e7c1e-1111-5222-8333-944455566677", "nobody knows it")

    async def _languages(self) -> None:
        """Submit a line in each language that a manifest may name: of its commonest words, or of its letters."""
        lines = {name: f"{words}. " * 2 for name, words in COMMON.items()} | texts.SCRIPTS
        for name, line in lines.items():
            await self.submit(f"{name}.txt", line, "babel", media_type="text/plain")

    async def _withdraw(self, document: str, reason: str) -> None:
        await self._drive.put(
            self._drive.requests.withdrawal(
                TERN, document=document, reason=reason, fingerprint=reason
            )
        )

    async def _narrow_documents(self) -> None:
        await self.submit(
            "ferry.md", texts.FERRY, HEATH, chunk_policy="tight", crashes={"ingest": 1}
        )
        await self.submit("ferry.md", texts.FERRY_CHANGED, HEATH, chunk_policy="tight")
        await self.submit("old.md", texts.FERRY_CHANGED + "\nThe old ferry is sold.", HEATH)
        for policy in ("procedural", "faq", "tight", "loose", "broken"):
            for name in (
                "FAQ",
                "TABLE",
                "LISTING",
                "DEEP",
                "EVEN",
                "TITLED",
                "MARKS",
                "HEADS",
                "UNEVEN",
                *(("STAFF", "JAPANESE") if policy in {"procedural", "tight"} else ()),
            ):
                await self.submit(
                    f"{name}-{policy}.md", getattr(texts, name), HEATH, chunk_policy=policy
                )
        talk = "\n\n".join(
            f"{name}: The ferry of berth {n} leaves at {n} o'clock. It is never late. Is it?"
            for n, name in enumerate(("Orla", "Mina Vale") * 8)
        )
        for name, text in {"TALK": talk, "TABLE": texts.TABLE, "LISTING": texts.LISTING}.items():
            await self.submit(f"{name}-talk.md", text, HEATH, chunk_policy="talk")
            await self.submit(f"{name}-rows.md", text, HEATH, chunk_policy="rows")
            await self.submit(f"{name}-by-kind.md", text, HEATH, chunk_policy="")
        await self.submit("faq-by-kind.md", texts.FAQ, HEATH, chunk_policy="")
        await self.submit(
            "html-by-kind.html", texts.HTML, HEATH, chunk_policy="", media_type="text/html"
        )
        await self.submit("long.md", texts.EVEN + texts.EVEN[8:400], HEATH, chunk_policy="tight")
        for parts in (9, 10, 11):  # as many chunks as are allowed, and one more
            text = "\n\n".join(f"## Part {n}\n\nThe part {n} is {n} m long." for n in range(parts))
            await self.submit(f"parts-{parts}.md", text, HEATH, chunk_policy="tight")
        for size in (3_400, 3_401):
            await self.submit(
                f"{size}.txt",
                "Salt. " * (size // 6) + "." * (size % 6),
                HEATH,
                media_type="text/plain",
            )
        for odd in (
            "embedder is away",
            "embedder is broken",
            "vector is too short",
            "vector is missing",
            "uncounted",
            "recogniser stumbles",
            "embedder changes",
        ):
            more = texts.EVEN[8:1_600] if odd == "embedder changes" else ""
            await self.submit(
                f"{odd}.md", f"# Odd\n\nThis text says: {odd}. Mina said so. {more}", HEATH
            )

    # ---------------------------------------------------------------- questions

    def _question(
        self, text: str, session: str = "", tenant: str = TERN, user: str = "ada", **fields: Any
    ) -> QuestionAsked:
        self._count += 1
        left_s, exchanges = fields.pop("left_s", 600), fields.pop("exchanges", "")
        deadline = now_us() + int(left_s * SECOND_US) if left_s is not None else 0
        event = self._drive.requests.question(
            tenant, user=user, text="x", session=session or f"talk-{self._count}", fingerprint=f"question {self._count}")  # fmt: skip
        key = f"user/{event.subject}"
        sealed = self._drive.keyring.seal(tenant, key, event.meta.id, "text", text.encode())
        given = None
        if exchanges:
            given = self._drive.keyring.seal(
                tenant, key, event.meta.id, "exchanges", exchanges.encode()
            )
        ask = Ask(**{"deadline": deadline, **fields})
        return replace(event, text=sealed, exchanges=given, ask=ask)

    async def ask(
        self, *args: Any, crashes: dict[str, int] | None = None, **fields: Any
    ) -> list[Event]:
        return await self._drive.put(self._question(*args, **fields), crashes=crashes)

    async def cancel(self, text: str, session: str, *, before: bool = False) -> None:
        """Ask something, and want no answer: before a model is asked, or while it speaks."""
        asked = self._question(text, session)
        meta, subject = asked.meta, asked.subject
        identity = Identity(meta.request, meta.tenant, subject, meta.session, meta.lane)
        wish = self._drive.requests.cancel(identity, subject, "asked" if before else "left")
        for event in (wish, asked) if before else (asked, wish):
            await self._drive.put(event)

    async def _talks(self) -> None:
        for text in texts.QUESTIONS:
            await self.ask(text, "ferry-talk")
        for text in texts.OTHERS:
            await self.ask(text, "other-talk", user="bo")
        for text in texts.PERSONAL:
            await self.ask(text, "heath-talk", user="orla")
        for text in texts.TALK:
            await self.ask(text, "long-talk")
        for text in (*texts.WORLDLY, *texts.REFUSED, *texts.UNKNOWN, *texts.ODD):
            await self.ask(text)
        for text in texts.QUESTIONS[:3]:
            await self.ask(text, mode="search", passages_max=2)
        await self.ask("bell?", mode="search", passages_max=0)
        await self.ask("Thanks!", mode="search")
        await self.ask("Thanks!", response_schema=texts.CHOICE)
        await self.ask("Super!", left_s=0.2)
        for left_s in (-1, 0.2, 0.5, 5, None):
            await self.ask(texts.QUESTIONS[0], left_s=left_s)
        for number in (number for number in SAID if number > 30):
            schema = {31: texts.CHOICE, 36: texts.CHOICE}.get(number, texts.STEPS)
            await self.ask(question(number), f"said-{number}", response_schema=schema)
        twice = await self.ask("Is the tower open?")
        self._drive.copy(twice[0])

    async def _narrow_talks(self) -> None:
        for step, number in (("generate", 1), ("generate", 2), ("moderate", 0)):
            await self.ask(question(number + 19), tenant=HEATH, crashes={step: number})
        for text in (*texts.QUESTIONS[:7], *texts.OTHERS[8:12]):
            await self.ask(text, "narrow-talk", HEATH)
        for text in texts.PERSONAL:
            await self.ask(text, "narrow-heath", HEATH, user="orla")
        for number in (5, 6, 7, 11, 20, 22):
            await self.ask(question(number), f"narrow-{number}", HEATH)
        for limit in (1, 2, 3, 8):
            await self.ask(
                "Stone, wall, tide, mill, ferry, chapter and salt?",
                f"limit-{limit}",
                HEATH,
                passages_max=limit,
            )

    # ---------------------------------------------------------------- dead letters

    async def _letters(self) -> None:
        drive = self._drive
        asked, submitted = (
            self._question("Who reads this?"),
            self._document("late.md", "Who reads this?"),
        )
        lane, value = asked.meta.lane, drive.codec.encode(asked)
        await drive.put_bytes(QuestionAsked, b"\x00no record", b"tern", lane)
        await drive.put_bytes(QuestionAsked, None, b"tern", lane)
        await drive.put_bytes(QuestionAsked, value, b"another", lane)
        await drive.put_bytes(QuestionAsked, value, b"tern", (lane + 1) % 4)
        await drive.put_bytes(
            DocumentSubmitted, drive.codec.encode(submitted)[:-9], b"tern", submitted.meta.lane
        )
        long_id = replace(asked, meta=replace(asked.meta, session="s" * 4_200))
        await drive.put_bytes(QuestionAsked, drive.codec.encode(long_id), b"tern", lane)
        for asks in ({"max_tokens": 16_384}, {"max_tokens": 16_385}, {"response_schema": "[" * 128 + "]" * 128},
                     {"response_schema": "[" * 129 + "]" * 129}, {"filters": {f"f{n}": "" for n in range(257)}},
                     {"groups": tuple(map(str, range(256)))}, {"response_schema": '{"maxItems":20000}'},
                     {"response_schema": '{"pattern":"(ab{3}c){4}","maxItems":7}'}):  # fmt: skip
            await self.ask(texts.QUESTIONS[0], tenant=HEATH, **asks)
