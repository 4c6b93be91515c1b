"""First calls of people, with everything up: users decides, its event makes the copy."""

import asyncio
from typing import Any

import grpc
import pytest
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.dashboard.dashboard_pb2 import DashboardFilters
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceStub
from crm.events.identity_pb2 import UserLoginEvent
from crm.users import users_pb2
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from grpc_utils import ServiceSigner
from service_testing import refusal, refused, running
from tests.comptoirs.service import COMPTABILITE
from tests.visiteurs import Comptoirs, Visiteur, accounts, copies_in, new_org, roles, visits, waiting

NOT_AUTHORISED = (grpc.StatusCode.UNAUTHENTICATED, "UTILISATEUR_NON_AUTORISE")


async def test_S6_the_event_makes_the_copy(comptoirs: Comptoirs, visiteur: Visiteur) -> None:
    """One copy has the role and the id of users; the handler ran once, the account is there."""
    answer = await comptoirs.visit(visiteur, note=True)
    central = await comptoirs.central(visiteur)
    copy = await comptoirs.known(visiteur)
    assert central is not None
    assert (copy.origine, copy.role, copy.utilisateur_id) == ("evenement", "ADMIN", central.id)
    assert (copy.first_name, copy.last_name, copy.email) == ("Jeanne", "Martin", visiteur.email)
    assert (answer.date_debut, answer.date_fin) == (str(copy.id), "ADMIN")
    database = comptoirs.mesh.database("comptabilite")
    assert await visits(database, str(copy.id)) == 1
    assert await accounts(database, visiteur.organisation) == 1
    assert len(await copies_in(database, visiteur.organisation)) == 1


async def test_S5_users_hears_where_somebody_came_from(comptoirs: Comptoirs, visiteur: Visiteur) -> None:
    """The event holds the source and the application of the first sign-in."""
    await comptoirs.visit(visiteur)
    (event,) = await comptoirs.mesh.published(
        UserLoginEvent, 1, where=lambda event: event.auth0_id == visiteur.sujet
    )
    assert dict(event.metadata) == {"source": "accounting-service", "firstLoginFrom": "accounting"}
    assert (event.is_first_login, event.company_id) == (True, visiteur.organisation)


async def test_S11_thirty_first_calls_at_once_are_one_arrival(
    comptoirs: Comptoirs, visiteur: Visiteur
) -> None:
    """Thirty first calls make one row, one SyncUser and one account, and are served as one person."""
    answers = await asyncio.gather(*(comptoirs.visit(visiteur) for _ in range(30)))
    database = comptoirs.mesh.database("comptabilite")
    (copy,) = await copies_in(database, visiteur.organisation)
    central = await comptoirs.central(visiteur)
    assert {answer.date_debut for answer in answers} == {str(copy.id)}
    assert central is not None
    assert central.nombre_connexions == 1
    assert await accounts(database, visiteur.organisation) == 1


async def test_S11_of_two_first_people_one_is_the_admin(comptoirs: Comptoirs) -> None:
    """One of two simultaneous newcomers is ADMIN, and one account is opened."""
    organisation = new_org()
    people = [Visiteur(organisation) for _ in range(2)]
    await asyncio.gather(*(comptoirs.visit(one) for one in people))
    copies = await copies_in(comptoirs.mesh.database("comptabilite"), organisation)
    assert sorted(roles(copies)) == ["ADMIN", "VIEWER"]
    assert await accounts(comptoirs.mesh.database("comptabilite"), organisation) == 1


@pytest.mark.parametrize("missing", ["organisation", "user_type"])
async def test_S4_a_newcomer_of_whom_one_thing_is_missing_is_kept_out(
    comptoirs: Comptoirs, visiteur: Visiteur, missing: str
) -> None:
    """A newcomer with only one of organisation and type is refused; no copy is made, users is not told."""
    without: Any = {"organisation": None} if missing == "organisation" else {"user_type": ""}
    answer = await refusal(comptoirs.visit(visiteur, note=True, **without))
    assert (answer.code, answer.reason) == NOT_AUTHORISED
    assert answer.message == "User is not authorized for this service."
    assert await comptoirs.copy(visiteur) is None
    assert await comptoirs.central(visiteur) is None


