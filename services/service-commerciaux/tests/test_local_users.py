"""People whom commerciaux meets: their local copies, and the model of their organisation (R20)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import grpc
import jwt
import pytest
from crm.commerciaux import commerciaux_pb2 as pb
from crm.commerciaux.commerciaux_pb2_grpc import ModeleDistributionServiceStub
from db_utils import clock
from service_commerciaux.service import SERVICE, USER_SYNC
from service_testing import Mesh, refused, running
from tests.equipe import WITH_USERS, Bureau
from tests.visiteurs import Visiteur, copies_in

NOT_AUTHORISED = (grpc.StatusCode.UNAUTHENTICATED, "UTILISATEUR_NON_AUTORISE")


@pytest.fixture(scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """Commerciaux beside users; a busy machine has time for the event that makes a copy."""
    async with running(*WITH_USERS, bcrypt_cost=4, user_sync_wait_ms=5000) as mesh:
        yield mesh


@pytest.fixture
def bureau(mesh: Mesh) -> Bureau:
    """The service."""
    return Bureau(mesh)


async def deletion_of_all(mesh: Mesh, organisation: str) -> None:
    """Delete all models of *organisation*, as a service may."""
    stub = mesh.service_stub(ModeleDistributionServiceStub, caller="commerciaux", organisation=organisation)
    for modele in (await stub.List(pb.ListModelesDistributionRequest())).modeles:
        await stub.Delete(pb.DeleteModeleDistributionRequest(id=modele.id))


def test_users_knows_the_service_by_its_names() -> None:
    """People open it as the application `commercial`; it hears of sign-ins by a consumer of its own."""
    assert (USER_SYNC.app_code, USER_SYNC.service_name) == ("commercial", "gestion-commerciale-service")
    (subscription,) = SERVICE.subscriptions
    assert subscription.consumer(SERVICE.name) == "commerciaux--user-login"


async def test_S06_a_newcomer_is_served_with_a_copy(bureau: Bureau) -> None:
    """The event of users makes the copy before the handler runs, once."""
    visiteur = Visiteur()
    assert await bureau.codes(visiteur) == ["DIRECT"]
    copy = await bureau.known(visiteur)
    assert (copy.origine, copy.role, copy.organisation_id) == ("evenement", "ADMIN", visiteur.organisation)
    assert await bureau.codes(replace(visiteur, prenom="Anne")) == ["DIRECT"]
    assert len(await copies_in(bureau.database, visiteur.organisation)) == 1


async def test_R20_thirty_first_calls_make_one_model(bureau: Bureau) -> None:
    """Of two people with fifteen first calls each, one is ADMIN, and the organisation has one DIRECT."""
    first = Visiteur()
    people = [first, Visiteur(first.organisation)] * 15
    answers = await asyncio.gather(*map(bureau.codes, people))
    assert answers == [["DIRECT"]] * 30
    roles = [copy.role for copy in await copies_in(bureau.database, first.organisation)]
    assert sorted(roles) == ["ADMIN", "VIEWER"]


async def test_R20_the_model_is_called_direct_sales(bureau: Bureau) -> None:
    """DIRECT is named “Vente directe”, and is a model like any other."""
    visiteur = Visiteur()
    stub = ModeleDistributionServiceStub(bureau.mesh.channel("commerciaux", visiteur.token(bureau.mesh)))
    (direct,) = (await stub.List(pb.ListModelesDistributionRequest())).modeles
    assert (direct.code, direct.nom, direct.version) == ("DIRECT", "Vente directe", 1)


async def test_R20_an_organisation_with_a_model_gets_none(bureau: Bureau) -> None:
    """A model that was there before anybody signed in is enough."""
    visiteur = Visiteur()
    stub = bureau.mesh.service_stub(
        ModeleDistributionServiceStub, caller="commerciaux", organisation=visiteur.organisation
    )
    await stub.Create(pb.CreateModeleDistributionRequest(code="RESEAU", nom="Réseau"))
    assert await bureau.codes(visiteur) == ["RESEAU"]


async def test_R20_a_deleted_model_does_not_come_back(bureau: Bureau) -> None:
    """The organisation is opened once, whoever comes later."""
    visiteur = Visiteur()
    assert await bureau.codes(visiteur) == ["DIRECT"]
    await deletion_of_all(bureau.mesh, visiteur.organisation)
    assert await bureau.codes(Visiteur(visiteur.organisation)) == []


async def test_S15_a_sign_in_for_another_application_changes_nothing(bureau: Bureau) -> None:
    """Neither a copy nor a model is made; a sign-in for this application makes both."""
    visiteur = Visiteur()
    await bureau.mesh.deliver(visiteur.event(accessible_apps=["crm"]))
    assert await bureau.copy(visiteur) is None
    await bureau.mesh.deliver(visiteur.event(accessible_apps=["crm", "commercial"]))
    copy = await bureau.known(visiteur)
    assert (copy.origine, copy.role) == ("evenement", "MANAGER")
    assert await bureau.codes(visiteur) == ["DIRECT"]


async def test_S04_a_token_with_nothing_but_a_subject_is_served(bureau: Bureau) -> None:
    """It sees nothing by itself, and what it names in the request (C6); no copy is made."""
    known = Visiteur()
    assert await bureau.codes(known) == ["DIRECT"]
    plain = Visiteur(known.organisation)
    now = int(clock.timestamp())
    claims = {"iss": "crm", "sub": plain.sujet, "iat": now, "exp": now + 600}
    token = jwt.encode(claims, bureau.mesh.secrets.jwt_secret, algorithm="HS256")
    assert await bureau.codes_of(token) == []
    assert await bureau.codes_of(token, plain.organisation) == ["DIRECT"]
    assert await bureau.copy(plain) is None


async def test_S04_a_token_with_half_of_it_is_refused(bureau: Bureau) -> None:
    """An organisation without a type, or a type without an organisation, keeps a newcomer out."""
    visiteur = Visiteur()
    assert await refused(bureau.codes(visiteur, user_type="")) == NOT_AUTHORISED
    assert await refused(bureau.codes(visiteur, organisation="")) == NOT_AUTHORISED
    assert await bureau.copy(visiteur) is None
