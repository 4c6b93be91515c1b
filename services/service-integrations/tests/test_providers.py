"""Questions to each provider, and what is read in its answers (R5, R6, R16, R26)."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from service_integrations import refusals
from service_integrations.adapter import Adapter
from service_integrations.providers.registry import registry
from service_testing.oauth import LONG_TOKEN, PROFILE, REVOKE, TOKEN, Account
from service_testing.oidc import browse, s256
from tests.elsewhere import CODES, STATE, VERIFIER, elsewhere, settings

STANDARD = ("google", "microsoft")
OFFERS = {
    "google": {
        "scope": "openid email profile https://mail.google.com/",
        "access_type": "offline",
        "prompt": "consent",
    },
    "microsoft": {
        "scope": "openid email profile offline_access"
        " https://graph.microsoft.com/User.Read https://outlook.office.com/SMTP.Send",
        "response_mode": "query",
        "prompt": "select_account",
    },
    "instagram": {"scope": "instagram_business_basic"},
}


def query_of(adapter: Adapter) -> dict[str, str]:
    """The query of the address to which the browser goes."""
    return dict(parse_qsl(urlsplit(adapter.authorize_url(STATE, s256(VERIFIER))).query))


@pytest.mark.parametrize("of", CODES)
async def test_R5_the_address_asks_for_what_the_provider_needs(of: str) -> None:
    """The address has the scopes of its provider, and PKCE (S256) where that is supported."""
    pkce = {"code_challenge": s256(VERIFIER), "code_challenge_method": "S256"} if of in STANDARD else {}
    async with elsewhere() as there:
        assert query_of(there[of]) == {
            "client_id": f"{of}-client",
            "redirect_uri": f"http://localhost:5000/api/integrations/{of}/callback",
            "response_type": "code",
            "state": STATE,
            **OFFERS[of],
            **pkce,
        }
        assert there[of].pkce == (of in STANDARD)


@pytest.mark.parametrize("of", STANDARD)
async def test_R6_a_code_brings_the_tokens(of: str) -> None:
    """A code brings an access token and a refresh token."""
    async with elsewhere() as there:
        tokens = await there.connect(of)
    assert (tokens.token_type, "openid" in tokens.scope.split()) == ("Bearer", True)
    assert (tokens.access_token != tokens.refresh_token, tokens.refresh_token != "") == (True, True)


async def test_R6_google_gives_an_hour() -> None:
    """The life of a token of Google is the hour of its answer."""
    async with elsewhere() as there:
        assert (await there.connect("google")).expires_in == 3600


async def test_R6_an_answer_without_refresh_token_has_none() -> None:
    """An answer without refresh token and end leaves both empty."""
    async with elsewhere() as there:
        with there.provider.telling(TOKEN, refresh_token=None, expires_in=None):
            tokens = await there.connect("google")
    assert (tokens.refresh_token, tokens.expires_in) == ("", None)


async def test_R26_instagram_s_long_token_stands_for_both() -> None:
    """The long token of 60 days is kept for both; the short one is not."""
    async with elsewhere() as there:
        tokens = await there.connect("instagram")
        (asked,) = there.provider.asked(LONG_TOKEN)
    assert tokens.access_token == tokens.refresh_token != asked.parameters["access_token"]
    assert (tokens.expires_in, tokens.scope) == (60 * 24 * 3600, "instagram_business_basic")


async def test_R26_instagram_may_wrap_its_answers() -> None:
    """An answer inside a list named data, as documented, is read like another."""
    async with elsewhere() as there:
        wrapped = [{"user_id": 17841400000000000, "username": "jeanne"}]
        with there.provider.telling(PROFILE, data=wrapped):
            profile = await there["instagram"].get_profile((await there.connect("instagram")).access_token)
    assert (profile.account_id, profile.nom_affiche) == ("17841400000000000", "jeanne")


async def test_R26_microsoft_s_first_token_is_due_at_once() -> None:
    """The first token is for the profile and due at once; the refresh brings the one for mail (R8)."""
    async with elsewhere() as there:
        first = await there.connect("microsoft")
        second = await there["microsoft"].refresh(first.refresh_token)
    assert (first.expires_in, "User.Read" in first.scope) == (300, True)
    assert (second.expires_in, second.scope) == (3600, "offline_access https://outlook.office.com/SMTP.Send")


@pytest.mark.parametrize(("of", "rotated"), [("google", False), ("microsoft", True), ("instagram", True)])
async def test_R13_a_refresh_brings_new_tokens(of: str, rotated: bool) -> None:
    """A refresh brings another access token, and another refresh token where the provider rotates it."""
    async with elsewhere() as there:
        first = await there.connect(of)
        second = await there[of].refresh(first.refresh_token)
    assert second.access_token not in ("", first.access_token)
    assert (second.refresh_token not in ("", first.refresh_token)) == rotated


@pytest.mark.parametrize(
    ("of", "metadata"),
    [
        ("google", {"email": "marie@exemple.fr"}),
        ("microsoft", {"email": "marie@exemple.fr"}),
        ("instagram", {"username": "Marie Curie"}),
    ],
)
async def test_R6_the_profile_says_whose_account_it_is(of: str, metadata: dict[str, str]) -> None:
    """The profile gives an id, a name to show and an address or user name."""
    async with elsewhere() as there:
        there.provider.account = Account("42", "Marie Curie", "marie@exemple.fr")
        profile = await there[of].get_profile((await there.connect(of)).access_token)
    assert (profile.account_id, profile.nom_affiche, profile.metadata) == ("42", "Marie Curie", metadata)


@pytest.mark.parametrize(("of", "name"), [("google", "sub"), ("microsoft", "id"), ("instagram", "user_id")])
@pytest.mark.parametrize("value", [None, "", "x" * 256, "a\x00b", ["42"]])
async def test_R6_a_profile_without_an_account_id_is_an_api_error(of: str, name: str, value: object) -> None:
    """A missing, empty, too long or unprintable id is API_ERROR."""
    async with elsewhere() as there:
        tokens = await there.connect(of)
        told: Any = {name: value}
        with there.provider.telling(PROFILE, **told), pytest.raises(refusals.ApiError):
            await there[of].get_profile(tokens.access_token)


@pytest.mark.parametrize("of", STANDARD)
async def test_R6_the_verifier_must_fit(of: str) -> None:
    """A code with the verifier of somebody else is refused."""
    async with elsewhere() as there:
        code = await there.code(of)
        with pytest.raises(refusals.ProviderRefused) as told:
            await there[of].exchange_code(code, "w" * 64)
    assert (told.value.status, told.value.error) == (400, "invalid_grant")


@pytest.mark.parametrize("of", CODES)
async def test_R6_a_code_serves_once(of: str) -> None:
    """The provider refuses a code that was used."""
    async with elsewhere() as there:
        code = await there.code(of)
        await there[of].exchange_code(code, VERIFIER)
        with pytest.raises(refusals.ProviderRefused):
            await there[of].exchange_code(code, VERIFIER)


@pytest.mark.parametrize("of", CODES)
async def test_R6_the_client_must_be_known(of: str) -> None:
    """A wrong client secret is refused."""
    async with elsewhere(**{f"oauth_{of}_client_secret": "another"}) as there:
        with pytest.raises(refusals.ProviderRefused):
            await there.connect(of)


async def test_R16_google_ends_tokens() -> None:
    """A revocation at Google ends the tokens of the connection."""
    async with elsewhere() as there:
        tokens = await there.connect("google")
        assert await there["google"].revoke(tokens.refresh_token)
        with pytest.raises(refusals.ProviderRefused):
            await there["google"].refresh(tokens.refresh_token)


@pytest.mark.parametrize("of", ["microsoft", "instagram"])
async def test_R16_the_others_are_not_asked(of: str) -> None:
    """Microsoft and Instagram, which have no endpoint for it, get no request."""
    async with elsewhere() as there:
        tokens = await there.connect(of)
        asked = len(there.provider.requests)
        assert not await there[of].revoke(tokens.access_token)
        assert len(there.provider.requests) == asked


@pytest.mark.parametrize("status", [0, 400, 500, 503])
async def test_R16_a_revocation_is_tried_once(status: int) -> None:
    """A failing revocation is reported as not confirmed, after one try."""
    async with elsewhere() as there:
        with there.provider.failing(REVOKE, status):
            assert not await there["google"].revoke("a-token")
        assert len(there.provider.asked(REVOKE)) == 1


async def test_R16_a_revocation_is_not_waited_for() -> None:
    """A slow or absent provider is reported as not confirmed, in time."""
    async with elsewhere(oauth_timeout_s=0.2) as there:
        with there.provider.slow():
            assert not await there["google"].revoke("a-token")
        async with there.provider.down():
            assert not await there["google"].revoke("a-token")


@pytest.mark.parametrize("of", CODES)
def test_R26_a_provider_without_client_is_off(of: str) -> None:
    """A provider without a client id is in the register and off."""
    assert not registry(settings())[of].actif
    assert registry(settings(**{f"oauth_{of}_client_id": "crm"}))[of].actif


@pytest.mark.parametrize("of", CODES)
@pytest.mark.parametrize("missing", ["client_secret", "redirect_uri"])
async def test_R1_half_a_configuration_cannot_begin(of: str, missing: str) -> None:
    """A missing client secret or callback is OAUTH_INIT_ERROR, which another try does not change."""
    async with elsewhere(**{f"oauth_{of}_{missing}": ""}) as there:
        with pytest.raises(refusals.OauthInitError) as told:
            there[of].authorize_url(STATE, s256(VERIFIER))
    assert (told.value.metadata["provider"], told.value.metadata["retryable"]) == (of, "false")


async def test_twenty_connections_at_a_time_do_not_mix() -> None:
    """Twenty connections at once get twenty different tokens."""
    async with elsewhere() as there:
        found = await asyncio.gather(*(there.connect("google") for _ in range(20)))
    assert len({tokens.access_token for tokens in found}) == 20


async def test_R6_the_person_may_say_no() -> None:
    """The browser of a person who says no brings back an error and the state."""
    async with elsewhere() as there:
        with there.provider.refusing():
            back = await browse(there["google"].authorize_url(STATE, s256(VERIFIER)))
    assert (back["error"], back["state"]) == ("access_denied", STATE)