async def test_S4_a_newcomer_whose_token_names_neither_is_served(
    comptoirs: Comptoirs, visiteur: Visiteur
) -> None:
    """The handler sees the subject as a VIEWER; no copy is made, and users is not told."""
    answers = [await comptoirs.visit(visiteur, organisation=None, user_type="") for _ in range(2)]
    assert [(answer.date_debut, answer.date_fin) for answer in answers] == [(visiteur.sujet, "VIEWER")] * 2
    assert await comptoirs.copy(visiteur) is None
    assert await comptoirs.central(visiteur) is None
    assert (await comptoirs.visit(visiteur)).date_fin == "ADMIN"  # with both he is met as anybody new


async def test_S4_a_service_without_the_component_serves_the_same_token(
    comptoirs: Comptoirs, visiteur: Visiteur
) -> None:
    """Services without the component serve a token without organisation."""
    token = visiteur.token(comptoirs.mesh, organisation=None)
    clients = ClientBaseServiceStub(comptoirs.mesh.channel("clients", token))
    assert len((await clients.List(clients_pb2.ListClientBasesRequest())).clients) == 0


async def test_S3_somebody_known_needs_no_claims_any_more(comptoirs: Comptoirs, visiteur: Visiteur) -> None:
    """A known person is served though his token lacks organisation, type and address."""
    first = await comptoirs.visit(visiteur)
    again = await comptoirs.visit(visiteur, organisation=None, user_type="", email="")
    assert again == first


async def test_S1_calls_of_services_have_no_local_user(comptoirs: Comptoirs) -> None:
    """Calls of services are served without a local user."""
    mesh = comptoirs.mesh
    token = ServiceSigner("users", mesh.secrets.keys["users"].private).token("comptabilite", None)
    stub = DashboardKpisServiceStub(mesh.channel("comptabilite", token))
    assert (await stub.GetKpis(DashboardFilters())).date_debut == ""


async def test_S1_without_authentication_everything_is_skipped() -> None:
    """Calls without authentication are served without a local user."""
    async with running(COMPTABILITE, auth_enabled=False) as mesh:
        stub = DashboardKpisServiceStub(mesh.channel("comptabilite"))
        assert (await stub.GetKpis(DashboardFilters())).date_debut == ""


async def test_a_component_that_is_off_meets_nobody(visiteur: Visiteur) -> None:
    """Calls have no local user with USER_SYNC_ENABLED=false; events are heard all the same."""
    async with running(COMPTABILITE, user_sync_enabled=False) as mesh:
        comptoirs = Comptoirs(mesh)
        assert (await comptoirs.visit(visiteur)).date_debut == ""
        assert await comptoirs.copy(visiteur) is None
        await mesh.deliver(visiteur.event())
        assert (await comptoirs.known(visiteur)).role == "MANAGER"


async def test_S9_a_closed_account_is_kept_out(comptoirs: Comptoirs, visiteur: Visiteur) -> None:
    """An account closed in users is refused at its first call, and no copy is made."""
    people = comptoirs.mesh.service_stub(UtilisateurServiceStub, caller="comptabilite")
    made = await people.Create(
        users_pb2.CreateUtilisateurRequest(email=visiteur.email, fournisseur="auth0", sujet=visiteur.sujet)
    )
    await people.Update(users_pb2.UpdateUtilisateurRequest(id=made.utilisateur.id, actif=False))
    closed = (grpc.StatusCode.UNAUTHENTICATED, "COMPTE_DESACTIVE")
    assert await refused(comptoirs.visit(visiteur)) == closed
    assert await comptoirs.copy(visiteur) is None


async def test_S9_an_unusable_address_keeps_nobody_out(
    comptoirs: Comptoirs, visiteur: Visiteur, caplog: pytest.LogCaptureFixture
) -> None:
    """Users refuses an impossible address for good: the copy is made from the token, nothing is queued."""
    answer = await comptoirs.visit(visiteur, email="pas une adresse")
    copy = await comptoirs.known(visiteur)
    assert (answer.date_debut, copy.origine, copy.role) == (str(copy.id), "secours", "ADMIN")
    assert await waiting(comptoirs.mesh.database("comptabilite"), visiteur.sujet) is None
    assert "users refuses the sign-in" in caplog.text


async def test_S7_names_default_to_user(comptoirs: Comptoirs, visiteur: Visiteur) -> None:
    """A copy without any name has the first name User."""
    await comptoirs.visit(visiteur, email="pas une adresse", given_name="", family_name="")
    copy = await comptoirs.known(visiteur)
    assert (copy.first_name, copy.last_name) == ("User", "")
