"""The organisation that a person signs in to (R31): MembreService.Choisir and RecordLogin."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from crm.events.identity_pb2 import UserLoginEvent
from crm.organisations import organisations_pb2 as organisations_pb
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import MembreServiceStub, SyncServiceStub, UtilisateurServiceStub
from grpc import StatusCode
from service_testing import Mesh, eventually, refused
from service_users import adhesions, choosing
from service_users.models import Membre, Utilisateur
from tests.personnes import Someone, change, new_org, somebody_waits, without_organisations

NOT_ACTIVE = (StatusCode.PERMISSION_DENIED, "MEMBRE_INACTIF")
CLOSED = (StatusCode.FAILED_PRECONDITION, "COMPTE_DESACTIVE")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
async def deux(someone: Someone, membres: MembreServiceStub) -> list[pb.Membre]:
    """The two memberships of one person, the older one first."""
    user = await someone()
    return [
        await membres.Add(
            pb.AddMembreRequest(organisation_id=new_org(), utilisateur_id=user.id, role="MANAGER")
        )
        for _ in range(2)
    ]


def choice(membre: pb.Membre, organisation: str = "") -> pb.ChoisirMembreRequest:
    """Build the request of Choisir for the person of *membre*."""
    return pb.ChoisirMembreRequest(utilisateur_id=membre.utilisateur_id, organisation=organisation)


def member_of(organisation: str, chosen: datetime | None = None) -> Membre:
    """Build an active membership, last *chosen* at some time."""
    return Membre(
        organisation_id=organisation, utilisateur_id=uuid4(), role="VIEWER", etat="actif", choisi_le=chosen
    )


def test_R31_the_last_one_chosen_else_the_oldest() -> None:
    """A named organisation is taken or none; without a name, the last one chosen, else the oldest."""
    first, second, third = member_of("org-1"), member_of("org-2"), member_of("org-3", NOON)
    later = member_of("org-4", NOON + timedelta(seconds=1))
    assert choosing.named([], "") is choosing.named([first, second], "org-3") is None
    assert choosing.named([first, second], "") is first
    assert choosing.named([first, second], "org-2") is second
    assert choosing.named([first, second, third], "") is third
    assert choosing.named([first, later, third], "") is choosing.named([first, third, later], "") is later


async def test_R31_a_choice_is_remembered(membres: MembreServiceStub, deux: list[pb.Membre]) -> None:
    """A choice decides the next sign-in without a name, and does not change the membership."""
    old, young = deux
    assert (await membres.Choisir(choice(old))).membre.id == old.id
    chosen = await membres.Choisir(choice(old, young.organisation_id))
    usual = await membres.Choisir(choice(old))
    assert chosen.membre.id == usual.membre.id == young.id
    assert usual.membre.version == young.version
    assert [(one.organisation_id, one.role, one.etat) for one in usual.organisations] == [
        (one.organisation_id, "MANAGER", "actif") for one in deux
    ]


async def test_R31_one_that_has_ended_is_not_chosen(
    membres: MembreServiceStub, deux: list[pb.Membre]
) -> None:
    """An ended or foreign organisation is MEMBRE_INACTIF by name; without a name the next one is taken."""
    old, young = deux
    await membres.Choisir(choice(old, young.organisation_id))
    await change(membres, young, etat="suspendu")
    for organisation in (young.organisation_id, new_org()):
        assert await refused(membres.Choisir(choice(old, organisation))) == NOT_ACTIVE
    assert (await membres.Choisir(choice(old))).membre.id == old.id
    await change(membres, old, etat="retire")
    nothing = await membres.Choisir(choice(old))
    assert (nothing.HasField("membre"), list(nothing.organisations)) == (False, [])


async def test_R31_a_closed_account_chooses_nothing(
    membres: MembreServiceStub, people: UtilisateurServiceStub, deux: list[pb.Membre]
) -> None:
    """A closed account is COMPTE_DESACTIVE though its memberships are active; a deleted one NOT_FOUND."""
    old = deux[0]
    await people.Update(pb.UpdateUtilisateurRequest(id=old.utilisateur_id, actif=False))
    for organisation in ("", old.organisation_id):
        assert await refused(membres.Choisir(choice(old, organisation))) == CLOSED
    await people.Delete(pb.DeleteUtilisateurRequest(id=old.utilisateur_id))
    assert await refused(membres.Choisir(choice(old))) == (StatusCode.NOT_FOUND, "INTROUVABLE")


async def test_R31_names_help_to_choose(
    mesh: Mesh, membres: MembreServiceStub, deux: list[pb.Membre]
) -> None:
    """Names are asked of organisations where there are several, and are empty while it is away."""
    organisations = mesh.service_stub(OrganisationServiceStub, caller="users")
    for membre in deux:
        name = f"Nom de {membre.organisation_id}"
        await organisations.Create(
            organisations_pb.CreateOrganisationRequest(id=membre.organisation_id, nom=name)
        )
    named = await membres.Choisir(choice(deux[0]))
    assert [one.nom for one in named.organisations] == [f"Nom de {one.organisation_id}" for one in deux]
    async with without_organisations(mesh):
        silent = await membres.Choisir(choice(deux[0]))
    assert [one.nom for one in silent.organisations] == ["", ""]


async def test_R31_a_sign_in_names_the_organisation_of_the_token(
    mesh: Mesh, sync: SyncServiceStub, membres: MembreServiceStub, deux: list[pb.Membre]
) -> None:
    """The event names the organisation given, else that of Choisir, and none that has ended."""
    old, young = deux
    login = pb.RecordLoginRequest(utilisateur_id=old.utilisateur_id, source="auth")
    await sync.RecordLogin(login)
    login.organisation = young.organisation_id
    await sync.RecordLogin(login)
    await change(membres, young, etat="retire")
    await sync.RecordLogin(login)
    events = await mesh.published(UserLoginEvent, 3, where=lambda event: event.user_id == old.utilisateur_id)
    assert [event.customer_id for event in events] == [old.organisation_id, young.organisation_id, ""]
    assert [event.role for event in events] == ["MANAGER", "MANAGER", ""]


async def test_R28_no_token_is_made_for_a_membership_that_is_ending(
    mesh: Mesh, membres: MembreServiceStub, deux: list[pb.Membre]
) -> None:
    """Choisir waits for the end that has begun, and then chooses the other membership."""
    old, young = deux
    async with mesh.database("users").transaction() as tx:
        ending = await tx.get(Membre, old.id, lock=True)
        assert ending is not None
        await adhesions.change(tx, ending, source="test", etat="retire")
        choosing = asyncio.create_task(_chosen(membres, old))
        await eventually(lambda: somebody_waits(mesh))
    assert (await choosing).membre.id == young.id


async def test_R28_no_token_is_made_for_an_account_that_is_closing(
    mesh: Mesh, membres: MembreServiceStub, deux: list[pb.Membre]
) -> None:
    """Choisir waits for the closing that has begun, and is then refused."""
    async with mesh.database("users").transaction() as tx:
        closing = await tx.get(Utilisateur, deux[0].utilisateur_id, lock=True)
        assert closing is not None
        await tx.update(closing, actif=False)
        choosing = asyncio.create_task(_chosen(membres, deux[0]))
        await eventually(lambda: somebody_waits(mesh))
    assert await refused(choosing) == CLOSED


async def _chosen(membres: MembreServiceStub, membre: pb.Membre) -> pb.ChoisirMembreResponse:
    return await membres.Choisir(choice(membre))
