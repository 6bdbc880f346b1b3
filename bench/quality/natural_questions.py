"""Questions as people ask them, over documents that an installation holds, and what is right.

The documents are read where they lie: descriptions and a licence of installed packages, a manual
page. An answer is right if it holds one spelling out of each group, and none of what is wrong. Of
a question that the documents don't answer, only saying so is right.

They were written before the answers were worked on.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.quality.conversations import ABSENT, FACT, Talk, TalkSet, TalkTurn

PACKAGES = (
    "charset_normalizer", "croniter", "fastapi", "fsspec", "httpx", "orjson", "pathspec",
    "phonenumbers", "psutil", "smart_open", "sortedcontainers", "tldextract", "tqdm", "typer",
)  # fmt: skip
"""Installed with this project; their descriptions are documents."""
LICENCE = ("cryptography", "LICENSE.APACHE")
"""A package and its licence file."""
MANUAL = "gzip"
"""A manual page, where the machine has manuals."""


@dataclass(frozen=True)
class NaturalQuestion:
    """A question and what its answer must hold."""

    text: str
    groups: tuple[tuple[str, ...], ...] = ()
    """One spelling out of each group; none where the documents hold no answer."""
    wrong: tuple[str, ...] = ()
    """What a right answer can't hold."""
    manual: bool = False
    """Whether it needs the manual page."""


def _q(
    text: str, *groups: str, wrong: tuple[str, ...] = (), manual: bool = False
) -> NaturalQuestion:
    return NaturalQuestion(text, tuple(tuple(group.split("|")) for group in groups), wrong, manual)


QUESTIONS = (
    # what something is
    _q("What is orjson?", "json library"),
    _q("What does psutil do?", "running processes|system utilization"),
    _q("What is tldextract for?", "subdomain|public suffix"),
    _q("what's smart_open?", "streaming"),
    _q("What is a PhoneNumberMatcher?", "sequence of|larger block of text"),
    _q("What does 'Derivative Works' mean in the Apache license?", "based on|derived from"),
    _q("What does the R keyword mean in croniter?", "random"),
    # how to do something: a command, code or steps
    _q("How do I install httpx with HTTP/2 support?", "httpx[http2]"),
    _q("How can I update the suffix list of tldextract from the command line?",
       "tldextract --update"),
    _q("How do I install smart_open with all dependencies?", "smart_open[all]"),
    _q("How do I check if a cron expression is valid with croniter?", "is_valid"),
    _q("How do I load pathspec patterns from a file?", "open('patterns.list'|file object"),
    _q("How do I run the FastAPI development server?", "fastapi dev"),
    _q("How do I set up a development checkout of tldextract?", "git clone", "uv sync"),
    _q("How to add fastapi to my project with uv?", 'uv add "fastapi[standard]"'),
    _q("How can I keep the original file when compressing with gzip?", "--keep|-k", manual=True),
    _q("How do I get the uncompressed size of a .Z file?", "wc -c", manual=True),
    _q("How do I build pathspec from source?", "python -m build"),
    _q("How do I validate URLs before extraction with tldextract?", "urlsplit|extract_urllib"),
    _q("How do I print numbers in E164 format with phonenumbers?",
       "format_number|PhoneNumberFormat"),
    # numbers and values
    _q("How much faster is orjson.dumps than json?", "10x"),
    _q("What is the range of the year field in croniter?", "1970", "2099"),
    _q("By how much does gzip typically reduce English text?", "60-70%", manual=True),
    _q("Which Python version does HTTPX need?", "3.8"),
    _q("What is the default of max_years_between_matches?", "50"),
    _q("How many levels deep may default recurse in orjson?", "254"),
    _q("What is the largest integer size that orjson serializes by default?", "64"),
    _q("What cron expression does @weekly stand for without a hash_id?", "0 0 * * 0"),
    _q("What is the accuracy of cchardet?", "94"),
    _q("How large is the wheel of Charset Normalizer?", "250 kB"),
    # lists
    _q("Which platforms does psutil support?", "Linux", "Windows", "AIX"),
    _q("Which compression values does smart_open support?", ".bz2", ".gz", ".zst"),
    _q("What are the conditions for redistribution under the Apache license?",
       "copy of this License", "prominent notices", "NOTICE"),
    _q("Which backends does pathspec have?", "simple", "hyperscan", "re2"),
    _q("What are the key features of Typer?", "Easy to use", "Grow large"),
    # yes or no
    _q("Does orjson support PyPy?", "does not and will not support PyPy", wrong=("Yes",)),
    _q("Does the Apache license let me use the licensor's trademarks?",
       "does not grant permission"),
    _q("Can tldextract remove a suffix for me?", "doesn't maintain|fork the PSL|extra_suffixes"),
    _q("Does smart_open install any dependencies by default?", "does not install any"),
    _q("Can croniter handle seconds?", "second repetition|seconds as first field|6th field"),
    # comparisons and reasons
    _q("What is the difference between PathSpec and GitIgnoreSpec?",
       "GitIgnoreSpec", "closely replicate|edge"),
    _q("What is the difference between public suffixes and private suffixes?",
       "anyone can register", "companies"),
    _q("What's the difference between orjson.dumps and json.dumps?", "bytes", "str"),
    _q("Why does naive URL parsing fail?", "splitting on dots|co.uk"),
    _q("Under which licence is pathspec?", "Mozilla Public License"),
    _q("Where does tldextract cache the suffix list?", ".cache/python-tldextract"),
    # what the documents don't hold
    _q("How much does a Weaviate subscription cost?"),
    _q("Who won the football world cup in 2014?"),
    _q("How do I train a neural network with PyTorch?"),
    _q("What is the phone number of the croniter support team?"),
)  # fmt: skip


def _talk(asked: NaturalQuestion) -> Talk:
    kind = FACT if asked.groups else ABSENT
    turn = TalkTurn(asked.text, kind, asked.groups, asked.wrong)
    return Talk((turn,), needs=MANUAL if asked.manual else "")


NATURAL = TalkSet("natural questions", tuple(map(_talk, QUESTIONS)), PACKAGES, LICENCE, (MANUAL,))
"""Each a conversation of one turn."""
