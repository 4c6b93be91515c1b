"""Signing the demo account in: against a gateway of a few lines that answers as it is told."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from crm_cli import demo
from crm_cli.demo import NotReady, demo_token
from crm_cli.home import Home, State


@contextmanager
def gateway(statuses: Sequence[int]) -> Iterator[State]:
    """The state of a mesh whose gateway gives these *statuses* in turn, and a token with 200."""
    left = list(statuses)

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            status = left.pop(0)
            body = {"token": "a.b.c"} if status == 200 else {"error": {"message": "Indisponible."}}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield State("", "", "", {"gateway": server.server_port}, demo=True)
        finally:
            server.shutdown()
            serving.join()
    assert left == []


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of milliseconds."""
    monkeypatch.setattr(demo, "_PAUSES", (0.001, 0.001))


def test_services_that_are_not_ready_are_asked_again(tmp_path: Path) -> None:
    """A busy machine may take some seconds from the start of users to its first answer."""
    with gateway([503, 504, 200]) as state:
        assert demo_token(Home(tmp_path), state) == "a.b.c"


def test_services_that_never_are_ready_are_given_up(tmp_path: Path) -> None:
    """The last answer is what the person reads."""
    with gateway([503, 503, 503]) as state, pytest.raises(NotReady, match="Indisponible"):
        demo_token(Home(tmp_path), state)
