"""The bank of a story: mock-bank, a program of other people, with a clock of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from service_kit.embedded import free_port
from service_testing import eventually

OURS: Final = "OURS"
# Days of 2026 on which TARGET is closed, besides weekends (ECB).
_CLOSED: Final = ("2026-01-01", "2026-04-03", "2026-04-06", "2026-05-01", "2026-12-25")
_STARTS = 30.0  # seconds


class Bank:
    """A bank that holds our account and collects from any other."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def open_account(self, iban: str) -> None:
        """Hold our account, empty, with the holidays of TARGET."""
        await self._ask("POST", "/_mock/accounts", json={"id": OURS, "iban": iban})
        await self._ask("PUT", "/_mock/holidays", json=list(_CLOSED))

    async def takes(self, file: bytes) -> Any:
        """What it answers to a file of debits, which it accepts."""
        return await self._ask("POST", "/payments", content=file, headers={"content-type": "application/xml"})

    async def until(self, day: str) -> None:
        """Let its days pass until the morning of *day*, as in 2026-02-05."""
        await self._ask("POST", "/_mock/advance", params={"to": day})

    async def sends_back(self, end_to_end_id: str, code: str) -> None:
        """Have the debtor's bank refuse a debit, before it is settled or after."""
        await self._ask("POST", f"/_mock/collections/{end_to_end_id}/refuse", json={"reason": code})

    async def reports(self, kind: str) -> list[bytes]:
        """The reports of *kind* (pain.002, camt.053, camt.054) about us that nobody has fetched yet."""
        sent = await self._ask("GET", "/_mock/mailbox", params={"type": kind})
        return [report["body"].encode() for report in sent if report["account"] in {OURS, "", None}]

    async def _ask(self, method: str, path: str, **how: Any) -> Any:
        answer = await self._http.request(method, path, **how)
        assert answer.is_success, answer.text
        return answer.json()


@asynccontextmanager
async def bank(day: str) -> AsyncIterator[Bank]:
    """A bank whose clock stands at the morning of *day*."""
    port = free_port()
    named = ("--port", str(port), "--clock", f"{day}T06:00", "--timezone", "Europe/Paris", "--db", ":memory:")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mockbank", *named, "-q", stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            await eventually(lambda: _answers(http), timeout=_STARTS, every=0.1)
            yield Bank(http)
    finally:
        process.kill()
        await process.wait()


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/_mock/health")).is_success
    except httpx.TransportError:
        return False
