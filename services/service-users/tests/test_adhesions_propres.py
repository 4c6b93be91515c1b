"""Acting in an organisation with one's own active membership there (R27)."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import InvitationServiceStub, MembreServiceStub
from grpc import StatusCode
from service_testing import Mesh, eventually, refused
from service_users import adhesions
from service_users.models import Membre
from tests.personnes import Someone, new_email, somebody_waits

NOT_ACTIVE = (StatusCode.PERMISSION_DENIED, "MEMBRE_INACTIF")
OWN = (StatusCode.PERMISSION_DENIED, "PROPRE_ADHESION")
As = Callable[[pb.Membre], MembreServiceStub]


@pytest.fixture
def acting(mesh: Mesh, org: str) -> As:
    """Memberships, called by the person of a membership with a token that names its organisation."""

    def stub(membre: pb.Membre) -> MembreServiceStub:
        return mesh.stub(MembreServiceStub, user=membre.utilisateur_id, organisation=org)

    return stub


@pytest.fixture
async def chef(someone: Someone, org: str, membres: MembreServiceStub) -> pb.Membre:
    """The first member of the organisation, its ADMIN."""
    user = await someone(organisation_id=org)
    (membre,) = (await membres.List(pb.ListMembresRequest(utilisateur_id=user.id))).membres
    return membre


@pytest.fixture
async def autre(someone: Someone, chef: pb.Membre, membres: MembreServiceStub) -> pb.Membre:
    """A VIEWER of the organisation."""
    user = await someone()
    request = pb.AddMembreRequest(organisation_id=chef.organisation_id, utilisateur_id=user.id)
    return await membres.Add(request)


def update(membre: pb.Membre, **changes: Any) -> pb.UpdateMembreRequest:
    """Build a change of *membre*."""
    return pb.UpdateMembreRequest(id=membre.id, **changes)


async def test_R27_a_removed_member_does_not_come_back(
    acting: As, chef: pb.Membre, autre: pb.Membre, membres: MembreServiceStub
) -> None:
    """A removed member's older token still names the organisation; the directory refuses it all the same."""
    former = acting(autre)
    await acting(chef).Update(update(autre, etat="retire"))
    assert await refused(former.Update(update(autre, etat="actif", role="ADMIN"))) == NOT_ACTIVE
    (row,) = (await membres.List(pb.ListMembresRequest(utilisateur_id=autre.utilisateur_id))).membres
    assert (row.etat, row.role) == ("retire", "VIEWER")


@pytest.mark.parametrize(
    "change", [{"role": "ADMIN"}, {"etat": "suspendu"}, {"etat": "retire", "role": "ADMIN"}]
)
async def test_R27_nobody_changes_his_own_membership(
    acting: As, chef: pb.Membre, autre: pb.Membre, change: dict[str, str]
) -> None:
    """Changes of one's own role or state are PROPRE_ADHESION, whatever one's role."""
    assert await refused(acting(autre).Update(update(autre, **change))) == OWN


async def test_R27_members_may_leave(acting: As, chef: pb.Membre, autre: pb.Membre) -> None:
    """Members may leave, except the last administrator (R16); a request that changes nothing is no change."""
    assert await refused(acting(chef).Update(update(chef, etat="retire"))) == (
        StatusCode.FAILED_PRECONDITION,
        "DERNIER_ADMIN",
    )
    same = await acting(autre).Update(update(autre, role="VIEWER", etat="actif"))
    assert same.version == autre.version
    assert (await acting(autre).Update(update(autre, etat="retire"))).etat == "retire"


async def test_R27_any_active_member_may_do_what_any_other_may(
    acting: As, chef: pb.Membre, autre: pb.Membre, membres: MembreServiceStub, someone: Someone
) -> None:
    """Roles refuse nothing: a VIEWER adds an ADMIN, and retires one when another remains."""
    third = await acting(autre).Add(
        pb.AddMembreRequest(
            organisation_id=chef.organisation_id, utilisateur_id=(await someone()).id, role="ADMIN"
        )
    )
    assert (third.role, (await acting(autre).Update(update(chef, etat="retire"))).etat) == ("ADMIN", "retire")


async def test_R27_the_directory_is_asked_under_the_lock_of_the_organisation(
    mesh: Mesh, acting: As, chef: pb.Membre, autre: pb.Membre, someone: Someone
) -> None:
    """A member's call waits for the transaction that is retiring him, and is then refused."""
    database, stranger = mesh.database("users"), await someone()
    async with database.transaction() as tx:
        await adhesions.lock(tx, chef.organisation_id)
        row = await tx.get(Membre, autre.id, lock=True)
        assert row is not None
        adding = pb.AddMembreRequest(organisation_id=chef.organisation_id, utilisateur_id=stranger.id)
        call = asyncio.ensure_future(refused(acting(autre).Add(adding)))
        await eventually(lambda: somebody_waits(mesh))
        await adhesions.change(tx, row, source="test", etat="retire")
    assert await call == NOT_ACTIVE


async def test_R27_own_memberships_and_calls_without_organisation_need_none(
    mesh: Mesh, acting: As, chef: pb.Membre, autre: pb.Membre
) -> None:
    """Lists of one's own memberships, and calls without an organisation (C6), need no membership."""
    former = acting(autre)
    await acting(chef).Update(update(autre, etat="retire"))
    (own,) = (await former.List(pb.ListMembresRequest(utilisateur_id=autre.utilisateur_id))).membres
    assert own.etat == "retire"
    nowhere = mesh.stub(MembreServiceStub, user=autre.utilisateur_id, organisation="")
    assert not (await nowhere.List(pb.ListMembresRequest())).membres
    invitations = mesh.stub(InvitationServiceStub, user=autre.utilisateur_id, organisation="")
    inviting = pb.CreateInvitationRequest(email_invite=new_email())
    assert (await refused(invitations.Create(inviting)))[1] == "ORGANISATION_REQUISE"
