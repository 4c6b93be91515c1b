"""The careful call: how much of an answer is read, how long it may take, when it is asked for again."""

import asyncio
import gzip
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import structlog
from db_utils import context
from grpc_utils.telemetry import log_calls_to
from service_kit import logs
from service_kit.outside import NoReply, Question, Reply, reply_to
from service_testing import eventually
from service_testing.party import HttpParty, Raw, Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse


class Party(HttpParty):
    """Gives its *replies* in turn, then good ones."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: list[Response] = []

    def _answer(self, request: Request) -> Response:
        return self.replies.pop(0) if self.replies else JSONResponse({"said": "yes"})


@pytest.fixture
async def party() -> AsyncIterator[Party]:
    """A party outside."""
    party = Party()
    await party.start()
    yield party
    await party.stop()


@contextmanager
def lines_of_services() -> Iterator[None]:
    """Write logs to the standard output of the moment, as services do."""
    root = logging.getLogger()
    former, level, httpx_level = root.handlers[:], root.level, logging.getLogger("httpx").level
    logs.configure("integrations", "INFO")
    yield
    log_calls_to(None)
    structlog.reset_defaults()
    root.handlers[:] = former
    root.setLevel(level)
    logging.getLogger("httpx").setLevel(httpx_level)


def question(party: Party, *, repeatable: bool = True) -> Question:
    """What it is asked."""
    url = f"http://127.0.0.1:{party.port}/path"
    return Question("question", "POST", url, form={"a": "b"}, bearer="proof", repeatable=repeatable)


async def test_it_is_asked_as_told(party: Party) -> None:
    """With the form and the proof; what comes back is not to be compressed."""
    assert await reply_to(question(party), timeout=2) == Reply(200, {"said": "yes"})
    (request,) = party.requests
    assert (request.method, request.path, request.parameters) == ("POST", "/path", {"a": "b"})
    assert (request.headers["authorization"], request.headers["accept-encoding"]) == (
        "Bearer proof",
        "identity",
    )


async def test_it_may_carry_an_object_and_headers(party: Party) -> None:
    """In the place of a form."""
    asked = replace(question(party), form=None, json={"a": [1]}, headers={"accept": "text/xml"})
    await reply_to(asked, timeout=2)
    (request,) = party.requests
    assert (request.body, request.headers["content-type"], request.headers["accept"]) == (
        b'{"a":[1]}',
        "application/json",
        "text/xml",
    )


async def test_it_may_carry_files(party: Party) -> None:
    """Bytes as they are, each part with its type."""
    parts = {"info": (None, b"{}", "application/json"), "file": ("a.pdf", b"%PDF\r\xff", "application/pdf")}
    await reply_to(replace(question(party), form=None, parts=parts), timeout=2)
    (request,) = party.requests
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="info"\r\nContent-Type: application/json\r\n\r\n{}\r\n' in request.body
    assert b'filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\xff\r\n' in request.body


async def test_an_answer_is_kept_as_it_came_up_to_the_size_that_was_told(party: Party) -> None:
    """JSON or not."""
    party.replies = [Response(b"x" * 100), Response(b"x" * 101)]
    asked = replace(question(party), largest=100)
    assert [(await reply_to(asked, timeout=2)).body for _ in range(2)] == [b"x" * 100, b""]


@pytest.mark.parametrize(("told", "seconds"), [("120", 120.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0)])
async def test_an_answer_says_how_long_to_wait(party: Party, told: str, seconds: float) -> None:
    """In seconds; a longer wait than a few is left to the caller."""
    party.replies = [Response(status_code=429, headers={"retry-after": told})]
    assert await reply_to(question(party), timeout=2, attempts=1) == Reply(429, {}, retry_after=seconds)


@pytest.mark.parametrize(
    "reply",
    [
        JSONResponse({"said": "x" * 64 * 1024}),
        Response(gzip.compress(b'{"said": "yes"}'), headers={"content-encoding": "gzip"}),
        Response(b'{"said": "yes"'),
        Response(b'["yes"]'),
        Response(b"[" * 60_000),
        Response(b'{"said": "\xff"}'),
    ],
    ids=["large", "compressed", "cut", "no object", "deep", "no text"],
)
async def test_an_answer_that_is_no_small_json_object_is_empty(party: Party, reply: Response) -> None:
    """Its status stays; asking again would not help."""
    party.replies = [reply]
    assert await reply_to(question(party), timeout=2) == Reply(200, {})
    assert len(party.requests) == 1


async def test_the_last_answer_counts_whatever_it_says(party: Party) -> None:
    """After as many attempts as it has."""
    party.replies = [JSONResponse({"n": n}, 503) for n in range(3)]
    assert await reply_to(question(party), timeout=2, attempts=2) == Reply(503, {"n": 1})


async def test_a_retry_is_told_before_it_happens(party: Party) -> None:
    """Once for each."""
    party.replies = [JSONResponse({}, 503)] * 2
    seen: list[int] = []
    await reply_to(question(party), timeout=2, on_retry=lambda: seen.append(len(party.requests)))
    assert seen == [1, 2]


class DrippingParty(Party):
    """Begins its answer at once and never ends it."""

    def _answer(self, request: Request) -> Response:
        return StreamingResponse(drops(), headers={"content-length": "1000"})


async def drops() -> AsyncIterator[bytes]:
    """The beginning of an object, then white space."""
    yield b"{"
    while True:
        yield b" "
        await asyncio.sleep(0.02)


async def test_the_time_is_that_of_the_whole_attempt() -> None:
    """A byte now and then does not prolong it."""
    party = DrippingParty()
    await party.start()
    with pytest.raises(NoReply) as told:
        await reply_to(question(party, repeatable=False), timeout=1)
    await party.stop()
    assert (told.value.too_slow, len(party.requests)) == (True, 1)


async def test_an_answer_that_is_cut_short_is_none(party: Party) -> None:
    """It is asked for again if that may be done."""
    party.replies = [Raw(b"HTTP/1.1 200 -\r\ncontent-length: 100\r\n\r\n{")] * 2
    with pytest.raises(NoReply) as told:
        await reply_to(question(party, repeatable=False), timeout=2)
    assert not told.value.too_slow
    assert await reply_to(question(party), timeout=2) == Reply(200, {"said": "yes"})


async def test_C16_lines_say_for_whom_it_was_asked(party: Party, capsys: pytest.CaptureFixture[str]) -> None:
    """With the correlation id, as all lines of services."""
    context.correlation_id.set("int-1760000000000-abc1234")
    party.replies = [JSONResponse({}, 503)]
    with lines_of_services():
        await reply_to(question(party), timeout=2)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["level"], line["correlation_id"]) for line in lines] == [
        ("warning", "int-1760000000000-abc1234"),
        ("info", "int-1760000000000-abc1234"),
    ]


async def test_a_redirection_is_an_answer(party: Party) -> None:
    """It is not followed: a proof goes nowhere else."""
    party.replies = [RedirectResponse(f"http://127.0.0.1:{party.port}/elsewhere", 302)]
    assert (await reply_to(question(party), timeout=2)).status == 302
    assert len(party.requests) == 1


async def test_pauses_double(party: Party, caplog: pytest.LogCaptureFixture) -> None:
    """From 100 ms on; up to 100 ms at random come on top."""
    party.replies = [JSONResponse({}, 503)] * 3
    told: list[float] = []
    await reply_to(question(party), timeout=2, attempts=4, on_retry=lambda: told.append(time.monotonic()))
    first, second, third = told
    assert (second - first >= 0.1, third - second >= 0.2) == (True, True)
    assert re.findall(r"again in (\S+) s", caplog.text) == ["0.10", "0.20", "0.40"]


async def test_a_call_that_is_cancelled_is_not_repeated(party: Party) -> None:
    """While it pauses, and while it waits for an answer."""
    party.replies, paused = [JSONResponse({}, 503, {"retry-after": "5"})], asyncio.Event()
    pausing = asyncio.create_task(reply_to(question(party), timeout=30, on_retry=paused.set))
    await paused.wait()
    await cancelled(pausing)
    with party.slow():
        waiting = asyncio.create_task(reply_to(question(party), timeout=30))
        await eventually(lambda: len(party.requests) == 2)
        await cancelled(waiting)
    assert len(party.requests) == 2


async def cancelled(task: asyncio.Task[Reply]) -> None:
    """Cancel *task*, which ends by it."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_questions_and_replies_show_nothing_in_logs(party: Party) -> None:
    """But the operation and the status."""
    asked = question(party)
    assert repr(asked) == "Question(operation='question', method='POST', repeatable=True)"
    assert repr(await reply_to(asked, timeout=2)) == "Reply(status=200)"
