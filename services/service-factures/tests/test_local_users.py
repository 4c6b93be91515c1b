"""People whom factures meets: their local copies, and the settings of their organisation (S20)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub
from grpc import StatusCode
from service_factures.service import SERVICE, USER_SYNC
from service_kit.registry import service_named
from service_testing import Mesh, refused, running
from tests.visiteurs import Visiteur, copies_in

SETTINGS = pb.GetFactureSettingsRequest()


@pytest.fixture(scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """Factures beside users; a busy machine has time for the event that makes a copy."""
    users = map(service_named, ("users", "organisations"))
    async with running(SERVICE, *users, bcrypt_cost=4, user_sync_wait_ms=5000) as mesh:
        yield mesh


def reglages(mesh: Mesh, visiteur: Visiteur) -> FactureSettingsServiceStub:
    """The service, called by *visiteur*."""
    return FactureSettingsServiceStub(mesh.channel("factures", visiteur.token(mesh)))


def test_users_knows_the_service_by_its_names() -> None:
    """People open it as the application `accounting`; it hears of sign-ins by a consumer of its own."""
    assert (USER_SYNC.app_code, USER_SYNC.service_name) == ("accounting", "accounting-service")
    (subscription,) = SERVICE.subscriptions
    assert subscription.consumer(SERVICE.name) == "factures--user-login"


async def test_S06_a_newcomer_is_served_with_a_copy(mesh: Mesh) -> None:
    """The event of users makes it before the handler runs, once, also for later calls."""
    visiteur = Visiteur()
    for _ in range(2):
        await reglages(mesh, visiteur).Get(SETTINGS)
    (copy,) = await copies_in(mesh.database("factures"), visiteur.organisation)
    assert (copy.auth0_id, copy.origine, copy.role) == (visiteur.sujet, "evenement", "ADMIN")


async def test_S20_a_newcomer_brings_the_settings_of_the_default_societe(mesh: Mesh) -> None:
    """Thirty first calls of two people make one row, with every default, before the handler runs."""
    first = Visiteur()
    people = [first, Visiteur(first.organisation)] * 15
    answers = await asyncio.gather(*(reglages(mesh, one).Get(SETTINGS) for one in people))
    assert len({one.id for one in answers}) == 1
    assert (answers[0].societe_id, answers[0].prefix_facture, answers[0].version) == ("", "FAC", 1)
    roles = [copy.role for copy in await copies_in(mesh.database("factures"), first.organisation)]
    assert sorted(roles) == ["ADMIN", "VIEWER"]


async def test_S20_settings_that_are_there_stay(mesh: Mesh) -> None:
    """Those that a service has saved before anybody signed in."""
    visiteur = Visiteur()
    stub = mesh.service_stub(
        FactureSettingsServiceStub, caller="factures", organisation=visiteur.organisation
    )
    saved = await stub.Save(
        pb.SaveFactureSettingsRequest(organisation_id=visiteur.organisation, prefix_facture="F")
    )
    assert await reglages(mesh, visiteur).Get(SETTINGS) == saved


async def test_S15_a_sign_in_for_another_application_makes_nothing(mesh: Mesh) -> None:
    """Neither a copy nor settings; one for this application makes both."""
    visiteur = Visiteur()
    await mesh.deliver(visiteur.event(accessible_apps=["crm"]))
    assert await copies_in(mesh.database("factures"), visiteur.organisation) == []
    stub = mesh.service_stub(
        FactureSettingsServiceStub, caller="factures", organisation=visiteur.organisation
    )
    assert (await refused(stub.Get(SETTINGS)))[0] == StatusCode.NOT_FOUND
    await mesh.deliver(visiteur.event(accessible_apps=["crm", "accounting"]))
    (copy,) = await copies_in(mesh.database("factures"), visiteur.organisation)
    assert (copy.auth0_id, copy.origine, copy.role) == (visiteur.sujet, "evenement", "MANAGER")
    assert (await stub.Get(SETTINGS)).prefix_facture == "FAC"
