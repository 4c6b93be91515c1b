"""CompteService over gRPC, with the real organisations: both are made or neither (R17)."""

import asyncio
from typing import Any

import pytest
from crm.organisations import organisations_pb2 as organisations_pb
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import CompteServiceStub, MembreServiceStub, UtilisateurServiceStub
from db_utils import clock
from grpc import StatusCode
from service_testing import Mesh, eventually, refused
from service_users.models import Utilisateur
from tests.personnes import Someone, without_organisations

SIRET = "73282932000074"


@pytest.fixture
def own(mesh: Mesh) -> Any:
    """Companies, called with a token of ours of a user."""

    def stub(user: pb.Utilisateur) -> CompteServiceStub:
        return mesh.stub(CompteServiceStub, user=user.id, organisation="")

    return stub


@pytest.fixture
def comptes(mesh: Mesh) -> CompteServiceStub:
    """Companies, called by a service."""
    return mesh.service_stub(CompteServiceStub, caller="organisations")


@pytest.fixture
def organisations(mesh: Mesh) -> OrganisationServiceStub:
    """Organisations, as users calls it."""
    return mesh.service_stub(OrganisationServiceStub, caller="users")


async def named(organisations: OrganisationServiceStub, nom: str) -> list[organisations_pb.Organisation]:
    """Return the organisations of this name."""
    return list(
        (await organisations.List(organisations_pb.ListOrganisationsRequest(search=nom))).organisations
    )


async def test_R17_a_person_makes_his_company(
    own: Any, someone: Someone, organisations: OrganisationServiceStub, membres: MembreServiceStub, org: str
) -> None:
    """The organisation has all that was told of it, and the caller is its ADMIN."""
    user = await someone()
    answer = await own(user).CreateWithOwner(
        pb.CreateWithOwnerRequest(nom=org, siret=SIRET, email="contact@exemple.fr", adresse="1 rue A")
    )
    (made,) = await named(organisations, org)
    assert (made.id, made.siret, made.email, made.adresse, made.provisoire) == (
        answer.organisation_id,
        SIRET,
        "contact@exemple.fr",
        "1 rue A",
        False,
    )
    assert (answer.utilisateur.id, answer.membre.role, answer.membre.etat) == (user.id, "ADMIN", "actif")
    (membre,) = (await membres.List(pb.ListMembresRequest(utilisateur_id=user.id))).membres
    assert membre.organisation_id == made.id
    again = own(user).CreateWithOwner(pb.CreateWithOwnerRequest(nom="Autre", siret=SIRET))
    assert await refused(again) == (StatusCode.ALREADY_EXISTS, "ORGANISATION_CONNUE")


async def test_R17_a_service_makes_one_for_somebody(
    comptes: CompteServiceStub, someone: Someone, own: Any, org: str
) -> None:
    """Services must name the owner; people make organisations for themselves only."""
    user, other = await someone(), await someone()
    request = pb.CreateWithOwnerRequest(nom=org, utilisateur_id=user.id)
    assert (await comptes.CreateWithOwner(request)).utilisateur.id == user.id
    assert (await refused(own(other).CreateWithOwner(request)))[1] == "AUTRE_UTILISATEUR"
    assert (await refused(comptes.CreateWithOwner(pb.CreateWithOwnerRequest(nom=org))))[1] == "CHAMP_REQUIS"
    nobody = pb.CreateWithOwnerRequest(nom=org, utilisateur_id="personne")
    assert (await refused(comptes.CreateWithOwner(nobody)))[0] == StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("fields", "reason"), [({"nom": ""}, "CHAMP_REQUIS"), ({"siret": "123"}, "ORGANISATION_REFUSEE")]
)
async def test_R17_what_is_no_company_is_refused(
    own: Any, someone: Someone, membres: MembreServiceStub, org: str, fields: dict[str, Any], reason: str
) -> None:
    """An empty name or a wrong SIRET is INVALID_ARGUMENT, and nothing is made."""
    user = await someone()
    call = own(user).CreateWithOwner(pb.CreateWithOwnerRequest(**({"nom": org} | fields)))
    assert await refused(call) == (StatusCode.INVALID_ARGUMENT, reason)
    assert not (await membres.List(pb.ListMembresRequest(utilisateur_id=user.id))).membres


async def test_R17_without_organisations_nothing_is_made(
    mesh: Mesh, own: Any, someone: Someone, membres: MembreServiceStub, org: str
) -> None:
    """No membership is made without the organisations service: UNAVAILABLE."""
    user = await someone()
    async with without_organisations(mesh):
        call = own(user).CreateWithOwner(pb.CreateWithOwnerRequest(nom=org))
        assert (await refused(call))[0] == StatusCode.UNAVAILABLE
    assert not (await membres.List(pb.ListMembresRequest(utilisateur_id=user.id))).membres


async def test_R17_an_organisation_without_owner_is_taken_back(
    mesh: Mesh, comptes: CompteServiceStub, someone: Someone, organisations: OrganisationServiceStub, org: str
) -> None:
    """The owner is deleted while the organisation is being made: UNAVAILABLE, and it is deleted again."""
    user = await someone()
    request = pb.CreateWithOwnerRequest(nom=org, utilisateur_id=user.id)
    async with mesh.database("users").transaction() as tx:
        row = await tx.get(Utilisateur, user.id, lock=True)
        assert row is not None
        call = asyncio.ensure_future(refused(comptes.CreateWithOwner(request)))
        await eventually(lambda: named(organisations, org))
        await tx.update(row, supprime_le=clock.now())
    assert await call == (StatusCode.UNAVAILABLE, "COMPTE_NON_CREE")
    assert not await named(organisations, org)


async def test_R15_the_inactive_make_no_company(
    comptes: CompteServiceStub, own: Any, people: UtilisateurServiceStub, someone: Someone, org: str
) -> None:
    """Inactive people make no organisation, neither themselves nor through a service."""
    user = await someone()
    await people.Update(pb.UpdateUtilisateurRequest(id=user.id, actif=False))
    request = pb.CreateWithOwnerRequest(nom=org, utilisateur_id=user.id)
    assert (await refused(comptes.CreateWithOwner(request)))[0] == StatusCode.FAILED_PRECONDITION
    assert (await refused(own(user).CreateWithOwner(request)))[0] == StatusCode.UNAUTHENTICATED
