"""Sign-in by password, renewal and sign-out, against the real auth and users."""

import asyncio
from collections import Counter
from datetime import UTC, timedelta

import httpx
import pytest
from crm.organisations import organisations_pb2 as organisations
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from crm.users import users_pb2
from crm.users.users_pb2_grpc import MembreServiceStub, UtilisateurServiceStub
from db_utils import clock
from grpc import StatusCode
from service_auth.models import TentativeConnexion
from service_testing import Mesh, code_of, eventually
from sqlalchemy import select
from tests.visitors import MakeSomeone, SignIn, Someone, bearer, browser, code

LOGIN, LOGOUT, RENEW, PROFILE = "/api/auth/login", "/api/auth/logout", "/api/auth/renew", "/api/profile"


async def opens_services(mesh: Mesh, token: str) -> StatusCode:
    """Code with which organisations, neither gateway nor auth, answers the holder of *token*."""
    stub = OrganisationServiceStub(mesh.channel("organisations", token))
    return await code_of(stub.List(organisations.ListOrganisationsRequest()))


async def test_a_password_gives_a_token_that_opens_every_service(
    mesh: Mesh, web: httpx.AsyncClient, jeanne: Someone
) -> None:
    """The answer has token and person for the front end, and sets no cookie."""
    answer = await web.post(LOGIN, json=jeanne.credentials)
    told = answer.json()
    assert (answer.status_code, told["message"], set(answer.cookies)) == (200, "Connexion réussie", set())
    assert told["user"] == {
        "id": jeanne.id,
        "email": jeanne.email,
        "nom": "Martin",
        "prenom": "Jeanne",
        "picture": "",
        "organisationId": "",
        "role": "",
    }
    assert told["expiresAt"].endswith("Z")
    assert await opens_services(mesh, told["token"]) == StatusCode.OK


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
async def test_C5_the_scheme_may_have_any_case(
    web: httpx.AsyncClient, jeanne: Someone, sign_in: SignIn, scheme: str
) -> None:
    """A token behind `bearer` in any case is accepted and passed on to the service."""
    token = await sign_in(jeanne)
    answer = await web.post(RENEW, headers={"authorization": f"{scheme} {token}"})
    assert answer.status_code == 200, answer.text


async def test_a_member_is_told_his_organisation(mesh: Mesh, web: httpx.AsyncClient, jeanne: Someone) -> None:
    """The answer has the organisation and the role, which is information."""
    membres = mesh.service_stub(MembreServiceStub, caller="auth")
    await membres.Add(
        users_pb2.AddMembreRequest(organisation_id="org-1", utilisateur_id=jeanne.id, role="MANAGER")
    )
    user = (await web.post(LOGIN, json=jeanne.credentials)).json()["user"]
    assert (user["organisationId"], user["role"]) == ("org-1", "MANAGER")


async def test_what_is_wrong_cannot_be_told_apart(
    mesh: Mesh, web: httpx.AsyncClient, someone: MakeSomeone
) -> None:
    """A wrong password, an unknown address and a disabled account get the same answer."""
    known, disabled = await someone(), await someone()
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")
    await people.Update(users_pb2.UpdateUtilisateurRequest(id=disabled.id, actif=False))
    tries = (
        {**known.credentials, "password": "une autre phrase"},
        {**known.credentials, "email": "personne@nulle-part.exemple.fr"},
        disabled.credentials,
    )
    answers = [await web.post(LOGIN, json=tried) for tried in tries]
    assert {code(answer) for answer in answers} == {(401, "IDENTIFIANTS_INVALIDES")}
    assert {answer.json()["error"]["message"] for answer in answers} == {"Identifiants invalides"}
    assert len({frozenset(answer.headers) for answer in answers}) == 1
    assert len({answer.headers["content-length"] for answer in answers}) == 1


async def test_the_sixth_try_finds_the_account_locked(web: httpx.AsyncClient, jeanne: Someone) -> None:
    """The right password is refused after five failures, with the seconds to wait."""
    wrong = {**jeanne.credentials, "password": "une autre phrase"}
    for _ in range(5):
        assert (await web.post(LOGIN, json=wrong)).status_code == 401
    locked = await web.post(LOGIN, json=jeanne.credentials)
    assert code(locked) == (429, "COMPTE_VERROUILLE")
    assert 890 < int(locked.headers["retry-after"]) <= 900
    assert locked.json()["error"]["retryAfter"] == int(locked.headers["retry-after"])


