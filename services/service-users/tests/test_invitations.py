"""InvitationService over gRPC: inviting (R18) and joining (R19)."""

import asyncio
import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.common.common_pb2 import Pagination
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import InvitationServiceStub, MembreServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc_utils import timestamp
from service_testing import Mesh, pages, refused
from service_users.invitations import expire
from service_users.models import Invitation
from tests.invites import InvitationsOf as As
from tests.invites import accept
from tests.personnes import Someone, change, new_email

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def test_R18_an_invitation_has_a_token_that_is_told_once(
    mesh: Mesh, invitations: InvitationServiceStub, wish: Any, org: str, email: str
) -> None:
    """The token has 256 random bits and stands in the answer of Create only; its hash is kept."""
    made = await invitations.Create(wish(email_invite=email.upper()))
    raw = base64.urlsafe_b64decode(made.jeton + "=")
    kept = await mesh.database("users").read().get(Invitation, made.id)
    assert kept is not None
    assert (len(raw), bytes(kept.jeton_hash)) == (32, hashlib.sha256(made.jeton.encode()).digest())
    assert (made.email_invite, made.role, made.etat) == (email, "VIEWER", "pending")
    (listed,) = (await invitations.List(pb.ListInvitationsRequest(organisation_id=org))).invitations
    assert (listed.id, listed.jeton) == (made.id, "")


@pytest.mark.parametrize(("asked", "days"), [(0, 7), (1, 1), (30, 30)])
async def test_R18_it_holds_for_some_days(
    mesh: Mesh, org: str, email: str, wish: Any, own_invitations: As, someone: Someone, asked: int, days: int
) -> None:
    """An invitation lasts the days asked for, seven by default."""
    user = await someone(organisation_id=org)
    with clock.frozen_at(NOON):
        made = await own_invitations(user, org).Create(wish(expire_jours=asked))
    assert made.expire_le == timestamp(NOON + timedelta(days=days))
    assert made.invite_par == user.id


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"expire_jours": 31}, "FORMAT_INVALIDE"),
        ({"expire_jours": -1}, "FORMAT_INVALIDE"),
        ({"email_invite": ""}, "CHAMP_REQUIS"),
        ({"email_invite": "pas une adresse"}, "FORMAT_INVALIDE"),
        ({"role": "CHEF"}, "VALEUR_INCONNUE"),
        ({"organisation_id": ""}, "ORGANISATION_REQUISE"),
    ],
)
async def test_R18_what_create_refuses(
    invitations: InvitationServiceStub, wish: Any, fields: dict[str, Any], reason: str
) -> None:
    """Impossible days, addresses, roles and organisations are INVALID_ARGUMENT."""
    refusal = await refused(invitations.Create(wish(**fields)))
    assert refusal == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R18_one_person_is_invited_once_at_a_time(
    invitations: InvitationServiceStub, wish: Any, org: str, email: str
) -> None:
    """A second invitation to the same organisation is ALREADY_EXISTS until the first has expired."""
    with clock.frozen_at(NOON):
        await invitations.Create(wish(expire_jours=1))
        again = invitations.Create(wish(email_invite=email.upper()))
        assert await refused(again) == (StatusCode.ALREADY_EXISTS, "EXISTE_DEJA")
        await invitations.Create(wish(organisation_id=f"{org}-b"))
    with clock.frozen_at(NOON + timedelta(days=1)):
        await invitations.Create(wish())
    listed = await invitations.List(pb.ListInvitationsRequest(organisation_id=org))
    assert [one.etat for one in listed.invitations] == ["pending", "expired"]


async def test_R19_who_was_invited_joins(
    mesh: Mesh,
    invitations: InvitationServiceStub,
    wish: Any,
    own_invitations: As,
    invitee: pb.Utilisateur,
    org: str,
) -> None:
    """The invited person joins once, in the role of the invitation."""
    invitation = await invitations.Create(wish(role="MANAGER"))
    answer = await own_invitations(invitee).Accept(accept(invitation))
    assert (answer.organisation_id, answer.membre.role, answer.membre.etat) == (org, "MANAGER", "actif")
    assert answer.membre.utilisateur.id == invitee.id
    kept = await mesh.database("users").read().get(Invitation, invitation.id)
    assert kept is not None
    assert str(kept.acceptee_par) == invitee.id
    assert await refused(own_invitations(invitee).Accept(accept(invitation))) == (
        StatusCode.FAILED_PRECONDITION,
        "INVITATION_DEJA_UTILISEE",
    )


async def test_R19_a_person_unknown_here_is_made_by_accepting(
    mesh: Mesh, invitations: InvitationServiceStub, wish: Any, email: str, sujet: str
) -> None:
    """Accepting makes an account from the claims of the provider's token."""
    invitation = await invitations.Create(wish())
    outsider = mesh.stub(
        InvitationServiceStub, user=sujet, organisation="", iss="", email=email, email_verified=True
    )
    answer = await outsider.Accept(accept(invitation))
    assert answer.membre.utilisateur.source_creation == "invitation"


