"""Services that are away: the answers of the gateway meanwhile, and its recovery."""

from functools import partial

from gateway.policies import LOGIN, PROFILE, SYNC
from service_testing import Mesh, eventually, fresh_database
from service_testing.issuer import IdentityProvider
from service_testing.link import database_link
from service_testing.oidc import OidcProvider
from tests.visitors import bearer, browser, code, identity, is_ready, made, outsider, proof, seen, signed_in


async def test_without_auth_nobody_signs_in(fragile: Mesh) -> None:
    """A sign-in is 503 with Retry-After, readiness names auth, and tokens are still accepted."""
    person = await made(fragile)
    async with browser(fragile) as web:
        token = await signed_in(web, person)
        assert (await web.get(PROFILE, headers=bearer(token))).status_code == 200  # the key is known now
        async with fragile.without("auth"):
            answer = await web.post(LOGIN, json=person.credentials)
            missing = await web.get("/readyz")
            profile = await web.get(PROFILE, headers=bearer(token))
            keys = await web.get("/.well-known/jwks.json")
        await eventually(partial(is_ready, web))
        assert (await web.post(LOGIN, json=person.credentials)).status_code == 200
    assert (code(answer), answer.headers["retry-after"]) == ((503, "DEPENDANCE_INDISPONIBLE"), "5")
    assert (missing.status_code, missing.json()) == (
        503,
        {"status": "degraded", "missing": ["auth"], "revocations": "ok"},
    )
    assert (profile.status_code, profile.json()["degraded"]) == (200, False)
    assert len(keys.json()["keys"]) == 1


async def test_without_users_the_token_tells_who_calls(fragile: Mesh) -> None:
    """The profile is degraded: it is built from the claims of the token."""
    email, token = outsider(fragile, picture="https://exemple.fr/a.png")
    async with browser(fragile) as web, fragile.without("users"):
        answer = await web.get(PROFILE, headers=bearer(token))
    told = answer.json()
    assert (answer.status_code, told["degraded"], told["organisations"]) == (200, True, [])
    assert {name: told["user"][name] for name in ("email", "prenom", "nom", "picture")} == {
        "email": email,
        "prenom": "Anne",
        "nom": "Roy",
        "picture": "https://exemple.fr/a.png",
    }


async def test_a_directory_that_hangs_is_not_waited_for(
    provider: OidcProvider, kinde: IdentityProvider
) -> None:
    """The profile is built from the token after two seconds of silence."""
    async with (
        database_link(fresh_database()) as link,
        identity(provider, kinde, database_url=link.url) as mesh,
        browser(mesh) as web,
    ):
        email, token = outsider(mesh)
        with link.hanging():
            told = (await web.get(PROFILE, headers=bearer(token))).json()
        assert (told["degraded"], told["user"]["email"]) == (True, email)


async def test_claims_of_another_form_are_left_out(fragile: Mesh) -> None:
    """Claims that are no text are left empty in a degraded profile."""
    _, token = outsider(fragile, email=["a"], given_name=7, family_name=None, picture={})
    async with browser(fragile) as web, fragile.without("users"):
        told = (await web.get(PROFILE, headers=bearer(token))).json()
    assert {told["user"][name] for name in ("email", "prenom", "nom", "picture")} == {""}


async def test_without_users_a_service_is_to_report_again(fragile: Mesh) -> None:
    """A report is 503 with Retry-After; nothing is stored here."""
    async with browser(fragile) as web, fragile.without("users"):
        answer = await web.post(SYNC, json=seen(), headers=proof(fragile))
    assert (code(answer), answer.headers["retry-after"]) == ((503, "DEPENDANCE_INDISPONIBLE"), "5")


async def test_a_silent_service_is_no_longer_asked(fragile: Mesh) -> None:
    """Five failures open the circuit (C14): reports are 503 at once, the profile comes from the token."""
    _, token = outsider(fragile)
    async with browser(fragile) as web, fragile.without("users"):
        reports = [await web.post(SYNC, json=seen(), headers=proof(fragile)) for _ in range(6)]
        profiles = [(await web.get(PROFILE, headers=bearer(token))).json() for _ in range(6)]
    assert [code(report)[1] for report in reports] == ["DEPENDANCE_INDISPONIBLE"] * 5 + ["CIRCUIT_OUVERT"]
    assert {told["degraded"] for told in profiles} == {True}
