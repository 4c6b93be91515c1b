"""Hostile paths and redirections, byte for byte, at a gateway with nobody behind it.

A 503 says that the request was passed on: the integrations service judges it.
"""

from collections.abc import Callable

import httpx
import pytest
from service_testing import Mesh
from service_testing.http1 import request
from tests.test_hostile_http import JSON, Member, answered
from tests.visitors import FRONT

ACCOUNTS = "/api/integrations"
REASONS = {"PARAMETRES_INVALIDES", "FORMAT_INVALIDE", "DEPENDANCE_INDISPONIBLE", "CIRCUIT_OUVERT"}
PAGE = f"{FRONT}/parametres/integrations?status=error&code="


def account(line: str, body: bytes = b"") -> Callable[[str], bytes]:
    """Request of a user for his accounts: *line* is as in "DELETE /google/117"."""
    method, path = line.split(" ", 1)
    typed = [JSON] if body else []
    return lambda token: request(
        f"{method} {ACCOUNTS}{path}", [*typed, ("Authorization", f"Bearer {token}")], body
    )


def connect(redirect_url: str) -> Member:
    """Request for a connection that ends at *redirect_url* (text of JSON), which the service judges."""
    return account("POST /google/connect", f'{{"redirectUrl":"{redirect_url}"}}'.encode()), {503}


MEMBERS: dict[str, Member] = {
    "an account two floors up": (account("DELETE /google/../../healthz"), {404}),
    "an account two floors up, encoded": (account("DELETE /google/..%2f..%2fhealthz"), {503}),
    "an account of dots": (account("DELETE /google/%2e%2e"), {503}),
    "an account of dots, encoded twice": (account("DELETE /google/%252e%252e%252f"), {503}),
    "an account of NULs": (account("DELETE /google/%00"), {400}),
    "an account of two lines": (account("DELETE /google/a%0d%0aSet-Cookie:%20a=b"), {400}),
    "an account of bytes": (account("DELETE /google/%ff%fe"), {400}),
    "an account of surrogates": (account("DELETE /google/%ed%a0%80"), {400}),
    "an account of broken percent signs": (account("DELETE /google/%zz%"), {503}),
    "an account beyond all bounds": (account(f"DELETE /google/{'a' * 12_000}"), {400}),
    "an account of many parts": (account(f"DELETE /google{'/a' * 5_000}"), {404}),
    "an account that is a template": (account("DELETE /{provider}/{accountId}"), {503}),
    "an account that is a script": (account("DELETE /google/%3Cscript%3Ealert(1)"), {503}),
    "an account without a name": (account("DELETE /google/"), {404}),
    "a callback to be deleted": (account("DELETE /google/callback"), {405}),
    "a callback to be deleted, encoded": (account("DELETE /google/c%61llback"), {405}),
    "all accounts to be deleted": (account("DELETE "), {405}),
    "providers to be deleted": (account("DELETE /providers"), {405}),
    "a provider of two lines": (account("POST /a%0d%0ab/connect", b"{}"), {400}),
    "a provider of parts": (account("POST /a%2fb/connect", b"{}"), {503}),
    "a filter of bytes": (account("GET ?provider=%ff%00%0d%0a"), {503}),
    "a thousand filters": (account(f"GET ?{'provider=a&' * 1_000}"), {503}),
    "an account deleted by nobody": (request(f"DELETE {ACCOUNTS}/google/117"), {401}),
    "accounts of a user in the query": (request(f"GET {ACCOUNTS}?user_id=admin&userId=admin"), {401}),
    "a connection of a form": (account("POST /google/connect"), {415}),
    "a connection of an array": (account("POST /google/connect", b"[]"), {400}),
    "a connection of surrogates": (
        account("POST /google/connect", b'{"redirectUrl":"\\ud800"}'),
        {400},
    ),
    "a connection beyond all bounds": (
        account("POST /google/connect", b'{"redirectUrl":"' + b"a" * 4_000 + b'"}'),
        {400},
    ),
    "a connection that ends elsewhere": connect("https://evil.example"),
    "a connection that ends nowhere": connect("//evil.example"),
    "a connection that ends in a script": connect("javascript:alert(1)"),
    "a connection that ends behind a user": connect("https://app.example@evil.example"),
    "a connection that ends in two lines": connect("https://app.example/\\r\\nSet-Cookie: a=b"),
    "a connection that ends behind a NUL": connect("https://app.example\\u0000.evil.example"),
    "a connected state of bytes": (request(f"GET {ACCOUNTS}/google/callback?state=%ff%00&code=%c0"), {302}),
    "a connected state that is a script": (
        request(f"GET {ACCOUNTS}/google/callback?state=%3C/script%3E&error=%0d%0aX:%20y"),
        {302},
    ),
    "a thousand connected states": (request(f"GET {ACCOUNTS}/google/callback?{'state=a&' * 1_000}"), {302}),
    "a callback of a provider of two lines": (
        request(f"GET {ACCOUNTS}/a%0d%0aX:%20y/callback?state=s&code=c"),
        {302},
    ),
    "a callback that names its target": (
        request(f"GET {ACCOUNTS}/google/callback?redirect_url=https://evil.example&state=s&code=c"),
        {302},
    ),
}


@pytest.mark.parametrize("name", MEMBERS)
async def test_a_hostile_request_is_refused(alone: Mesh, edge: httpx.AsyncClient, name: str) -> None:
    """No request is a 500, and no redirection carries anything of it to the default page."""
    answer = await answered(alone, MEMBERS[name], f"198.51.100.{[*MEMBERS].index(name)}")
    assert answer is not None
    assert all(location.removeprefix(PAGE) in REASONS for location in answer.all("location"))
    assert (await edge.get("/healthz")).status_code == 200
