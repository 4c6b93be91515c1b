"""Sign-in at Google: the whole pop-up against a provider on a real socket."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from db_utils import clock
from gateway.edge import GATEWAY
from gateway.policies import GOOGLE_CALLBACK, GOOGLE_URL, PROFILE
from service_kit.registry import service_named
from service_testing import Mesh, running
from service_testing.oidc import OidcProvider, browse, person
from service_testing.popup import Posted, posted
from tests.visitors import FRONT, OTHER_FRONT, MakeSomeone, bearer, browser, code, new_email

COOKIES = ("crm_oauth", "crm_oauth_origin")


async def begin(web: httpx.AsyncClient, **headers: str) -> str:
    """Begin a sign-in, and return the address of the pop-up; the browser keeps the cookies."""
    answer = await web.get(GOOGLE_URL, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["authUrl"])


async def finish(web: httpx.AsyncClient, **query: Any) -> tuple[int, Posted]:
    """Return from the provider, and give the status and the message that the page posts."""
    answer = await web.get(GOOGLE_CALLBACK, params=query)
    return answer.status_code, posted(answer.text)


async def sign_in(web: httpx.AsyncClient, **headers: str) -> tuple[int, Posted]:
    """Sign in from beginning to end, and give the status and the message."""
    return await finish(web, **await browse(await begin(web, **headers)))


async def test_a_first_sign_in_makes_an_account_and_a_second_finds_it(
    web: httpx.AsyncClient, provider: OidcProvider
) -> None:
    """The page posts the token to the front end; it opens the profile."""
    email = new_email()
    provider.person = person(email, picture="https://exemple.fr/a.png")
    (status, first), (_, second) = await sign_in(web), await sign_in(web)
    assert (status, first.origin, first.message["type"]) == (200, FRONT, "crm:auth")
    assert set(first.message) == {"type", "message", "token", "user", "organisations", "isNewUser"}
    assert (first.message["isNewUser"], second.message["isNewUser"]) == (True, False)
    assert first.message["user"] == second.message["user"]
    assert {name: first.message["user"][name] for name in ("email", "prenom", "nom", "picture")} == {
        "email": email,
        "prenom": "Jeanne",
        "nom": "Martin",
        "picture": "https://exemple.fr/a.png",
    }
    profile = await web.get(PROFILE, headers=bearer(second.message["token"]))
    assert profile.json()["user"]["id"] == first.message["user"]["id"]


async def test_a_known_address_gets_the_identity(
    web: httpx.AsyncClient, provider: OidcProvider, someone: MakeSomeone
) -> None:
    """An account with the address that Google vouches for signs in: no second one is made."""
    known = await someone()
    provider.person = person(known.email)
    status, page = await sign_in(web)
    assert (status, page.message["user"]["id"], page.message["isNewUser"]) == (200, known.id, False)


async def test_the_cookie_binds_the_pop_up_to_the_browser(web: httpx.AsyncClient) -> None:
    """The cookie is HttpOnly, SameSite=Lax, and lives as long as the state."""
    answer = await web.get(GOOGLE_URL)
    cookies = dict(line.split("=", 1) for line in answer.headers.get_list("set-cookie"))
    attributes = {name: set(text.split("; ")[1:]) for name, text in cookies.items()}
    wanted = {"HttpOnly", "Max-Age=600", "Path=/api/auth/google", "SameSite=lax"}
    assert attributes == dict.fromkeys(COOKIES, wanted)
    assert set(answer.json()) == {"authUrl", "expiresAt"}


async def test_the_way_to_google_has_a_state_a_nonce_and_a_challenge(web: httpx.AsyncClient) -> None:
    """Secrets of the address are new each time, and none of them is the cookie's."""
    asked = [parse_qs(urlsplit(await begin(web)).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
    assert web.cookies["crm_oauth"] not in str(asked[1])


async def test_G11_the_page_tells_the_origin_that_began(web: httpx.AsyncClient) -> None:
    """The message goes to the origin that began, if it is an allowed one."""
    _, page = await sign_in(web, origin=OTHER_FRONT)
    assert page.origin == OTHER_FRONT
    _, page = await sign_in(web, origin="https://evil.example")
    assert page.origin == FRONT


async def test_G11_the_cookies_are_cleared_at_the_end(web: httpx.AsyncClient) -> None:
    """A success clears the cookies; a second callback has none."""
    back = await browse(await begin(web))
    assert set(web.cookies) == set(COOKIES)
    await finish(web, **back)
    assert set(web.cookies) == set()


def failure(status: int, page: Posted) -> tuple[int, str]:
    """Status and reason of a sign-in that has failed; no token is anywhere in the page."""
    assert set(page.message) == {"type", "code", "message"}
    assert page.message["type"] == "crm:auth:error"
    return status, page.message["code"]


async def test_a_state_is_good_for_one_callback(web: httpx.AsyncClient, provider: OidcProvider) -> None:
    """A second callback is refused and never reaches Google."""
    back = await browse(await begin(web))
    cookies = httpx.Cookies(web.cookies)
    await finish(web, **back)
    asked = len(provider.requests)
    web.cookies = cookies
    assert failure(*await finish(web, **back)) == (400, "ETAT_DEJA_UTILISE")
    assert len(provider.requests) == asked


async def test_of_parallel_callbacks_one_succeeds(web: httpx.AsyncClient) -> None:
    """One of several parallel callbacks with the same state and code succeeds."""
    back = await browse(await begin(web))
    header = "; ".join(f"{name}={web.cookies[name]}" for name in COOKIES)
    answers = await asyncio.gather(
        *(web.get(GOOGLE_CALLBACK, params=back, headers={"cookie": header}) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]


async def test_a_state_expires(web: httpx.AsyncClient) -> None:
    """A state of more than ten minutes is refused, even by a browser that keeps its cookie."""
    back = await browse(await begin(web))
    with clock.frozen_at(clock.now() + timedelta(minutes=11)):
        assert failure(*await finish(web, **back)) == (400, "ETAT_EXPIRE")


async def test_a_state_of_another_browser_is_none(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """A callback without a cookie, or with another browser's, is refused."""
    back = await browse(await begin(web))
    async with browser(mesh) as other:
        assert failure(*await finish(other, **back)) == (400, "ETAT_INVALIDE")
        await begin(other)
        assert failure(*await finish(other, **back)) == (400, "ETAT_INVALIDE")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"state": "never-made", "code": "c"}, (400, "ETAT_INVALIDE")),
        ({"state": "</script><script>alert(1)</script>", "code": "c"}, (400, "ETAT_INVALIDE")),
        ({"code": "c"}, (400, "CHAMP_REQUIS")),
        ({}, (400, "CHAMP_REQUIS")),
    ],
    ids=["unknown", "script", "none", "nothing"],
)
async def test_a_callback_that_nobody_began_fails(
    web: httpx.AsyncClient, query: dict[str, str], reason: tuple[int, str]
) -> None:
    """An invented state is refused and makes no account."""
    assert failure(*await finish(web, **query)) == reason


