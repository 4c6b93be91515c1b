"""Cancelled invitations: none lets people who were shown out back in (R5, R19)."""

import asyncio
from typing import Any

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import InvitationServiceStub, MembreServiceStub, UtilisateurServiceStub
from grpc import StatusCode
from service_testing import Mesh, eventually, refused
from service_users import adhesions
from service_users.models import Membre
from tests.invites import InvitationsOf as As
from tests.invites import accept
from tests.personnes import Someone, change, new_email, somebody_waits


async def test_R19_who_is_shown_out_cannot_come_back_by_an_invitation_from_before(
    invitations: InvitationServiceStub,
    membres: MembreServiceStub,
    wish: Any,
    own_invitations: As,
    someone: Someone,
    org: str,
    invitee: pb.Utilisateur,
) -> None:
    """Invitations to a retired member, and those that he made to any address, are cancelled; others stay."""
    await someone(organisation_id=org)
    added = await membres.Add(pb.AddMembreRequest(organisation_id=org, utilisateur_id=invitee.id))
    kept = await own_invitations(invitee, org).Create(wish(role="ADMIN"))
    aside = await own_invitations(invitee, org).Create(wish(email_invite=new_email()))
    other = await invitations.Create(wish(email_invite=new_email()))
    await change(membres, added, etat="retire")
    refusal = await refused(own_invitations(invitee).Accept(accept(kept)))
    assert refusal == (StatusCode.FAILED_PRECONDITION, "INVITATION_DEJA_UTILISEE")
    listed = await invitations.List(pb.ListInvitationsRequest(organisation_id=org))
    etats = {one.id: one.etat for one in listed.invitations}
    assert etats == {kept.id: "cancelled", aside.id: "cancelled", other.id: "pending"}


async def test_R5_a_deleted_account_leaves_no_invitation_of_its_own(
    invitations: InvitationServiceStub,
    membres: MembreServiceStub,
    people: UtilisateurServiceStub,
    wish: Any,
    own_invitations: As,
    someone: Someone,
    org: str,
    invitee: pb.Utilisateur,
) -> None:
    """A deletion cancels the account's own invitations, by which a new account would come back."""
    await someone(organisation_id=org)
    await membres.Add(pb.AddMembreRequest(organisation_id=org, utilisateur_id=invitee.id))
    kept = await own_invitations(invitee, org).Create(wish(role="ADMIN"))
    await people.Delete(pb.DeleteUtilisateurRequest(id=invitee.id))
    listed = await invitations.List(pb.ListInvitationsRequest(organisation_id=org))
    assert {one.id: one.etat for one in listed.invitations} == {kept.id: "cancelled"}


async def test_R19_accepting_waits_for_who_is_being_shown_out(
    mesh: Mesh,
    membres: MembreServiceStub,
    wish: Any,
    own_invitations: As,
    someone: Someone,
    org: str,
    invitee: pb.Utilisateur,
) -> None:
    """Accept and retirement lock the organisation before the invitation, so that there is no deadlock."""
    await someone(organisation_id=org)
    added = await membres.Add(pb.AddMembreRequest(organisation_id=org, utilisateur_id=invitee.id))
    kept = await own_invitations(invitee, org).Create(wish(role="ADMIN"))
    async with mesh.database("users").transaction() as tx:
        await adhesions.lock(tx, org)
        accepting = asyncio.create_task(_accepted(own_invitations(invitee), accept(kept)))
        await eventually(lambda: somebody_waits(mesh))
        ending = await tx.get(Membre, added.id, lock=True)
        assert ending is not None
        await adhesions.change(tx, ending, source="test", etat="retire")
    assert await refused(accepting) == (StatusCode.FAILED_PRECONDITION, "INVITATION_DEJA_UTILISEE")


async def _accepted(
    invitations: InvitationServiceStub, request: pb.AcceptInvitationRequest
) -> pb.AcceptInvitationResponse:
    return await invitations.Accept(request)
