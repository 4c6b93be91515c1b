"""Reports of services outside the mesh about the people who sign in there."""

import asyncio
import json

import httpx
import pytest
from crm.events.identity_pb2 import UserLoginEvent
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from service_testing import Mesh
from tests.visitors import bearer, code, proof, seen

SYNC = "/land/api/v1/users/sync"


async def test_a_person_is_made_and_his_sign_in_announced_once(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """The announcement is on the subject of identities, and no business event tells of it."""
    person = seen(companyId="org-sync")
    answers = [(await web.post(SYNC, json=person, headers=proof(mesh))).json() for _ in range(2)]
    first, _ = answers
    assert first["user"] == {
        "id": first["user"]["id"],
        "auth0Id": person["auth0Id"],
        "email": person["email"],
        "name": "Anne Roy",
        "role": "ADMIN",
        "userType": "COURTIER",
        "companyId": "org-sync",
        "accessibleApps": ["crm", "commercial", "accounting"],
    }
    assert [(told["isFirstLogin"], told["created"]) for told in answers] == [(True, True), (False, False)]
    published = await mesh.published(UserLoginEvent, 1, where=lambda e: e.user_id == first["user"]["id"])
    assert [event.event_id for event in published] == [first["eventId"]]


async def test_parallel_reports_of_one_person_make_one_account(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """Twenty parallel reports make one account, and one of them creates it."""
    person = seen()
    reports = (web.post(SYNC, json=person, headers=proof(mesh)) for _ in range(20))
    answers = [answer.json() for answer in await asyncio.gather(*reports)]
    assert len({told["user"]["id"] for told in answers}) == 1
    assert [told["created"] for told in answers].count(True) == 1


@pytest.mark.parametrize(
    ("changes", "reason", "champ"),
    [
        ({"auth0Id": ""}, "CHAMP_REQUIS", "auth0Id"),
        ({"email": ""}, "CHAMP_REQUIS", "email"),
        ({"userType": ""}, "CHAMP_REQUIS", "userType"),
        ({"auth0Id": None}, "FORMAT_INVALIDE", "auth0Id"),
        ({"auth0Id": "a" * 256}, "TROP_LONG", "auth0Id"),
        ({"auth0Id": " a"}, "FORMAT_INVALIDE", "auth0Id"),
        ({"auth0Id": "é"}, "FORMAT_INVALIDE", "auth0Id"),
        ({"email": "nobody"}, "FORMAT_INVALIDE", "email"),
        ({"picture": "http://exemple.fr/a.png"}, "FORMAT_INVALIDE", "picture"),
        ({"picture": "javascript:alert(1)"}, "FORMAT_INVALIDE", "picture"),
        ({"picture": "https://" + "a" * 2048}, "TROP_LONG", "picture"),
        ({"metadata": []}, "FORMAT_INVALIDE", "metadata"),
        ({"provider": "facebook"}, "VALEUR_INCONNUE", "provider"),
        ({"companyId": "?"}, "FORMAT_INVALIDE", "companyId"),
        ({"firstName": "\x00"}, "FORMAT_INVALIDE", "firstName"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_what_is_no_report_is_refused(
    mesh: Mesh, web: httpx.AsyncClient, changes: dict[str, object], reason: str, champ: str
) -> None:
    """A malformed report is 400, by the gateway or users, with the field as it was sent."""
    answer = await web.post(SYNC, json=seen(**changes), headers=proof(mesh))
    assert (code(answer), answer.json()["error"]["champ"]) == ((400, reason), champ)


async def test_what_is_left_out_or_null_is_empty(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """A field that is missing or null is empty: some JSON libraries write null for the unknown."""
    person = {name: seen()[name] for name in ("auth0Id", "email", "userType")}
    answer = await web.post(SYNC, json={**person, "name": None, "picture": None}, headers=proof(mesh))
    assert (answer.status_code, answer.json()["user"]["companyId"]) == (200, "")


@pytest.mark.parametrize("name", ["users", "Organisations", "organisations ", "x" * 64, "o", "é", ""])
async def test_a_service_reports_under_its_own_name(mesh: Mesh, web: httpx.AsyncClient, name: str) -> None:
    """Any other name than that of the token is 403: a bare header proves nothing."""
    token = proof(mesh)["authorization"]
    headers = {
        b"authorization": token.encode(),
        b"x-service-name": name.encode("latin-1") + b"\xa0" * (not name),
    }
    if name.strip() == "organisations":
        headers[b"x-service-name"] = b"organisations\xa0"  # spaces at the end are no part of a header
    answer = await web.post(SYNC, json=seen(), headers=headers)
    assert code(answer) == (403, "JETON_SERVICE_REQUIS")


async def test_a_report_without_the_name_of_its_service_is_refused(
    mesh: Mesh, web: httpx.AsyncClient
) -> None:
    """X-Service-Name is mandatory."""
    headers = {"authorization": proof(mesh)["authorization"]}
    assert code(await web.post(SYNC, json=seen(), headers=headers)) == (403, "JETON_SERVICE_REQUIS")


async def test_a_user_reports_nobody(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """The token of a user is 403, whatever X-Service-Name says."""
    headers = {**bearer(mesh.secrets.token()), "x-service-name": "organisations"}
    assert code(await web.post(SYNC, json=seen(), headers=headers)) == (403, "JETON_SERVICE_REQUIS")


async def test_a_token_for_another_service_is_no_proof_here(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """A service token made for users is refused at the gateway."""
    answer = await web.post(SYNC, json=seen(), headers=proof(mesh, callee="users"))
    assert code(answer) == (401, "JETON_INVALIDE")


async def test_another_subject_of_a_known_address_is_a_conflict(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """CONFLIT_IDENTITE is 409: an account has one subject of a provider."""
    person = seen()
    await web.post(SYNC, json=person, headers=proof(mesh))
    other = seen(email=person["email"])
    assert code(await web.post(SYNC, json=other, headers=proof(mesh))) == (409, "CONFLIT_IDENTITE")


async def test_a_disabled_account_is_a_conflict(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """COMPTE_DESACTIVE is 409, as the state of the account forbids it."""
    person = seen()
    told = (await web.post(SYNC, json=person, headers=proof(mesh))).json()
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")
    await people.Update(pb.UpdateUtilisateurRequest(id=told["user"]["id"], actif=False))
    assert code(await web.post(SYNC, json=person, headers=proof(mesh))) == (409, "COMPTE_DESACTIVE")


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "9" * 400])
async def test_numbers_that_no_message_holds_are_refused(
    mesh: Mesh, web: httpx.AsyncClient, number: str
) -> None:
    """Numbers of JSON that no message can hold are 400 in metadata, not 500."""
    body = json.dumps(seen(metadata={"n": 0})).replace('{"n": 0}', f'{{"n": {number}}}')
    headers = {**proof(mesh), "content-type": "application/json"}
    answer = await web.post(SYNC, content=body, headers=headers)
    assert answer.status_code in (200, 400)


async def test_G2_a_report_has_its_limit(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """A report of more than 32 KiB is 413."""
    answer = await web.post(SYNC, json=seen(metadata={"a": "x" * 33_000}), headers=proof(mesh))
    assert code(answer) == (413, "CORPS_TROP_GRAND")
