"""The receipt of one answer: got from the gateway, and checked without gateway and log."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import httpx
from rich.markup import escape

from infra.demo.checks import Checks
from replay.seal.receipt import BadReceipt, check_receipt, read_receipt
from replay.seal.seal_folder import SealFolder
from replay.seal.seal_once import seal_now
from streams.settings import Settings

FILE = "demo-receipt.json"
KEY = "demo-seal.key"
PROGRAMS = (
    "python docs/examples/verify_receipt.py",
    "go run -C docs/examples/verify_receipt_go .",
)


def give_receipt(settings: Settings, http: httpx.Client, request: str, checks: Checks) -> Path:
    """Seal the log, get the receipt of an answer, check it and a forgery of it; returns its file.

    The public key lies beside it, for programs that check it without Playhead.
    """
    seal_now(settings)
    answered = http.get(f"/v1/messages/{request}/receipt")
    file, public = settings.run / FILE, settings.run / KEY
    file.write_bytes(answered.content)
    keys = SealFolder(settings.seal_path).keys()
    public.write_text(f"{keys[-1]}\n", "utf-8")
    receipt = answered.json()
    try:
        checkpoint = check_receipt(read_receipt(answered.content), keys)
        proved = f"record {receipt['offset']} of {checkpoint.origin}, one of {checkpoint.size}"
        checks.holds(f"the receipt of an answer proves {proved} that were signed", held=True)
    except BadReceipt as error:
        checks.holds("the receipt of an answer proves its record", held=False, otherwise=str(error))
    forged = json.dumps({**receipt, "text": f"Not: {receipt.get('text', '')}"}).encode()
    try:
        check_receipt(read_receipt(forged), keys)
        found = ""
    except BadReceipt as error:
        found = str(error)
    checks.holds("with another text it proves nothing", bool(found), "it went unnoticed")
    _tell_programs(file, public, checks)
    return file


def _tell_programs(file: Path, public: Path, checks: Checks) -> None:
    """Say how to check it by programs that know nothing of Playhead."""
    words = f'{shlex.quote(str(file))} "$(cat {shlex.quote(str(public))})"'
    for program in PROGRAMS:
        hint = f"[dim]{escape(f'{program} {words}')}[/dim]"
        checks.console.print(f"  {hint}", soft_wrap=True, highlight=False)
