"""Google, Microsoft and Instagram on one free port, with accounts to connect; they fail on demand.

async with oauth_provider() as provider, running(SERVICE, **provider.settings()) as mesh:
    provider.account = Account("42", "Jeanne Martin", "jeanne@exemple.fr")  # who says yes next
    back = await browse(auth_url)  # of `oidc.py`: what the browser brings to the callback
    with provider.failing(TOKEN, 503, times=2, of="google"):
        …
    assert len(provider.refreshes()) == 1
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from service_testing.oauth_desks import (
    AUTHORIZE,
    DESKS,
    LONG_TOKEN,
    PROFILE,
    REFRESH,
    REVOKE,
    TOKEN,
    Account,
    Answer,
    Desk,
)
from service_testing.party import HttpParty, Raw, Request

__all__ = [
    "AUTHORIZE",
    "LONG_TOKEN",
    "PROFILE",
    "REFRESH",
    "REVOKE",
    "TOKEN",
    "Account",
    "OauthProvider",
    "Request",
    "oauth_provider",
]

_ALWAYS = 1_000_000
_OK, _FOUND, _BAD_REQUEST, _NOT_FOUND = 200, 302, 400, 404


@dataclass(slots=True)
class _Fault:
    """What happens at an endpoint, of one provider or of all, instead of the usual, *left* times."""

    endpoint: str
    of: str
    left: int
    status: int = _OK
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    fields: dict[str, object] = field(default_factory=dict)


class OauthProvider(HttpParty):
    """The three providers. Endpoints are named by the constants of this module.

    *account* says yes next. Where `of` names no provider, all three are meant.
    """

    def __init__(self) -> None:
        super().__init__()
        self.account = Account("compte-1", "Jeanne Martin", "jeanne.martin@exemple.fr")
        self._desks: dict[str, Desk] = {kind.code: kind() for kind in DESKS}
        self._faults: list[_Fault] = []
        self._refusal = ""

    def settings(self) -> dict[str, Any]:
        """With these the integrations service takes it for the real providers; never short of rate."""
        found: dict[str, Any] = {"oauth_timeout_s": 2.0}
        for code, desk in self._desks.items():
            found |= {
                f"oauth_{code}_client_id": desk.client_id,
                f"oauth_{code}_client_secret": desk.client_secret,
                f"oauth_{code}_redirect_uri": desk.callback,
                f"rate_{code}": 60_000,
            }
            for endpoint in desk.endpoints:
                found[f"oauth_{code}_{endpoint}_url"] = self.url(code, endpoint)
        return found

    def url(self, of: str, endpoint: str) -> str:
        """Where an endpoint is."""
        return f"http://127.0.0.1:{self.port}/{of}/{endpoint}"

    def secrets(self) -> list[str]:
        """All that must never be in a log: client secrets, codes, tokens and verifiers."""
        verifiers = [request.parameters.get("code_verifier", "") for request in self.requests]
        known = [value for desk in self._desks.values() for value in (desk.client_secret, *desk.issued)]
        return [value for value in (*known, *verifiers) if value]

    def asked(self, endpoint: str, of: str = "") -> list[Request]:
        """The requests for an endpoint."""
        return [r for r in self.requests if r.path.endswith(f"/{endpoint}") and _is(of, r.path.split("/")[1])]

    def refreshes(self, of: str = "") -> list[Request]:
        """The requests for new tokens in the place of old ones."""
        asked = [*self.asked(TOKEN, of), *self.asked(REFRESH, of)]
        return [r for r in asked if r.parameters.get("grant_type") in ("refresh_token", "ig_refresh_token")]

    @contextmanager
    def failing(
        self,
        endpoint: str,
        status: int,
        *,
        times: int = _ALWAYS,
        of: str = "",
        error: str = "temporarily_unavailable",
        retry_after: int | None = None,
    ) -> Iterator[None]:
        """Answer the next *times* requests with *status* and *error*; 0 closes the line instead."""
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        with self._with(_Fault(endpoint, of, times, status, error, headers)):
            yield

    @contextmanager
    def babbling(self, endpoint: str, body: bytes = b"<html>Bonjour</html>", of: str = "") -> Iterator[None]:
        """Answer 200 and something else than what was asked for."""
        with self._with(_Fault(endpoint, of, _ALWAYS, body=body)):
            yield

    @contextmanager
    def telling(self, endpoint: str, *, of: str = "", **fields: object) -> Iterator[None]:
        """Put *fields* into the good answers, in the place of the true ones; None leaves one out.

        So `telling(TOKEN, refresh_token=None, expires_in=299)`.
        """
        with self._with(_Fault(endpoint, of, _ALWAYS, fields=fields)):
            yield

    @contextmanager
    def refusing(self, error: str = "access_denied") -> Iterator[None]:
        """Send browsers back with *error* in the place of a code."""
        self._refusal = error
        try:
            yield
        finally:
            self._refusal = ""

    @contextmanager
    def _with(self, fault: _Fault) -> Iterator[None]:
        self._faults.insert(0, fault)
        try:
            yield
        finally:
            self._faults.remove(fault)

    def _answer(self, request: Request) -> Response:
        _, code, endpoint = f"{request.path}//".split("/")[:3]
        desk = self._desks.get(code)
        if desk is None or endpoint not in desk.endpoints:
            return JSONResponse({}, _NOT_FOUND)
        return self._disturbed(desk, endpoint, request)

    def _disturbed(self, desk: Desk, endpoint: str, request: Request) -> Response:
        """The reply, as the newest fault that is not used up has it."""
        fitting = (one for one in self._faults if one.endpoint == endpoint and _is(one.of, desk.code))
        fault = next((one for one in fitting if one.left), None)
        if fault is None:
            return self._usual(desk, endpoint, request, {})
        fault.left -= 1
        if fault.body is not None:
            return HTMLResponse(fault.body)
        if fault.fields:
            return self._usual(desk, endpoint, request, fault.fields)
        return _json(desk.refusal(fault.status, fault.error), fault.headers) if fault.status else Raw()

    def _usual(self, desk: Desk, endpoint: str, request: Request, fields: dict[str, object]) -> Response:
        if endpoint == AUTHORIZE:
            back = desk.authorized(request.parameters, self.account, self._refusal)
            return RedirectResponse(back, _FOUND) if back else JSONResponse({}, _BAD_REQUEST)
        status, told = desk.answer(endpoint, request)
        if status == _OK:
            told = {name: value for name, value in (told | fields).items() if value is not None}
        return _json((status, told))


@asynccontextmanager
async def oauth_provider() -> AsyncIterator[OauthProvider]:
    """The three providers, running, each with one client."""
    provider = OauthProvider()
    await provider.start()
    try:
        yield provider
    finally:
        await provider.stop()


def _is(of: str, code: str) -> bool:
    return of in ("", code)


def _json(answer: Answer, headers: Mapping[str, str] | None = None) -> Response:
    status, content = answer
    return JSONResponse(content, status, headers)