async def test_R19_a_former_member_comes_back(
    invitations: InvitationServiceStub,
    membres: MembreServiceStub,
    wish: Any,
    own_invitations: As,
    someone: Someone,
    org: str,
    invitee: pb.Utilisateur,
) -> None:
    """A former member gets the role of the invitation; an active one keeps his own."""
    await someone(organisation_id=org)
    added = await membres.Add(pb.AddMembreRequest(organisation_id=org, utilisateur_id=invitee.id))
    active = await own_invitations(invitee).Accept(accept(await invitations.Create(wish(role="MANAGER"))))
    await change(membres, added, etat="retire")
    back = await own_invitations(invitee).Accept(accept(await invitations.Create(wish(role="MANAGER"))))
    assert (active.membre.role, back.membre.role, back.membre.etat) == ("VIEWER", "MANAGER", "actif")
    assert active.membre.id == back.membre.id == added.id


async def test_R19_two_accepts_at_once(
    invitations: InvitationServiceStub, wish: Any, own_invitations: As, invitee: pb.Utilisateur
) -> None:
    """One of two simultaneous Accept wins."""
    invitation = await invitations.Create(wish())
    stub = own_invitations(invitee)
    answers = await asyncio.gather(
        *(stub.Accept(accept(invitation)) for _ in range(2)), return_exceptions=True
    )
    assert sum(isinstance(answer, pb.AcceptInvitationResponse) for answer in answers) == 1


async def test_R19_only_the_verified_address_that_was_invited(
    invitations: InvitationServiceStub,
    wish: Any,
    own_invitations: As,
    someone: Someone,
    invitee: pb.Utilisateur,
) -> None:
    """Another address, or one that is not proved, is EMAIL_DIFFERENT."""
    invitation = await invitations.Create(wish())
    other = await someone(email=new_email(), email_verifie=True)
    different = (StatusCode.FAILED_PRECONDITION, "EMAIL_DIFFERENT")
    assert await refused(own_invitations(other).Accept(accept(invitation))) == different
    unproved = await someone()
    theirs = await invitations.Create(wish(email_invite=unproved.email))
    assert await refused(own_invitations(unproved).Accept(accept(theirs))) == different
    assert (await own_invitations(invitee).Accept(accept(invitation))).membre.utilisateur.id == invitee.id


async def test_R19_an_invitation_expires(
    invitations: InvitationServiceStub, wish: Any, own_invitations: As, invitee: pb.Utilisateur, org: str
) -> None:
    """An expired invitation is refused, and its state says so from then on."""
    with clock.frozen_at(NOON):
        invitation = await invitations.Create(wish())
    with clock.frozen_at(NOON + timedelta(days=7)):
        for _ in range(2):
            assert await refused(own_invitations(invitee).Accept(accept(invitation))) == (
                StatusCode.FAILED_PRECONDITION,
                "INVITATION_EXPIREE",
            )
        listed = await invitations.List(pb.ListInvitationsRequest(organisation_id=org, etat="expired"))
    assert [one.id for one in listed.invitations] == [invitation.id]


async def test_R19_the_job_marks_what_has_expired(
    mesh: Mesh, invitations: InvitationServiceStub, wish: Any, org: str
) -> None:
    """The job marks expired invitations, and leaves the others pending."""
    with clock.frozen_at(NOON):
        short = await invitations.Create(wish(expire_jours=1))
        long = await invitations.Create(wish(email_invite=new_email()))
    with clock.frozen_at(NOON + timedelta(days=1)):
        await expire(mesh["users"].app)  # type: ignore[arg-type]  # the settings of this service
    listed = await invitations.List(pb.ListInvitationsRequest(organisation_id=org))
    assert {one.id: one.etat for one in listed.invitations} == {short.id: "expired", long.id: "pending"}


async def test_R19_an_unknown_token(
    mesh: Mesh, own_invitations: As, invitee: pb.Utilisateur, invitations: InvitationServiceStub
) -> None:
    """An unknown token is NOT_FOUND, a missing one CHAMP_REQUIS; services accept nothing."""
    unknown = pb.AcceptInvitationRequest(jeton="inconnu")
    assert await refused(own_invitations(invitee).Accept(unknown)) == (StatusCode.NOT_FOUND, "INTROUVABLE")
    assert (await refused(own_invitations(invitee).Accept(pb.AcceptInvitationRequest())))[1] == "CHAMP_REQUIS"
    assert (await refused(invitations.Accept(unknown)))[1] == "UTILISATEUR_REQUIS"


async def test_C8_invitations_are_listed_newest_first(
    invitations: InvitationServiceStub, own_invitations: As, someone: Someone, wish: Any, org: str
) -> None:
    """Lists go page by page; people see those of their organisation, services must name one."""
    made = [(await invitations.Create(wish(email_invite=new_email()))).id for _ in range(3)]
    request = pb.ListInvitationsRequest(organisation_id=org, pagination=Pagination(page_size=2))
    found = [one.id async for answer in pages(invitations.List, request) for one in answer.invitations]
    assert found == made[::-1]
    user = await someone(organisation_id=org)
    assert len((await own_invitations(user, org).List(pb.ListInvitationsRequest())).invitations) == 3
    assert not (await own_invitations(user).List(pb.ListInvitationsRequest())).invitations
    assert (await refused(invitations.List(pb.ListInvitationsRequest())))[1] == "ORGANISATION_REQUISE"