async def test_a_callback_without_a_code_fails(web: httpx.AsyncClient) -> None:
    """A callback without a code is CODE_REQUIS."""
    back = await browse(await begin(web))
    assert failure(*await finish(web, state=back["state"])) == (400, "CODE_REQUIS")


async def test_who_says_no_at_google_is_told_so(web: httpx.AsyncClient, provider: OidcProvider) -> None:
    """A refusal by the person is 403; any other error of the provider is 503."""
    with provider.refusing():
        assert failure(*await sign_in(web)) == (403, "REFUS_UTILISATEUR")
    with provider.refusing("server_error"):
        assert failure(*await sign_in(web)) == (503, "GOOGLE_INDISPONIBLE")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "another"}, "ID_TOKEN_INVALIDE"),
        ({"aud": "another"}, "ID_TOKEN_INVALIDE"),
        ({"iss": "https://evil.example"}, "ID_TOKEN_INVALIDE"),
        ({"exp": 1}, "ID_TOKEN_INVALIDE"),
        ({"sub": None}, "ID_TOKEN_INVALIDE"),
        ({"email_verified": False}, "EMAIL_NON_VERIFIE"),
    ],
    ids=["nonce", "audience", "issuer", "expired", "subject", "unverified"],
)
async def test_an_id_token_that_is_not_right_makes_nobody(
    web: httpx.AsyncClient, provider: OidcProvider, claims: dict[str, object], reason: str
) -> None:
    """A wrong ID token is 401 with a page that says why, and makes no account."""
    with provider.claiming(**claims):
        assert failure(*await sign_in(web)) == (401, reason)


async def test_an_id_token_of_another_key_makes_nobody(
    web: httpx.AsyncClient, provider: OidcProvider
) -> None:
    """An ID token of a foreign key is refused, whatever key id it names."""
    with provider.forging():
        assert failure(*await sign_in(web)) == (401, "ID_TOKEN_INVALIDE")


async def test_while_google_is_away_the_page_says_so(web: httpx.AsyncClient, provider: OidcProvider) -> None:
    """The page is 503 while Google is away; the person begins again later."""
    back = await browse(await begin(web))
    async with provider.down():
        assert failure(*await finish(web, **back)) == (503, "GOOGLE_INDISPONIBLE")
    assert (await sign_in(web))[0] == 200


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/cb",
        "//evil.example",
        "https://app.example@evil.example",
        "javascript:alert(1)",
        "http://127.0.0.1:5000/api/auth/google/callback/../../x",
        "http://127.0.0.1:5000/api/auth/google/callback?next=https://evil.example",
    ],
)
async def test_google_sends_nobody_elsewhere(web: httpx.AsyncClient, address: str) -> None:
    """Redirections that differ in one character from the allowed ones are refused."""
    answer = await web.get(GOOGLE_URL, params={"redirect_uri": address})
    assert (code(answer), answer.headers.get_list("set-cookie")) == ((400, "REDIRECTION_INVALIDE"), [])


async def test_an_installation_without_google_says_so() -> None:
    """GOOGLE_NON_CONFIGURE is 409, by which the front end hides the button."""
    async with running(service_named("auth"), GATEWAY) as mesh, browser(mesh) as web:
        assert code(await web.get(GOOGLE_URL)) == (409, "GOOGLE_NON_CONFIGURE")
