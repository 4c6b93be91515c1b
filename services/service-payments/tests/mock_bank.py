"""Bank of mock-bank (PyPI) on a real socket: it collects our files and reports by itself.

An independent reading of our files: what it accepts, another program than ours has understood.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from mockbank.server import Config, make_server

_OURS = "NOUS"
_PATIENCE = 30  # seconds for an answer on a busy machine


class MockBank:
    """The bank at *url*, by the calls that the tests need."""

    def __init__(self, url: str) -> None:
        self.url = url

    def open_account(self, iban: str) -> None:
        """Hold our account, with nothing on it."""
        self._json(
            "POST", "/_mock/accounts", {"id": _OURS, "iban": iban, "name": "Societe", "currency": "EUR"}
        )

    def keep_holidays(self, days: Sequence[str]) -> None:
        """Settle nothing on *days*."""
        self._json("PUT", "/_mock/holidays", list(days))

    def send(self, file: bytes) -> dict[str, Any]:
        """Hand a file over; the answer tells what became of its debits. Raises HTTPError."""
        answer: dict[str, Any] = json.loads(self._call("POST", "/payments", file))
        return answer

    def advance(self, day: str) -> None:
        """Let time pass until *day*, booking what falls due."""
        self._call("POST", f"/_mock/advance?to={day}")

    def refuse(self, end_to_end_id: str, reason: str) -> None:
        """Have the debtor's bank say no to a debit."""
        self._json("POST", f"/_mock/collections/{end_to_end_id}/refuse", {"reason": reason})

    def collections(self) -> list[dict[str, Any]]:
        """What the bank knows of all debits."""
        found: list[dict[str, Any]] = json.loads(self._call("GET", "/_mock/collections"))
        return found

    def reports(self, kind: str) -> list[bytes]:
        """All reports about our account of *kind*, such as camt.054, the oldest first."""
        told: list[dict[str, Any]] = json.loads(self._call("GET", "/_mock/messages"))
        return [
            self._call("GET", f"/_mock/mailbox/{message['id']}")
            for message in told
            if message["type"].startswith(kind) and message["account"] == _OURS
        ]

    def _json(self, method: str, path: str, body: object) -> bytes:
        return self._call(method, path, json.dumps(body).encode(), "application/json")

    def _call(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/xml"
    ) -> bytes:
        request = Request(self.url + path, data=body or None, method=method, headers={"Content-Type": kind})
        with urlopen(request, timeout=_PATIENCE) as answer:
            content: bytes = answer.read()
        return content


@contextmanager
def mock_bank(clock: str) -> Iterator[MockBank]:
    """Run a bank whose time begins at *clock*, YYYY-MM-DDTHH:MM."""
    server = make_server(Config(port=0, clock=clock, quiet=True))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield MockBank(f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
