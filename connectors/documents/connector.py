"""The connector: answers Parse and CountTokens, small ones at once and large ones in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from agents.errors import Permanent
from connectors.documents.parsing import parse
from connectors.documents.tokens import count_tokens, load_tokenizer
from schemas import CountTokens, Parse, Parsed, Request, StreamRequest, TokenCounts
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import Settings

THREADS = 2  # documents read at once: more would only starve the event loop
HERE_BYTES_MAX = 16_384  # what is smaller is read at once, since a thread would cost more


class Documents:
    """Answers Parse and CountTokens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="documents")

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers which request."""
        return {Parse: self.parse, CountTokens: self.count_tokens}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Return nothing: no answer comes in parts."""
        return {}

    async def close(self) -> None:
        """Let the threads go; what they are reading is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def parse(self, request: Parse, _call: Call) -> Parsed:
        """Read a document; what is wrong with it stands in the answer."""
        if len(request.content) <= HERE_BYTES_MAX:
            return parse(request.media_type, request.content)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, parse, request.media_type, request.content)

    async def count_tokens(self, request: CountTokens, _call: Call) -> TokenCounts:
        """Measure texts. Raises Permanent where the tokenizer is not installed."""
        tokenizer = self._tokenizer
        texts = list(request.texts)
        if sum(map(len, texts)) <= HERE_BYTES_MAX:
            return count_tokens(tokenizer, texts)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, count_tokens, tokenizer, texts)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        path = Path(self._settings.tokenizer)
        if not self._settings.tokenizer or not path.exists():
            raise Permanent(
                f"the embedder's tokenizer is not at {path}: set PLAYHEAD_TOKENIZER to its "
                "tokenizer.json, or run `playhead up`"
            )
        return load_tokenizer(path)
