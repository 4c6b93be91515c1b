"""The provider double refuses what a real provider refuses, and misbehaves only when told to."""

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import pytest
from service_testing.oidc import (
    AUTHORIZE,
    CLIENT_ID,
    CLIENT_SECRET,
    KEYS,
    TOKEN,
    OidcProvider,
    browse,
    oidc_provider,
    person,
)
from service_testing.web import web_client

CALLBACK = "http://127.0.0.1:5000/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
async def provider() -> AsyncIterator[OidcProvider]:
    """A provider."""
    async with oidc_provider((CALLBACK,)) as provider:
        yield provider


def auth_url(provider: OidcProvider, **changes: str) -> str:
    """Where a browser begins, with *changes* to a good request."""
    query = {
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid email",
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return f"{provider.issuer}{AUTHORIZE}?{urlencode(query | changes)}"


async def exchange(provider: OidcProvider, code: str, /, **changes: str) -> httpx.Response:
    """What the token endpoint answers to *code*, with *changes* to a good request."""
    form = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "code": code,
        "code_verifier": VERIFIER,
        "redirect_uri": CALLBACK,
        "grant_type": "authorization_code",
    }
    async with web_client() as client:
        return await client.post(provider.issuer + TOKEN, data=form | changes)


async def id_token(provider: OidcProvider) -> str:
    """The ID token of a whole sign-in."""
    back = await browse(auth_url(provider))
    token: str = (await exchange(provider, back["code"])).json()["id_token"]
    return token


async def claims_of(provider: OidcProvider, token: str) -> dict[str, Any]:
    """The claims of *token*, its signature checked with the published key of its kid."""
    async with web_client() as client:
        keys = jwt.PyJWKSet.from_dict((await client.get(provider.issuer + KEYS)).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], audience=CLIENT_ID)
    return claims


async def test_a_person_signs_in(provider: OidcProvider) -> None:
    """The browser brings back a code and its state; the code becomes a token about the person."""
    provider.person = person("jean@exemple.fr", given_name="Jean")
    back = await browse(auth_url(provider))
    claims = await claims_of(provider, (await exchange(provider, back["code"])).json()["id_token"])
    assert back["state"] == "state-1"
    assert (claims["iss"], claims["nonce"]) == (provider.issuer, "nonce-1")
    assert (claims["sub"], claims["email"], claims["given_name"]) == (
        "sub-jean@exemple.fr",
        "jean@exemple.fr",
        "Jean",
    )


async def test_discovery_names_the_endpoints(provider: OidcProvider) -> None:
    """As its clients find them."""
    async with web_client() as client:
        found = (await client.get(provider.discovery_url)).json()
    assert (found["issuer"], found["token_endpoint"]) == (provider.issuer, provider.issuer + TOKEN)


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:5000/other"},
        {"code": "unknown"},
    ],
)
async def test_a_code_is_for_who_began(provider: OidcProvider, changes: dict[str, str]) -> None:
    """Another verifier, another callback, another code: invalid_grant."""
    back = await browse(auth_url(provider))
    answer = await exchange(provider, back["code"], **changes)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})


async def test_a_code_serves_once(provider: OidcProvider) -> None:
    """The second exchange is invalid_grant."""
    code = (await browse(auth_url(provider)))["code"]
    assert [(await exchange(provider, code)).status_code for _ in range(2)] == [200, 400]


async def test_the_client_has_a_secret(provider: OidcProvider) -> None:
    """Another one is invalid_client."""
    answer = await exchange(provider, "any", client_secret="guess")
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


async def test_a_browser_is_not_sent_to_strangers(provider: OidcProvider) -> None:
    """An unknown callback or client is an error page."""
    for changes in ({"redirect_uri": "http://127.0.0.1/elsewhere"}, {"client_id": "other"}):
        with pytest.raises(AssertionError, match="invalid_request"):
            await browse(auth_url(provider, **changes))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
async def test_a_wrong_request_comes_back_as_an_error(
    provider: OidcProvider, changes: dict[str, str], error: str
) -> None:
    """Without a code, with the state."""
    assert await browse(auth_url(provider, **changes)) == {"state": "state-1", "error": error}


async def test_it_refuses_people(provider: OidcProvider) -> None:
    """As if they had closed the window."""
    with provider.refusing():
        assert await browse(auth_url(provider)) == {"state": "state-1", "error": "access_denied"}


async def test_it_lies_about_claims(provider: OidcProvider) -> None:
    """One is another, one is missing, and afterwards it is honest again."""
    with provider.claiming(nonce="other", azp=None):
        claims = await claims_of(provider, await id_token(provider))
    assert (claims["nonce"], "azp" in claims) == ("other", False)
    assert (await claims_of(provider, await id_token(provider)))["nonce"] == "nonce-1"


async def test_it_forges_signatures(provider: OidcProvider) -> None:
    """The key of the kid has not signed."""
    with provider.forging():
        token = await id_token(provider)
    with pytest.raises(jwt.InvalidSignatureError):
        await claims_of(provider, token)


async def test_it_rotates_its_key(provider: OidcProvider) -> None:
    """Tokens afterwards are signed by the only key that is published."""
    former = provider.kid
    provider.rotate()
    claims = await claims_of(provider, await id_token(provider))
    assert (claims["nonce"], provider.kid == former) == ("nonce-1", False)


async def test_it_fails_as_often_as_told(provider: OidcProvider) -> None:
    """Twice 503, then the code is still good; requests are remembered."""
    code = (await browse(auth_url(provider)))["code"]
    with provider.failing(TOKEN, 503, times=2):
        assert [(await exchange(provider, code)).status_code for _ in range(3)] == [503, 503, 200]
    assert [request.parameters["code"] for request in provider.asked(TOKEN)] == [code] * 3


async def test_it_cuts_the_line(provider: OidcProvider) -> None:
    """Without a word, for one endpoint."""
    with provider.failing(TOKEN, 0), pytest.raises(httpx.RemoteProtocolError):
        await exchange(provider, "any")


async def test_it_is_slow(provider: OidcProvider) -> None:
    """A client that does not wait gives up."""
    with provider.slow():
        async with web_client(timeout=0.2) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(provider.discovery_url)


async def test_it_goes_down_and_comes_back(provider: OidcProvider) -> None:
    """At the same address."""
    async with provider.down(), web_client() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(provider.discovery_url)
    assert await id_token(provider)
