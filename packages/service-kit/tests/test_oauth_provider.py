"""The double of the providers refuses what the real ones refuse, and misbehaves only when told to."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
from service_testing.oauth import (
    AUTHORIZE,
    LONG_TOKEN,
    PROFILE,
    REFRESH,
    REVOKE,
    TOKEN,
    Account,
    OauthProvider,
    oauth_provider,
)
from service_testing.oidc import browse, s256
from service_testing.web import web_client

VERIFIER = "v" * 43
STANDARD = ("google", "microsoft")


@pytest.fixture
async def provider() -> AsyncIterator[OauthProvider]:
    """The three providers."""
    async with oauth_provider() as provider:
        yield provider


def auth_url(provider: OauthProvider, of: str, **changes: str) -> str:
    """Where a browser begins, with *changes* to a good request."""
    query = {
        "client_id": f"{of}-client",
        "redirect_uri": f"http://localhost:5000/api/integrations/{of}/callback",
        "response_type": "code",
        "scope": "openid offline_access",
        "state": "state-1",
        "access_type": "offline",
        "code_challenge": s256(VERIFIER),
        "code_challenge_method": "S256",
    }
    return f"{provider.url(of, AUTHORIZE)}?{urlencode(query | changes)}"


async def exchange(provider: OauthProvider, of: str, **changes: str) -> tuple[int, Any]:
    """What the token endpoint answers to a new code, with *changes* to a good request."""
    back = await browse(auth_url(provider, of))
    form = {
        "client_id": f"{of}-client",
        "client_secret": f"{of}-client-secret",
        "code": back["code"],
        "code_verifier": VERIFIER,
        "redirect_uri": f"http://localhost:5000/api/integrations/{of}/callback",
        "grant_type": "authorization_code",
    }
    return await post(provider.url(of, TOKEN), form | changes)


async def refresh(provider: OauthProvider, of: str, token: str) -> tuple[int, Any]:
    """What the token endpoint answers to a refresh token."""
    client = {"client_id": f"{of}-client", "client_secret": f"{of}-client-secret"}
    form = client | {"grant_type": "refresh_token", "refresh_token": token}
    return await post(provider.url(of, TOKEN), form)


async def post(url: str, form: dict[str, str]) -> tuple[int, Any]:
    """The status and the content."""
    async with web_client() as client:
        response = await client.post(url, data=form)
        return response.status_code, response.json()


async def get(url: str, bearer: str = "", **query: str) -> tuple[int, Any]:
    """The status and the content."""
    proof = {"authorization": f"Bearer {bearer}"} if bearer else {}
    async with web_client() as client:
        response = await client.get(url, params=query, headers=proof)
        return response.status_code, response.json()


@pytest.mark.parametrize("of", STANDARD)
async def test_a_code_brings_tokens_and_they_the_profile(provider: OauthProvider, of: str) -> None:
    """Of the account that has said yes."""
    provider.account = Account("42", "Marie Curie", "marie@exemple.fr")
    status, tokens = await exchange(provider, of)
    _, profile = await get(provider.url(of, PROFILE), tokens["access_token"])
    assert (status, tokens["expires_in"], set(tokens) >= {"refresh_token"}) == (200, 3600, True)
    assert {"42", "Marie Curie", "marie@exemple.fr"} <= set(profile.values())


@pytest.mark.parametrize("of", STANDARD)
@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"client_secret": "another"}, (401, "invalid_client")),
        ({"code_verifier": "w" * 43}, (400, "invalid_grant")),
        ({"redirect_uri": "http://localhost:5000"}, (400, "invalid_grant")),
        ({"code": "another"}, (400, "invalid_grant")),
    ],
)
async def test_a_code_is_only_for_who_has_begun(
    provider: OauthProvider, of: str, changes: dict[str, str], refusal: tuple[int, str]
) -> None:
    """Secret, verifier and callback are checked."""
    status, told = await exchange(provider, of, **changes)
    assert (status, told["error"]) == refusal


@pytest.mark.parametrize(("of", "rotated"), [("google", False), ("microsoft", True)])
async def test_a_refresh_token_brings_another_access_token(
    provider: OauthProvider, of: str, rotated: bool
) -> None:
    """And another refresh token at Microsoft."""
    _, first = await exchange(provider, of)
    status, second = await refresh(provider, of, first["refresh_token"])
    assert (status, "refresh_token" in second) == (200, rotated)
    assert first["access_token"] != second["access_token"]
    assert len(provider.refreshes(of)) == 1


async def test_a_revoked_grant_has_no_tokens(provider: OauthProvider) -> None:
    """Neither to see the profile nor to refresh."""
    _, tokens = await exchange(provider, "google")
    status, _ = await post(provider.url("google", REVOKE), {"token": tokens["refresh_token"]})
    profile, _ = await get(provider.url("google", PROFILE), tokens["access_token"])
    refreshed, _ = await refresh(provider, "google", tokens["refresh_token"])
    assert (status, profile, refreshed) == (200, 401, 400)


async def test_instagram_gives_a_long_token_for_a_short_one(provider: OauthProvider) -> None:
    """And another long one for that."""
    _, short = await exchange(provider, "instagram")
    secret = {"client_secret": "instagram-client-secret", "grant_type": "ig_exchange_token"}
    url = provider.url("instagram", LONG_TOKEN)
    _, long = await get(url, access_token=short["access_token"], **secret)
    again = {"grant_type": "ig_refresh_token", "access_token": long["access_token"]}
    status, longer = await get(provider.url("instagram", REFRESH), **again)
    assert (status, longer["expires_in"]) == (200, 60 * 24 * 3600)
    assert len({short["access_token"], long["access_token"], longer["access_token"]}) == 3


@pytest.mark.parametrize("of", STANDARD)
async def test_without_a_challenge_the_browser_comes_back_with_an_error(
    provider: OauthProvider, of: str
) -> None:
    """PKCE is not left out by mistake."""
    back = await browse(auth_url(provider, of, code_challenge=""))
    assert (back["state"], back["error"]) == ("state-1", "invalid_request")


async def test_somebody_says_no(provider: OauthProvider) -> None:
    """The browser comes back with that."""
    with provider.refusing():
        back = await browse(auth_url(provider, "google"))
    assert (back["state"], back["error"]) == ("state-1", "access_denied")


async def test_a_fault_ends_after_its_times(provider: OauthProvider) -> None:
    """And is of one provider alone."""
    with provider.failing(TOKEN, 503, times=1, of="google", retry_after=2):
        told = [(await exchange(provider, of))[0] for of in ("microsoft", "google", "google")]
    assert told == [200, 503, 200]


async def test_answers_may_lack_what_is_usual(provider: OauthProvider) -> None:
    """Or say something else, or nothing that is JSON."""
    with provider.telling(TOKEN, refresh_token=None, expires_in=299):
        _, tokens = await exchange(provider, "google")
    assert ("refresh_token" in tokens, tokens["expires_in"]) == (False, 299)
    with provider.babbling(TOKEN), pytest.raises(ValueError, match="Expecting value"):
        await exchange(provider, "google")


async def test_its_secrets_are_known(provider: OauthProvider) -> None:
    """All that a log must not show."""
    _, tokens = await exchange(provider, "google")
    known = provider.secrets()
    assert {tokens["access_token"], tokens["refresh_token"], VERIFIER, "google-client-secret"} <= set(known)
