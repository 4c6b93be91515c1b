"""Connections that fail, or would end at a foreign address, through the real service (G14)."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from db_utils import clock
from gateway.edge import GATEWAY
from gateway.gateway import Gateway
from gateway.settings import GatewaySettings
from service_testing import Mesh
from service_testing.oauth import PROFILE, TOKEN, OauthProvider
from tests.accounts import PAGE, Person, connecting, returned, sent_on, somebody, told
from tests.visitors import FRONT, OTHER_FRONT, bearer, code


def failed(reason: str) -> str:
    """Address of the default page with *reason*."""
    return f"{PAGE}?status=error&code={reason}"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "///evil.example",
        "https://evil.example",
        "https://app.example@evil.example",
        "https://app.example:pass@evil.example/",
        "https://app.example.evil.example",
        "https://app.example\\@evil.example",
        "https://app.example:8443/",
        "http://app.example/",
        "javascript:alert(1)",
        "javascript://app.example/%0aalert(1)",
        "data:text/html,x",
        "/parametres",
        "https:app.example",
        "https://app.example/a\r\nSet-Cookie: a=b",
        "https://app.example\x00.evil.example",
        "https://app.example/\u2028x",
        "https://[app.example",
    ],
)
async def test_G14_a_connection_that_would_end_elsewhere_does_not_begin(anne: Person, target: str) -> None:
    """A foreign redirectUrl is 400 before any provider is asked."""
    answer = await anne.ask("POST", "/google/connect", json={"redirectUrl": target})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {"INVALID_REDIRECT_URL", "FORMAT_INVALIDE"}


async def test_G14_a_target_that_the_gateway_does_not_know_is_refused(oauth: OauthProvider) -> None:
    """A target of an origin that only the service allows is 400, and no redirection."""

    def strict(known: GatewaySettings, addresses: Mapping[str, str]) -> Gateway:
        return Gateway(known.model_copy(update={"integrations_redirect_origins": (FRONT,)}), addresses)

    async with connecting(oauth, replace(GATEWAY, make=strict)) as mesh, somebody(mesh) as anne:
        answer = await returned(anne.web, await anne.begin(target=f"{OTHER_FRONT}/x"))
        allowed = await sent_on(anne.web, await anne.begin(target=f"{FRONT}/x"))
    assert (code(answer), "location" in answer.headers) == ((400, "INVALID_REDIRECT_URL"), False)
    assert allowed.startswith(f"{FRONT}/x?")


async def test_a_provider_that_nobody_knows_is_400(anne: Person) -> None:
    """An unknown provider is 400 at the beginning; a browser coming back is sent on."""
    answer = await anne.ask("POST", "/facebook/connect", json={})
    assert code(answer) == (400, "INVALID_PROVIDER")
    assert await sent_on(anne.web, await anne.begin(), "facebook") == failed("INVALID_PROVIDER")


@pytest.mark.parametrize("state", ["", "a.b", "a", "</script>", "a.b.c", "x" * 512])
async def test_a_state_that_nobody_has_made_is_refused(anne: Person, state: str) -> None:
    """An invented state is refused, and the browser is sent on without it."""
    back = {"code": "c", "state": state}
    assert (await told(anne.web, back))[0] in (400, 403)
    assert urlsplit(await sent_on(anne.web, back))[:3] == urlsplit(PAGE)[:3]


async def test_a_state_is_good_once_and_for_ten_minutes_and_for_its_provider(
    anne: Person, oauth: OauthProvider
) -> None:
    """INVALID_STATE is the answer to any other state, and no provider is asked for tokens."""
    used, other, old = await anne.begin(), await anne.begin(), await anne.begin()
    await sent_on(anne.web, used)
    asked = len(oauth.asked(TOKEN))
    assert await told(anne.web, used) == (403, "INVALID_STATE")
    assert await told(anne.web, other, "microsoft") == (403, "INVALID_STATE")
    assert await sent_on(anne.web, other | {"state": other["state"][:-2]}) == failed("INVALID_STATE")
    with clock.frozen_at(clock.now() + timedelta(minutes=10, seconds=1)):
        assert await sent_on(anne.web, old) == failed("INVALID_STATE")
    assert len(oauth.asked(TOKEN)) == asked


async def test_of_parallel_callbacks_one_connects(anne: Person) -> None:
    """One of five parallel callbacks with the same state and code connects the account."""
    back = await anne.begin()
    ends = await asyncio.gather(*(sent_on(anne.web, back) for _ in range(5)))
    assert sorted(end.count("status=connected") for end in ends) == [0, 0, 0, 0, 1]
    assert len(await anne.accounts()) == 1


async def test_who_says_no_at_the_provider_is_sent_on(anne: Person, oauth: OauthProvider) -> None:
    """A refusal by the person is a redirection with the reason; a program gets 409."""
    with oauth.refusing():
        first, second = await anne.begin(), await anne.begin()
    assert set(first) >= {"error", "state"}
    assert await sent_on(anne.web, first) == failed("OAUTH_CALLBACK_ERROR")
    back = {name: value for name, value in second.items() if name != "error_description"}
    assert await told(anne.web, back) == (409, "OAUTH_CALLBACK_ERROR")


async def test_a_provider_that_fails_is_503(anne: Person, oauth: OauthProvider) -> None:
    """A failing provider is 503 for a program and a redirection for a browser; the next try succeeds."""
    first, second = await anne.begin(), await anne.begin()
    with oauth.failing(PROFILE, 500):
        assert await told(anne.web, first) == (503, "API_ERROR")
        assert await sent_on(anne.web, second) == failed("API_ERROR")
    assert "status=connected" in await anne.connect()


async def test_an_account_without_a_refresh_token_cannot_be_renewed(
    anne: Person, oauth: OauthProvider
) -> None:
    """NO_REFRESH_TOKEN is 409, without a call of the provider."""
    with oauth.telling(TOKEN, refresh_token=None):
        await anne.connect()
    answer = await anne.ask("POST", f"/google/{oauth.account.id}/refresh")
    assert code(answer) == (409, "NO_REFRESH_TOKEN")


async def test_a_renewal_that_the_provider_refuses_is_503(anne: Person, oauth: OauthProvider) -> None:
    """TOKEN_REFRESH_ERROR is 503 with Retry-After, and the account has to be connected again."""
    await anne.connect()
    with oauth.failing(TOKEN, 400, error="invalid_grant"):
        answer = await anne.ask("POST", f"/google/{oauth.account.id}/refresh")
    assert (code(answer), answer.headers["retry-after"]) == ((503, "TOKEN_REFRESH_ERROR"), "5")
    (account,) = await anne.accounts()
    assert (account["isConnected"], account["status"]) == (False, "error")


async def test_a_grant_that_has_ended_closes_the_door_to_nobody(anne: Person, oauth: OauthProvider) -> None:
    """Repeated refusals of a renewal open no circuit breaker: the service has answered (C14)."""
    await anne.connect()
    with oauth.failing(TOKEN, 400, error="invalid_grant"):
        answers = [await anne.ask("POST", f"/google/{oauth.account.id}/refresh") for _ in range(6)]
    assert {code(answer) for answer in answers} == {(503, "TOKEN_REFRESH_ERROR")}
    assert "status=connected" in await anne.connect()


async def test_an_account_of_another_user_is_none(
    anne: Person, connections: Mesh, oauth: OauthProvider
) -> None:
    """An account of another user is 404 to disconnect and to renew, and in no list."""
    await anne.connect()
    paul = Person(anne.web, "paul", connections.secrets.token(user="paul"))
    path = f"/google/{oauth.account.id}"
    assert code(await paul.ask("DELETE", path)) == (404, "ACCOUNT_NOT_FOUND")
    assert code(await paul.ask("POST", f"{path}/refresh")) == (404, "ACCOUNT_NOT_FOUND")
    assert (await paul.accounts(), len(await anne.accounts())) == ([], 1)


async def test_an_installation_without_providers_says_so() -> None:
    """Providers are listed as switched off, and nothing can be connected."""
    async with connecting(None) as mesh, somebody(mesh) as anne:
        providers = (await anne.ask("GET", "/providers")).json()["providers"]
        answer = await anne.ask("POST", "/google/connect", json={})
    assert {one["actif"] for one in providers} == {False}
    assert code(answer) == (400, "INVALID_PROVIDER")


async def test_a_service_that_sends_browsers_nowhere_connects_nothing(oauth: OauthProvider) -> None:
    """OAUTH_INIT_ERROR is 409 when the service has no origin at which browsers may end."""
    async with connecting(oauth, integrations_redirect_origins="") as mesh, somebody(mesh) as anne:
        answer = await anne.ask("POST", "/google/connect", json={})
    assert code(answer) == (409, "OAUTH_INIT_ERROR")


async def test_a_mesh_without_the_service_goes_on(oauth: OauthProvider) -> None:
    """The endpoints of integrations alone are 503 while it is away, and recover."""
    async with connecting(oauth) as mesh, somebody(mesh) as anne:
        await anne.connect()
        async with mesh.without("integrations"):
            away = await anne.ask("GET", "")
            profile = await anne.web.get("/api/profile", headers=bearer(anne.token))
            live = await anne.web.get("/healthz")
        assert code(away) == (503, "DEPENDANCE_INDISPONIBLE")
        assert (profile.status_code, live.status_code) == (200, 200)
        assert len(await anne.accounts()) == 1