async def test_of_ten_parallel_wrong_passwords_five_are_judged(
    web: httpx.AsyncClient, jeanne: Someone
) -> None:
    """Five of ten parallel wrong passwords are judged; the others find the lock."""
    wrong = {**jeanne.credentials, "password": "une autre phrase"}
    answers = await asyncio.gather(*(web.post(LOGIN, json=wrong) for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {401: 5, 429: 5}


@pytest.mark.parametrize(
    ("email", "password", "reason"),
    [("nobody", "x", "FORMAT_INVALIDE"), ("a@exemple.fr", "é" * 40, "TROP_LONG")],
    ids=["email", "password"],
)
async def test_what_auth_cannot_read_is_400(
    web: httpx.AsyncClient, email: str, password: str, reason: str
) -> None:
    """A field that only auth can judge is 400 with the reason of auth."""
    assert code(await web.post(LOGIN, json={"email": email, "password": password})) == (400, reason)


async def test_a_token_is_refused_everywhere_after_its_sign_out(
    mesh: Mesh, web: httpx.AsyncClient, jeanne: Someone, sign_in: SignIn
) -> None:
    """Gateway and services refuse the token; the other session of the person goes on."""
    token, other = await sign_in(jeanne), await sign_in(jeanne)
    answer = await web.post(LOGOUT, headers=bearer(token))
    assert (answer.status_code, answer.content) == (204, b"")

    async def refused_everywhere() -> bool:
        at_gateway = await web.get(PROFILE, headers=bearer(token))
        at_service = await opens_services(mesh, token)
        return (at_gateway.status_code, at_service) == (401, StatusCode.UNAUTHENTICATED)

    await eventually(refused_everywhere)
    assert code(await web.get(PROFILE, headers=bearer(token))) == (401, "JETON_REVOQUE")
    assert await opens_services(mesh, other) == StatusCode.OK


async def test_a_renewed_token_takes_the_place_of_the_old_one(
    mesh: Mesh, web: httpx.AsyncClient, jeanne: Someone, sign_in: SignIn
) -> None:
    """A renewed token is good, and the old one cannot be renewed again."""
    token = await sign_in(jeanne)
    renewed = await web.post(RENEW, headers=bearer(token))
    assert (renewed.status_code, set(renewed.json())) == (
        200,
        {"token", "expiresAt", "organisationId", "role", "organisations"},
    )
    assert await opens_services(mesh, renewed.json()["token"]) == StatusCode.OK
    again = await web.post(RENEW, headers=bearer(token))
    assert code(again) == (401, "JETON_REVOQUE")


async def test_a_session_cannot_be_renewed_for_ever(
    web: httpx.AsyncClient, jeanne: Someone, sign_in: SignIn
) -> None:
    """SESSION_TROP_ANCIENNE is 409 twelve hours after the password."""
    start = clock.now()
    token, statuses = await sign_in(jeanne), []
    for passed in range(50, 800, 50):
        with clock.frozen_at(start + timedelta(minutes=passed)):
            answer = await web.post(RENEW, headers=bearer(token))
        statuses.append(answer.status_code)
        token = answer.json().get("token", token)
        if answer.status_code != 200:
            break
    assert statuses == [200] * 14 + [409]
    assert code(answer) == (409, "SESSION_TROP_ANCIENNE")


async def test_a_token_of_another_issuer_cannot_be_renewed(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """A token of another issuer is JETON_NON_RENOUVELABLE, though services accept it."""
    answer = await web.post(RENEW, headers=bearer(mesh.secrets.token()))
    assert code(answer) == (401, "JETON_NON_RENOUVELABLE")


async def test_G5_auth_learns_where_a_sign_in_comes_from(mesh: Mesh, jeanne: Someone) -> None:
    """Addresses told by the trusted proxy have limits of their own at auth."""
    async with browser(mesh) as first, browser(mesh) as second:
        for number in range(20):
            email = f"nobody-{number}@exemple.fr"
            await first.post(LOGIN, json={**jeanne.credentials, "email": email})
        refused = await first.post(LOGIN, json=jeanne.credentials)
        answered = await second.post(LOGIN, json=jeanne.credentials)
    assert (code(refused), answered.status_code) == ((429, "TROP_DE_REQUETES"), 200)


async def test_G5_a_user_agent_is_cut(mesh: Mesh, web: httpx.AsyncClient, jeanne: Someone) -> None:
    """A user agent is cut to 300 characters, without those that cannot be printed."""
    agent = "Firefox\xad" + "x" * 5_000
    headers = {b"user-agent": agent.encode("latin-1"), b"x-forwarded-for": b"192.0.2.200"}
    assert (await web.post(LOGIN, json=jeanne.credentials, headers=headers)).status_code == 200
    noted = (
        await mesh.database("auth")
        .read()
        .all(select(TentativeConnexion).where(TentativeConnexion.ip == "192.0.2.200"))
    )
    assert [row.user_agent for row in noted] == ["Firefox" + "x" * 293]


async def test_a_renewal_is_a_visit(
    mesh: Mesh, web: httpx.AsyncClient, jeanne: Someone, sign_in: SignIn
) -> None:
    """A renewal is told to the directory in the background."""
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")
    token, later = await sign_in(jeanne), clock.now() + timedelta(minutes=10)

    async def seen_later() -> bool:
        found = await people.Get(users_pb2.GetUtilisateurRequest(id=jeanne.id))
        return found.derniere_connexion.ToDatetime(UTC) == later

    with clock.frozen_at(later):
        assert (await web.post(RENEW, headers=bearer(token))).status_code == 200
        await eventually(seen_later)
