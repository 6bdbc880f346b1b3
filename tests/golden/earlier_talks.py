"""What is put to the rules of earlier versions, which are kept for their logs: the last before some change each.

The code of a record says by which rules its step ran, so the log of the present holds outcomes of rules that no release
had alone. A log that was written by its time's own code shows more, and can't be written any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.version import CODE
from tests.golden import long_talks, pages, texts
from tests.golden.driving import Drive
from tests.golden.scripts import SAID, question

if TYPE_CHECKING:
    from tests.golden.scenario import Scenario

OLDEST, BEFORE_CLOSER_READING = "0.1.0", "0.2.0.dev4"
BEFORE_CLOSER_ANSWERS, BEFORE_WHOLE_NUMBERS = "0.2.0.dev5", "0.2.0.dev6"
AULD = "auld"
NUMBERS = (
    "What has 1,234.5 planks?",
    "When is the quarry open, on 4/7/2025?",
    "Which release of the punt is 1,2.3,4?",
)
"""Questions whose numbers have separators."""
CUT = ("EVEN", "DEEP", "UNEVEN", "FAQ", "LISTING", "HEADS")


class EarlierTalks:
    """Puts them."""

    def __init__(self, scenario: Scenario, drive: Drive) -> None:
        self._scenario, self._drive = scenario, drive

    async def cut(self) -> None:
        """Put documents that are cut into small chunks by the oldest rules."""
        self._drive.code = OLDEST
        for policy in ("tight", "loose"):
            for name in CUT:
                text = getattr(texts, name)
                await self._scenario.submit(f"{name}-{policy}.md", text, AULD, chunk_policy=policy)
        self._drive.code = CODE

    async def ask(self) -> None:
        """Put questions."""
        scenario, drive = self._scenario, self._drive
        drive.code = OLDEST
        for uri, text in (
            ("ferry.md", texts.FERRY),
            ("faq.md", texts.FAQ),
            ("clock.md", texts.COPY),
        ):
            await scenario.submit(uri, text, AULD)
        await scenario.submit("clock.html", texts.HTML, AULD, media_type="text/html")
        for number, talk in enumerate((texts.QUESTIONS, texts.OTHERS, texts.TALK[:12])):
            for text in talk:
                await scenario.ask(text, f"auld-{number}", AULD)
        for number in (number for number in SAID if number < 13 or number in {20, 21, 22, 27}):
            await scenario.ask(question(number), tenant=AULD)
        for number in (32, 34, 36):
            await scenario.ask(question(number), tenant=AULD, response_schema=texts.STEPS)
        await scenario.ask(texts.QUESTIONS[0], tenant=AULD, mode="search", passages_max=3)
        for most in (8, 10):
            await scenario.ask("Which buoy marks a shoal?", tenant="buoys", passages_max=most)
        alone = (*pages.ABOUT_MANUAL[:6], *pages.DOUBTED[:6], *long_talks.ABOUT_TERMS[:8])
        for code, asked, talks in (
            (BEFORE_CLOSER_READING, alone, (texts.TALK[:17], *long_talks.CUT_SHORT[:1])),
            (BEFORE_CLOSER_ANSWERS, alone, (*pages.LISTED[:2], *long_talks.CUT_SHORT[2:5])),
            (BEFORE_WHOLE_NUMBERS, NUMBERS, ()),
            (CODE, NUMBERS, ()),
        ):
            drive.code = code
            for number, talk in enumerate(talks):
                for text in talk:
                    await scenario.ask(text, f"{code}-{number}", "loch" if number else "tern")
            for text in asked:
                await scenario.ask(text, tenant="loch")
        drive.code = CODE
