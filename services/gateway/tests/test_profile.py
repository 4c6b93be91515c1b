"""The caller's own profile, and the notices to the directory about visits."""

import asyncio

import httpx
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import MembreServiceStub, SyncServiceStub, UtilisateurServiceStub
from gateway.visits import PAUSE, Visits
from service_testing import Mesh, eventually
from service_testing.seconds import Seconds
from tests.visitors import bearer, code, outsider

PROFILE = "/api/profile"


async def test_an_unknown_person_has_an_account_after_his_first_visit(
    mesh: Mesh, web: httpx.AsyncClient
) -> None:
    """A first visit makes an account of the token's claims; a second one finds it."""
    email, token = outsider(mesh)
    first, second = [(await web.get(PROFILE, headers=bearer(token))).json() for _ in range(2)]
    assert (first["created"], second["created"]) == (True, False)
    assert first["user"] == second["user"]
    assert {name: first["user"][name] for name in ("email", "prenom", "nom", "userType")} == {
        "email": email,
        "prenom": "Anne",
        "nom": "Roy",
        "userType": "UTILISATEUR",
    }
    assert (first["organisations"], first["hasOrganisation"], first["degraded"]) == ([], False, False)


async def test_parallel_first_visits_make_one_account(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """Ten parallel first visits make one account."""
    _, token = outsider(mesh)
    answers = await asyncio.gather(*(web.get(PROFILE, headers=bearer(token)) for _ in range(10)))
    assert {answer.text for answer in answers if answer.status_code != 200} == set()
    assert len({answer.json()["user"]["id"] for answer in answers}) == 1
    assert [answer.json()["created"] for answer in answers].count(True) == 1


async def test_a_member_sees_his_organisations(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """Organisations are listed with the state of the membership and the role."""
    _, token = outsider(mesh)
    known = (await web.get(PROFILE, headers=bearer(token))).json()["user"]
    membres = mesh.service_stub(MembreServiceStub, caller="auth")
    added = pb.AddMembreRequest(organisation_id="org-profil", utilisateur_id=known["id"], role="COMMERCIAL")
    await membres.Add(added)
    told = (await web.get(PROFILE, headers=bearer(token))).json()
    assert (told["hasOrganisation"], told["organisations"]) == (
        True,
        [{"id": "org-profil", "nom": "", "role": "COMMERCIAL", "etat": "actif"}],
    )


async def test_a_disabled_account_is_refused(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """A disabled account is 401, whatever its token says."""
    _, token = outsider(mesh)
    user_id = (await web.get(PROFILE, headers=bearer(token))).json()["user"]["id"]
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")
    await people.Update(pb.UpdateUtilisateurRequest(id=user_id, actif=False))
    assert code(await web.get(PROFILE, headers=bearer(token))) == (401, "COMPTE_DESACTIVE")


async def test_G4_the_correlation_id_reaches_the_services(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """The correlation id of the request is in the log of the called service."""
    _, token = outsider(mesh)
    headers = {**bearer(token), "x-correlation-id": "visit-1"}
    assert (await web.get(PROFILE, headers=headers)).headers["x-correlation-id"] == "visit-1"


async def test_a_visit_is_told_once_in_five_minutes(mesh: Mesh) -> None:
    """A second visit within five minutes is not told to the directory."""
    email, token = outsider(mesh)
    now = Seconds()
    channel = mesh.channel("users")
    visits = Visits(SyncServiceStub(channel), now)
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")

    async def made() -> bool:
        listed = await people.List(pb.ListUtilisateursRequest(search=email))
        return len(listed.utilisateurs) == 1

    visits.tell("somebody", token)
    assert visits.told("somebody")
    await eventually(made)
    now.passed = PAUSE
    assert not visits.told("somebody")
    await visits.stop()


async def test_a_visit_that_cannot_be_told_is_dropped(mesh: Mesh) -> None:
    """A notice that fails is dropped, and no request waits for it."""
    visits = Visits(SyncServiceStub(mesh.channel("users")), Seconds())
    visits.tell("somebody", "a.b.c")
    await visits.stop()
